"""Microphone arrays: where the microphones are, and what follows from it.

Features, rotations and synthesis share one value, [`ArrayGeometry`][seldkit.arrays.ArrayGeometry].
Axes: x front, y left, z up; positions in metres from the centre of the array.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seldkit._checks import check_finite, check_positive, check_shape, check_vectors
from seldkit._typing import Float, Int
from seldkit.geometry import unit_vector

SPEED_OF_SOUND = 343.0
"""In metres per second: dry air at 20 °C, as published systems and pyroomacoustics take it."""

_SAME_PLACE_M = 1e-6


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
        ValueError: If the shape is not `(channel, axis=3)`, there is no microphone, or a value is
            nan or infinite.

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
        check_positive(num_channels=num_channels, radius_m=radius_m)
        turn = 360 / num_channels
        azimuth = turn * torch.arange(num_channels, dtype=torch.float64)
        return cls(radius_m * unit_vector(azimuth, 0.0))

    @classmethod
    def line(cls, num_channels: int, spacing_m: float) -> "ArrayGeometry":
        """Return microphones on a line from left to right: two are a spaced stereo pair."""
        check_positive(num_channels=num_channels, spacing_m=spacing_m)
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
        return float(torch.cdist(self.positions, self.positions).max())

    def delays(
        self, direction: Float[Tensor, "*axes axis=3"], *, speed_of_sound: float = SPEED_OF_SOUND
    ) -> Float[Tensor, "*axes channel"]:
        """Return how much later than at the centre a plane wave arrives at each microphone.

        Microphone `m` hears `s(t - delay[m])` of a far source that the centre hears as `s(t)`.

        Args:
            direction: Unit vectors towards the source.
            speed_of_sound: In metres per second.

        Returns:
            Seconds; negative for the microphones on the side of the source.

        Examples:
            >>> pair = ArrayGeometry.line(2, spacing_m=0.343)
            >>> pair.delays(torch.tensor([0.0, 1.0, 0.0]))  # from the left: left hears it first
            tensor([-0.0005,  0.0005])
        """
        check_vectors(direction=direction)
        check_positive(speed_of_sound=speed_of_sound)
        delays: Tensor = direction @ self.positions.to(direction).mT / -speed_of_sound
        return delays

    def max_lag(self, sample_rate: float, *, speed_of_sound: float = SPEED_OF_SOUND) -> int:
        """Return the longest delay between two microphones, in whole samples, rounded up.

        Examples:
            >>> ArrayGeometry.tetrahedron().max_lag(24000)  # 11 lags from -5 to 5 hold all there is
            5
        """
        check_positive(sample_rate=sample_rate, speed_of_sound=speed_of_sound)
        return ceil(self.aperture * sample_rate / speed_of_sound)

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

        If every source moves from `d` to `matrix @ d`, the array records `waveform[permutation]`.

        Args:
            matrix: Orthogonal `(axis, axis)`, such as a row of `augment.channel_swaps`.

        Raises:
            ValueError: If the matrix does not map the array onto itself.

        Examples:
            >>> mirror = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
            >>> ArrayGeometry.tetrahedron().permutation(mirror)  # left to right and up to down
            tensor([1, 0, 3, 2])
        """
        check_shape("matrix", matrix, "axis axis", axis=3)
        moved = self.positions @ matrix.to(self.positions)
        distance, nearest = torch.cdist(moved, self.positions).min(dim=1)
        if distance.max() > _SAME_PLACE_M or len(nearest.unique()) < self.num_channels:
            raise ValueError(
                "matrix must map the array onto itself, but a microphone would be"
                f" {float(distance.max()):.3g} m from the nearest"
            )
        return nearest

    def __repr__(self) -> str:
        """Show the number of microphones and the size."""
        return f"ArrayGeometry({self.num_channels} channels, aperture {self.aperture:.3f} m)"
