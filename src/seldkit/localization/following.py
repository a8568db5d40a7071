"""Tracks of directions, frame by frame: which of them a sighting continues, and where they go."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seldkit.localization.sphere_steps import length, moved, step_towards, transported

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Motion:
    """How tracks move between sightings; angles in radians, times in frames.

    Errors are the same in all directions of the tangent plane. So one covariance of place and
    velocity stands for both of its axes, and no axes need to be chosen.

    Attributes:
        noise: Standard deviation of a sighting.
        drift: That of a change of velocity (or, without, of place) within a frame.
        speed: That of the velocity of a new track; 0 lets tracks walk at random.
    """

    noise: float
    drift: float
    speed: float

    def grown(self, covariance: Array, frames: float) -> Array:
        """Return the covariances, `[track, 2, 2]`, so many frames later."""
        if not self.speed:
            return covariance + self.drift**2 * np.array([[frames, 0], [0, 0]])
        step = np.array([[1, frames], [0, 1]])
        noise = np.array([[frames**3 / 3, frames**2 / 2], [frames**2 / 2, frames]])
        grown: Array = step @ covariance @ step.T + self.drift**2 * noise
        return grown


class Following:
    """The tracks of a clip while its frames come in.

    Args:
        limit: Largest distance of a sighting: an angle, or standard deviations if there is a
            motion.
        memory: After how many frames without a sighting a track ends.
        min_sightings: With how many sightings a track is born. What is not yet born is given up
            once it was missed more often than seen, and takes only what the born leave.
        motion: How tracks move; None takes each to stay where it was seen last.
    """

    def __init__(
        self, limit: float, memory: float, min_sightings: int = 1, motion: Motion | None = None
    ) -> None:
        self.limit, self.memory, self.min_sightings = limit, memory, min_sightings
        self.motion = motion
        self.now = self.count = 0
        self.number = np.zeros(0, dtype=np.int64)
        self.first, self.last, self.sightings = (np.zeros(0, dtype=np.int64) for _ in range(3))
        self.direction, self.velocity = np.zeros((0, 3)), np.zeros((0, 3))
        self.covariance = np.zeros((0, 2, 2))

    def step(self, frame: int, seen: Array) -> tuple[Indices, Array]:
        """Take in the sightings of a frame, later than those before.

        Args:
            frame: Its number.
            seen: Unit vectors, `[row, axis]`.

        Returns:
            The number of the track of each sighting, and where that track now is.
        """
        self._forget(frame)
        self._predict(frame - self.now)
        self.now = frame
        distance = self._distance(seen)
        born = self.sightings >= self.min_sightings
        place = np.full(len(seen), -1, dtype=np.int64)
        for some in (np.flatnonzero(born), np.flatnonzero(~born)):
            rows = np.flatnonzero(place < 0)
            if not len(some) or not len(rows):
                continue
            found = nearest_within(distance[rows[:, np.newaxis], some], self.limit)
            place[rows[found >= 0]] = some[found[found >= 0]]
        known = place >= 0
        if known.any():
            self._correct(place[known], seen[known])
        if not known.all():
            place[~known] = self._begin(seen[~known])
        self.last[place] = frame
        self.sightings[place] += 1
        return self.number[place], self.direction[place]

    def _forget(self, frame: int) -> None:
        """Drop the tracks that have ended before a frame."""
        missed = frame - self.first - self.sightings
        unborn = (self.sightings < self.min_sightings) & (missed > self.sightings)
        alive = (frame - self.last <= self.memory) & ~unborn
        if alive.all():
            return
        for name in ("number", "first", "last", "sightings", "direction", "velocity", "covariance"):
            setattr(self, name, getattr(self, name)[alive])

    def _predict(self, frames: int) -> None:
        if self.motion is None or not len(self.number):
            return
        step = frames * self.velocity
        ahead = moved(self.direction, step)
        self.velocity = transported(self.velocity, self.direction, ahead)
        self.direction = ahead
        self.covariance = self.motion.grown(self.covariance, frames)

    def _distance(self, seen: Array) -> Array:
        """Return how far sightings are from tracks, `[row, track]`."""
        step = step_towards(self.direction, seen[:, np.newaxis])
        angle = length(step)[..., 0]
        if self.motion is None:
            return angle
        spread: Array = np.sqrt(self.covariance[:, 0, 0] + self.motion.noise**2)
        return angle / spread

    def _correct(self, place: Indices, seen: Array) -> None:
        """Move tracks to what is seen of them: the step of Kalman."""
        if self.motion is None:
            self.direction[place] = seen
            return
        before, covariance = self.direction[place], self.covariance[place]
        gain = covariance[:, :, 0] / (covariance[:, :1, 0] + self.motion.noise**2)
        step = step_towards(before, seen)
        after = moved(before, gain[:, :1] * step)
        velocity = self.velocity[place] + gain[:, 1:] * step
        self.direction[place] = after
        self.velocity[place] = transported(velocity, before, after)
        self.covariance[place] -= gain[:, :, np.newaxis] * covariance[:, :1]

    def _begin(self, seen: Array) -> Indices:
        """Begin a track at each sighting, and return their places."""
        many, new = len(self.number), np.arange(len(seen))
        self.number = np.concatenate((self.number, self.count + new))
        self.count += len(seen)
        now, none = np.full(len(seen), self.now), np.zeros(len(seen), dtype=np.int64)
        self.first, self.last = np.append(self.first, now), np.append(self.last, now)
        self.sightings = np.append(self.sightings, none)
        self.direction = np.concatenate((self.direction, seen))
        self.velocity = np.concatenate((self.velocity, np.zeros_like(seen)))
        noise, speed = (self.motion.noise, self.motion.speed) if self.motion else (0.0, 0.0)
        start = np.broadcast_to(np.diag([noise**2, speed**2]), (len(seen), 2, 2))
        self.covariance = np.concatenate((self.covariance, start))
        return many + new


def nearest_within(distance: Array, limit: float) -> Indices:
    """Return the column matched to each row, -1 where none within the limit is left.

    The sum of distances is smallest, where a row that stays alone counts as far as the limit.
    """
    rows, cols = distance.shape
    if not rows or not cols:
        return np.full(rows, -1, dtype=np.int64)
    from scipy.optimize import linear_sum_assignment

    cost = np.full((rows, cols + rows), limit)
    cost[:, :cols] = np.where(distance <= limit, distance, 1e3 * limit + 1)
    column = linear_sum_assignment(cost)[1]
    found: Indices = np.where(column < cols, column, -1)
    return found
