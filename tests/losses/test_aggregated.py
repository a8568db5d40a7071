"""The aggregated losses are the plain ones and the published ones, with no digit lost."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from references.aggregated import (
    plain_aggregated_pit_loss,
    plain_aggregated_sum_loss,
    plain_vectors,
)
from seldkit import SELDOutput
from seldkit.losses import (
    AggregatedMixtureLoss,
    AggregatedPITLoss,
    AggregatedSumLoss,
    accdoa_loss,
    aggregated_mixture_loss,
    aggregated_pit_loss,
    aggregated_sum_loss,
)
from seldkit.losses._reduce import Error

quick = settings(max_examples=25)

ERRORS: tuple[Error, ...] = ("mse", "l1")
SEEDS = st.integers(0, 2**32 - 1)
TRACKS = st.integers(1, 4)
ANY_ERROR = st.sampled_from(ERRORS)
LOSSES: tuple[Callable[..., Tensor], ...] = (
    aggregated_pit_loss,
    aggregated_sum_loss,
    aggregated_mixture_loss,
)


def random_pair(seed: int, tracks: int, classes: int = 5) -> tuple[SELDOutput, SELDOutput]:
    """Return a prediction and a target in float64; some tracks hold nothing, some two classes."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(2, 4, tracks, *shape, generator=generator, dtype=torch.float64)

    activity = (normal(classes) > 0.7).double()
    direction = functional.normalize(normal(3), dim=-1) * activity.amax(dim=-1, keepdim=True)
    return SELDOutput(2 * normal(classes), normal(3).tanh()), SELDOutput(activity, direction)


def reorder(output: SELDOutput, order: list[int]) -> SELDOutput:
    return SELDOutput(output.activity[:, :, order], output.direction[:, :, order])


def near(target: SELDOutput, distance: float) -> SELDOutput:
    """Return a prediction that is off by about this much everywhere."""
    noise = [torch.randn_like(x) for x in target[:2]]
    probability = (target.activity - distance * (1 + noise[0].sigmoid()) / 2).abs()
    return SELDOutput(probability.logit(), target.direction + distance * noise[1])


@pytest.mark.parametrize("error", ERRORS)
def test_is_the_published_loss(golden: Callable[[str], Path], error: Error) -> None:
    saved = np.load(golden("einv2/loss_agg_3track_pseldnets.npz"))
    names = ("pred_sed_logits", "pred_doa", "target_sed", "target_doa")
    tensors = [torch.from_numpy(saved[name]) for name in names]
    preds, target = SELDOutput(*tensors[:2]), SELDOutput(*tensors[2:])
    for tensor in preds[:2]:
        tensor.requires_grad_()
    found = {
        f"agg1_{error}": aggregated_pit_loss(preds, target, error=error),
        f"agg2_{error}": aggregated_sum_loss(preds, target, error=error),
        f"mix_{error}_alpha0.5": aggregated_mixture_loss(preds, target, error=error),
        f"mix_{error}_alpha0.2": aggregated_mixture_loss(preds, target, alpha=0.2, error=error),
    }
    for name, loss in found.items():
        assert loss.item() == pytest.approx(float(saved[name]), rel=1e-5)
        gradients = torch.autograd.grad(loss, preds[:2])
        for task, gradient in zip(("sed", "doa"), gradients, strict=True):
            wanted = torch.from_numpy(saved[f"{name}_grad_{task}"])
            torch.testing.assert_close(gradient, wanted, rtol=1e-5, atol=1e-8)


@quick
@given(SEEDS, TRACKS, ANY_ERROR)
def test_is_the_best_of_all_permutations(seed: int, tracks: int, error: Error) -> None:
    preds, target = random_pair(seed, tracks)
    inputs = [x.requires_grad_() for x in preds[:2]]
    pairs = (
        (aggregated_pit_loss, plain_aggregated_pit_loss),
        (aggregated_sum_loss, plain_aggregated_sum_loss),
    )
    for ours, plain in pairs:
        results = []
        for function in (ours, plain):
            loss = function(preds, target, error=error)
            results.append((loss, *torch.autograd.grad(loss, inputs)))
        torch.testing.assert_close(*results)


@quick
@given(SEEDS, TRACKS)
def test_soft_targets_of_any_length_too(seed: int, tracks: int) -> None:
    preds, target = random_pair(seed, tracks)
    loose = SELDOutput(torch.rand_like(target.activity), 3 * torch.randn_like(target.direction))
    for error in ERRORS:
        loss = aggregated_pit_loss(preds, loose, error=error)
        torch.testing.assert_close(loss, plain_aggregated_pit_loss(preds, loose, error=error))


@quick
@given(SEEDS, st.integers(2, 4), ANY_ERROR, st.randoms(use_true_random=False))
def test_the_order_of_tracks_does_not_matter(
    seed: int, tracks: int, error: Error, random: Any
) -> None:
    preds, target = random_pair(seed, tracks)
    order = random.sample(range(tracks), tracks)
    for loss in LOSSES:
        whole = loss(preds, target, error=error)
        torch.testing.assert_close(loss(reorder(preds, order), target, error=error), whole)
        torch.testing.assert_close(loss(preds, reorder(target, order), error=error), whole)


@quick
@given(SEEDS, TRACKS)
def test_the_sums_are_bounded_by_the_pairs(seed: int, tracks: int) -> None:
    # |sum of M errors|² <= M sum |error|² and |sum| <= sum | |; the pairs have the mean over M.
    preds, target = random_pair(seed, tracks)
    for error, bound in (("mse", tracks**2), ("l1", tracks)):
        pairs = aggregated_pit_loss(preds, target, error=error)  # type: ignore[arg-type]
        sums = aggregated_sum_loss(preds, target, error=error)  # type: ignore[arg-type]
        assert sums <= bound * pairs + 1e-12
        if tracks == 1:
            torch.testing.assert_close(sums, pairs)


@quick
@given(SEEDS, TRACKS, ANY_ERROR)
def test_the_sums_are_accdoa_vectors(seed: int, tracks: int, error: Error) -> None:
    preds, target = random_pair(seed, tracks)
    vectors = [x.sum(dim=2) for x in plain_vectors(preds, target)]
    loss = aggregated_sum_loss(preds, target, error=error)
    torch.testing.assert_close(loss, accdoa_loss(*vectors, error=error))


@quick
@given(SEEDS, st.floats(0, 1), ANY_ERROR)
def test_the_mixture_is_a_straight_line(seed: int, alpha: float, error: Error) -> None:
    preds, target = random_pair(seed, 3)
    ends = [loss(preds, target, error=error) for loss in LOSSES[:2]]
    loss = aggregated_mixture_loss(preds, target, alpha=alpha, error=error)
    torch.testing.assert_close(loss, alpha * ends[0] + (1 - alpha) * ends[1])


@quick
@given(SEEDS, TRACKS, ANY_ERROR)
def test_the_length_of_a_direction_does_not_count(seed: int, tracks: int, error: Error) -> None:
    preds, target = random_pair(seed, tracks)
    long = preds._replace(direction=7 * preds.direction)
    for loss in LOSSES:
        wanted = loss(preds, target, error=error)
        torch.testing.assert_close(loss(long, target, error=error), wanted)


def test_two_sounds_of_one_class_add_up() -> None:
    # Front and left on two tracks, found both at the diagonal: sums agree, pairs do not.
    activity = torch.ones(1, 1, 2, 1)
    target = SELDOutput(activity, torch.eye(3)[:2].expand(1, 1, 2, 3))
    preds = SELDOutput(40 * activity, torch.tensor([1.0, 1.0, 0.0]).expand(1, 1, 2, 3))
    side = 0.5**0.5
    wanted = ((1 - side) ** 2 + side**2) / 3  # of each track
    assert aggregated_pit_loss(preds, target).item() == pytest.approx(wanted)
    wanted = 2 * (1 - 2 * side) ** 2 / 3
    assert aggregated_sum_loss(preds, target).item() == pytest.approx(wanted)


@pytest.mark.parametrize("distance", [1e-2, 1e-3, 1e-4])
def test_near_perfection_float32_keeps_its_digits(distance: float) -> None:
    target = random_pair(8, 3)[1]
    single_target = SELDOutput(*(x.float() for x in target[:2]))
    single = SELDOutput(*(x.float() for x in near(target, distance)[:2]))
    preds = SELDOutput(*(x.double() for x in single[:2]))
    exact_target = SELDOutput(*(x.double() for x in single_target[:2]))
    for loss in LOSSES:
        wanted = float(loss(preds, exact_target))
        assert 0 < wanted < 10 * distance**2
        assert loss(single, single_target).item() == pytest.approx(wanted, rel=2e-7 / distance)


@pytest.mark.parametrize("error", ERRORS)
def test_gradients_are_those_of_the_loss(error: Error) -> None:
    preds, target = random_pair(11, 3, classes=3)
    inputs = tuple(x.requires_grad_() for x in preds[:2])
    for function in LOSSES[:2]:

        def loss(*inputs: Tensor, function: Callable[..., Tensor] = function) -> Tensor:
            return function(SELDOutput(*inputs), target, error=error)

        assert torch.autograd.gradcheck(loss, inputs)


@pytest.mark.parametrize("error", ERRORS)
def test_silence_and_no_direction_stay_finite(error: Error) -> None:
    shape = 1, 2, 3
    target = SELDOutput(torch.zeros(*shape, 4), torch.zeros(*shape, 3))
    for level in (-1e4, 0.0, 1e4):
        inputs = torch.full((*shape, 4), level), torch.zeros(*shape, 3)
        preds = SELDOutput(*(x.requires_grad_() for x in inputs))
        for function in LOSSES:
            loss = function(preds, target, error=error)
            assert loss == 0  # no direction, so no vector
            for gradient in torch.autograd.grad(loss, inputs):
                assert gradient.isfinite().all()


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("loss", LOSSES)
def test_half_precision_is_added_up_in_float32(loss: Callable[..., Tensor], error: Error) -> None:
    preds, target = (SELDOutput(*(x.bfloat16() for x in o[:2])) for o in random_pair(5, 3))
    full = [SELDOutput(*(x.float() for x in o[:2])) for o in (preds, target)]
    with torch.autocast("cpu", torch.bfloat16):
        found = loss(preds, target, error=error)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, loss(*full, error=error))


def test_six_tracks_are_no_trouble() -> None:
    preds, target = random_pair(2, 6, classes=2)
    for error in ERRORS:
        loss = aggregated_pit_loss(preds, target, error=error)
        torch.testing.assert_close(loss, plain_aggregated_pit_loss(preds, target, error=error))


def test_the_modules_are_the_functions() -> None:
    preds, target = random_pair(1, 3)
    modules: dict[nn.Module, Tensor] = {
        AggregatedPITLoss(error="l1"): aggregated_pit_loss(preds, target, error="l1"),
        AggregatedSumLoss(): aggregated_sum_loss(preds, target),
        AggregatedMixtureLoss(alpha=0.2): aggregated_mixture_loss(preds, target, alpha=0.2),
    }
    for module, wanted in modules.items():
        assert module(preds, target) == wanted
    assert [repr(module) for module in modules] == [
        "AggregatedPITLoss(error='l1')",
        "AggregatedSumLoss(error='mse')",
        "AggregatedMixtureLoss(alpha=0.2, error='mse')",
    ]


@pytest.mark.messages
def test_wrong_arguments_are_named() -> None:
    preds, target = random_pair(0, 2)
    wrong: dict[str, Any] = {"error": "cosine"}
    for loss in LOSSES:
        with pytest.raises(ValueError, match="error must be one of 'mse', 'l1', got 'cosine'"):
            loss(preds, target, **wrong)
        with pytest.raises(ValueError, match=r"preds.activity must be \(batch, time, track, cls\)"):
            loss(preds._replace(activity=preds.activity[0]), target)
        with pytest.raises(ValueError, match=r"preds.direction must be \(batch=2, time=4, track=2"):
            loss(preds._replace(direction=preds.direction[..., :2]), target)
        for name in ("activity", "direction"):
            short = target._replace(**{name: getattr(target, name)[:, 1:]})
            message = f"preds.{name} and target.{name} must have the same shape"
            with pytest.raises(ValueError, match=message):
                loss(preds, short)
    for module in (AggregatedPITLoss, AggregatedSumLoss, AggregatedMixtureLoss):
        with pytest.raises(ValueError, match="error must be one of 'mse', 'l1', got 'cosine'"):
            module(**wrong)
    with pytest.raises(ValueError, match=r"alpha must be in 0\.\.1, got 1\.5"):
        aggregated_mixture_loss(preds, target, alpha=1.5)
    with pytest.raises(ValueError, match=r"alpha must be in 0\.\.1, got -1"):
        AggregatedMixtureLoss(alpha=-1)
