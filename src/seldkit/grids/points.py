"""Points on the sphere: spirals and subdivided icosahedra."""

import math

import torch
from torch import Tensor

from seldkit._typing import Float
from seldkit.geometry import unit_norm


def spiral(num_points: int, lowest: float) -> Float[Tensor, "point axis"]:
    """Return points of equal area each on a Fibonacci spiral from the top down to a height.

    Args:
        num_points: How many.
        lowest: The z where it ends, -1 for the whole sphere and 0 for the upper half.
    """
    step = torch.arange(num_points, dtype=torch.float64) + 0.5
    z = 1 - (1 - lowest) / num_points * step
    golden = math.pi * (3 - math.sqrt(5))
    level = (1 - z.square()).sqrt()
    return torch.stack((level * (golden * step).cos(), level * (golden * step).sin(), z), dim=1)


def icosahedron(level: int) -> Float[Tensor, "point axis"]:
    """Return the corners of an icosahedron whose edges are halved so many times.

    Both poles are corners, the first two; every halving keeps the points that are there.
    """
    turn = 2 * math.pi / 5 * torch.arange(5, dtype=torch.float64)
    height = torch.full_like(turn, 1 / math.sqrt(5))
    ring = 2 * height  # the distance from the axis
    upper = torch.stack((ring * turn.cos(), ring * turn.sin(), height), dim=1)
    pole = upper.new_tensor([[0.0, 0.0, 1.0]])
    points = torch.cat((pole, -pole, upper, -upper))
    for _ in range(level):
        points = torch.cat((points, _middles(points)))
    return points


def _middles(points: Float[Tensor, "point axis"]) -> Float[Tensor, "edge axis"]:
    """Return the middle of each edge of the triangles that points on the sphere make."""
    from scipy.spatial import ConvexHull

    corners = torch.from_numpy(ConvexHull(points.numpy()).simplices).long()
    sides = torch.cat((corners[:, :2], corners[:, 1:], corners[:, ::2])).sort(dim=1).values
    first, second = sides.unique(dim=0).unbind(dim=1)
    return unit_norm(points[first] + points[second])
