"""Direction errors are what they are called, and silence neither counts nor breaks gradients."""

import math
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seldkit.geometry import angle_deg, unit_vector
from seldkit.losses import ActiveDirectionLoss, active_direction_loss
from seldkit.losses.direction import DIRECTION_ERRORS, DirectionError, direction_error

quick = settings(max_examples=30)

SEEDS = st.integers(0, 2**32 - 1)
ERRORS = st.sampled_from(DIRECTION_ERRORS)


def random_directions(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return predictions, targets and soft activities in float64."""
    generator = torch.Generator().manual_seed(seed)
    preds, target = torch.randn(2, 5, 2, 3, generator=generator, dtype=torch.float64)
    activity = torch.rand(5, 2, generator=generator, dtype=torch.float64)
    return preds, target / target.norm(dim=-1, keepdim=True), activity


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mse_active", {}),
        ("one_minus_cos_active", {"direction": "cosine"}),
        ("mse_floor_lambda0p1", {"inactive_weight": 0.1}),
        ("mse_all_mean_over_xyz", {"inactive_weight": 1.0}),
    ],
)
def test_is_the_closed_form(
    golden: Callable[[str], Path], name: str, options: dict[str, Any]
) -> None:
    saved = {
        k: torch.from_numpy(v) for k, v in np.load(golden("at2seld/active_doa_s15.npz")).items()
    }
    inputs = (saved["doa_pred"], saved["doa_target"], saved["activity"])
    loss = active_direction_loss(*inputs, **options)
    torch.testing.assert_close(loss, saved[name], rtol=0, atol=1e-12)
    silent = active_direction_loss(*inputs[:2], 0 * saved["activity"])
    assert silent == saved["mse_active_when_no_activity"]


@pytest.mark.parametrize(
    ("error", "wanted"),
    [("mse", 2 / 3), ("l1", 2 / 3), ("cosine", 1.0), ("angular", math.pi / 2)],
)
def test_a_right_angle(error: DirectionError, wanted: float) -> None:
    left, front = torch.tensor([0.0, 1.0, 0.0]), torch.tensor([1.0, 0.0, 0.0])
    assert float(direction_error(left, front, error)) == pytest.approx(wanted)


@quick
@given(st.floats(-180, 180), st.floats(-90, 90), st.floats(-180, 180), st.floats(-90, 90))
def test_the_angle_is_that_of_geometry(a: float, b: float, c: float, d: float) -> None:
    azimuth = torch.tensor([a, c], dtype=torch.float64)
    pred, target = unit_vector(azimuth, torch.tensor([b, d], dtype=torch.float64))
    found = direction_error(3 * pred, target, "angular")
    torch.testing.assert_close(found.rad2deg(), angle_deg(pred, target))


@quick
@given(SEEDS, st.floats(0.1, 10))
def test_length_does_not_matter_to_cosine_and_angle(seed: int, length: float) -> None:
    preds, target, _ = random_directions(seed)
    for error in ("cosine", "angular"):
        longer = direction_error(length * preds, target, error)
        wanted = direction_error(preds, target, error)
        torch.testing.assert_close(longer, wanted, rtol=1e-5, atol=1e-5)


@quick
@given(SEEDS, ERRORS)
def test_every_pair_comes_from_broadcasting(seed: int, error: DirectionError) -> None:
    preds, target, _ = random_directions(seed)
    pairs = direction_error(preds.unsqueeze(2), target.unsqueeze(1), error)
    assert pairs.shape == (5, 2, 2)
    matched = torch.diagonal(pairs, dim1=1, dim2=2)
    torch.testing.assert_close(matched, direction_error(preds, target, error))


@quick
@given(SEEDS, ERRORS, st.floats(0, 1))
def test_is_the_weighted_mean(seed: int, error: DirectionError, inactive_weight: float) -> None:
    preds, target, activity = random_directions(seed)
    loss = active_direction_loss(
        preds, target, activity, inactive_weight=inactive_weight, direction=error
    )
    weights = activity + inactive_weight * (1 - activity)
    wanted = np.average(direction_error(preds, target, error), weights=weights)
    assert float(loss) == pytest.approx(float(wanted))


@quick
@given(SEEDS, ERRORS)
def test_what_is_silent_does_not_count(seed: int, error: DirectionError) -> None:
    preds, target, activity = random_directions(seed)
    active = (activity > 0.5).double()
    loss = active_direction_loss(preds, target, active, direction=error)
    elsewhere = torch.where(active.bool().unsqueeze(-1), preds, 7.0)
    assert active_direction_loss(elsewhere, target, active, direction=error) == loss


@pytest.mark.parametrize("error", DIRECTION_ERRORS)
def test_nothing_active_is_a_differentiable_zero(error: DirectionError) -> None:
    preds = torch.randn(4, 3, requires_grad=True)
    loss = active_direction_loss(preds, torch.zeros(4, 3), torch.zeros(4), direction=error)
    (gradient,) = torch.autograd.grad(loss, preds)
    assert loss == 0
    assert not gradient.any()


@pytest.mark.parametrize("error", ["cosine", "angular"])
@pytest.mark.parametrize("sides", [("zero", "x"), ("x", "zero"), ("zero", "zero")])
def test_the_zero_vector_points_nowhere(error: DirectionError, sides: tuple[str, str]) -> None:
    vectors = {"zero": torch.zeros(3), "x": torch.tensor([1.0, 0.0, 0.0])}
    pred, target = (vectors[side].clone().requires_grad_() for side in sides)
    loss = direction_error(pred, target, error)
    assert loss.item() == pytest.approx(1.0 if error == "cosine" else math.pi / 2)
    for gradient in torch.autograd.grad(loss, (pred, target)):
        assert not gradient.any()


@pytest.mark.parametrize("error", DIRECTION_ERRORS)
def test_gradients_are_finite_for_equal_and_opposite(error: DirectionError) -> None:
    target = unit_vector(torch.tensor(30.0), 20.0)
    for turn, length in product((0.0, 1e-20, 1e-4, 179.999, 180.0), (1e-30, 1e-6, 1.0, 1e3)):
        opposite = unit_vector(torch.tensor(30.0 + turn), 20.0 if turn < 90 else -20.0)
        pred = (length * opposite).requires_grad_()
        loss = direction_error(pred, target, error)
        (gradient,) = torch.autograd.grad(loss, pred)
        assert loss.isfinite()
        assert gradient.isfinite().all()


@pytest.mark.parametrize("error", DIRECTION_ERRORS)
def test_gradients_are_those_of_the_loss(error: DirectionError) -> None:
    inputs = tuple(x.requires_grad_() for x in random_directions(4))

    def loss(*inputs: Tensor) -> Tensor:
        return active_direction_loss(*inputs, inactive_weight=0.2, direction=error)

    assert torch.autograd.gradcheck(loss, inputs)


@pytest.mark.parametrize("error", DIRECTION_ERRORS)
def test_half_precision_is_added_up_in_float32(error: DirectionError) -> None:
    inputs = [x.bfloat16() for x in random_directions(3)]
    inputs[0].requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        loss = active_direction_loss(*inputs, direction=error)
    (gradient,) = torch.autograd.grad(loss, inputs[0])
    assert loss.dtype == torch.float32
    assert gradient.isfinite().all()
    torch.testing.assert_close(
        loss, active_direction_loss(*(x.float() for x in inputs), direction=error)
    )


def test_the_module_is_the_function() -> None:
    inputs = random_directions(1)
    module = ActiveDirectionLoss(inactive_weight=0.1, direction="l1")
    assert module(*inputs) == active_direction_loss(*inputs, inactive_weight=0.1, direction="l1")
    assert repr(module) == "ActiveDirectionLoss(inactive_weight=0.1, direction='l1')"


@pytest.mark.messages
def test_wrong_arguments_are_named() -> None:
    preds, target, activity = random_directions(0)
    with pytest.raises(ValueError, match="direction must be one of 'mse', 'l1', 'cosine', 'ang"):
        active_direction_loss(preds, target, activity, direction="mae")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="direction must be one of 'mse', 'l1', 'cosine', 'ang"):
        ActiveDirectionLoss(direction="mae")  # type: ignore[arg-type]
    for weight in (-0.1, 1.5, math.nan):
        with pytest.raises(ValueError, match=r"inactive_weight must be in 0..1, got"):
            ActiveDirectionLoss(inactive_weight=weight)
        with pytest.raises(ValueError, match=r"inactive_weight must be in 0..1, got"):
            active_direction_loss(preds, target, activity, inactive_weight=weight)
    with pytest.raises(ValueError, match="preds and target must have the same shape"):
        active_direction_loss(preds, target[:1], activity)
    with pytest.raises(ValueError, match=r"without axis, \(5, 2\), got \(5,\)"):
        active_direction_loss(preds, target, activity[:, 0])
    with pytest.raises(ValueError, match=r"preds must be \(..., axis\), got shape \(\)"):
        active_direction_loss(torch.tensor(0.0), torch.tensor(0.0), torch.tensor(0.0))
