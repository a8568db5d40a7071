"""A chunk of cPIT is an event from its start to its end, or what the caller says."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from losses.every_loss import CASES
from seldkit import SELDOutput
from seldkit.geometry import unit_vector
from seldkit.losses import TrackwisePITLoss, trackwise_pit_loss
from seldkit.losses.spans import Per, Span, _in_order, span_cost

SEEDS = st.integers(0, 2**32 - 1)


def scene(on: list[tuple[int, int, int, int]], time: int, classes: int = 2) -> SELDOutput:
    """Return a target of events `(track, class, first frame, end)` on two tracks, 120° apart."""
    azimuth = torch.tensor([60.0, -60.0])
    activity = torch.zeros(1, time, 2, classes)
    for track, cls, first, end in on:
        activity[0, first:end, track, cls] = 1
    places = unit_vector(azimuth, torch.zeros(2)).expand(1, time, 2, 3)
    return SELDOutput(activity, places * activity.amax(dim=-1, keepdim=True))


def swapped(target: SELDOutput, *frames: int) -> SELDOutput:
    """Return a sure prediction of the target that has its tracks exchanged in some frames."""
    activity, direction = target.activity.clone(), target.direction.clone()
    for frame in frames:
        activity[:, frame], direction[:, frame] = (x[:, frame].flip(1) for x in target[:2])
    return SELDOutput(40 * activity - 20, direction)


def numbers(target: SELDOutput, per: Any, mask: Tensor | None = None) -> list[int]:
    """Return for each frame the first frame that it shares an assignment with."""
    time = target.activity.shape[1]
    cost = torch.eye(time).reshape(1, time, 1, time)
    shared = span_cost(cost, target.activity, Span(per, None, None), mask)
    return [int(row.argmax()) for row in shared[0, :, 0]]


def test_an_event_is_one_chunk_while_another_starts_and_ends() -> None:
    # One event sounds all the time, the other in frames 3, 4 and 5, in which the network has both
    # tracks exchanged: each track says one wrong class and leaves one out, 20 each of 4 places.
    target = scene([(0, 0, 0, 10), (1, 1, 3, 6)], 10)
    preds = swapped(target, 3, 4, 5)
    loss = trackwise_pit_loss(preds, target, per="chunk")
    assert float(loss.sed) == pytest.approx(20 * 3 / 10, rel=1e-6)  # 6.0
    assert float(loss.doa) == pytest.approx(3 / 3 * 3 / 10, rel=1e-6)  # 0.30
    spans: tuple[Per, ...] = ("stretch", "frame")
    for per in spans:
        finer = trackwise_pit_loss(preds, target, per=per)
        assert float(finer.sed) < 1e-6
        assert float(finer.doa) == 0
    assert TrackwisePITLoss(per="chunk")(preds, target) == loss
    whole = trackwise_pit_loss(preds, target, per="clip")
    torch.testing.assert_close(loss, whole)


@pytest.mark.parametrize(
    ("events", "chunks", "stretches"),
    [
        ([(0, 0, 0, 3), (1, 1, 2, 5), (0, 1, 4, 8)], [0] * 8, [0, 0, 2, 3, 4, 5, 5, 5]),  # linked
        ([(0, 0, 0, 3), (1, 1, 3, 8)], [0, 0, 0, 3, 3, 3, 3, 3], None),  # one after the other
        ([(0, 0, 0, 3), (0, 1, 3, 8)], [0, 0, 0, 3, 3, 3, 3, 3], None),
        ([(0, 0, 0, 3), (1, 0, 3, 8)], [0, 0, 0, 3, 3, 3, 3, 3], None),  # of one class
        ([(0, 0, 1, 3), (1, 1, 5, 6)], [0, 1, 1, 3, 3, 5, 6, 6], None),  # silence in between
        ([], [0] * 8, None),
        ([(1, 0, 0, 8)], [0] * 8, None),
    ],
)
def test_where_chunks_begin(
    events: list[tuple[int, int, int, int]], chunks: list[int], stretches: list[int] | None
) -> None:
    target = scene(events, 8)
    assert numbers(target, "chunk") == chunks
    assert numbers(target, "stretch") == (stretches or chunks)


def test_soft_activities_sound_above_zero() -> None:
    target = scene([(0, 0, 0, 6), (1, 1, 2, 4)], 6)
    soft = target._replace(activity=0.3 * target.activity)
    assert numbers(soft, "chunk") == [0] * 6


def test_a_frame_that_does_not_count_ends_no_event() -> None:
    target = scene([(0, 0, 0, 3), (0, 0, 4, 6), (1, 1, 7, 8)], 8)
    assert numbers(target, "chunk") == [0, 0, 0, 3, 4, 4, 6, 7]
    mask = torch.tensor([[True, True, True, False, True, True, True, True]])
    assert numbers(target, "chunk", mask) == [0, 0, 0, 0, 0, 0, 6, 7]
    assert numbers(target, "stretch", mask) == [0, 0, 0, 0, 0, 0, 6, 7]


@settings(max_examples=50)
@given(SEEDS)
def test_chunks_are_events_that_are_linked(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    active = torch.rand(12, 2, 2, generator=generator) < 0.35
    target = SELDOutput(active[None].float(), torch.zeros(1, 12, 2, 3))
    spans = []  # first and last frame of each event
    for track, cls in np.ndindex(2, 2):
        runs = np.flatnonzero(np.diff([0, *active[:, track, cls].int().tolist(), 0]))
        spans += [(int(a), int(b) - 1) for a, b in zip(runs[::2], runs[1::2], strict=True)]
    found = numbers(target, "chunk")
    for frame in range(11):
        goes_on = any(a <= frame and frame + 1 <= b for a, b in spans)
        silent = not active[frame : frame + 2].any()
        assert (found[frame] == found[frame + 1]) is (goes_on or silent)


@settings(max_examples=50)
@given(SEEDS)
def test_the_loss_never_rises_with_finer_spans(seed: int) -> None:
    case = next(c for c in CASES if c.name == "trackwise_pit_loss, per='chunk'")
    preds, target = (SELDOutput(*side) for side in case.random(seed, 2, 9))
    spans: Any = ("frame", "stretch", "chunk", "clip")
    totals = [float(sum(trackwise_pit_loss(preds, target, per=per))) for per in spans]
    for fine, coarse in pairwise(totals):
        assert fine <= coarse + 1e-12


@settings(max_examples=50)
@given(SEEDS, st.sampled_from([torch.int64, torch.int32, torch.int8]))
def test_sums_over_any_numbers(seed: int, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(seed)
    chunk = torch.randint(-4, 4, (2, 9), generator=generator).to(dtype)
    cost = torch.randn(2, 9, 3, 3, generator=generator, dtype=torch.float64)
    activity = torch.zeros(2, 9, 3, 1)
    found = span_cost(cost, activity, Span("chunk", chunk, None), None)
    same = (chunk.unsqueeze(1) == chunk.unsqueeze(2)).double()
    torch.testing.assert_close(found, torch.einsum("bts,bsij->btij", same, cost))
    ordered = _in_order(chunk)
    assert torch.equal(ordered.unsqueeze(1) == ordered.unsqueeze(2), same.bool())


def test_long_clips_take_no_more_memory_than_their_costs() -> None:
    # Not the pairs of 200,000 frames, which would be 160 GB.
    time = 200_000
    cost = torch.ones(1, time, 2, 2)
    chunk = torch.arange(time).unsqueeze(0) // 10
    found = span_cost(cost, torch.zeros(1, time, 2, 1), Span("chunk", chunk, None), None)
    assert torch.equal(found, 10 * cost)
    activity = (torch.arange(time) % 10 < 7).float().reshape(1, time, 1, 1)
    found = span_cost(cost, activity, Span("chunk", None, None), None)
    assert found.unique().tolist() == [3.0, 7.0]


@pytest.mark.messages
def test_wrong_chunks_and_windows_are_named() -> None:
    target = scene([(0, 0, 0, 3)], 4)
    with pytest.raises(TypeError, match=r"chunk must hold integers, got torch.float32"):
        trackwise_pit_loss(target, target, per="chunk", chunk=torch.zeros(1, 4))
    wrong: Any = [[0, 0, 1, 1]]
    with pytest.raises(TypeError, match="chunk must be a tensor for trackwise_pit_loss, got a lis"):
        trackwise_pit_loss(target, target, per="chunk", chunk=wrong)
    with pytest.raises(ValueError, match="chunk needs per='chunk', got per='stretch'"):
        trackwise_pit_loss(target, target, per="stretch", chunk=torch.zeros(1, 4).long())
    wrong_windows: Any = (True, 3.0, "3")
    for window in wrong_windows:
        with pytest.raises(TypeError, match="window must be an integer, got"):
            TrackwisePITLoss(per="window", window=window)
    three: Any = np.int64(3)
    module = TrackwisePITLoss(per="window", window=three)
    assert module(target, target) == trackwise_pit_loss(target, target, per="window", window=3)
    assert "window=3," in repr(module)
