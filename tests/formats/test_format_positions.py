"""Positions in place of directions: direction and distance in one vector."""

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from formats.sounding import CLASSES, FRAMES, SINGLE, Row, make_events, quick
from seldkit._builders import built_by
from seldkit.events import Events
from seldkit.formats import ClassWise, TrackWise
from seldkit.metrics import SELDMetrics
from seldkit.outputs import SELDOutput

EXTENTS: list[Any] = [2.0, 50.0, (2.0, 1.5, 1.0)]


def positions(events: Events) -> Tensor:
    assert events.distance is not None
    return events.direction * events.distance.unsqueeze(1)


def at(*rows: tuple[float, float, float]) -> Events:
    """Return one event for each position, each in a frame and of a class of its own."""
    position = torch.tensor(rows, dtype=torch.float64)
    distance = position.norm(dim=1)
    number = torch.arange(len(rows))
    return Events(number, number, position / distance.unsqueeze(1), distance=distance)


@quick
@given(SINGLE, st.booleans())
def test_what_is_encoded_is_decoded(rows: list[Row], class_directions: bool) -> None:
    rows = sorted(rows)
    events = make_events(rows, distance=True, onscreen=False)
    track = TrackWise(CLASSES, CLASSES, positions_m=3.0, class_directions=class_directions)
    for format_ in (track, ClassWise(CLASSES, positions_m=3.0)):
        target = format_.encode(events, FRAMES)
        assert target.distance is None
        assert (target.direction.abs() <= 1).all()
        decoded = format_.decode(target)
        decoded = decoded.select((decoded.frame * CLASSES + decoded.label).argsort())
        assert torch.equal(decoded.frame, events.frame)
        assert torch.equal(decoded.label, events.label)
        torch.testing.assert_close(positions(decoded), positions(events), rtol=0, atol=1e-6)


@pytest.mark.parametrize("extent", EXTENTS)
@pytest.mark.parametrize("kind", [TrackWise, ClassWise])
def test_targets_are_parts_of_the_room(extent: Any, kind: type[TrackWise | ClassWise]) -> None:
    events = at((1.0, -1.5, 0.5), (-2.0, 1.5, -1.0))
    format_ = kind(2, positions_m=extent)
    target = format_.encode(events, 2)
    wanted = (positions(events) / torch.tensor(extent)).float()
    found = target.direction[target.direction.any(dim=-1)]
    torch.testing.assert_close(found, wanted)
    decoded = format_.decode(target)
    torch.testing.assert_close(positions(decoded), positions(events))


def test_a_perfect_target_scores_perfectly() -> None:
    events = at((1.0, -1.5, 0.5), (-2.0, 1.5, -1.0), (0.0, 0.0, 1.0))
    format_ = TrackWise(14, 3, positions_m=(2, 1.5, 1))
    metrics = SELDMetrics("l3das22", 14, distance_threshold_m=0.001)
    metrics.update(format_.decode(format_.encode(events, 300)), events)
    assert metrics.compute().f_score == 1


def test_what_lies_beyond_the_room_does_not_fit() -> None:
    events = at((1.0, 1.6, 0.0), (2.0, 1.5, 1.0))
    room = (2.0, 1.5, 1.0)
    with pytest.raises(ValueError, match=r"1 of 2 rows do not \(1 beyond positions_m\)"):
        TrackWise(2, positions_m=room).encode(events, 2)
    for kind in (TrackWise, ClassWise):
        format_ = kind(2, positions_m=room, overflow="drop")
        assert format_.encode(events, 2).activity.sum() == 1
        kept, dropped = format_.fit(events, 2)
        assert torch.equal(kept.frame, torch.tensor([1]))
        assert [len(dropped.no_place), len(dropped.beyond_clip)] == [0, 0]
        assert dropped.beyond_positions == events.select(events.frame == 0)


@pytest.mark.parametrize("kind", [TrackWise, ClassWise])
@pytest.mark.parametrize(
    ("metres", "fits"), [(2.0, True), (2.0 + 1e-6, True), (2.0 + 4e-6, False), (2.1, False)]
)
def test_the_border_of_the_room_forgives_the_rounding_of_float32(
    kind: type[TrackWise | ClassWise], metres: float, fits: bool
) -> None:
    kept, _ = kind(1, positions_m=2.0).fit(at((0.0, -metres, 0.0)), 1)
    assert len(kept) == fits


@pytest.mark.parametrize("kind", [TrackWise, ClassWise])
def test_what_lies_beyond_the_room_takes_no_place(kind: type[TrackWise | ClassWise]) -> None:
    near, far = at((1.0, 1.0, 0.0)), at((3.0, 1.0, 0.0))
    for first, second in ((near, far), (far, near)):
        events = Events(
            [0, 0],
            [0, 0],
            torch.cat((first.direction, second.direction)),
            distance=[
                2.0**0.5 if first is near else 10**0.5,
                2.0**0.5 if second is near else 10**0.5,
            ],
        )
        format_ = (
            TrackWise(1, 1, positions_m=2.0) if kind is TrackWise else kind(1, positions_m=2.0)
        )
        kept, dropped = format_.fit(events, 1)
        torch.testing.assert_close(positions(kept), positions(near))
        assert len(dropped) == len(dropped.beyond_positions) == 1


@pytest.mark.parametrize("extent", [torch.tensor([2.0, 1.5, 1.0]), np.array([2.0, 1.5, 1.0])])
def test_extents_come_in_any_kind(extent: Any) -> None:
    format_ = TrackWise(2, positions_m=extent)
    assert format_ == TrackWise(2, positions_m=(2.0, 1.5, 1.0))
    assert json.loads(json.dumps(asdict(format_)))["positions_m"] == [2.0, 1.5, 1.0]


def test_the_origin_is_in_front_at_no_distance() -> None:
    output = SELDOutput(torch.ones(1, 2, 1), torch.zeros(1, 2, 3))
    events = TrackWise(1, positions_m=2.0).decode(output)
    assert events.distance is not None
    assert events.distance.tolist() == [0, 0]
    assert events.direction.tolist() == [[1, 0, 0]] * 2


def test_the_setting_is_remembered() -> None:
    call = built_by(TrackWise(2, positions_m=(2.0, 1.5, 1.0)))
    assert call is not None
    again = TrackWise(**json.loads(json.dumps(call.arguments)))
    assert again.encode(at((0.2, 0.3, 0.4)), 1).direction[0, 0].tolist() == pytest.approx(
        [0.1, 0.2, 0.4]
    )


@pytest.mark.messages
@pytest.mark.parametrize("extent", [0.0, -1.0, torch.inf, torch.nan, (2.0, 1.5), (2.0, 0.0, 1.0)])
def test_messages_of_wrong_extents(extent: Any) -> None:
    for kind in (TrackWise, ClassWise):
        with pytest.raises(ValueError, match="positions_m must be one positive number or 3, got"):
            kind(2, positions_m=extent)


@pytest.mark.messages
def test_messages_of_what_excludes_positions() -> None:
    with pytest.raises(ValueError, match="distance must be False with positions_m"):
        TrackWise(2, positions_m=2.0, distance=True)
    nowhere = Events.from_degrees([0], [0], [0.0], [0.0])
    with pytest.raises(ValueError, match="events must have distances for a format with positions_"):
        TrackWise(2, positions_m=2.0).encode(nowhere, 1)
