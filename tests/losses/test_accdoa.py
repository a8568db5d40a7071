"""The ACCDOA loss is the mean error of vectors, the on-screen entry apart."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from seldkit.losses import ACCDOALoss, accdoa_loss

quick = settings(max_examples=25)

Error = Literal["mse", "l1"]
ERRORS: tuple[Error, ...] = ("mse", "l1")
SEEDS = st.integers(0, 2**32 - 1)


def random_vectors(seed: int, axes: int = 3) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    preds, target = torch.randn(2, 2, 6, 4, axes, generator=generator, dtype=torch.float64)
    return preds, target * (torch.rand(2, 6, 4, 1, generator=generator) > 0.5)


def with_onscreen(seed: int) -> tuple[Tensor, Tensor]:
    preds, target = random_vectors(seed, axes=4)
    target[..., -1] = (target[..., -1] > 0).double()
    return preds, target


@pytest.mark.parametrize("error", ERRORS)
def test_is_the_published_loss(golden: Callable[[str], Path], error: Error) -> None:
    saved = np.load(golden("einv2/loss_adpit_accdoa_pseldnets.npz"))
    # Published tensors hold x of all classes, then y, then z.
    preds, target = (
        torch.from_numpy(saved[name]).unflatten(-1, (3, 5)).mT
        for name in ("pred_accdoa", "target_accdoa")
    )
    loss = accdoa_loss(preds, target, error=error)
    assert loss.item() == pytest.approx(float(saved[f"accdoa_{error}"]), rel=1e-6)


@quick
@given(SEEDS, st.sampled_from(ERRORS))
def test_equal_vectors_cost_nothing_and_others_something(seed: int, error: Error) -> None:
    preds, target = random_vectors(seed)
    assert accdoa_loss(target, target, error=error) == 0
    assert accdoa_loss(preds, target, error=error) > 0


@quick
@given(SEEDS)
def test_turning_the_world_changes_nothing(seed: int) -> None:
    preds, target = random_vectors(seed)
    turn = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64))[0]
    torch.testing.assert_close(accdoa_loss(preds @ turn, target @ turn), accdoa_loss(preds, target))


def test_one_wrong_class_of_two() -> None:
    target = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]).reshape(1, 1, 2, 3)
    preds = torch.tensor([[0.5, 0.0, 0.0], [0.0, 0.0, 0.0]]).reshape(1, 1, 2, 3)
    assert accdoa_loss(preds, target).item() == pytest.approx(0.25 / 6)
    assert accdoa_loss(preds, target, error="l1").item() == pytest.approx(0.5 / 6)


@quick
@given(SEEDS, st.sampled_from(ERRORS))
def test_onscreen_counts_as_much_as_the_vectors(seed: int, error: Error) -> None:
    preds, target = with_onscreen(seed)
    vectors = accdoa_loss(preds[..., :-1], target[..., :-1], error=error)
    seen = functional.binary_cross_entropy(preds[..., -1].sigmoid(), target[..., -1])
    loss = accdoa_loss(preds, target, error=error, onscreen=True)
    torch.testing.assert_close(loss, (vectors + seen) / 2)


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("onscreen", [False, True])
def test_gradients_are_those_of_the_loss(error: Error, onscreen: bool) -> None:
    preds, target = with_onscreen(5)

    def loss(preds: Tensor) -> Tensor:
        return accdoa_loss(preds, target, error=error, onscreen=onscreen)

    assert torch.autograd.gradcheck(loss, preds.requires_grad_())


@pytest.mark.parametrize("onscreen", [False, True])
def test_half_precision_is_added_up_in_float32(onscreen: bool) -> None:
    preds, target = (x.bfloat16() for x in with_onscreen(1))
    with torch.autocast("cpu", torch.bfloat16):
        loss = accdoa_loss(1e3 * preds, target, onscreen=onscreen)
    assert loss.dtype == torch.float32
    wanted = accdoa_loss((1e3 * preds).float(), target.float(), onscreen=onscreen)
    torch.testing.assert_close(loss, wanted)


def test_the_module_is_the_function() -> None:
    preds, target = with_onscreen(3)
    module = ACCDOALoss(error="l1", onscreen=True)
    assert module(preds, target) == accdoa_loss(preds, target, error="l1", onscreen=True)
    assert repr(module) == "ACCDOALoss(error='l1', onscreen=True)"


@pytest.mark.messages
def test_wrong_arguments_are_named() -> None:
    preds, target = random_vectors(0)
    with pytest.raises(ValueError, match=r"preds must be \(batch, time, cls, axis\), got shape"):
        accdoa_loss(preds.flatten(2), target.flatten(2))
    with pytest.raises(ValueError, match="preds and target must have the same shape, got preds"):
        accdoa_loss(preds, target[..., :2])
    with pytest.raises(ValueError, match="preds must hold a vector before onscreen, got shape"):
        accdoa_loss(preds[..., :1], target[..., :1], onscreen=True)
    with pytest.raises(ValueError, match="error must be one of 'mse', 'l1', got 'mae'"):
        accdoa_loss(preds, target, error="mae")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="error must be one of 'mse', 'l1', got 'mae'"):
        ACCDOALoss(error="mae")  # type: ignore[arg-type]
