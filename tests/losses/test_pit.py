"""The pairwise form of the permutation-invariant loss is the plain one, of any span of time."""

from itertools import permutations
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from references.pit import plain_pit_loss
from seldkit import SELDOutput
from seldkit.losses import TaskLosses, TrackwisePITLoss, trackwise_pit_loss
from seldkit.losses.spans import Per

quick = settings(max_examples=30)

SEEDS = st.integers(0, 2**32 - 1)
TRACKS = st.integers(1, 4)
SPANS: tuple[Per, ...] = ("frame", "chunk", "clip")
SELECTIONS = st.sampled_from([(1.0, 1.0), (0.5, 0.5), (0.9, 0.1), (1.0, 0.0), (0.0, 1.0)])


def random_pair(
    seed: int, tracks: int, *, time: int = 7, classes: int = 5
) -> tuple[SELDOutput, SELDOutput]:
    """Return a prediction in float64 and a target that changes every few frames."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    preds = SELDOutput(2 * normal(2, time, tracks, classes), normal(2, time, tracks, 3).tanh())
    activity = (normal(2, 3, tracks, classes) > 0.5).double().repeat_interleave(3, dim=1)[:, :time]
    direction = functional.normalize(normal(2, time, tracks, 3), dim=-1)
    return preds, SELDOutput(activity, direction * activity.amax(dim=-1, keepdim=True))


def selected(losses: TaskLosses, selection: tuple[float, float]) -> float:
    return float(selection[0] * losses.sed + selection[1] * losses.doa)


def reorder(output: SELDOutput, order: Tensor) -> SELDOutput:
    return SELDOutput(output.activity[:, :, order], output.direction[:, :, order])


def test_one_source_on_any_of_three_tracks_is_found() -> None:
    activity, direction = torch.zeros(1, 3, 3, 2), torch.zeros(1, 3, 3, 3)
    activity[0, :, 0, 1] = 1
    direction[0, :, 0, 2] = 1
    target = SELDOutput(activity, direction)
    order = torch.arange(3)
    predicted = torch.stack([activity[0, 0].roll(int(t), 0) for t in order]).unsqueeze(0)
    pointed = torch.stack([direction[0, 0].roll(int(t), 0) for t in order]).unsqueeze(0)
    losses = trackwise_pit_loss(SELDOutput(60 * predicted - 30, pointed), target)
    assert losses.doa == 0
    assert losses.sed < 1e-6


@quick
@given(SEEDS, TRACKS, SELECTIONS, st.sampled_from(["frame", "clip"]))
def test_is_the_best_of_all_permutations(
    seed: int, tracks: int, selection: tuple[float, float], per: Any
) -> None:
    preds, target = random_pair(seed, tracks)
    losses = trackwise_pit_loss(preds, target, per=per, selection=selection)
    wanted = plain_pit_loss(preds, target, per=per, selection=selection)
    if 0.0 in selection:  # silent tracks tie, so only what is selected is settled
        total = selected(TaskLosses(*wanted), selection)
        assert selected(losses, selection) == pytest.approx(total, rel=1e-9)
    else:
        torch.testing.assert_close(tuple(losses), wanted)


@quick
@given(SEEDS, st.integers(2, 4), SELECTIONS, st.randoms(use_true_random=False))
def test_the_order_of_tracks_does_not_matter(
    seed: int, tracks: int, selection: tuple[float, float], random: Any
) -> None:
    preds, target = random_pair(seed, tracks)
    order = torch.tensor(random.sample(range(tracks), tracks))
    for per in SPANS:
        whole = selected(trackwise_pit_loss(preds, target, per=per, selection=selection), selection)
        for pair in ((reorder(preds, order), target), (preds, reorder(target, order))):
            losses = trackwise_pit_loss(*pair, per=per, selection=selection)
            assert selected(losses, selection) == pytest.approx(whole, rel=1e-9, abs=1e-12)


@quick
@given(SEEDS, TRACKS, SELECTIONS)
def test_a_longer_span_never_costs_less(
    seed: int, tracks: int, selection: tuple[float, float]
) -> None:
    preds, target = random_pair(seed, tracks)
    frame, chunk, clip = (
        selected(trackwise_pit_loss(preds, target, per=per, selection=selection), selection)
        for per in SPANS
    )
    assert frame <= chunk + 1e-12
    assert chunk <= clip + 1e-12


@quick
@given(SEEDS, TRACKS)
def test_given_chunks_reach_from_frame_to_clip(seed: int, tracks: int) -> None:
    preds, target = random_pair(seed, tracks)
    every = torch.arange(7).expand(2, 7)
    reaches: tuple[tuple[Tensor, Per], ...] = ((every, "frame"), (every * 0 - 3, "clip"))
    for chunk, per in reaches:
        losses = trackwise_pit_loss(preds, target, per="chunk", chunk=chunk)
        wanted = trackwise_pit_loss(preds, target, per=per)
        torch.testing.assert_close(losses, wanted)


def test_chunks_of_one_number_need_not_be_neighbours() -> None:
    preds, target = random_pair(3, 2, time=4)
    chunk = torch.tensor([[5, 9, 5, 9], [1, 1, 2, 2]])
    losses = trackwise_pit_loss(preds, target, per="chunk", chunk=chunk)
    parts = [((0, slice(0, None, 2)), (0, slice(1, None, 2))), ((1, slice(2)), (1, slice(2, 4)))]
    alone = []
    for clip, frames in (part for pair in parts for part in pair):
        cut = [SELDOutput(*(x[clip, frames].unsqueeze(0) for x in o[:2])) for o in (preds, target)]
        alone.append(torch.stack(trackwise_pit_loss(cut[0], cut[1], per="clip")))
    torch.testing.assert_close(torch.stack(losses), torch.stack(alone).mean(dim=0))


def test_a_chunk_is_a_stretch_of_constant_activity() -> None:
    # Two tracks, one class, both always active; only directions tell them apart. The prediction
    # swaps tracks within the first stretch (one frame of three) and throughout the second.
    left, right = torch.tensor([0.0, 1.0, 0.0]), torch.tensor([0.0, -1.0, 0.0])
    straight, swapped = torch.stack((left, right)), torch.stack((right, left))
    activity = torch.zeros(1, 5, 2, 2)
    activity[0, :3, :, 0] = activity[0, 3:, :, 1] = 1
    target = SELDOutput(activity, straight.expand(1, 5, 2, 3))
    pointed = torch.stack((straight, straight, swapped, swapped, swapped)).unsqueeze(0)
    preds = SELDOutput(60 * activity - 30, pointed)
    wrong = 4 / 3  # of a swapped frame: (2 - 0)² / 3 axes
    losses = [float(trackwise_pit_loss(preds, target, per=per).doa) for per in SPANS]
    assert losses == pytest.approx([0, wrong / 5, 2 * wrong / 5])


@pytest.mark.parametrize("per", SPANS)
def test_gradients_are_those_of_the_loss(per: Per) -> None:
    preds, target = random_pair(11, 3, time=4)

    def loss(activity: Tensor, direction: Tensor) -> tuple[Tensor, ...]:
        return tuple(trackwise_pit_loss(SELDOutput(activity, direction), target, per=per))

    inputs = tuple(x.requires_grad_() for x in preds[:2])
    assert torch.autograd.gradcheck(loss, inputs)


def test_large_logits_stay_finite() -> None:
    preds, target = random_pair(0, 2)
    for scale in (-1e4, 1e4):
        extreme = preds._replace(activity=(scale * preds.activity).requires_grad_())
        losses = trackwise_pit_loss(extreme, target)
        losses.sed.backward()
        assert losses.sed.isfinite()
        assert extreme.activity.grad is not None
        assert extreme.activity.grad.isfinite().all()


@pytest.mark.parametrize("per", SPANS)
def test_half_precision_is_added_up_in_float32(per: Per) -> None:
    preds, target = (SELDOutput(*(x.float() for x in o[:2])) for o in random_pair(5, 3))
    half = SELDOutput(*(x.bfloat16() for x in preds[:2]))
    with torch.autocast("cpu", torch.bfloat16):
        losses = trackwise_pit_loss(half, target, per=per)
        same = trackwise_pit_loss(SELDOutput(*(x.float() for x in half[:2])), target, per=per)
    for loss, wanted in zip(losses, same, strict=True):
        assert loss.dtype == torch.float32
        assert loss.isfinite()
        torch.testing.assert_close(loss, wanted)
    unhurt = trackwise_pit_loss(preds, target, per=per)
    torch.testing.assert_close(torch.stack(losses), torch.stack(unhurt), rtol=2e-2, atol=0)


@pytest.mark.transforms
def test_the_module_compiles_whole() -> None:
    module = TrackwisePITLoss()
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    preds, target = random_pair(7, 3, time=4)
    gradients = []
    for function in (compiled, module):
        inputs = [x.clone().requires_grad_() for x in preds[:2]]
        losses = function(SELDOutput(*inputs), target)
        gradients.append([*losses, *torch.autograd.grad(losses.sed + losses.doa, inputs)])
    torch.testing.assert_close(*gradients)


def test_seven_tracks_are_matched_as_by_trying_all() -> None:
    preds, target = random_pair(2, 7, time=1, classes=2)
    losses = trackwise_pit_loss(preds, target)
    orders = torch.tensor(list(permutations(range(7))))
    activity, direction = target.activity[:, :, orders], target.direction[:, :, orders]
    logits = preds.activity.unsqueeze(2).expand_as(activity)
    every = functional.binary_cross_entropy_with_logits(logits, activity, reduction="none")
    error = (preds.direction.unsqueeze(2) - direction).square()
    wanted = (every.mean(dim=(3, 4)) + error.mean(dim=(3, 4))).amin(dim=2).mean()
    torch.testing.assert_close(losses.sed + losses.doa, wanted)


def test_the_module_is_the_function() -> None:
    preds, target = random_pair(1, 3)
    chunk = torch.tensor([0, 0, 0, 1, 1, 1, 1]).expand(2, 7)
    module = TrackwisePITLoss(per="chunk", selection=(0.9, 0.1))
    settings_: dict[str, Any] = {"per": "chunk", "selection": (0.9, 0.1)}
    assert module(preds, target) == trackwise_pit_loss(preds, target, **settings_)
    wanted = trackwise_pit_loss(preds, target, chunk=chunk, **settings_)
    assert module(preds, target, chunk) == wanted
    assert repr(module) == (
        "TrackwisePITLoss(per='chunk', window=None, selection=(0.9, 0.1), direction='mse',"
        " inactive_weight=1.0, distance=None, gamma=0.0, alpha=None)"
    )


@pytest.mark.messages
def test_wrong_arguments_are_named() -> None:
    preds, target = random_pair(0, 2)
    known = "per must be one of 'frame', 'chunk', 'stretch', 'clip', 'window', got 'file'"
    with pytest.raises(ValueError, match=known):
        trackwise_pit_loss(preds, target, per="file")  # type: ignore[call-overload]
    with pytest.raises(ValueError, match=known):
        TrackwisePITLoss(per="file")  # type: ignore[arg-type]
    chunk = torch.zeros(2, 7, dtype=torch.int64)
    with pytest.raises(ValueError, match="chunk needs per='chunk', got per='frame'"):
        trackwise_pit_loss(preds, target, chunk=chunk)
    with pytest.raises(ValueError, match=r"chunk must be \(batch=2, time=7\), got shape \(2, 6\)"):
        trackwise_pit_loss(preds, target, per="chunk", chunk=chunk[:, 1:])
    with pytest.raises(ValueError, match=r"preds.activity must be \(batch, time, track, cls\)"):
        trackwise_pit_loss(preds._replace(activity=preds.activity[0]), target)
    with pytest.raises(ValueError, match=r"preds.direction must be \(batch=2, time=7, track=2, ax"):
        trackwise_pit_loss(preds._replace(direction=preds.direction[..., :2]), target)
    for name in ("activity", "direction"):
        short = target._replace(**{name: getattr(target, name)[:, 1:]})
        message = f"preds.{name} and target.{name} must have the same shape"
        with pytest.raises(ValueError, match=message):
            trackwise_pit_loss(preds, short)
