"""From directions without identity to tracks: a Kalman filter on the sphere, or plain linking."""

import math
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seldkit._checks import check_count, check_finite, check_literal, check_positive, check_shape
from seldkit._typing import Float, Int
from seldkit.events import Events
from seldkit.geometry import unit_norm
from seldkit.localization.following import Following, Motion

MotionName = Literal["velocity", "walk"]
Directions = Literal["filtered", "seen"]


class TrackedFrame(NamedTuple):
    """What a tracker makes of a frame.

    Attributes:
        source: Number of the track of each sighting, `[row]`; -1 where it is not born yet.
        direction: Where that track is, unit vectors `[row, axis]`.
    """

    source: Int[Tensor, " row"]
    direction: Float[Tensor, "row axis=3"]


class DirectionTracker:
    r"""Kalman filter of several talkers on the sphere, frame by frame, with birth and death.

    A track has a place on the sphere and a velocity along it. Between frames it goes on along its
    great circle, and is less and less certain. A sighting is a step away from it in the tangent
    plane at its place, and moves it by a part of that step (the gain). Sightings and tracks of a
    frame are matched at the smallest sum of distances, in standard deviations of track and
    sighting together. What is further than `gate` of these from all tracks begins a new one.

    The errors are the same in all directions of the tangent plane, so that nothing depends on
    where the poles are: turned sightings have turned tracks.

    Args:
        motion: `"velocity"`, of which the changes are random, or `"walk"`, a place whose changes
            are.
        noise_deg: How far sightings scatter, a standard deviation in degrees.
        drift_deg: How much a velocity changes in a second, in degrees per second; or how far a
            walk goes in a second, in degrees. A standard deviation; it grows with the square root
            of time.
        speed_deg: How fast a new track may be, a standard deviation in degrees per second; of no
            matter to a walk.
        gate: How far from a track a sighting may be, in standard deviations. Within 3 there are
            98.9 % of those in a plane.
        min_sightings: With how many sightings a track is born. Before, it is given up once it was
            missed in more frames than it was seen in.
        memory_s: How long a track lives on without a sighting, in seconds.
        frame_s: Length of a frame, in seconds.

    Raises:
        TypeError: If a setting is no number.
        ValueError: If one is not positive, or the motion is unknown.

    Examples:
        >>> from seldkit.geometry import unit_vector
        >>> tracker = DirectionTracker(min_sightings=2)
        >>> for azimuth in (0.0, 2.0, 4.0):
        ...     frame = tracker.push(unit_vector(torch.tensor([azimuth, -90.0]), 0.0))
        >>> frame.source
        tensor([0, 1])

    Source: The filter is that of R. E. Kalman (1960), with the constant-velocity model and the gate
    as in Y. Bar-Shalom, X. R. Li and T. Kirubarajan, "Estimation with applications to tracking and
    navigation", 2001, section 6.2. That it works in tangent planes with one covariance for
    both axes, and how tracks are born and end, is our own.
    """

    def __init__(
        self,
        *,
        motion: MotionName = "velocity",
        noise_deg: float = 4.0,
        drift_deg: float = 10.0,
        speed_deg: float = 10.0,
        gate: float = 3.0,
        min_sightings: int = 3,
        memory_s: float = 5.0,
        frame_s: float = 0.1,
    ) -> None:
        check_literal("motion", motion, MotionName)
        check_count(min_sightings=min_sightings)
        check_positive(noise_deg=noise_deg, drift_deg=drift_deg, speed_deg=speed_deg)
        check_positive(gate=gate, memory_s=memory_s, frame_s=frame_s)
        moves = motion == "velocity"
        drift = math.radians(drift_deg) * math.sqrt(frame_s) * (frame_s if moves else 1)
        speed = math.radians(speed_deg) * frame_s if moves else 0.0
        self._following = Following(
            gate,
            memory_s / frame_s * (1 + 1e-9),
            min_sightings,
            Motion(math.radians(noise_deg), drift, speed),
        )
        self._frame = self._births = 0
        self._names: dict[int, int] = {}

    def push(self, direction: Float[Tensor, "row axis=3"]) -> TrackedFrame:
        """Take in the next frame.

        Args:
            direction: What is seen in it, unit vectors; none is silence.

        Raises:
            ValueError: If there are no three axes.
        """
        number, there = self._following.step(self._frame, _sightings(direction))
        self._frame += 1
        tracks = self._following
        born = tracks.number[tracks.sightings >= tracks.min_sightings].tolist()
        for new in [n for n in born if n not in self._names]:
            self._names[new], self._births = self._births, self._births + 1
        self._names = {n: self._names[n] for n in born}  # the others have ended
        source = [self._names.get(n, -1) for n in number.tolist()]
        return TrackedFrame(torch.tensor(source, dtype=torch.int64), torch.from_numpy(there))


def track_directions(
    events: Events,
    *,
    motion: MotionName = "velocity",
    noise_deg: float = 4.0,
    drift_deg: float = 10.0,
    speed_deg: float = 10.0,
    gate: float = 3.0,
    min_sightings: int = 3,
    memory_s: float = 5.0,
    by_class: bool = False,
    directions: Directions = "filtered",
) -> Events:
    """Return the events that are of a track, with the tracks as sources: a Kalman filter.

    What the events say of their sources is not read, nor is the order of rows in a frame. The
    filter reads each frame once, forward; a track is told with all of its sightings, also those
    before it was born. What never becomes a track is dropped.
    [`DirectionTracker`][seldkit.localization.DirectionTracker] does the same while frames come in,
    and explains the filter.

    Args:
        events: Directions frame by frame.
        motion: `"velocity"` or `"walk"`.
        noise_deg: How far sightings scatter, a standard deviation in degrees.
        drift_deg: How much a velocity changes in a second, or how far a walk goes, in degrees.
        speed_deg: How fast a new track may be, in degrees per second.
        gate: How far from a track a sighting may be, in standard deviations.
        min_sightings: With how many sightings a track is born.
        memory_s: How long a track lives on without a sighting, in seconds.
        by_class: Whether a track is of one class. Otherwise classes are not looked at, and stay
            with their rows.
        directions: `"filtered"`, those of the track, or `"seen"`, as they were.

    Returns:
        Rows in their order, with sources numbered by when they are first seen.

    Raises:
        TypeError: If the events are none, or a setting is no number.
        ValueError: If a setting is not positive, or a choice is unknown.

    Examples:
        >>> events = Events.from_degrees([0, 0, 1, 2, 2, 3, 3], [0] * 7,
        ...                              [0, 90, 3, 90, 6, 9, 90], [0] * 7)
        >>> tracks = track_directions(events)
        >>> tracks.source.tolist()
        [0, 1, 0, 1, 0, 0, 1]
    """
    _check_events(events)
    check_literal("directions", directions, Directions)
    settings = {
        "motion": motion,
        "noise_deg": noise_deg,
        "drift_deg": drift_deg,
        "speed_deg": speed_deg,
        "gate": gate,
        "min_sightings": min_sightings,
        "memory_s": memory_s,
        "frame_s": events.frame_s,
    }
    number, direction = torch.zeros_like(events.frame), events.direction.clone()
    start = 0
    for rows in _groups(events, by_class):
        following = DirectionTracker(**settings)._following  # type: ignore[arg-type]
        number[rows], direction[rows] = _followed(following, events, rows)
        number[rows] += start
        start += following.count
    kept = number.bincount()[number] >= min_sightings
    picked = events.select(kept)
    source = _by_first(number[kept], picked.frame)
    if directions == "seen":
        return replace(picked, source=source)
    return replace(picked, source=source, direction=unit_norm(direction[kept]))


def link_sources(
    events: Events, *, max_jump_deg: float = 20.0, memory_s: float = 5.0, by_class: bool = False
) -> Events:
    """Return the same rows with other sources: each continues the track that it is nearest to.

    For tracks that exchange their names from frame to frame. Rows and tracks of a frame are
    matched at the smallest sum of angles; a row further than `max_jump_deg` from all that are left
    begins a new track. A track stays where it was seen last, so tracks that cross may be
    exchanged, which [`track_directions`][seldkit.localization.track_directions] tells apart by
    their velocities. What a network returns, before it is decoded, is linked by
    [`link_tracks`][seldkit.postprocess.link_tracks].

    Args:
        events: Directions frame by frame.
        max_jump_deg: How far a source may move until it is seen again, in degrees.
        memory_s: How long a source may be silent and still be the same, in seconds.
        by_class: Whether a track is of one class. Otherwise classes are not looked at.

    Returns:
        All rows in their order, with sources numbered by when they are first seen.

    Raises:
        TypeError: If the events are none, or a setting is no number.
        ValueError: If a setting is not positive.

    Examples:
        >>> events = Events.from_degrees([0, 0, 1, 1], [0] * 4, [0, 90, 88, 3], [0] * 4)
        >>> link_sources(events).source.tolist()
        [0, 1, 1, 0]
    """
    _check_events(events)
    check_positive(max_jump_deg=max_jump_deg, memory_s=memory_s)
    source = torch.zeros_like(events.frame)
    start = 0
    for rows in _groups(events, by_class):
        following = Following(math.radians(max_jump_deg) + 1e-9, memory_s / events.frame_s + 1e-9)
        source[rows] = _followed(following, events, rows)[0] + start
        start += following.count
    return replace(events, source=_by_first(source, events.frame))


def _groups(events: Events, by_class: bool) -> list[Int[Tensor, " row"]]:
    """Return the rows among which tracks are followed."""
    if not by_class:
        return [torch.arange(len(events))]
    return [(events.label == label).nonzero().flatten() for label in events.label.unique()]


def _followed(
    following: Following, events: Events, rows: Int[Tensor, " row"]
) -> tuple[Int[Tensor, " row"], Float[Tensor, "row axis=3"]]:
    """Return the number of the track of each of some rows, and where it is."""
    frame, seen = events.frame[rows].numpy(), events.direction[rows].numpy()
    number, place = np.zeros(len(frame), dtype=np.int64), np.zeros_like(seen)
    order = np.lexsort((*seen.T, frame))  # in a frame by direction, so that no order is given
    starts = np.flatnonzero(np.diff(frame[order], prepend=-1))
    for group in np.split(order, starts[1:]) if len(order) else []:
        number[group], place[group] = following.step(int(frame[group[0]]), seen[group])
    return torch.from_numpy(number), torch.from_numpy(place)


def _by_first(number: Int[Tensor, " row"], frame: Int[Tensor, " row"]) -> Int[Tensor, " row"]:
    """Number tracks by their first frames."""
    tracks, index = number.unique(return_inverse=True)
    first = frame.new_zeros(len(tracks)).scatter_reduce_(
        0, index, frame, "amin", include_self=False
    )
    rank = torch.empty_like(first)
    rank[first.argsort(stable=True)] = torch.arange(len(first))
    return rank[index]


def _sightings(direction: Tensor) -> NDArray[np.float64]:
    check_shape("direction", direction, "row axis", axis=3)
    check_finite("direction", direction)
    if not direction.any(dim=1).all():
        raise ValueError("direction must hold vectors that are not zero")
    seen: NDArray[np.float64] = unit_norm(direction.detach().cpu().double()).numpy()
    return seen


def _check_events(events: Events) -> None:
    if not isinstance(events, Events):
        raise TypeError(f"events must be Events, got {type(events).__name__}")
