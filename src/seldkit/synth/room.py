"""Shoebox rooms: what reaches the microphones besides the direct sound.

Early reflections come from the image source method of pyroomacoustics. Later ones are too many to
count and too dense to tell apart: they are noise whose energy decays as that of the images would.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from seldkit._checks import check_count, check_positive, require
from seldkit._typing import Float
from seldkit.arrays import SPEED_OF_SOUND
from seldkit.synth.ranges import Range
from seldkit.synth.receiver import FOA, Receiver, longest_delay

FILTER_LENGTH = 81
FILTER_DELAY = FILTER_LENGTH // 2
SINC_TABLE = 20
DIRECTIONS = 1000
RECEIVER_SHARE = (0.3, 0.7)


@dataclass(frozen=True)
class Room:
    """A shoebox room with equal walls, and a microphone in it.

    Attributes:
        size_m: Length (x), width (y) and height (z), in metres.
        t60_s: Reverberation time in seconds: that of the decay from -5 to -25 dB, times three.
        receiver_m: Position of the microphone, in metres from the corner at the origin.
        image_order: Most reflections of an image source. Images are complete until the sound has
            crossed the shortest side so many times; from half of that time on they give way to
            the diffuse tail. So a low order loses the direction and the exact time of later
            reflections, never their energy.
    """

    size_m: tuple[float, float, float]
    t60_s: float
    receiver_m: tuple[float, float, float]
    image_order: int = 12

    def __post_init__(self) -> None:
        check_count(image_order=self.image_order)
        check_positive(t60_s=self.t60_s, size_m=min(self.size_m))
        if not all(0 < r < s for r, s in zip(self.receiver_m, self.size_m, strict=True)):
            raise ValueError(
                f"receiver_m must lie in the room of {self.size_m} m, got {self.receiver_m}"
            )

    @property
    def images_end_s(self) -> float:
        """When the images have given way to the diffuse tail."""
        return self.image_order * min(self.size_m) / SPEED_OF_SOUND

    @cached_property
    def decay(self) -> float:
        r"""Share of energy lost per wall, as $-\ln(1 - \alpha)$ of the absorption $\alpha$.

        Sound in direction $u$ meets $c r_u$ walls a second, $r_u = \sum_i |u_i| / L_i$, so the
        energy that is still to come falls as the mean of $e^{-d c r_u t} / r_u$ over directions.
        """
        _, rate = self._directions
        path = np.linspace(0, 40 / rate.mean(), 400)
        to_come = (np.exp(-rate * path[:, None]) / rate).sum(axis=1)
        level = 10 * np.log10(to_come / to_come[0])
        start, stop = np.interp([5, 25], -level, path)
        return float(3 * (stop - start) / (SPEED_OF_SOUND * self.t60_s))

    @property
    def absorption(self) -> float:
        """Share of the energy that a wall swallows."""
        return 1 - math.exp(-self.decay)

    @cached_property
    def _directions(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Evenly spread directions, and the walls that sound meets per metre in each."""
        index = np.arange(DIRECTIONS) + 0.5
        height, turn = 1 - 2 * index / DIRECTIONS, np.pi * (1 + math.sqrt(5)) * index
        radius = np.sqrt(1 - height**2)
        direction = np.stack((radius * np.cos(turn), radius * np.sin(turn), height))
        return direction, (np.abs(direction) / np.array(self.size_m)[:, None]).sum(axis=0)


def draw_room(
    generator: np.random.Generator,
    *,
    size_m: tuple[Range, Range, Range],
    t60_s: Range,
    image_order: int,
) -> Room:
    """Return a random room, with a microphone away from the walls."""
    length, width, height = (generator.uniform(*side) for side in size_m)
    x, y, z = generator.uniform(*RECEIVER_SHARE, size=3)
    return Room(
        (length, width, height),
        generator.uniform(*t60_s),
        (x * length, y * width, z * height),
        image_order,
    )


def image_responses(
    room: Room,
    position_m: Float[NDArray[np.float64], "position axis=3"],
    sample_rate: int,
    *,
    receiver: Receiver = FOA,
    direct: bool = False,
) -> Float[NDArray[np.float32], "position channel sample"]:
    """Return the impulse responses of early reflections for sources at some positions.

    The constant delay of pyroomacoustics' interpolation filter is removed: a source at distance
    `d` is heard at once after `d / 343` seconds, with gain `1 / d`.

    Args:
        room: The room, and where the microphones are in it.
        position_m: Positions relative to the microphones' centre, in metres.
        sample_rate: In hertz.
        receiver: The microphones.
        direct: Whether the direct sound is among them.
    """
    pra = require("pyroomacoustics", "synth")
    centre = np.array(room.receiver_m)
    shoebox = pra.ShoeBox(
        np.array(room.size_m),
        fs=sample_rate,
        materials=pra.Material(room.absorption),
        max_order=room.image_order,
    )
    shoebox.add_microphone(centre)
    for position in position_m + centre:
        shoebox.add_source(position)
    shoebox.image_source_model()
    farthest = np.linalg.norm(position_m, axis=-1).max()
    last = longest_delay(
        receiver.radius_m, max(farthest, room.images_end_s * SPEED_OF_SOUND), sample_rate
    )
    channels, length = receiver.num_channels, last + FILTER_LENGTH + 1
    delays, gains = [], []
    for number, source in enumerate(shoebox.sources):
        offset = source.images.astype(np.float64) - centre[:, None]
        distance = np.linalg.norm(offset, axis=0)
        share = np.where(
            source.orders == 0, float(direct), _image_share(room, distance / SPEED_OF_SOUND)
        )
        kept = share > 0
        loudness = share[kept] * source.damping[0][kept]
        paths = receiver.distances(offset[:, kept])
        paths = np.broadcast_to(paths, (channels, paths.shape[1]))
        patterns = receiver.gains(offset[:, kept] / distance[kept])
        for channel, (path, pattern) in enumerate(zip(paths, patterns, strict=True)):
            # All responses lie end to end, so that one call builds them.
            start = (channels * number + channel) * length + FILTER_DELAY
            delays.append(path / SPEED_OF_SOUND + start / sample_rate)
            gains.append(loudness / path * pattern)
    responses = np.zeros(len(position_m) * channels * length)
    if any(map(len, delays)):
        # One thread: the order of summation, and so every bit, stays the same.
        pra.libroom.rir_builder(
            responses,
            np.concatenate(delays),
            np.concatenate(gains),
            sample_rate,
            FILTER_LENGTH,
            SINC_TABLE,
            1,
        )
    each = responses.reshape(len(position_m), channels, length)
    return each[..., FILTER_DELAY:].astype(np.float32)


def diffuse_tail(
    room: Room, generator: np.random.Generator, sample_rate: int, *, receiver: Receiver = FOA
) -> Float[NDArray[np.float32], "channel sample"]:
    """Return an impulse response of the reflections that the images leave out.

    A volume `V` holds one image, so `4 π c / V` times the mean loss of energy arrives a second,
    whatever the distance of the source.

    Args:
        room: The room.
        generator: Source of randomness.
        sample_rate: In hertz.
        receiver: The microphones.
    """
    time = np.arange(round(room.t60_s * sample_rate)) / sample_rate
    direction, rate = room._directions
    knots = np.linspace(0, room.t60_s, 64)
    left = np.exp(-room.decay * SPEED_OF_SOUND * rate * knots[:, None])
    power = np.empty((receiver.num_channels, len(time)))
    for channel, pattern in enumerate(receiver.gains(direction)):
        mean = (left * np.square(pattern)).mean(axis=1)
        power[channel] = np.exp(np.interp(time, knots, np.log(mean)))
    power *= 4 * np.pi * SPEED_OF_SOUND / (math.prod(room.size_m) * sample_rate)
    power *= 1 - _image_share(room, time) ** 2
    noise = generator.standard_normal(power.shape, dtype=np.float32)
    return receiver.correlate(noise, sample_rate) * np.sqrt(power).astype(np.float32)


def _image_share(room: Room, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the amplitude of images at each time: all at first, none at the end."""
    progress = np.clip(2 * time_s / room.images_end_s - 1, 0, 1)
    return np.where(progress < 1, np.cos(np.pi / 2 * progress), 0.0)
