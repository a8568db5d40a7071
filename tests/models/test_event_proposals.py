"""Proposals: made events come back exactly, maps are right, one of near events stays."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seldkit.events import Events
from seldkit.formats import ClassWise
from seldkit.models import (
    EventProposals,
    ProposalMaps,
    proposal_losses,
    proposal_targets,
    propose_events,
    proposed_output,
    temporal_nms,
)
from seldkit.models.proposal_maps import interval_iou
from seldkit.outputs import SELDOutput

TIME = 14
spans = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, TIME - 1), st.integers(1, 8)), max_size=6
)


def made(events: list[tuple[int, int, int]], *, moving: float = 0.0) -> SELDOutput:
    """Return a clip of three classes in which events sound, given as class, start and duration."""
    activity = torch.zeros(TIME, 3)
    for label, start, duration in events:
        activity[start : start + duration, label] = 1
    angle = moving * torch.arange(TIME)
    direction = torch.stack((angle.cos(), angle.sin(), 0 * angle), dim=1)
    return SELDOutput(activity, direction.unsqueeze(1) * activity.unsqueeze(2))


def runs(activity: Tensor) -> set[tuple[int, int, int]]:
    """Return class, start and stop of every run of active frames, frame by frame."""
    found = set()
    for label in range(activity.shape[1]):
        start = None
        for frame, active in enumerate([*activity[:, label].tolist(), 0.0]):
            if active and start is None:
                start = frame
            if not active and start is not None:
                found.add((label, start, frame))
                start = None
    return found


@settings(max_examples=50)
@given(spans, st.sampled_from([0.5, 0.6, 0.9]))
def test_made_events_come_back_exactly(
    events: list[tuple[int, int, int]], threshold: float
) -> None:
    clip = made(events)
    found = propose_events(proposal_targets(clip, TIME), threshold=threshold, overlap=0.5)
    columns = zip(found.label.tolist(), found.start.tolist(), found.stop.tolist(), strict=True)
    proposed = list(columns)
    assert set(proposed) == runs(clip.activity)
    assert len(proposed) == len(set(proposed))
    assert (found.score == 1).all()
    again = proposed_output(clip, found).activity.sigmoid().round()
    torch.testing.assert_close(again, clip.activity)


def test_jerky_events_come_back_without_the_weight_of_smoothness() -> None:
    clip = made([(1, 2, 6)])
    clip.direction[5, 1] *= -1
    maps = proposal_targets(clip, TIME)
    exact = propose_events(maps, smoothness_weight=0.0)
    assert (exact.start.tolist(), exact.stop.tolist()) == ([2], [8])
    assert maps.smoothness[1, 5, 2] < maps.smoothness[1, 2, 2] == 1


@settings(max_examples=20)
@given(spans)
def test_maps_are_those_of_loops(events: list[tuple[int, int, int]]) -> None:
    clip = made(events, moving=0.4)
    maps = proposal_targets(clip, 6)
    known = runs(clip.activity)
    overlap, smoothness = torch.zeros(3, 6, TIME), torch.zeros(3, 6, TIME)
    for label in range(3):
        for start in range(TIME):
            for duration in range(1, 7):
                stop = start + duration
                for other, first, last in known if stop <= TIME else ():
                    if other == label:
                        shared = max(min(stop, last) - max(start, first), 0)
                        share = shared / (duration + last - first - shared)
                        place = overlap[label, duration - 1, start]
                        overlap[label, duration - 1, start] = max(place, torch.tensor(share))
                jerks = [
                    (
                        clip.direction[n + 1, label]
                        - 2 * clip.direction[n, label]
                        + clip.direction[n - 1, label]
                    )
                    .norm()
                    .item()
                    for n in range(start + 1, min(stop, TIME) - 1)
                    if clip.activity[n - 1 : n + 2, label].all()
                ]
                mean = sum(jerks) / max(len(jerks), 1)
                smoothness[label, duration - 1, start] = math.exp(-mean)
    torch.testing.assert_close(maps.overlap, overlap)
    torch.testing.assert_close(maps.smoothness, smoothness)


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.integers(1, 10), st.integers(0, 3), st.integers(0, 1)),
        max_size=12,
    ),
    st.sampled_from([0.0, 0.3, 0.5, 0.9]),
)
def test_suppression_is_the_greedy_one(
    rows: list[tuple[int, int, int, int]], overlap: float
) -> None:
    start, length, score, label = torch.tensor(rows, dtype=torch.int64).reshape(-1, 4).unbind(1)
    stop = start + length
    kept = temporal_nms(start, stop, score.float(), label=label, overlap=overlap)
    wanted: list[int] = []
    for i in score.argsort(descending=True, stable=True).tolist():
        beaten = any(
            label[i] == label[j]
            and interval_iou(start[i], stop[i], start[j], stop[j]) >= max(overlap, 1e-12)
            for j in wanted
        )
        if not beaten:
            wanted.append(i)
    assert kept.tolist() == wanted


def test_labels_do_not_matter_to_each_other() -> None:
    start, stop, score = torch.tensor([0, 0]), torch.tensor([5, 5]), torch.tensor([0.5, 0.9])
    assert temporal_nms(start, stop, score).tolist() == [1]
    assert temporal_nms(start, stop, score, label=torch.tensor([0, 1])).tolist() == [1, 0]


def test_losses_are_least_at_the_truth() -> None:
    clips = [
        proposal_targets(made(e, moving=0.3), 8) for e in ([(0, 1, 4)], [(2, 3, 5), (1, 0, 2)])
    ]
    target = ProposalMaps(*(torch.stack(maps) for maps in zip(*clips, strict=True)))
    right = ProposalMaps(*(maps.logit(1e-6).requires_grad_() for maps in target))
    losses = proposal_losses(right, target)
    wrong = ProposalMaps(*(maps.detach() + torch.randn_like(maps) for maps in right))
    others = proposal_losses(wrong, target)
    assert set(losses) == {"overlap", "smoothness"}
    assert all(losses[name] < others[name] for name in losses)
    torch.stack(list(losses.values())).sum().backward()
    assert right.overlap.grad is not None
    beyond = torch.arange(TIME) + torch.arange(1, 9).unsqueeze(1) > TIME
    assert (right.overlap.grad[..., beyond] == 0).all()
    silent = ProposalMaps(torch.zeros(1, 1, 3, 5), torch.ones(1, 1, 3, 5))
    zero = proposal_losses(ProposalMaps(*map(torch.zeros_like, silent)), silent)
    assert zero["smoothness"] == 0
    assert zero["overlap"].item() == pytest.approx(math.log(2))


def test_from_proposals_to_events() -> None:
    events = Events.from_degrees([2, 3, 4, 7], [1, 1, 1, 0], [90.0] * 3 + [0.0], [0.0] * 4)
    format = ClassWise(3)
    target = format.encode(events, num_frames=10)
    found = propose_events(proposal_targets(target, 6))
    output = target._replace(activity=torch.zeros_like(target.activity))
    again = format.decode(proposed_output(output, found))
    assert again.frame.tolist() == [2, 3, 4, 7]
    assert again.label.tolist() == [1, 1, 1, 0]
    torch.testing.assert_close(again.azimuth_deg, events.azimuth_deg)
    none = EventProposals(*(x[:0] for x in found))
    assert len(format.decode(proposed_output(output, none))) == 0


@pytest.mark.messages
def test_messages() -> None:
    maps = proposal_targets(made([]), 4)
    assert len(propose_events(maps).start) == 0
    with pytest.raises(ValueError, match=r"overlap must be \(cls, duration, start\)"):
        propose_events(ProposalMaps(maps.overlap[0], maps.smoothness[0]))
    with pytest.raises(ValueError, match=r"overlap must be in \[0, 1\), got 1"):
        temporal_nms(torch.zeros(1), torch.ones(1), torch.ones(1), overlap=1)
    with pytest.raises(ValueError, match="max_duration must be at least 1, got 0"):
        proposal_targets(made([]), 0)
    with pytest.raises(ValueError, match="overlap"):
        proposal_losses(maps, proposal_targets(made([]), 5))
    with pytest.raises(TypeError, match="activity must hold floats"):
        proposal_targets(made([])._replace(activity=made([]).activity.long()), 4)
    logits = maps._replace(overlap=maps.overlap + 5)
    with pytest.raises(ValueError, match=r"overlap must be in 0\.\.1, got 5 to 5"):
        propose_events(logits)
    for name in ("threshold", "smoothness_weight"):
        settings: Any = {name: float("nan")}
        with pytest.raises(ValueError, match=f"{name} must be finite and at least 0, got nan"):
            propose_events(maps, **settings)
    batched = SELDOutput(torch.zeros(1, 5, 2), torch.zeros(1, 5, 2, 3))
    with pytest.raises(ValueError, match=r"activity must be \(time, cls\), got shape \(1, 5, 2\)"):
        proposed_output(batched, propose_events(maps))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_loses_no_sound(dtype: torch.dtype) -> None:
    direction = torch.randn(2000, 1, 3).to(dtype)
    target = SELDOutput(torch.ones(2000, 1, dtype=dtype), direction)
    maps = proposal_targets(target, 2)
    exact = proposal_targets(SELDOutput(torch.ones(2000, 1), direction.float()), 2)
    torch.testing.assert_close(maps.smoothness, exact.smoothness.to(dtype))
    first, stop, label = (torch.tensor([n]) for n in (3, 9, 0))
    sure = EventProposals(first, stop, label, torch.ones(1))
    activity = proposed_output(target, sure).activity
    assert activity.dtype == dtype
    assert activity.isfinite().all()
