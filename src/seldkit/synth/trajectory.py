"""Where a source is while it sounds, as seen from the receiver."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from seldkit._typing import Bool, Float
from seldkit.arrays import SPEED_OF_SOUND
from seldkit.geometry import azimuth_elevation_deg, unit_vector
from seldkit.synth.ranges import Range

STEP_S = 0.01
TRIES = 200

Point = Float[NDArray[np.float64], "axis=3"]


@dataclass(frozen=True)
class Trajectory:
    """Positions of a source, straight between knots; one knot is a source that stays.

    Attributes:
        time_s: Time of each knot since the source's onset, in seconds.
        position_m: Position of each knot relative to the receiver, in metres.
    """

    time_s: Float[NDArray[np.float64], " knot"]
    position_m: Float[NDArray[np.float64], "knot axis=3"]

    @property
    def moves(self) -> bool:
        """Whether the source is under way."""
        return len(self.time_s) > 1

    @property
    def delay_s(self) -> Float[NDArray[np.float64], " knot"]:
        """How long the sound of each knot takes to the receiver."""
        delay: NDArray[np.float64] = np.linalg.norm(self.position_m, axis=-1) / SPEED_OF_SOUND
        return delay

    def at(
        self, time_s: Float[NDArray[np.float64], " time"]
    ) -> Float[NDArray[np.float64], "time axis=3"]:
        """Return where the source is at each time."""
        return _interpolate(time_s, self.time_s, self.position_m)

    def heard(
        self, time_s: Float[NDArray[np.float64], " time"]
    ) -> Float[NDArray[np.float64], "time axis=3"]:
        """Return where the source was when it made the sound that arrives at each time."""
        return _interpolate(time_s, self.time_s + self.delay_s, self.position_m)


@dataclass(frozen=True)
class Region:
    """Where sources may be, as seen from the receiver.

    Attributes:
        azimuth_deg: Range, counter-clockwise from the front, within -180..180.
        elevation_deg: Range, within -90..90.
        distance_m: Range.
        low_m: Lower corner of the box that sources stay in, relative to the receiver.
        high_m: Upper corner.
    """

    azimuth_deg: Range
    elevation_deg: Range
    distance_m: Range
    low_m: Point
    high_m: Point

    def draw(self, generator: np.random.Generator) -> Point:
        """Return a position whose direction and distance, but perhaps not the box, fit."""
        azimuth = torch.tensor(generator.uniform(*self.azimuth_deg), dtype=torch.float64)
        elevation = torch.tensor(generator.uniform(*self.elevation_deg), dtype=torch.float64)
        direction: Point = unit_vector(azimuth, elevation).numpy()
        return generator.uniform(*self.distance_m) * direction

    def holds(self, position_m: Float[NDArray[np.float64], "knot axis=3"]) -> bool:
        """Whether all positions lie in the region."""
        direction = azimuth_elevation_deg(torch.from_numpy(position_m))
        azimuth, elevation = (degrees.numpy() for degrees in direction)
        distance = np.linalg.norm(position_m, axis=-1)
        turned = _within(azimuth + 360, self.azimuth_deg)  # straight behind is -180 and 180
        return bool(
            (_within(azimuth, self.azimuth_deg) | turned).all()
            and _within(elevation, self.elevation_deg).all()
            and _within(distance, self.distance_m).all()
            and ((self.low_m <= position_m) & (position_m <= self.high_m)).all()
        )


def draw_trajectory(
    generator: np.random.Generator,
    region: Region,
    *,
    seconds: float,
    moving: bool,
    turn_deg_s: Range,
    speed_m_s: Range,
) -> Trajectory:
    """Return a random trajectory that keeps within a region.

    A moving source either circles the receiver at constant angular speed or walks straight on at
    constant height. Where the region leaves no room for either, it stays.

    Args:
        generator: Source of randomness.
        region: Where the source may be, from its onset to its end.
        seconds: How long the source sounds.
        moving: Whether it moves.
        turn_deg_s: Range of angular speeds, in degrees per second, either way round.
        speed_m_s: Range of speeds, in metres per second.

    Raises:
        ValueError: If no position in the region was found.
    """
    for _ in range(TRIES):
        start = region.draw(generator)
        if not moving:
            trajectory = Trajectory(np.zeros(1), start[None])
        elif generator.random() < 0.5:
            turn = generator.choice((-1, 1)) * generator.uniform(*turn_deg_s)
            trajectory = circle(start, turn_deg_s=turn, seconds=seconds)
        else:
            heading = torch.tensor(generator.uniform(-180, 180), dtype=torch.float64)
            velocity = generator.uniform(*speed_m_s) * unit_vector(heading, 0.0).numpy()
            trajectory = line(start, velocity_m_s=velocity, seconds=seconds)
        if region.holds(trajectory.position_m):
            return trajectory
    if moving:
        return draw_trajectory(
            generator,
            region,
            seconds=seconds,
            moving=False,
            turn_deg_s=turn_deg_s,
            speed_m_s=speed_m_s,
        )
    raise ValueError(
        f"no place for a source between {region.low_m.round(2)} and {region.high_m.round(2)} m from"
        f" the receiver with azimuth_deg={region.azimuth_deg},"
        f" elevation_deg={region.elevation_deg}, distance_m={region.distance_m}"
    )


def circle(start: Point, *, turn_deg_s: float, seconds: float) -> Trajectory:
    """Return the trajectory of a source that circles the receiver at constant height."""
    time = _knots(seconds)
    azimuth = torch.from_numpy(turn_deg_s * time)
    cos, sin, _ = unit_vector(azimuth, torch.zeros_like(azimuth)).T.numpy()
    x, y, z = start
    return Trajectory(time, np.stack((cos * x - sin * y, sin * x + cos * y, z + 0 * time), -1))


def line(start: Point, *, velocity_m_s: Point, seconds: float) -> Trajectory:
    """Return the trajectory of a source that moves straight on."""
    time = _knots(seconds)
    return Trajectory(time, start + velocity_m_s * time[:, None])


def _knots(seconds: float) -> NDArray[np.float64]:
    return np.arange(math.ceil(seconds / STEP_S) + 1, dtype=np.float64) * STEP_S


def _within(values: NDArray[np.float64], limits: Range) -> Bool[NDArray[np.bool_], " knot"]:
    slack = 1e-9
    return (values >= limits[0] - slack) & (values <= limits[1] + slack)


def _interpolate(
    x: NDArray[np.float64], knots: NDArray[np.float64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.stack([np.interp(x, knots, column) for column in values.T], axis=-1)
