"""What is encoded is decoded again, sounds keep their tracks, and nothing is lost unsaid."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from formats.sounding import CLASSES, FRAMES, OVERLAPPING, Row, in_order, make_events, quick
from seldkit import SELDOutput
from seldkit.events import Events
from seldkit.formats import TrackWise

INTERVALS = st.lists(
    st.tuples(st.integers(0, 15), st.integers(1, 8), st.integers(0, CLASSES - 1)), max_size=8
)
"""Sounds: first frame, number of frames, class."""


def sounds_as_events(sounds: list[tuple[int, int, int]]) -> Events:
    """Return one row for each frame of each sound; a sound's azimuth is its number."""
    rows = [
        (start + t, label, number)
        for number, (start, length, label) in enumerate(sounds)
        for t in range(length)
    ]
    frame, label, source = zip(*rows, strict=True) if rows else ((), (), ())
    azimuth = [float(number) for number in source]
    return Events.from_degrees(frame, label, azimuth, [0.0] * len(rows), source=source)


def most_at_once(events: Events) -> int:
    return int(events.frame.bincount().max()) if len(events) else 0


def one_class(frames: list[int], source: list[int] | None = None) -> Events:
    zeros = [0] * len(frames)
    return Events.from_degrees(frames, zeros, zeros, zeros, source=source)


@quick
@given(OVERLAPPING, st.integers(0, 3), st.booleans(), st.booleans(), st.booleans())
def test_what_is_encoded_is_decoded(
    rows: list[Row], spare: int, distance: bool, class_directions: bool, logits: bool
) -> None:
    events = make_events(rows, distance=distance, onscreen=False)
    tracks = most_at_once(events) + spare or 1
    format_ = TrackWise(CLASSES, tracks, distance=distance, class_directions=class_directions)
    decoded = format_.decode(format_.encode(events, FRAMES), logits=logits)
    assert sorted(in_order(decoded)) == sorted(in_order(events))
    assert decoded.num_frames == FRAMES
    places = list(zip(decoded.frame.tolist(), decoded.source.tolist(), strict=True))
    assert places == sorted(places)


@quick
@given(INTERVALS)
def test_a_sound_keeps_its_track(sounds: list[tuple[int, int, int]]) -> None:
    events = sounds_as_events(sounds)
    format_ = TrackWise(CLASSES, most_at_once(events) or 1)
    decoded = format_.decode(format_.encode(events, 30))
    for number, (_, length, _) in enumerate(sounds):
        rows = decoded.select(decoded.azimuth_deg.round() == number)
        assert len(rows) == length
        assert len(rows.source.unique()) == 1


@quick
@given(INTERVALS, st.integers(1, 3))
def test_what_finds_no_track_is_counted(sounds: list[tuple[int, int, int]], tracks: int) -> None:
    events = sounds_as_events(sounds)
    format_ = TrackWise(CLASSES, tracks, overflow="drop")
    decoded = format_.decode(format_.encode(events, 12))
    kept, dropped = format_.fit(events, 12)
    assert sorted(in_order(decoded)) == sorted(in_order(kept))
    assert len(events) == len(kept) + len(dropped)
    assert torch.equal(dropped.beyond_clip.frame, events.frame[events.frame >= 12])
    inside = events.select(events.frame < 12)
    if most_at_once(inside) <= tracks:
        assert len(decoded) == len(inside)
    if most_at_once(events) > tracks or len(inside) < len(events):
        with pytest.raises(ValueError, match=f"but {len(dropped)} of {len(events)} rows"):
            TrackWise(CLASSES, tracks).encode(events, 12)


def test_a_sound_takes_the_first_free_track() -> None:
    events = sounds_as_events([(0, 6, 0), (1, 2, 1), (3, 2, 2), (6, 2, 1)])
    activity = TrackWise(CLASSES, 2).encode(events, 8).activity
    first = [0, 0, 0, 0, 0, 0, 1, 1]
    second = [None, 1, 1, 2, 2, None, None, None]
    for t in range(8):
        for track, label in enumerate((first[t], second[t])):
            wanted = torch.zeros(CLASSES)
            if label is not None:
                wanted[label] = 1
            assert torch.equal(activity[t, track], wanted)


def test_a_gap_ends_a_sound() -> None:
    events = one_class([0, 1, 3, 4, 2, 3], source=[0, 0, 0, 0, 1, 1])
    activity = TrackWise(1, 2).encode(events, 5).activity.squeeze(2)
    assert activity.tolist() == [[1, 0], [1, 0], [1, 0], [1, 1], [0, 1]]


def test_a_late_sound_gets_what_is_left() -> None:
    events = one_class([0, 1, 2, 1, 2, 3, 4], source=[0, 0, 0, 1, 1, 1, 1])
    format_ = TrackWise(1, 1, overflow="drop")
    assert format_.encode(events, 5).activity.flatten().tolist() == [1, 1, 1, 1, 1]
    _, dropped = format_.fit(events, 5)
    assert dropped.no_place.frame.tolist() == [1, 2]
    _, dropped = format_.fit(events, 4)
    assert (dropped.no_place.frame.tolist(), dropped.beyond_clip.frame.tolist()) == ([1, 2], [4])


def test_inactive_places_are_zeros() -> None:
    events = Events.from_degrees([1], [0], [90], [0], distance=[2.0])
    target = TrackWise(1, 2, distance=True).encode(events, 3)
    assert target.distance is not None
    assert target.distance.tolist() == [[0, 0], [2, 0], [0, 0]]
    assert target.direction.norm(dim=-1).tolist() == [[0, 0], [1, 0], [0, 0]]
    assert target.activity.sum() == 1
    assert {x.dtype for x in target if x is not None} == {torch.float32}
    assert TrackWise(1, 2).encode(events, 3).distance is None


def test_a_clip_without_events_is_all_zeros() -> None:
    format_ = TrackWise(CLASSES)
    target = format_.encode(one_class([]), 4)
    assert [x.abs().sum() for x in target[:2]] == [0, 0]
    assert len(format_.decode(target)) == 0


def output(probability: list[float], distance: float | None = None) -> SELDOutput:
    """Return one frame of one track that points to nowhere."""
    activity = torch.tensor(probability).reshape(1, 1, -1)
    far = None if distance is None else torch.full((1, 1), distance)
    return SELDOutput(activity, torch.zeros(1, 1, 3), far)


@pytest.mark.parametrize(
    ("threshold", "probability", "labels"),
    [
        (0.5, [0.5, 0.2], []),
        (0.5, [0.51, 0.6], [1]),
        (0.7, [0.6, 0.2], []),
        ([0.1, 0.9], [0.2, 0.1], [0]),
        ([0.1, 0.9], [0.2, 0.8], [0]),
        ([0.5, 0.2], [0.45, 0.40], [1]),
        ([0.5, 0.2], [0.9, 0.30], [0]),
        ([0.5, 0.25], [0.9, 0.48], [1]),
        ([0.5, 0.25], [0.8, 0.4], [0]),
        ([0.0, 0.2], [0.1, 0.9], [0]),
        ([0.0, -1.0], [0.1, 0.9], [1]),
        (0.0, [0.1, 0.9], [1]),
        (-1.0, [0.0, 0.9], [1]),
        ([torch.inf, 0.5], [1.0, 0.6], [1]),
    ],
)
def test_the_class_that_exceeds_its_threshold_by_the_largest_factor_counts(
    threshold: Any, probability: list[float], labels: list[int]
) -> None:
    format_ = TrackWise(2, 1, threshold=threshold)
    assert format_.decode(output(probability), logits=False).label.tolist() == labels
    logits = torch.tensor(probability, dtype=torch.float64).logit().tolist()
    if probability not in ([0.5, 0.2], [0.8, 0.4]):  # which float32 may round up
        assert format_.decode(output(logits)).label.tolist() == labels


@quick
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 0.9), st.booleans())
def test_with_one_threshold_the_most_probable_class_counts(
    seed: int, threshold: float, logits: bool
) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(20, 2, 5, generator=generator) * 8
    x = x if logits else x.sigmoid()
    events = TrackWise(5, threshold=threshold).decode(
        SELDOutput(x, torch.ones(20, 2, 3)), logits=logits
    )
    p = x.double().sigmoid() if logits else x.double()
    best, label = p.max(dim=-1)
    assert torch.equal(
        torch.stack((events.frame, events.source), dim=1), (best > threshold).nonzero()
    )
    assert torch.equal(events.label, label[events.frame, events.source])


def test_a_track_reads_the_direction_of_its_class() -> None:
    format_ = TrackWise(2, 1, distance=True, class_directions=True)
    events = Events.from_degrees([0, 1], [1, 0], [90, -90], [0, 0], distance=[2.0, 3.0])
    target = format_.encode(events, 2)
    assert target.direction.squeeze(1).round().tolist() == [
        [[0, 0, 0], [0, 1, 0]],
        [[0, -1, 0], [0, 0, 0]],
    ]
    assert target.distance is not None
    assert target.distance.squeeze(1).tolist() == [[0, 2], [3, 0]]
    # What stands at the other class does not matter.
    other = target._replace(direction=target.direction + torch.tensor([1.0, 0, 0]))
    assert format_.decode(other).azimuth_deg.round().tolist() == [45, -45]
    with pytest.raises(ValueError, match=r"direction must be \(time=2, track=1, cls=2, axis=3\)"):
        format_.decode(target._replace(direction=target.direction[:, :, 0]))


def test_no_direction_is_the_front_and_no_distance_is_negative() -> None:
    events = TrackWise(2, 1, distance=True).decode(output([1.0, 0.0], distance=-0.3))
    assert events.direction.tolist() == [[1, 0, 0]]
    assert events.distance is not None
    assert events.distance.tolist() == [0]


def test_directions_come_out_as_unit_vectors() -> None:
    direction = torch.randn(20, 2, 3, requires_grad=True)
    events = TrackWise(1).decode(SELDOutput(torch.ones(20, 2, 1), direction))
    wanted = torch.nn.functional.normalize(direction.detach().double(), dim=-1).flatten(0, 1)
    torch.testing.assert_close(events.direction, wanted)


def test_decodes_as_the_published_code(golden: Callable[[str], Path]) -> None:
    saved = np.load(golden("einv2/post_einv2_trackwise.npz"))
    probability, doa = (torch.from_numpy(saved[name]).flatten(0, 1) for name in ("sed_prob", "doa"))
    classes = probability.shape[-1]
    format_ = TrackWise(classes, threshold=float(saved["threshold"]))
    events = format_.decode(SELDOutput(probability, doa), logits=False)
    angles = events.azimuth_deg, events.elevation_deg
    rows = torch.stack((events.frame, events.label, *(a.round().long() for a in angles)), dim=1)
    rows[:, 2] = torch.where(rows[:, 2] == 180, -180, rows[:, 2])
    wanted = torch.from_numpy(saved["rows_frame_class_azi_ele"])
    wanted[:, 2] = torch.where(wanted[:, 2] == 180, -180, wanted[:, 2])
    assert sorted(rows.tolist()) == sorted(wanted.tolist())


def test_a_track_is_needed() -> None:
    with pytest.raises(ValueError, match="num_tracks must be at least 1, got 0"):
        TrackWise(3, 0)


def test_wrong_outputs_are_named() -> None:
    right = output([1.0, 0.0])
    with pytest.raises(ValueError, match=r"activity must be \(time, track=1, cls=3\)"):
        TrackWise(3, 1).decode(right)
    with pytest.raises(ValueError, match=r"direction must be \(time=1, track=1, axis=3\)"):
        TrackWise(2, 1).decode(right._replace(direction=torch.zeros(1, 1, 2)))
    with pytest.raises(ValueError, match="output must have distances for a format with"):
        TrackWise(2, 1, distance=True).decode(right)


def test_nan_is_never_taken_for_silence_or_the_front() -> None:
    right = output([1.0, 0.0])
    with pytest.raises(ValueError, match="activity must be finite"):
        TrackWise(2, 1).decode(right._replace(activity=right.activity * torch.nan))
    with pytest.raises(ValueError, match="direction must be finite"):
        TrackWise(2, 1).decode(right._replace(direction=right.direction * torch.nan))
