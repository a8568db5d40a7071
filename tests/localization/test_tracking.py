"""Tracks of directions: who is followed, whatever the poles and the order of rows."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seldkit.events import Events
from seldkit.geometry import angle_deg, unit_norm, unit_vector
from seldkit.localization import DirectionTracker, link_sources, track_directions
from seldkit.localization.following import nearest_within
from seldkit.localization.sphere_steps import moved, step_towards, transported

SEEDS = st.integers(0, 2**31)


def sightings(paths: Tensor, noise_deg: float, seed: int = 0, seen: float = 1.0) -> Events:
    """Return what is seen of paths, `(time, path, axis)`, with the paths as sources."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(paths.shape, generator=generator, dtype=torch.float64)
    place = unit_norm(paths + noise_deg / 57.3 * noise)
    frame, path = (torch.rand(paths.shape[:2], generator=generator) <= seen).nonzero().T
    label = torch.zeros_like(frame)
    return Events(frame, label, place[frame, path], source=path, num_frames=len(paths))


def great_circle(start_deg: float, speed_deg: float, num_frames: int) -> Tensor:
    """Return a path along the equator, frame by frame, at a speed in degrees per second."""
    azimuth = start_deg + 0.1 * speed_deg * torch.arange(num_frames, dtype=torch.float64)
    return unit_vector(azimuth, 0.0)


def turn(seed: int) -> Tensor:
    """Return a random rotation."""
    generator = torch.Generator().manual_seed(seed)
    matrix, _ = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))
    rotation: Tensor = matrix * torch.linalg.det(matrix)
    return rotation


def same_partition(a: Tensor, b: Tensor) -> bool:
    """Whether two numberings of tracks say the same."""
    return bool(((a.unsqueeze(1) == a) == (b.unsqueeze(1) == b)).all())


@settings(max_examples=8)
@given(SEEDS, st.sampled_from([{}, {"motion": "walk"}, {"directions": "seen"}]))
def test_turned_sightings_have_turned_tracks(seed: int, choices: dict[str, Any]) -> None:
    paths = torch.stack([great_circle(start, 15, 20) for start in (0.0, 50.0, 170.0)], dim=1)
    events = sightings(paths, 3, seed, seen=0.8)
    matrix = turn(seed)
    there = track_directions(events, **choices)
    turned = replace(events, direction=events.direction @ matrix.T)
    back = track_directions(turned, **choices)
    assert torch.equal(there.frame, back.frame)
    assert same_partition(there.source, back.source)
    torch.testing.assert_close(back.direction, there.direction @ matrix.T, atol=1e-9, rtol=0)
    assert same_partition(link_sources(events).source, link_sources(turned).source)


@settings(max_examples=15)
@given(SEEDS)
def test_neither_sources_nor_the_order_of_rows_matter(seed: int) -> None:
    paths = torch.stack([great_circle(start, 15, 20) for start in (0.0, 30.0)], dim=1)
    events = sightings(paths, 4, seed, seen=0.7)
    order = torch.randperm(len(events), generator=torch.Generator().manual_seed(seed))
    hopping = replace(events, source=torch.arange(len(events))).select(order)
    linked = link_sources(hopping)
    assert torch.equal(linked.source, link_sources(events).source[order])
    there, back = track_directions(events), track_directions(hopping)
    rows = {(row.frame, row.azimuth_deg): row.source for row in there}
    assert rows == {(row.frame, row.azimuth_deg): row.source for row in back}


@pytest.mark.parametrize("seed", range(5))
def test_crossing_talkers_keep_their_names(seed: int) -> None:
    paths = torch.stack((great_circle(-40, 20, 40), great_circle(40, -20, 40)), dim=1)
    tracks = track_directions(sightings(paths, 1, seed), noise_deg=2)
    assert len(tracks) == 80
    ends = [tracks.azimuth_deg[tracks.source == source][-1] for source in (0, 1)]
    starts = [tracks.azimuth_deg[tracks.source == source][0] for source in (0, 1)]
    assert sorted(tracks.source.unique().tolist()) == [0, 1]
    assert all(start * end < 0 for start, end in zip(starts, ends, strict=True))


@pytest.mark.parametrize("name", ["velocity", "walk"])
def test_tracks_pass_the_pole_and_the_back(name: Any) -> None:
    over = unit_vector(0.0, 60 + 2.0 * torch.arange(30, dtype=torch.float64))
    behind = great_circle(150, 20, 30)
    for path in (over, behind):
        tracks = track_directions(sightings(path.unsqueeze(1), 1), motion=name)
        assert tracks.source.tolist() == [0] * 30
        error = angle_deg(tracks.direction, path)
        assert error.max() < (5 if name == "velocity" else 10)


def test_on_a_great_circle_it_is_the_filter_of_the_textbook() -> None:
    rng = np.random.default_rng(0)
    frame = np.array([0, 1, 2, 3, 6, 7, 8, 11])
    seen = 3 * frame + rng.normal(0, 2, len(frame))
    noise, drift, speed, dt = 4.0, 10.0, 10.0, 0.1
    state, covariance = np.array([seen[0], 0.0]), np.diag([noise**2, speed**2])
    expected = [seen[0]]
    for step, place in zip(np.diff(frame), seen[1:], strict=True):
        time = step * dt
        model = np.array([[1, time], [0, 1]])
        random = np.array([[time**3 / 3, time**2 / 2], [time**2 / 2, time]])
        state, covariance = model @ state, model @ covariance @ model.T + drift**2 * random
        gain = covariance[:, 0] / (covariance[0, 0] + noise**2)
        state = state + gain * (place - state[0])
        covariance = covariance - np.outer(gain, covariance[0])
        expected.append(state[0])
    events = Events.from_degrees(frame, 0 * frame, seen, 0.0 * frame)
    tracks = track_directions(events, min_sightings=1)
    np.testing.assert_allclose(tracks.azimuth_deg.numpy(), expected, atol=1e-9)


def test_filtered_directions_are_nearer_than_what_is_seen() -> None:
    path = great_circle(0, 10, 100)
    events = sightings(path.unsqueeze(1), 4)
    filtered = track_directions(events)
    assert len(filtered) == 100
    errors = [
        float(angle_deg(e.direction, path).square().mean().sqrt()) for e in (filtered, events)
    ]
    assert errors[0] < 0.7 * errors[1]
    assert torch.equal(track_directions(events, directions="seen").direction, events.direction)


def test_what_is_seen_once_is_no_track() -> None:
    rows = [(t, 0.0) for t in range(6)] + [(2, 90.0), (4, -90.0)]
    frame, azimuth = zip(*rows, strict=True)
    events = Events.from_degrees(frame, [0] * 8, azimuth, [0] * 8, num_frames=9)
    tracks = track_directions(events)
    assert tracks.frame.tolist() == [0, 1, 2, 3, 4, 5]
    assert tracks.num_frames == 9
    assert len(track_directions(events, min_sightings=1)) == 8


def test_what_is_missed_more_often_than_seen_is_not_born() -> None:
    def born(*frames: int) -> bool:
        events = Events.from_degrees(
            frames, [0] * len(frames), [0] * len(frames), [0] * len(frames)
        )
        return len(track_directions(events)) > 0

    assert born(0, 2, 4)
    assert not born(0, 3, 6)


@pytest.mark.parametrize("seconds", [1.0, 3.0])
def test_a_track_ends_after_its_memory(seconds: float) -> None:
    frames = [0, 1, 2, 22, 23, 24]
    events = Events.from_degrees(frames, [0] * 6, [0] * 6, [0] * 6)
    tracks = track_directions(events, memory_s=seconds, motion="walk")
    assert len(tracks.source.unique()) == (2 if seconds < 2 else 1)
    assert len(link_sources(events, memory_s=seconds).source.unique()) == (2 if seconds < 2 else 1)


def test_born_tracks_choose_first() -> None:
    # In frame 4 one sighting lies between a track and what is not yet one, nearer to this.
    rows = [(t, 0.0) for t in range(4)] + [(3, 12.0), (4, 7.0)]
    frame, azimuth = zip(*rows, strict=True)
    events = Events.from_degrees(frame, [0] * 6, azimuth, [0] * 6)
    assert track_directions(events).source.tolist() == [0] * 5


def test_classes_apart() -> None:
    frame, label = [0, 0, 1, 1, 2, 2], [0, 1] * 3
    events = Events.from_degrees(frame, label, [0] * 6, [0] * 6)
    assert track_directions(events, by_class=True).source.tolist() == [0, 1] * 3
    assert link_sources(events, by_class=True).source.tolist() == [0, 1] * 3
    assert len(link_sources(events).source.unique()) == 2


def test_sources_that_hop_are_linked() -> None:
    paths = torch.stack((great_circle(0, 5, 30), great_circle(90, -5, 30)), dim=1)
    events = sightings(paths, 1)
    hopping = replace(events, source=(events.source + events.frame) % 2)
    assert same_partition(link_sources(hopping).source, events.source)


def test_nothing_stays_nothing() -> None:
    nothing = Events.from_degrees([], [], [], [], num_frames=5)
    assert track_directions(nothing) == nothing
    assert link_sources(nothing) == nothing


@settings(max_examples=10)
@given(SEEDS)
def test_frame_by_frame_is_the_same(seed: int) -> None:
    paths = torch.stack([great_circle(start, 15, 25) for start in (0.0, 60.0)], dim=1)
    events = sightings(paths, 3, seed, seen=0.6)
    tracker = DirectionTracker()
    sources, directions = [], []
    for t in range(25):
        frame = tracker.push(events.direction[events.frame == t])
        sources.append(frame.source)
        directions.append(frame.direction)
    source, direction = torch.cat(sources), torch.cat(directions)
    whole = track_directions(events)
    rows = {(r.frame, r.azimuth_deg): r.source for r in whole}
    born = replace(events, direction=unit_norm(direction)).select(source >= 0)
    theirs = torch.tensor([rows[r.frame, r.azimuth_deg] for r in born], dtype=torch.int64)
    assert same_partition(source[source >= 0], theirs)


def test_an_endless_stream_keeps_only_what_lives() -> None:
    tracker = DirectionTracker(min_sightings=1, memory_s=0.3)
    for azimuth in range(0, 360, 40):
        frame = tracker.push(unit_vector(torch.tensor([float(azimuth)]), 0.0))
        for _ in range(5):
            tracker.push(torch.zeros(0, 3))
    assert frame.source.tolist() == [8]
    assert len(tracker._names) <= 1


@settings(max_examples=25)
@given(SEEDS)
def test_steps_lead_where_they_should(seed: int) -> None:
    a, b, c = unit_norm(
        torch.from_numpy(np.random.default_rng(seed).normal(size=(3, 4, 3)))
    ).numpy()
    step = step_towards(a, b)
    np.testing.assert_allclose(moved(a, step), b, atol=1e-9)
    np.testing.assert_allclose((step * a).sum(axis=-1), 0, atol=1e-12)
    tangent = step_towards(a, c)
    carried = transported(tangent, a, b)
    np.testing.assert_allclose((carried * b).sum(axis=-1), 0, atol=1e-9)
    length = np.linalg.norm(tangent, axis=-1)
    np.testing.assert_allclose(np.linalg.norm(carried, axis=-1), length, atol=1e-9)
    np.testing.assert_allclose(transported(step, a, b), -step_towards(b, a), atol=1e-9)


def test_steps_at_the_ends() -> None:
    front = np.array([[1.0, 0.0, 0.0]])
    assert step_towards(front, front).tolist() == [[0, 0, 0]]
    assert step_towards(front, -front).tolist() == [[0, 0, 0]]
    assert moved(front, np.zeros((1, 3))).tolist() == front.tolist()


@pytest.mark.parametrize(
    ("distance", "expected"),
    [
        ([[1.0, 5.0], [2.0, 1.0]], [0, 1]),
        ([[1.0, 5.0], [0.5, 9.0]], [1, 0]),  # 5.5 is less than 0.5 and a row alone
        ([[1.0], [0.5]], [-1, 0]),
        ([[7.0]], [-1]),
        ([[6.0]], [0]),
    ],
)
def test_rows_find_the_nearest(distance: Sequence[Sequence[float]], expected: list[int]) -> None:
    assert nearest_within(np.array(distance), 6.0).tolist() == expected


@pytest.mark.messages
def test_messages() -> None:
    events = Events.from_degrees([0], [0], [0], [0])
    with pytest.raises(ValueError, match="motion must be one of 'velocity', 'walk', got 'run'"):
        track_directions(events, motion="run")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="noise_deg must be positive, got 0"):
        track_directions(events, noise_deg=0)
    with pytest.raises(ValueError, match="min_sightings must be at least 1, got 0"):
        DirectionTracker(min_sightings=0)
    with pytest.raises(ValueError, match="directions must be one of 'filtered', 'seen', got 'all'"):
        track_directions(events, directions="all")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="events must be Events, got list"):
        track_directions([])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="max_jump_deg must be positive, got -1"):
        link_sources(events, max_jump_deg=-1)
    with pytest.raises(ValueError, match=r"direction must be \(row, axis=3\), got shape \(2, 2\)"):
        DirectionTracker().push(torch.zeros(2, 2))
    with pytest.raises(ValueError, match="direction must be finite, got nan"):
        DirectionTracker().push(torch.full((1, 3), torch.nan))
    with pytest.raises(ValueError, match="direction must hold vectors that are not zero"):
        DirectionTracker().push(torch.zeros(1, 3))
