"""Events know how long a frame lasts, and what they are in frames of another length."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seldkit.events import Events, Row

SEEDS = st.integers(0, 2**32 - 1)
RATES = st.sampled_from([1, 2, 3, 5, 10, 12.5, 50, 100])
quick = settings(max_examples=40)


def random_events(seed: int, *, frame_s: float = 0.1, in_order: bool = False) -> Events:
    """Return rows in any order, which may share frame, class and source."""
    generator = np.random.default_rng(seed)
    rows = int(generator.integers(0, 30))
    frame = generator.integers(0, 10, rows)
    make, place = Events.from_degrees, generator.uniform((-180, -90), (180, 90), (rows, 2)).T
    events = make(
        np.sort(frame) if in_order else frame,
        generator.integers(0, 3, rows),
        *place,
        source=generator.integers(-1, 2, rows),
        distance=generator.uniform(0, 5, rows),
        onscreen=generator.random(rows) < 0.5,
        num_frames=12 if generator.random() < 0.5 else None,
        frame_s=frame_s,
    )
    return events if generator.random() < 0.5 else replace(events, direction=-events.direction)


@quick
@given(SEEDS, RATES, st.integers(1, 7))
def test_finer_frames_and_back_are_the_same_events(seed: int, rate: float, parts: int) -> None:
    events = random_events(seed, frame_s=1 / rate)
    back = events.at(1 / rate / parts).at(1 / rate)
    assert back == events
    assert torch.equal(back.azimuth_deg, events.azimuth_deg)


@quick
@given(SEEDS, st.integers(1, 7))
def test_each_part_of_a_frame_holds_its_rows(seed: int, parts: int) -> None:
    events = random_events(seed, in_order=True)
    fine = events.at(0.1 / parts)
    assert fine.frame_s == 0.1 / parts
    assert len(fine) == parts * len(events)
    assert (fine.frame.diff() >= 0).all()
    if events.num_frames is not None:
        assert fine.num_frames == parts * events.num_frames
    for part in range(parts):
        rows = fine.select(fine.frame % parts == part)
        assert replace(rows, frame=rows.frame // parts, frame_s=0.1, num_frames=None) == replace(
            events, num_frames=None
        )


@quick
@given(SEEDS, st.integers(1, 12))
def test_a_coarse_frame_holds_what_any_of_its_parts_holds(seed: int, multiple: int) -> None:
    events = random_events(seed)
    coarse = events.at(0.1 * multiple)
    if events.num_frames is not None:
        assert coarse.num_frames == -(-events.num_frames // multiple)
    most: dict[tuple[int, ...], int] = {}  # rows that share frame, class and source stay apart
    for row in events:
        key = (row.frame, row.label, row.source)
        most[key] = most.get(key, 0) + 1
    wanted: dict[tuple[int, ...], int] = {}
    for (frame, *sound), times in most.items():
        cell = (frame // multiple, *sound)
        wanted[cell] = max(times, wanted.get(cell, 0))
    found: dict[tuple[int, ...], int] = {}
    for row in coarse:
        key = (row.frame, row.label, row.source)
        found[key] = found.get(key, 0) + 1
    assert found == wanted


def test_a_coarse_frame_has_the_middle_of_what_sounds_in_it() -> None:
    events = Events.from_degrees(
        [0, 1, 2, 3, 4, 6, 8], [5] * 7, range(7), range(10, 17), distance=range(7), num_frames=11
    )
    coarse = events.at(0.5)
    assert coarse == Events.from_degrees(
        [0, 1], [5, 5], [2, 5], [12, 15], distance=[2, 5], num_frames=3, frame_s=0.5
    )
    # The rows of one place are given in another order than their frames.
    assert events.select(torch.arange(7).flip(0)).at(0.5).distance.tolist() == [5, 2]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("old", "new", "factor"),
    [
        (0.1, 0.02, Fraction(5)),
        (0.02, 0.1, Fraction(1, 5)),
        (0.3, 0.1, Fraction(3)),
        (0.1, 0.3, Fraction(1, 3)),
        (0.1, 0.1 + 1e-12, Fraction(1)),
        (1 / 3, 1, Fraction(1, 3)),
        (1, 1 / 12.5, Fraction(25, 2)),
        (0.1, 0.04, Fraction(5, 2)),
        (0.1, 0.15, Fraction(2, 3)),
        (0.02, 0.02322, Fraction(1000, 1161)),
    ],
)
def test_ratios_are_whole_but_for_rounding(old: float, new: float, factor: Fraction) -> None:
    events = Events.from_degrees([0, 6], [0, 0], [0, 0], [0, 0], num_frames=30, frame_s=old)
    if 1 in factor.as_integer_ratio():
        assert events.at(new).num_frames == 30 * factor
        assert events.at(new).frame_s == new
        return
    with pytest.raises(ValueError, match=f"frame_s must be a multiple or a whole part of {old}, g"):
        events.at(new)


@pytest.mark.messages
@pytest.mark.parametrize(
    ("frame_s", "error", "message"),
    [
        (0, ValueError, "frame_s must be positive, got 0"),
        (float("nan"), ValueError, "frame_s must be positive, got nan"),
        (float("inf"), ValueError, "frame_s must be at most a day"),
        ("0.1", TypeError, "frame_s must be a number"),
        (1e-9, ValueError, "must leave a clip at most 8640000 frames, got 3000000000"),
    ],
)
def test_messages_of_at(frame_s: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Events.from_degrees([0], [0], [0], [0], num_frames=30).at(frame_s)


@quick
@given(SEEDS)
def test_frames_keep_their_length(seed: int) -> None:
    events = random_events(seed, frame_s=0.02)
    for other in (
        events.select(torch.arange(len(events)).flip(0)),
        events.window(2, 9),
        replace(events, num_frames=99),
        Events.concatenate([events, events]),
        Events.from_degrees(**events.to_dict(), frame_s=0.02),
    ):
        assert other.frame_s == 0.02


@pytest.mark.messages  # of another kind than is declared
def test_a_length_may_be_a_number_of_numpy() -> None:
    assert Events([], [], [], frame_s=np.float32(0.5)).frame_s == 0.5  # type: ignore[arg-type]


@quick
@given(SEEDS, st.integers(0, 30))
def test_parts_put_together_are_the_whole(seed: int, cut: int) -> None:
    events = random_events(seed)
    rows = torch.arange(len(events))
    parts = [events.select(rows[:cut]), events.select(rows[cut:])]
    whole = Events.concatenate(parts)
    assert whole == events
    assert torch.equal(whole.azimuth_deg, events.azimuth_deg)
    assert (whole.given_deg is None) == (events.given_deg is None)


def test_parts_that_know_different_things() -> None:
    near = Events.from_degrees([0], [1], [540], [0], distance=[1], num_frames=4)
    empty = Events([], [], [])
    far = Events([3], [2], [[0, 1, 0]], distance=[2], num_frames=9)
    both = Events.concatenate([near, far])
    assert (both.num_frames, both.frame.tolist()) == (9, [0, 3])
    assert both.azimuth_deg.tolist() == [-180, 90]
    assert both.given_deg is not None
    assert both.given_deg[0].tolist() == [540, 90]
    more = Events.concatenate([empty, near, empty])  # nothing has no distance to tell
    assert more == replace(near, num_frames=None)
    assert Events.concatenate([empty]) == empty
    silent = replace(near, distance=None)
    with pytest.raises(ValueError, match="parts must all have distance or none, got it in 1 of 2"):
        Events.concatenate([silent, near, empty])
    with pytest.raises(ValueError, match="parts must all have onscreen or none, got it in 1 of 2"):
        Events.concatenate([near, replace(near, onscreen=torch.tensor([True]))])
    with pytest.raises(ValueError, match=r"parts must have frames of 0\.1 s, got 0\.02 s"):
        Events.concatenate([near, replace(near, frame_s=0.02)])
    with pytest.raises(ValueError, match="parts must be at least one, got none"):
        Events.concatenate([])


@quick
@given(SEEDS)
def test_rows_and_columns_hold_the_same(seed: int) -> None:
    events = random_events(seed)
    columns = events.to_dict()
    assert Events.from_degrees(**columns, num_frames=events.num_frames) == replace(
        events, direction=Events.from_degrees(**columns).direction
    )
    rows = list(events)
    assert len(rows) == len(events)
    for name, column in columns.items():
        assert column.tolist() == [getattr(row, name) for row in rows]
        column[:] = 0  # a copy
    assert rows == list(events)
    known = replace(events, distance=None, onscreen=None)
    assert list(known.to_dict()) == ["frame", "label", "source", "azimuth_deg", "elevation_deg"]
    assert [row.distance for row in known] == [None] * len(events)


def test_a_row_is_plain() -> None:
    events = Events.from_degrees([4], [1], [180], [5], distance=[2], onscreen=[1])
    assert next(iter(events)) == Row(4, 1, 0, -180.0, 5.0, 2.0, True)
    assert list(Events([], [], [])) == []


@quick
@given(SEEDS)
def test_spans_cover_the_rows(seed: int) -> None:
    events = random_events(seed, frame_s=0.25)
    spans = events.spans()
    assert [span.start_s for span in spans] == sorted(span.start_s for span in spans)
    covered = [
        (frame, span.label, span.source)
        for span in spans
        for frame in range(round(span.start_s * 4), round(span.end_s * 4))
    ]
    assert sorted(covered) == sorted((row.frame, row.label, row.source) for row in events)
    fine = events.at(0.05).spans()
    assert [span[:4] for span in fine] == [span[:4] for span in spans]


def test_a_gap_ends_a_span() -> None:
    columns = [
        (0, 7, 0, 80),
        (1, 7, 0, 100),
        (1, 7, 1, 0),
        (2, 7, 1, 0),
        (4, 7, 0, 0),
        (4, 2, 0, 0),
    ]
    frame, label, source, azimuth = zip(*columns, strict=True)
    events = Events.from_degrees(frame, label, azimuth, [0] * 6, source=source, frame_s=0.02)
    spans = events.spans()
    assert [span[:4] for span in spans] == [
        (7, 0, 0, 0.04),
        (7, 1, 0.02, 0.06),
        (7, 0, 0.08, 0.1),
        (2, 0, 0.08, 0.1),
    ]
    torch.testing.assert_close(spans[0].direction, torch.tensor([0.0, 1, 0]).double())
    assert Events([], [], []).spans() == []


def test_directions_that_cancel_have_no_mean() -> None:
    events = Events.from_degrees([0, 1], [0, 0], [90, -90], [0, 0])
    assert events.spans()[0].direction.isnan().all()
