"""Rotations and mirrors that map points onto themselves."""

from collections.abc import Iterator
from itertools import product

import torch
from torch import Tensor

from seldkit._typing import Float, Int

Symmetry = tuple[Float[Tensor, "axis=3 axis=3"], Int[Tensor, " point"]]


def symmetries(points: Float[Tensor, "point axis=3"], tolerance: float) -> list[Symmetry]:
    """Return the rotations and mirrors about the origin that map points onto themselves.

    Each is known by where it takes up to three of the points, so that all ways to place those are
    tried whose distances fit. What lies across points in a plane or on a line may be mirrored,
    along directions as close as can be to z, x and y.

    Args:
        points: Different points around the origin, in float64.
        tolerance: How far a point may come to lie from another to count as the same.

    Returns:
        Orthogonal matrices, the identity first, exact where they exchange axes, and for each the
        order that it takes the points from: `points == points[order] @ matrix.mT`.

    Examples:
        >>> square = torch.tensor([[1.0, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]]).double()
        >>> found = symmetries(square, 1e-6)
        >>> len(found), found[0][1]
        (16, tensor([0, 1, 2, 3]))
    """
    base, across = _frame(points, tolerance)
    frame = torch.cat((points[base], across))
    found = []
    for images in _images(points, base, tolerance):
        for signs in product((1.0, -1.0), repeat=len(across)):
            mirrored = points.new_tensor(signs).unsqueeze(1) * across
            guess = torch.linalg.solve(frame, torch.cat((points[images], mirrored))).mT
            order, _ = match_points(points @ _orthogonal(guess), points)
            # Again from all pairs, so that no rounding of the three decides.
            matrix = _orthogonal(points.mT @ points[order] + mirrored.mT @ across)
            found += _settled(matrix, points, tolerance)

    def rank(symmetry: Symmetry) -> tuple[bool, list[float]]:
        matrix = symmetry[0]
        identity = torch.equal(matrix, torch.eye(3, dtype=matrix.dtype))
        return identity, matrix.round(decimals=6).flatten().tolist()

    return sorted(found, key=rank, reverse=True)


def match_points(
    moved: Float[Tensor, "point axis=3"], points: Float[Tensor, "point axis=3"]
) -> tuple[Int[Tensor, " point"], float]:
    """Return the nearest point to each moved one, and the largest distance between the two."""
    distance, nearest = distances(moved, points).min(dim=1)
    return nearest, float(distance.max())


def distances(
    a: Float[Tensor, "row axis=3"], b: Float[Tensor, "col axis=3"]
) -> Float[Tensor, "row col"]:
    """Return all distances from differences, which keep what squares lose."""
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")


def _settled(matrix: Tensor, points: Tensor, tolerance: float) -> list[Symmetry]:
    """Return a matrix that maps the points onto themselves, in whole numbers if these do so."""
    whole = matrix.round() + 0.0  # without zeros below zero
    signed = torch.equal(whole @ whole.mT, torch.eye(3, dtype=whole.dtype))
    for candidate in (whole, matrix) if signed else (matrix,):
        order, distance = match_points(points @ candidate, points)
        if distance <= tolerance and len(order.unique()) == len(points):
            return [(candidate, order)]
    return []


def _orthogonal(matrix: Tensor) -> Float[Tensor, "axis=3 axis=3"]:
    """Return the nearest rotation or mirror."""
    left, _, right = torch.linalg.svd(matrix)
    nearest: Tensor = left @ right
    return nearest


def _frame(
    points: Float[Tensor, "point axis=3"], tolerance: float
) -> tuple[list[int], Float[Tensor, "across axis=3"]]:
    """Return points that span all of them, and unit vectors across what they span."""
    rest, base = points.clone(), list[int]()
    units: list[Tensor] = []
    for _ in range(3):
        length = torch.linalg.vector_norm(rest, dim=1)
        furthest = int(length.argmax())
        if length[furthest] <= tolerance:
            break
        base.append(furthest)
        units.append(rest[furthest] / length[furthest])
        rest = rest - (rest @ units[-1]).unsqueeze(1) * units[-1]
    for axis in torch.eye(3, dtype=points.dtype)[[2, 0, 1]]:
        across = axis - sum(((axis @ unit) * unit for unit in units), torch.zeros_like(axis))
        length = torch.linalg.vector_norm(across)
        if length > 0.5 and len(units) < 3:  # one of the axes is always as far off
            units.append(across / length)
    spare = units[len(base) :]
    return base, torch.stack(spare) if spare else points.new_zeros(0, 3)


def _images(
    points: Float[Tensor, "point axis=3"], base: list[int], tolerance: float
) -> Iterator[list[int]]:
    """Yield where the base may be taken: to points of its distances, from one another and 0."""
    length = torch.linalg.vector_norm(points, dim=1)
    apart = distances(points, points)

    def extend(images: list[int]) -> Iterator[list[int]]:
        if len(images) == len(base):
            yield images
            return
        own = base[len(images)]
        fits = (length - length[own]).abs() <= 4 * tolerance
        for image, other in zip(images, base, strict=False):
            fits &= (apart[image] - apart[other, own]).abs() <= 4 * tolerance
        for image in fits.nonzero().squeeze(1).tolist():
            yield from extend([*images, image])

    yield from extend([])
