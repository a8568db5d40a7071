"""Grids of directions: the points of a map of the sphere."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seldkit._checks import (
    check_count,
    check_finite,
    check_floating,
    check_number,
    check_positive,
    check_shape,
    check_vectors,
    integer,
)
from seldkit._typing import Float, Int
from seldkit.geometry import unit_norm, unit_vector
from seldkit.grids.neighbours import neighbour_table
from seldkit.grids.peaks import Peaks, highest_apart, local_maxima
from seldkit.grids.points import icosahedron, spiral


@dataclass(frozen=True, init=False, eq=False, repr=False, slots=True, weakref_slot=True)
class DirectionGrid:
    """Directions at which a map of the sphere has its values, in the order of its points.

    Args:
        directions: One unit vector (x, y, z) per point: x front, y left, z up.
        shape: Rows and columns, if the points are those of a table, row by row.

    Attributes:
        directions: `float64 [point, axis]`, on the CPU. Do not write into it.
        shape: Rows and columns, or None.

    Raises:
        ValueError: If there is no point, one is no unit vector, or the shape holds another number
            of points.

    Examples:
        >>> grid = DirectionGrid.equiangular(3, 4)
        >>> grid
        DirectionGrid(12 points, shape=(3, 4))
        >>> grid.directions[4:8].round(decimals=3)  # from behind, counter-clockwise
        tensor([[-1., -0.,  0.],
                [ 0., -1.,  0.],
                [ 1.,  0.,  0.],
                [ 0.,  1.,  0.]], dtype=torch.float64)
    """

    directions: Float[Tensor, "point axis=3"]
    shape: tuple[int, int] | None

    def __init__(
        self,
        directions: Tensor | NDArray[np.floating] | Sequence[Sequence[float]],
        *,
        shape: tuple[int, int] | None = None,
    ) -> None:
        points = torch.as_tensor(directions, dtype=torch.float64).detach().cpu().clone()
        check_shape("directions", points, "point axis", axis=3)
        if not len(points):
            raise ValueError("directions must hold a point, got none")
        check_finite("directions", points)
        length = torch.linalg.vector_norm(points, dim=1)
        if ((length - 1).abs() > 1e-4).any():
            off = int((length - 1).abs().argmax())
            raise ValueError(
                f"directions must hold unit vectors, got length {length[off]:.6g} at point {off}"
            )
        if shape is not None:
            shape = (integer("shape", shape[0]), integer("shape", shape[1]))
            if shape[0] * shape[1] != len(points):
                raise ValueError(f"shape must hold {len(points)} points, got {shape}")
        exact = (length - 1).abs().unsqueeze(1) < 1e-15  # so that a copy is equal to the last bit
        object.__setattr__(self, "directions", points.where(exact, unit_norm(points)))
        object.__setattr__(self, "shape", shape)

    @classmethod
    def equiangular(
        cls, num_elevations: int, num_azimuths: int, *, upper_half: bool = False
    ) -> "DirectionGrid":
        """Return rows of equal elevation from the top down, each counter-clockwise from behind.

        As in Cross3D and SRP-DNN the first row is the top and the last one the bottom, where all
        points of a row are in one place, and azimuths begin at -180 degrees. There are more points
        to an area near the poles.

        Args:
            num_elevations: Number of rows: elevations from 90 to -90 degrees, both among them.
            num_azimuths: Number of columns: azimuths from -180 degrees, 180 not among them.
            upper_half: End at elevation 0: a level array cannot tell above from below.

        Raises:
            ValueError: If a number is not positive, or there are fewer than two rows.
        """
        check_count(num_elevations=num_elevations, num_azimuths=num_azimuths)
        if num_elevations < 2:
            raise ValueError(f"num_elevations must be at least 2, got {num_elevations}")
        lowest = 0.0 if upper_half else -90.0
        elevation = torch.linspace(90, lowest, num_elevations, dtype=torch.float64)
        azimuth = torch.arange(num_azimuths, dtype=torch.float64) * (360 / num_azimuths) - 180
        directions = unit_vector(azimuth, elevation.unsqueeze(1))
        return cls(directions.flatten(0, 1), shape=(num_elevations, num_azimuths))

    @classmethod
    def fibonacci(cls, num_points: int, *, upper_half: bool = False) -> "DirectionGrid":
        """Return points that are spread evenly, on a spiral from the top down.

        Neighbours are about `203 / sqrt(num_points)` degrees apart, 144 in the upper half.

        Args:
            num_points: How many.
            upper_half: End at elevation 0: a level array cannot tell above from below.

        Raises:
            ValueError: If there is no point.

        Examples:
            >>> DirectionGrid.fibonacci(1000)
            DirectionGrid(1000 points)
        """
        check_count(num_points=num_points)
        return cls(spiral(int(num_points), 0.0 if upper_half else -1.0))

    @classmethod
    def icosahedral(cls, level: int, *, poles: bool = True) -> "DirectionGrid":
        """Return the corners of an icosahedron, whose edges were halved so many times.

        There are `10 * 4**level + 2` of them, spread nearly evenly. The first two are the top and
        the bottom; those of a lower level come before those of a higher one.

        Args:
            level: How many times edges are halved, from 0.
            poles: Whether top and bottom are among them; icosahedral networks leave them out and
                have `5 * 2**(2 * level + 1)`.

        Raises:
            ValueError: If the level is negative or beyond 8.

        Examples:
            >>> DirectionGrid.icosahedral(2), DirectionGrid.icosahedral(2, poles=False)
            (DirectionGrid(162 points), DirectionGrid(160 points))
        """
        if not 0 <= integer("level", level) <= 8:
            raise ValueError(f"level must lie in 0..8, got {level}")
        return cls(icosahedron(int(level))[0 if poles else 2 :])

    @property
    def num_points(self) -> int:
        """Number of points."""
        return len(self.directions)

    @property
    def neighbours(self) -> Int[Tensor, "point neighbour"]:
        """Which points border on each: those whose cells touch, eight in rows and columns.

        Rows are filled up with the point itself. Points in one place have the same neighbours.

        Examples:
            >>> grid = DirectionGrid.icosahedral(0)
            >>> grid.neighbours[0].tolist()  # five corners surround the top
            [2, 3, 4, 5, 6]
        """
        return _neighbours(self)[0]

    def nearest(self, direction: Float[Tensor, "*axes axis=3"]) -> Int[Tensor, "*axes"]:
        """Return the point nearest to each direction.

        Args:
            direction: Vectors (x, y, z) of any length; the first point is nearest to zero.

        Raises:
            TypeError: If the direction holds integers.
            ValueError: If its last axis is not x, y, z.

        Examples:
            >>> DirectionGrid.equiangular(3, 4).nearest(torch.tensor([0.1, 0.8, 0.1]))
            tensor(7)
        """
        check_vectors(direction=direction)
        check_floating(direction=direction)
        return (direction.double() @ self.directions.to(direction.device).mT).argmax(dim=-1)

    def peaks(
        self,
        values: Float[Tensor, "*axes point"],
        *,
        max_peaks: int = 1,
        threshold: float | None = None,
        separation_deg: float = 10.0,
    ) -> Peaks:
        """Return the peaks of maps: greater than all neighbours, the highest first.

        Of equal neighbours the first is the peak. nan is none.

        Args:
            values: Maps, with any axes before that of the points.
            max_peaks: How many to return at most.
            threshold: What a peak must be greater than, if anything.
            separation_deg: No two peaks are nearer than that, in degrees; the higher one stays.

        Returns:
            As many peaks for each map as are asked for, with the point -1 where there are fewer.

        Raises:
            TypeError: If the values are integers.
            ValueError: If there is no value for each point, or a setting is out of range.

        Examples:
            >>> grid = DirectionGrid.equiangular(3, 4)
            >>> found = grid.peaks(grid.directions[:, 1], max_peaks=2)
            >>> found.point, found.value  # one peak, on the left
            (tensor([ 7, -1]), tensor([1., nan], dtype=torch.float64))
        """
        self._check(values)
        check_count(max_peaks=max_peaks)
        check_positive(separation_deg=separation_deg)
        if not separation_deg <= 180:
            raise ValueError(f"separation_deg must be at most 180, got {separation_deg}")
        least = -float("inf")
        if threshold is not None:
            check_number(threshold=threshold)
            least = float(threshold)
        exact = values.to(torch.promote_types(values.dtype, torch.float32))
        neighbours, first = (table.to(values.device) for table in _neighbours(self))
        candidates = local_maxima(exact, neighbours, first) & (exact > least)
        cosine = float(unit_vector(torch.tensor(separation_deg, dtype=torch.float64), 0.0)[0])
        directions = self.directions.to(values.device)
        return highest_apart(exact, candidates, directions, int(max_peaks), cosine)

    def soft_argmax(
        self, values: Float[Tensor, "*axes point"], *, temperature: float = 1.0
    ) -> Float[Tensor, "*axes axis=3"]:
        r"""Return the mean direction of a map, weighted by the exponentials of its values.

        $$\sum_i \frac{e^{v_i / T}}{\sum_j e^{v_j / T}}\,d_i$$

        The vector is short where the map is flat, and nearly of length 1 where one narrow peak
        stands out. Gradients flow through it. Where points are denser, they weigh more.

        Args:
            values: Maps, with any axes before that of the points.
            temperature: $T$; the lower, the more the peak alone counts.

        Raises:
            TypeError: If the values are integers.
            ValueError: If there is no value for each point, or the temperature is not positive.

        Examples:
            >>> grid = DirectionGrid.fibonacci(500)
            >>> grid.soft_argmax(grid.directions[:, 0], temperature=0.01).round(decimals=2)
            tensor([0.9900, 0.0000, 0.0000], dtype=torch.float64)
        """
        self._check(values)
        check_positive(temperature=temperature)
        exact = values.to(torch.promote_types(values.dtype, torch.float32))
        weight = (exact / temperature).softmax(dim=-1).unsqueeze(-1)
        mean = (weight * self.directions.to(exact)).sum(dim=-2)
        return mean.to(values.dtype)

    def _check(self, values: Tensor) -> None:
        check_floating(values=values)
        if values.ndim < 1 or values.shape[-1] != self.num_points:
            raise ValueError(
                f"values must be (..., point={self.num_points}), got shape {tuple(values.shape)}"
            )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DirectionGrid):
            return NotImplemented
        return self.shape == other.shape and torch.equal(self.directions, other.directions)

    def __hash__(self) -> int:
        return hash(self.directions.numpy().tobytes())

    def __repr__(self) -> str:
        """Show the number of points, and rows and columns if there are."""
        shape = "" if self.shape is None else f", shape={self.shape}"
        return f"DirectionGrid({self.num_points} points{shape})"


@lru_cache(maxsize=16)
@torch.inference_mode(mode=False)  # they may be needed in a training afterwards
def _neighbours(grid: DirectionGrid) -> tuple[Tensor, Tensor]:
    return neighbour_table(grid.directions)
