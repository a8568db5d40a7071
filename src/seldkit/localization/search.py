"""The directions among which to search: those that an array can tell apart."""

from typing import Literal

import torch
from torch import Tensor

from seldkit._checks import check_count
from seldkit._typing import Float
from seldkit.arrays import ArrayGeometry
from seldkit.geometry import unit_norm
from seldkit.grids import DirectionGrid

_FLAT = 1e-3  # of the longest extent


def search_grid(array: ArrayGeometry | Literal["foa"], num_points: int = 3000) -> DirectionGrid:
    """Return evenly spread directions that an array can tell apart.

    They are those of the whole sphere for ambisonics and for arrays in three dimensions. What lies
    behind the mirror of a level array, below, is left out, and so is the side of any other plane
    of microphones that looks down, or backwards if it is upright. On a line only the angle to it is
    heard: the directions are those of the half circle through it that is most in front, above where
    the line points to the front itself.

    Args:
        array: The microphones, or `"foa"` for ambisonics.
        num_points: How many points the whole sphere would have; 3000 are 3.7 degrees apart.

    Raises:
        ValueError: If the array is none, the number is not positive, or there is a single
            microphone.

    Examples:
        >>> search_grid("foa", 1000), search_grid(ArrayGeometry.circle(4, 0.05), 1000)
        (DirectionGrid(1000 points), DirectionGrid(500 points))
        >>> search_grid(ArrayGeometry.line(2, 0.1), 1000)
        DirectionGrid(29 points)
    """
    check_count(num_points=num_points)
    if not isinstance(array, ArrayGeometry):
        if array != "foa":
            raise ValueError(f"array must be an ArrayGeometry or 'foa', got {array!r}")
        return DirectionGrid.fibonacci(num_points)
    if array.num_channels < 2:
        raise ValueError("array must have at least 2 microphones, got 1")
    places = array.positions - array.positions.mean(dim=0)
    _, extent, axes = torch.linalg.svd(places, full_matrices=True)
    seen = int((extent > _FLAT * extent[0]).sum())
    if seen == 3:
        return DirectionGrid.fibonacci(num_points)
    if seen == 1:
        return DirectionGrid(_half_circle(axes[0], num_points))
    across = _towards(axes[2], (2, 0, 1))
    if across[2] > 1 - _FLAT:
        return DirectionGrid.fibonacci(max(1, num_points // 2), upper_half=True)
    points = DirectionGrid.fibonacci(num_points).directions
    return DirectionGrid(points[points @ across >= 0])


def _half_circle(axis: Float[Tensor, " axis"], num_points: int) -> Float[Tensor, "point axis"]:
    """Return directions from one end of a line to the other."""
    front, up = torch.eye(3, dtype=axis.dtype)[[0, 2]]
    ahead = front if abs(float(axis[0])) < 1 - _FLAT else up
    ahead = unit_norm(ahead - (ahead @ axis) * axis)
    spacing = (4 * torch.pi / num_points) ** 0.5
    count = round(torch.pi / spacing) + 1 + round(torch.pi / spacing) % 2
    angle = torch.linspace(-torch.pi / 2, torch.pi / 2, count, dtype=axis.dtype).unsqueeze(1)
    return angle.sin() * axis + angle.cos() * ahead


def _towards(axis: Float[Tensor, " axis"], order: tuple[int, ...]) -> Float[Tensor, " axis"]:
    """Return an axis or its opposite, so that the first entry in this order is positive."""
    for entry in order:
        if abs(float(axis[entry])) > _FLAT:
            return axis * axis[entry].sign()
    return axis
