"""Where a scene takes place: what its sources' paths may be, and what is recorded of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from seldkit._typing import Float
from seldkit.synth.ranges import Range
from seldkit.synth.receiver import FOA, Receiver
from seldkit.synth.render import convolve, direct_sound, reverberation
from seldkit.synth.room import Room
from seldkit.synth.room_responses import RoomResponses
from seldkit.synth.trajectory import Region, Trajectory, draw_trajectory


class Recorded(NamedTuple):
    """What microphones record of a source.

    Attributes:
        direct: The direct sound at the microphones' centre, by which it is labelled.
        parts: Sound fields that add up to all there is to hear.
    """

    direct: Float[NDArray[np.float32], " sample"]
    parts: Sequence[Float[NDArray[np.float32], "channel sample"]]


@runtime_checkable
class Place(Protocol):
    """What a scene asks of where it takes place."""

    def draw_trajectory(
        self, generator: np.random.Generator, *, seconds: float, moving: bool
    ) -> Trajectory:
        """Return where a source is while it sounds."""

    def record(
        self,
        dry: Float[NDArray[np.float32], " sample"],
        trajectory: Trajectory,
        generator: np.random.Generator,
    ) -> Recorded:
        """Return what is recorded of a source."""


@dataclass(frozen=True)
class SimulatedPlace:
    """A simulated room, or none.

    Attributes:
        room: The room; None in the open.
        region: Where sources may be.
        receiver: The microphones.
        turn_deg_s: Angular speeds of sources that circle.
        speed_m_s: Speeds of sources that move straight on.
        sample_rate: In hertz.
    """

    room: Room | None
    region: Region
    receiver: Receiver
    turn_deg_s: Range
    speed_m_s: Range
    sample_rate: int

    def draw_trajectory(
        self, generator: np.random.Generator, *, seconds: float, moving: bool
    ) -> Trajectory:
        """Return a random path in the region."""
        return draw_trajectory(
            generator,
            self.region,
            seconds=seconds,
            moving=moving,
            turn_deg_s=self.turn_deg_s,
            speed_m_s=self.speed_m_s,
        )

    def record(
        self,
        dry: Float[NDArray[np.float32], " sample"],
        trajectory: Trajectory,
        generator: np.random.Generator,
    ) -> Recorded:
        """Return the direct sound and, in a room, all that comes after it."""
        rate, receiver = self.sample_rate, self.receiver
        direct = direct_sound(dry, trajectory, rate, receiver=receiver)
        central = direct if receiver is FOA else direct_sound(dry, trajectory, rate)
        parts = [direct]
        if self.room is not None:
            parts.append(
                reverberation(dry, trajectory, self.room, generator, rate, receiver=receiver)
            )
        return Recorded(central[0], parts)


@dataclass(frozen=True)
class MeasuredTrajectory(Trajectory):
    """A source that stays where a response was measured.

    Attributes:
        response: What the microphone records of a click.
    """

    response: Float[NDArray[np.float32], "channel=4 sample"]


@dataclass(frozen=True)
class MeasuredPlace:
    """A room as it was measured.

    Attributes:
        responses: The measurements.
        numbers: Those of them that sources may take.
        sample_rate: In hertz.
    """

    responses: RoomResponses
    numbers: Sequence[int]
    sample_rate: int

    def draw_trajectory(
        self, generator: np.random.Generator, *, seconds: float, moving: bool
    ) -> MeasuredTrajectory:
        """Return a measured position; a source stays there, for it was measured standing."""
        number = int(generator.choice(self.numbers))
        waveform, position = self.responses.response(number, self.sample_rate)
        return MeasuredTrajectory(np.zeros(1), position[None], waveform)

    def record(
        self,
        dry: Float[NDArray[np.float32], " sample"],
        trajectory: Trajectory,
        generator: np.random.Generator,
    ) -> Recorded:
        """Return the sound as the response has it, its direct part included."""
        assert isinstance(trajectory, MeasuredTrajectory)
        direct = direct_sound(dry, trajectory, self.sample_rate)
        return Recorded(direct[0], [convolve(dry, trajectory.response)])


def measured_places(
    responses: RoomResponses, region: Region, sample_rate: int
) -> tuple[MeasuredPlace, ...]:
    """Return the rooms of some responses, each with those that were measured in a region.

    Raises:
        ValueError: If a room has none there.
    """
    rooms = []
    for room in responses.rooms:
        positions = responses.positions(room)
        numbers = [n for n, position in positions.items() if region.holds(position[None])]
        if not numbers:
            raise ValueError(
                f"responses must have places in room {room!r} with"
                f" azimuth_deg={region.azimuth_deg}, elevation_deg={region.elevation_deg},"
                f" distance_m={region.distance_m}"
            )
        rooms.append(MeasuredPlace(responses, numbers, sample_rate))
    return tuple(rooms)
