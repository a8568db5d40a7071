"""Which directions of a grid are neighbours: those that share an edge of its triangles."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seldkit._typing import Float, Int
from seldkit.grids.points import icosahedron

_SAME = 1e-9
_EMPTY = 0.5  # radians that a hole in the grid is wide, at least
_WIDEST = 1.2  # what is surely one


def neighbour_table(
    directions: Float[Tensor, "point axis=3"],
) -> tuple[Int[Tensor, "point neighbour"], Int[Tensor, " point"]]:
    """Return the neighbours of each point, and the first point in the same place.

    Points are neighbours if their cells (Voronoi) touch, so that a cell of a grid with rows and
    columns has eight. Where the grid leaves out part of the sphere, nothing is linked across.

    Args:
        directions: Unit vectors, float64 on the CPU.

    Returns:
        Their numbers, rows filled up with the point itself; points in one place have the same
        neighbours, of which each is the first in its own place.
    """
    points = directions.numpy()
    _, first, place = np.unique(
        points.round(9) + 0.0, axis=0, return_index=True, return_inverse=True
    )
    place = first[place.ravel()]  # the first point in the same place
    sides = _sides(points[first])
    sides = np.unique(np.concatenate((sides, sides[:, ::-1])), axis=0)
    own, others = first[sides[:, 0]], first[sides[:, 1]]
    order = np.lexsort((others, own))
    own, others = own[order], others[order]
    count = np.bincount(own, minlength=len(points))
    column = np.arange(len(own)) - (np.cumsum(count) - count)[own]
    table = np.repeat(np.arange(len(points))[:, np.newaxis], max(count.max(), 1), axis=1)
    table[own, column] = others
    return torch.from_numpy(table[place]), torch.from_numpy(place)


def _sides(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return pairs of different points whose cells touch."""
    from scipy.spatial import ConvexHull, cKDTree

    if len(points) < 2:
        return np.empty((0, 2), dtype=np.int64)
    tree = cKDTree(points)
    apart, _ = tree.query(points, k=[2])
    spacing = float(np.max(apart))
    # Triangles across a hole, such as the lower half, would link its opposite rims.
    filling = icosahedron(1).numpy()
    distance, _ = tree.query(filling)
    # Of few points some of the filling must stay: without it there may be no hull.
    filling = filling[np.asarray(distance) > max(_EMPTY, min(1.5 * spacing, _WIDEST))]
    hull = ConvexHull(np.concatenate((points, filling)))
    corners = hull.simplices
    pairs = [corners[:, [i, j]] for i, j in ((0, 1), (1, 2), (0, 2))]
    for side in range(3):
        # Triangles in one plane are one cell of rows and columns: its corners all touch.
        other = hull.neighbors[:, side]
        flat = np.abs(hull.equations - hull.equations[other]).max(axis=1) < _SAME
        opposite = corners[other[flat]]
        pairs += [np.stack((corners[flat, side], opposite[:, k]), axis=1) for k in range(3)]
    sides: NDArray[np.int64] = np.concatenate(pairs).astype(np.int64)
    sides = sides[(sides < len(points)).all(axis=1) & (sides[:, 0] != sides[:, 1])]
    return sides
