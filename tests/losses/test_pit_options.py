"""Tracks matched by windows, other errors, masks, distances and directions of classes."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional

from references.pit import plain_pit_sums
from seldkit import SELDOutput
from seldkit.losses import DistanceTaskLosses, TrackwisePITLoss, trackwise_pit_loss
from seldkit.losses.spans import Per

quick = settings(max_examples=30)

SEEDS = st.integers(0, 2**32 - 1)
BATCH, TIME, CLASSES = 2, 6, 4

OPTIONS: list[dict[str, Any]] = [
    {"direction": "l1"},
    {"direction": "cosine", "per": "clip"},
    {"direction": "angular", "inactive_weight": 0.0},
    {"inactive_weight": 0.0, "per": "window", "window": 3},
    {"distance": "mse", "selection": (1.0, 1.0, 0.5)},
    {"distance": "mae", "per": "chunk"},
    {"distance": "mspe", "selection": (0.2, 0.3, 0.5), "per": "window", "window": 5},
    {"distance": "mape", "inactive_weight": 0.0, "direction": "cosine"},
]


def random_pair(
    seed: int, tracks: int, *, by_class: bool = False, time: int = TIME
) -> tuple[SELDOutput, SELDOutput]:
    """Return a prediction in float64 and a target with silence, both with distances."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    places = (BATCH, time, tracks, CLASSES) if by_class else (BATCH, time, tracks)
    logits = 2 * normal(BATCH, time, tracks, CLASSES)
    preds = SELDOutput(logits, normal(*places, 3).tanh(), normal(*places).exp())
    activity = (normal(BATCH, time, tracks, CLASSES) > 0.8).double()
    active = activity if by_class else activity.amax(dim=-1)
    direction = functional.normalize(normal(*places, 3), dim=-1) * active.unsqueeze(-1)
    return preds, SELDOutput(activity, direction, (1 + normal(*places).abs()) * active)


def active_places(target: SELDOutput) -> Tensor:
    return target.activity if target.direction.ndim == 5 else target.activity.amax(dim=-1)


def reorder(output: SELDOutput, order: Tensor) -> SELDOutput:
    return SELDOutput(*(x[:, :, order] for x in output if x is not None))


@quick
@given(
    SEEDS,
    st.integers(1, 3),
    st.booleans(),
    st.sampled_from([0.0, 0.3, 1.0]),
    st.sampled_from(["mse", "l1", "cosine", "angular"]),
    st.sampled_from([None, "mse", "mae", "mspe", "mape"]),
    st.sampled_from([1, 3, 2 * TIME + 5]),
    st.booleans(),
)
def test_is_the_best_of_all_permutations(
    seed: int,
    tracks: int,
    by_class: bool,
    inactive_weight: float,
    direction: Any,
    distance: Any,
    window: int,
    three: bool,
) -> None:
    preds, target = random_pair(seed, tracks, by_class=by_class)
    weights = (0.7, 0.4, 0.6) if three and distance is not None else (0.7, 0.4)
    options: dict[str, Any] = {"direction": direction, "distance": distance}
    options["inactive_weight"] = inactive_weight
    losses = trackwise_pit_loss(
        preds, target, per="window", window=window, selection=weights, **options
    )
    sums = plain_pit_sums(preds, target, window=window, selection=weights, **options)
    every, active = BATCH * TIME * tracks, float(active_places(target).sum())
    places, whole = active_places(target).numel(), 1.0
    if by_class:
        whole += inactive_weight * (CLASSES - 1)
    counts = [every, (active + inactive_weight * (places - active)) / whole, active]
    wanted = [total / max(n, 1) for total, n in zip(sums, counts, strict=False)]
    torch.testing.assert_close(list(losses), wanted, rtol=1e-6, atol=1e-7)


@quick
@given(SEEDS, st.integers(1, 4), st.sampled_from(OPTIONS))
def test_windows_reach_from_frame_to_clip(seed: int, tracks: int, options: dict[str, Any]) -> None:
    preds, target = random_pair(seed, tracks)
    options = {k: v for k, v in options.items() if k not in {"per", "window"}}
    reaches: list[tuple[int, Per]] = [(1, "frame"), (2 * TIME - 1, "clip"), (10**6 + 1, "clip")]
    for window, per in reaches:
        losses = trackwise_pit_loss(preds, target, per="window", window=window, **options)
        wanted = trackwise_pit_loss(preds, target, per=per, **options)
        torch.testing.assert_close(tuple(losses), tuple(wanted))


@quick
@given(SEEDS, st.integers(2, 4), st.sampled_from(OPTIONS), st.booleans(), st.randoms())
def test_the_order_of_tracks_does_not_matter(
    seed: int, tracks: int, options: dict[str, Any], by_class: bool, random: Any
) -> None:
    preds, target = random_pair(seed, tracks, by_class=by_class)
    order = torch.tensor(random.sample(range(tracks), tracks))
    whole = torch.stack(trackwise_pit_loss(preds, target, **options))
    for pair in ((reorder(preds, order), target), (preds, reorder(target, order))):
        torch.testing.assert_close(torch.stack(trackwise_pit_loss(*pair, **options)), whole)


@quick
@given(SEEDS, st.integers(1, 3))
def test_a_track_of_one_class_has_that_classs_direction(seed: int, tracks: int) -> None:
    preds, target = random_pair(seed, tracks)
    one = target.activity.argmax(-1, keepdim=True) == torch.arange(CLASSES)
    activity = target.activity * one
    spread = SELDOutput(
        activity,
        target.direction.unsqueeze(3) * activity.unsqueeze(-1),
        None if target.distance is None else target.distance.unsqueeze(3) * activity,
    )
    same = SELDOutput(
        preds.activity,
        preds.direction.unsqueeze(3).expand_as(spread.direction),
        None if preds.distance is None else preds.distance.unsqueeze(3).expand_as(activity),
    )
    options: dict[str, Any] = {"distance": "mae", "selection": (1.0, 1.0, 1.0)}
    options["inactive_weight"] = 0.0
    losses = trackwise_pit_loss(same, spread, **options)
    wanted = trackwise_pit_loss(preds, target._replace(activity=activity), **options)
    torch.testing.assert_close(losses, wanted)


def two_tracks(*swapped: bool) -> tuple[SELDOutput, SELDOutput]:
    """Return left and right on two active tracks, predicted exactly but for swapped frames."""
    sides = torch.tensor([[0.0, 1.0, 0.0], [0.0, -1.0, 0.0]])
    activity = torch.ones(1, len(swapped), 2, 1)
    metres = torch.tensor([1.0, 4.0]).expand(1, len(swapped), 2)
    target = SELDOutput(activity, sides.expand(1, len(swapped), 2, 3), metres)
    pointed = torch.stack([sides.flip(0) if swap else sides for swap in swapped]).unsqueeze(0)
    return SELDOutput(60 * activity - 30, pointed, metres), target


def test_a_window_outvotes_a_frame() -> None:
    preds, target = two_tracks(False, True, False, False, True)
    wrong = 4 / 3  # of a swapped frame: (1 + 1)² / 3 axes
    for window, misses in ((1, 0), (3, 1 + 1), (5, 2), (9, 2)):
        # Of 3 frames the last two tie, one swapped and one not: the first order is taken.
        losses = trackwise_pit_loss(preds, target, per="window", window=window)
        assert float(losses.doa) == pytest.approx(misses * wrong / 5)


def test_the_distance_takes_part_in_the_choice_if_it_has_a_weight() -> None:
    preds, target = two_tracks(True)
    losses = trackwise_pit_loss(preds, target, distance="mae")
    assert isinstance(losses, DistanceTaskLosses)
    assert [float(x) for x in losses[1:]] == [0, 3]  # by direction: 4 m found as 1 m, and 1 as 4
    losses = trackwise_pit_loss(preds, target, distance="mae", selection=(1, 1, 1))
    assert [float(x) for x in losses[1:]] == pytest.approx([4 / 3, 0])
    relative = trackwise_pit_loss(preds, target, distance="mape")
    assert float(relative.distance) == pytest.approx((3 / 1 + 3 / 4) / 2)


def test_silence_without_weight_is_free() -> None:
    preds, target = two_tracks(False, False, False)
    quiet = target.activity.clone()
    quiet[0, 0, 0] = quiet[0, 1] = 0  # one track silent, both, none
    hidden = target._replace(activity=quiet, direction=target.direction * quiet)
    free = trackwise_pit_loss(preds, hidden, inactive_weight=0.0, distance="mse")
    assert [float(x) for x in free[1:]] == [0, 0]
    pulled = trackwise_pit_loss(preds, hidden, distance="mse")
    assert float(pulled.doa) == pytest.approx(3 / 3 / 6)  # three unit vectors of six should be 0
    assert float(pulled.distance) == 0


@pytest.mark.parametrize("by_class", [False, True])
@pytest.mark.parametrize("direction", ["mse", "l1", "cosine", "angular"])
def test_nothing_active_costs_nothing(direction: Any, by_class: bool) -> None:
    preds, target = random_pair(0, 3, by_class=by_class)
    silent = SELDOutput(*(torch.zeros_like(x) for x in target if x is not None))
    inputs = [x.requires_grad_() for x in preds if x is not None]
    losses = trackwise_pit_loss(
        SELDOutput(*inputs), silent, direction=direction, inactive_weight=0.0, distance="mspe"
    )
    assert losses.doa == losses.distance == 0
    gradients = torch.autograd.grad(losses.doa + losses.distance, inputs[1:])
    assert not torch.cat([gradient.flatten() for gradient in gradients]).any()


def test_two_sources_of_one_class_are_told_apart() -> None:
    preds, target = two_tracks(True, False)
    losses = trackwise_pit_loss(preds, target, direction="angular", inactive_weight=0.0)
    assert losses.doa < 1e-6
    assert losses.sed < 1e-6


@pytest.mark.parametrize("by_class", [False, True])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_gradients_are_those_of_the_loss(options: dict[str, Any], by_class: bool) -> None:
    preds, target = random_pair(11, 3, by_class=by_class, time=2)

    def loss(*inputs: Tensor) -> tuple[Tensor, ...]:
        return tuple(trackwise_pit_loss(SELDOutput(*inputs), target, **options))

    inputs = tuple(x[:1].requires_grad_() for x in preds if x is not None)
    target = SELDOutput(*(x[:1] for x in target if x is not None))
    assert torch.autograd.gradcheck(loss, inputs)


@pytest.mark.parametrize("by_class", [False, True])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_half_precision_is_added_up_in_float32(options: dict[str, Any], by_class: bool) -> None:
    preds, target = (
        SELDOutput(*(x.bfloat16().requires_grad_() for x in output if x is not None))
        for output in random_pair(5, 3, by_class=by_class)
    )
    with torch.autocast("cpu", torch.bfloat16):
        losses = torch.stack(trackwise_pit_loss(preds, target, **options))
    assert losses.dtype == torch.float32
    inputs = [x for x in preds if x is not None][: len(losses)]
    gradients = torch.autograd.grad(losses.sum(), inputs)
    assert all(x.isfinite().all() for x in (losses, *gradients))
    whole = [SELDOutput(*(x.float() for x in o if x is not None)) for o in (preds, target)]
    wanted = torch.stack(trackwise_pit_loss(whole[0], whole[1], **options))
    torch.testing.assert_close(losses, wanted)


@pytest.mark.parametrize("tracks", [6, 9])
def test_many_tracks(tracks: int) -> None:
    preds, target = random_pair(2, tracks, time=2)
    losses = trackwise_pit_loss(preds, target, direction="l1")
    totals = []
    for clip, frame in np.ndindex(BATCH, 2):
        logits, activity = preds.activity[clip, frame], target.activity[clip, frame]
        pointed, direction = preds.direction[clip, frame], target.direction[clip, frame]
        every = logits[:, None].expand(-1, tracks, -1), activity[None].expand(tracks, -1, -1)
        bce = functional.binary_cross_entropy_with_logits(*every, reduction="none").mean(-1)
        cost = bce + (pointed[:, None] - direction[None]).abs().mean(-1)
        totals.append(cost[linear_sum_assignment(cost.numpy())].mean())
    torch.testing.assert_close(losses.sed + losses.doa, torch.stack(totals).mean())


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_module_is_the_function(options: dict[str, Any]) -> None:
    preds, target = random_pair(1, 3)
    module = TrackwisePITLoss(**options)
    assert module(preds, target) == trackwise_pit_loss(preds, target, **options)
    shown = repr(module)
    assert all(f"{name}={value!r}" in shown for name, value in options.items())
    assert repr(eval(shown, {"TrackwisePITLoss": TrackwisePITLoss})) == shown


@pytest.mark.messages
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"direction": "mae"}, "direction must be one of 'mse', 'l1', 'cosine', 'angular', got"),
        (
            {"distance": "l1"},
            "distance must be one of None, 'mse', 'mae', 'mspe', 'mape', got 'l1'",
        ),
        ({"per": "window"}, "window must be an odd number of frames for per='window', got None"),
        ({"per": "window", "window": 4}, "window must be an odd number .* got 4"),
        ({"per": "window", "window": -1}, "window must be an odd number .* got -1"),
        ({"window": 3}, "window needs per='window', got per='frame'"),
        ({"selection": (1, 1, 1)}, "selection must be weights of SED and DOA, at least 0, got"),
        ({"selection": (1, -1)}, r"selection must be weights of .* got \(1, -1\)"),
        ({"distance": "mse", "selection": (1,)}, "selection must be weights of SED, DOA and, if"),
    ],
)
def test_wrong_settings_are_named(options: dict[str, Any], message: str) -> None:
    preds, target = random_pair(0, 2)
    with pytest.raises(ValueError, match=message):
        trackwise_pit_loss(preds, target, **options)
    with pytest.raises(ValueError, match=message):
        TrackwisePITLoss(**options)


@pytest.mark.messages
def test_distances_must_be_there_and_fit() -> None:
    preds, target = random_pair(0, 2)
    with pytest.raises(ValueError, match=r"preds.distance must be given for distance='mse', got N"):
        trackwise_pit_loss(preds._replace(distance=None), target, distance="mse")
    with pytest.raises(ValueError, match=r"target.distance must be given for distance='mse'"):
        trackwise_pit_loss(preds, target._replace(distance=None), distance="mse")
    by_class, _ = random_pair(0, 2, by_class=True)
    with pytest.raises(ValueError, match=r"preds.distance must be \(batch=2, time=6, track=2\)"):
        trackwise_pit_loss(preds._replace(distance=by_class.distance), target, distance="mse")
    with pytest.raises(ValueError, match=r"preds.direction and target.direction must have the sam"):
        trackwise_pit_loss(by_class, target)


def test_everything_is_in_the_precision_of_the_prediction() -> None:
    preds, target = random_pair(6, 2)
    single = SELDOutput(*(x.float() for x in preds if x is not None))
    for weight in (1.0, 0.3, 0.0):
        losses = trackwise_pit_loss(single, target, distance="mse", inactive_weight=weight)
        assert {loss.dtype for loss in losses} == {torch.float32}
