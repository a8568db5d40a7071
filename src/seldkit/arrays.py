"""Microphone arrays: where the microphones are, and what follows from it.

Features, rotations and synthesis share one value, [`ArrayGeometry`][seldkit.arrays.ArrayGeometry].
Axes: x front, y left, z up; positions in metres from the centre of the array.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil, pi
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seldkit._checks import (
    check_count,
    check_finite,
    check_floating,
    check_positive,
    check_shape,
    check_vectors,
)
from seldkit._symmetry import distances, match_points, symmetries
from seldkit._typing import Complex, Float, Int
from seldkit.geometry import unit_vector

SPEED_OF_SOUND = 343.0
"""In metres per second: dry air at 20 °C, as published systems and pyroomacoustics take it."""

_SAME_PLACE_M = 1e-6


class ArraySwap(NamedTuple):
    """A rotation or mirror that maps an array onto itself.

    Attributes:
        matrix: A source moves from `d` to `matrix @ d`; `float64 [axis, axis]`.
        permutation: Then the array records `waveform[permutation]`; `int64 [channel]`.
    """

    matrix: Float[Tensor, "axis=3 axis=3"]
    permutation: Int[Tensor, " channel"]


@dataclass(frozen=True, init=False, eq=False, repr=False, slots=True)
class ArrayGeometry:
    """Positions of the microphones of an open array, in the order of the audio channels.

    Sound reaches the microphones of an open array as if nothing stood between them. On a rigid
    sphere (Eigenmike) it bends around the sphere, so that real delays are longer than these.

    Args:
        positions: One row (x, y, z) per microphone, in metres.

    Attributes:
        positions: `float64 [channel, axis]`, on the CPU. Do not write into it.

    Raises:
        ValueError: If the shape is not `(channel, axis=3)`, there is no microphone, two are in one
            place, or a value is nan or infinite.

    Examples:
        >>> array = ArrayGeometry([[0.1, 0.0, 0.0], [-0.1, 0.0, 0.0]])
        >>> array
        ArrayGeometry(2 channels, aperture 0.200 m)
    """

    positions: Float[Tensor, "channel axis=3"]

    def __init__(
        self, positions: Tensor | NDArray[np.floating] | Sequence[Sequence[float]]
    ) -> None:
        places = torch.as_tensor(positions, dtype=torch.float64).detach().cpu().clone()
        check_shape("positions", places, "channel axis", axis=3)
        if not len(places):
            raise ValueError("positions must hold a microphone, got none")
        check_finite("positions", places)
        same = (distances(places, places) <= _SAME_PLACE_M).triu(diagonal=1).nonzero().tolist()
        if same:
            first, second = same[0]
            raise ValueError(
                f"positions must differ, but microphones {first} and {second} are in one place"
            )
        object.__setattr__(self, "positions", places)

    @classmethod
    def tetrahedron(cls, radius_m: float = 0.042) -> "ArrayGeometry":
        """Return the MIC format of DCASE: microphones 6, 10, 26 and 22 of an Eigenmike.

        They look to the front left up, front right down, back left down and back right up: azimuth
        and elevation (45, 35), (-45, -35), (135, -35) and (-135, 35) degrees.

        Examples:
            >>> ArrayGeometry.tetrahedron()
            ArrayGeometry(4 channels, aperture 0.069 m)
        """
        check_positive(radius_m=radius_m)
        azimuth = torch.tensor([45.0, -45.0, 135.0, -135.0], dtype=torch.float64)
        elevation = torch.tensor([35.0, -35.0, -35.0, 35.0], dtype=torch.float64)
        return cls(radius_m * unit_vector(azimuth, elevation))

    @classmethod
    def circle(cls, num_channels: int, radius_m: float) -> "ArrayGeometry":
        """Return microphones on a level circle, the first in front, then counter-clockwise."""
        check_count(num_channels=num_channels)
        check_positive(radius_m=radius_m)
        turn = 360 / num_channels
        azimuth = turn * torch.arange(num_channels, dtype=torch.float64)
        return cls(radius_m * unit_vector(azimuth, 0.0))

    @classmethod
    def line(cls, num_channels: int, spacing_m: float) -> "ArrayGeometry":
        """Return microphones on a line from left to right: two are a spaced stereo pair."""
        check_count(num_channels=num_channels)
        check_positive(spacing_m=spacing_m)
        places = torch.zeros(num_channels, 3, dtype=torch.float64)
        steps = torch.arange(num_channels, dtype=torch.float64)
        places[:, 1] = spacing_m * ((num_channels - 1) / 2 - steps)
        return cls(places)

    @property
    def num_channels(self) -> int:
        """Number of microphones."""
        return len(self.positions)

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Every pair `m < n` of channels: (0, 1), (0, 2), and so on."""
        return tuple(combinations(range(self.num_channels), 2))

    @property
    def aperture(self) -> float:
        """Largest distance between two microphones, in metres."""
        return float(distances(self.positions, self.positions).max())

    def delays(
        self, direction: Float[Tensor, "*axes axis=3"], *, speed_of_sound: float = SPEED_OF_SOUND
    ) -> Float[Tensor, "*axes channel"]:
        """Return how much later than at the centre a plane wave arrives at each microphone.

        Microphone `m` hears `s(t - delay[m])` of a far source that the centre hears as `s(t)`.

        Args:
            direction: Unit vectors towards the source.
            speed_of_sound: In metres per second.

        Returns:
            Seconds, in the type of the direction; negative for the microphones on the side of the
            source.

        Raises:
            TypeError: If the direction holds integers.
            ValueError: If its last axis is not x, y, z, or the speed is not positive.

        Examples:
            >>> pair = ArrayGeometry.line(2, spacing_m=0.343)
            >>> pair.delays(torch.tensor([0.0, 1.0, 0.0]))  # from the left: left hears it first
            tensor([-0.0005,  0.0005])
        """
        check_vectors(direction=direction)
        check_floating(direction=direction)
        check_positive(speed_of_sound=speed_of_sound)
        # Sums of products and no matrix product, which would run in half precision under autocast.
        exact = torch.promote_types(direction.dtype, torch.float32)
        positions = self.positions.to(direction.device, exact)
        path = (direction.to(exact).unsqueeze(-2) * positions).sum(dim=-1)
        delays: Tensor = (path / -speed_of_sound).to(direction.dtype)
        return delays

    def steering(
        self,
        direction: Float[Tensor, "*axes axis=3"],
        frequency: Float[Tensor, " freq"],
        *,
        speed_of_sound: float = SPEED_OF_SOUND,
    ) -> Complex[Tensor, "*axes freq channel"]:
        """Return the spectrum of each microphone where the centre hears 1: the steering vectors.

        Args:
            direction: Unit vectors towards the source.
            frequency: In hertz.
            speed_of_sound: In metres per second.

        Returns:
            `complex128` of directions in `float64`, of all others `complex64`.

        Raises:
            TypeError: If the direction holds integers.
            ValueError: If a shape is wrong, or the speed is not positive.

        Examples:
            >>> pair = ArrayGeometry.line(2, spacing_m=0.343)
            >>> left, rate = torch.tensor([0.0, 1.0, 0.0]), torch.tensor([500.0])
            >>> pair.steering(left, rate).angle() / torch.pi  # a quarter of a period each way
            tensor([[ 0.5000, -0.5000]])
        """
        check_shape("frequency", frequency, "freq")
        check_floating(direction=direction)
        direction = direction.to(torch.promote_types(direction.dtype, torch.float32))
        delays = self.delays(direction, speed_of_sound=speed_of_sound).unsqueeze(-2)
        phase = -2 * pi * frequency.to(delays).unsqueeze(-1) * delays
        return torch.polar(torch.ones_like(phase), phase)

    def max_lag(self, sample_rate: float, *, speed_of_sound: float = SPEED_OF_SOUND) -> int:
        """Return the longest delay between two microphones, in whole samples, rounded up.

        Examples:
            >>> ArrayGeometry.tetrahedron().max_lag(24000)  # 11 lags from -5 to 5 hold all there is
            5
        """
        check_positive(sample_rate=sample_rate, speed_of_sound=speed_of_sound)
        return ceil(self.aperture * sample_rate / speed_of_sound - 1e-9)  # 3 is not 4 by rounding

    def aliasing_frequency(self, *, speed_of_sound: float = SPEED_OF_SOUND) -> float:
        """Return the frequency up to which every phase difference is unambiguous, in hertz.

        It is `c / (2 d)` of the aperture `d`: there a wave along the longest pair turns by half a
        period from one microphone to the other. One microphone alone has none: infinity.

        Examples:
            >>> round(ArrayGeometry.tetrahedron().aliasing_frequency())
            2492
        """
        check_positive(speed_of_sound=speed_of_sound)
        return speed_of_sound / (2 * self.aperture) if self.aperture else float("inf")

    def permutation(self, matrix: Tensor) -> Int[Tensor, " channel"]:
        """Return the order of channels that turns or mirrors what the array recorded.

        If every source moves from `d` to `matrix @ d`, seen from the middle of the array, the array
        records `waveform[permutation]`.

        Args:
            matrix: Orthogonal `(axis, axis)`, such as a row of `augment.channel_swaps`.

        Raises:
            ValueError: If the matrix is not orthogonal or does not map the array onto itself.

        Examples:
            >>> mirror = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
            >>> ArrayGeometry.tetrahedron().permutation(mirror)  # left to right and up to down
            tensor([1, 0, 3, 2])
        """
        check_shape("matrix", matrix, "axis axis", axis=3)
        turn = matrix.to(self.positions)
        if not (turn @ turn.mT - torch.eye(3, dtype=turn.dtype)).abs().max() < 1e-5:
            raise ValueError(f"matrix must be orthogonal, got {matrix.tolist()}")
        order, distance = match_points(self._centred @ turn, self._centred)
        if distance > _SAME_PLACE_M or len(order.unique()) < self.num_channels:
            raise ValueError(
                "matrix must map the array onto itself, but a microphone would be"
                f" {distance:.3g} m from the nearest"
            )
        return order

    def swaps(self) -> tuple[ArraySwap, ...]:
        """Return the rotations and mirrors that map the array onto itself, the identity first.

        They turn about the middle of the array, the mean of its positions, and need not be turns of
        the axes: a circle of six microphones has those by 60 degrees. If every source moves from
        `d` to `matrix @ d`, the array records `waveform[permutation]`: more data, without a room
        simulator; see [`swap_microphones`][seldkit.augment.swap_microphones].

        A level array cannot tell above from below, so that each of its swaps is there with and
        without that mirror. A line may turn about itself by any angle, which it does not notice:
        of these the mirrors in two planes through it are given, one of them upright.

        Returns:
            Pairs of a matrix, `float64 [axis, axis]`, exact where it exchanges axes, and the order
            of the channels. Positions are taken as equal up to a micrometre.

        Examples:
            The DCASE tetrahedron has eight; the second turns it by half a circle about x:

            >>> swaps = ArrayGeometry.tetrahedron().swaps()
            >>> len(swaps), swaps[1].matrix.diag(), swaps[1].permutation
            (8, tensor([ 1., -1., -1.], dtype=torch.float64), tensor([1, 0, 3, 2]))
        """
        return tuple(ArraySwap(*pair) for pair in symmetries(self._centred, _SAME_PLACE_M))

    @property
    def _centred(self) -> Float[Tensor, "channel axis=3"]:
        """Positions from the middle of the array."""
        return self.positions - self.positions.mean(dim=0)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ArrayGeometry):
            return NotImplemented
        return torch.equal(self.positions, other.positions)

    def __hash__(self) -> int:
        return hash((self.positions + 0.0).numpy().tobytes())  # -0 is 0

    def __repr__(self) -> str:
        """Show the number of microphones and the size."""
        return f"ArrayGeometry({self.num_channels} channels, aperture {self.aperture:.3f} m)"
