"""Degrees, unit vectors and the angle between directions.

Axes: x front, y left, z up. Azimuth counts counter-clockwise from the front, elevation upwards.
"""

import torch
from torch import Tensor

from seldkit._checks import check_floating, check_vectors
from seldkit._typing import Float


def unit_vector(
    azimuth_deg: Float[Tensor, "*#axes"] | float, elevation_deg: Float[Tensor, "*#axes"] | float
) -> Float[Tensor, "*axes axis"]:
    """Return the unit vectors (x, y, z) of directions given in degrees.

    Args:
        azimuth_deg: Counter-clockwise from the front, in degrees; any range.
        elevation_deg: Upwards from the horizontal plane, in degrees; any range; broadcast against
            the azimuth. A number takes the type and device of the other argument.

    Examples:
        >>> unit_vector(90.0, 0.0).round(decimals=3)  # the left
        tensor([-0., 1., 0.])
    """
    azimuth, elevation = torch.as_tensor(azimuth_deg), torch.as_tensor(elevation_deg)
    if (azimuth.shape, azimuth.dtype, azimuth.device) != (
        elevation.shape,
        elevation.dtype,
        elevation.device,
    ):
        zero = torch.as_tensor(
            0 * azimuth_deg + 0 * elevation_deg
        )  # of their common type and shape
        azimuth, elevation = azimuth_deg + zero, elevation_deg + zero
    azimuth, elevation = torch.deg2rad(azimuth), torch.deg2rad(elevation)
    level = elevation.cos()
    return torch.stack((level * azimuth.cos(), level * azimuth.sin(), elevation.sin()), dim=-1)


def unit_norm(
    direction: Float[Tensor, "*axes axis"], *, zero_is_front: bool = False
) -> Float[Tensor, "*axes axis"]:
    """Return vectors of length one; a vector of length zero stays as it is.

    Zeros are what a silent place holds, and a position at the origin. Formats and readers of files,
    which must give a direction to each event, take them for the front.

    Args:
        direction: Vectors (x, y, z), or (x, y), of any length.
        zero_is_front: Whether a vector of length zero becomes the front.

    Raises:
        TypeError: If the direction holds integers.

    Examples:
        >>> unit_norm(torch.tensor([[3.0, 0.0, 4.0], [0.0, 0.0, 0.0]]))
        tensor([[0.6000, 0.0000, 0.8000],
                [0.0000, 0.0000, 0.0000]])
    """
    check_floating(direction=direction)
    # By the largest entry first: squares of very short or long vectors are 0 or infinite.
    vector = direction.to(torch.promote_types(direction.dtype, torch.float32))
    largest = vector.abs().amax(dim=-1, keepdim=True)
    vector = vector / largest.where(largest > 0, 1)
    length = torch.linalg.vector_norm(vector, dim=-1, keepdim=True)
    unit = vector.div(length.clamp(min=1)).to(direction.dtype)  # 0 or at least 1
    if zero_is_front:
        unit[..., 0] += largest.squeeze(dim=-1) == 0
    return unit


def azimuth_elevation_deg(
    direction: Float[Tensor, "*axes axis"],
) -> tuple[Float[Tensor, "*axes"], Float[Tensor, "*axes"]]:
    """Return azimuth in [-180, 180) and elevation in [-90, 90], in degrees.

    Args:
        direction: Vectors (x, y, z) of any length; at the poles the azimuth is 0, and the zero
            vector counts as the front.

    Raises:
        TypeError: If the direction holds integers.
        ValueError: If its last axis is not x, y, z.

    Examples:
        >>> azimuth_elevation_deg(torch.tensor([-1.0, 0.0, 0.0]))
        (tensor(-180.), tensor(0.))
    """
    check_vectors(direction=direction)
    check_floating(direction=direction)
    x, y, z = (direction + 0.0).unbind(dim=-1)  # -0 is 0
    azimuth = torch.rad2deg(torch.atan2(y, x))
    elevation = torch.rad2deg(torch.atan2(z, torch.hypot(x, y)))
    return wrap_deg(azimuth), elevation


def wrap_deg(azimuth_deg: Float[Tensor, "*axes"]) -> Float[Tensor, "*axes"]:
    """Return azimuths in [-180, 180), in degrees; those that are there already as they are.

    Args:
        azimuth_deg: In degrees, any range; nan stays nan.

    Examples:
        >>> wrap_deg(torch.tensor([190.0, 180.0, 30.0]))
        tensor([-170., -180.,   30.])
    """
    turned = (azimuth_deg + 180) % 360 - 180
    turned = torch.where(turned == 180, -180, turned)  # a hair below -180 is rounded up to 180
    return torch.where((azimuth_deg >= -180) & (azimuth_deg < 180), azimuth_deg, turned)


def decimal_degrees(
    direction: Float[Tensor, "*axes axis"],
) -> tuple[Float[Tensor, "*axes"], Float[Tensor, "*axes"]]:
    """Return azimuth in [-180, 180) and elevation in [-90, 90], rounded to 12 decimals.

    Degrees are mostly decimal; rounding undoes their way through a unit vector of float64.

    Args:
        direction: Vectors (x, y, z) of any length, float64.

    Examples:
        >>> decimal_degrees(unit_vector(torch.tensor(0.1, dtype=torch.float64), 30.0))
        (tensor(0.1000, dtype=torch.float64), tensor(30., dtype=torch.float64))
    """
    azimuth, elevation = (
        degrees.round(decimals=12) for degrees in azimuth_elevation_deg(direction)
    )
    return wrap_deg(azimuth), elevation


def angle_deg(
    a: Float[Tensor, "*#axes axis"], b: Float[Tensor, "*#axes axis"]
) -> Float[Tensor, "*axes"]:
    r"""Return the angle between directions, in degrees in [0, 180].

    With unit vectors $\hat a$ and $\hat b$ the angle is
    $2 \operatorname{atan2}(\lVert \hat a - \hat b \rVert, \lVert \hat a + \hat b \rVert)$
    (Kahan), which is exact for equal and opposite vectors, where the arc cosine loses half of
    its digits. The angle to the zero vector is nan.

    Args:
        a: Vectors (x, y, z) of any length whose square is a number of its type, broadcast against
            `b`.
        b: Vectors (x, y, z), likewise.

    Raises:
        TypeError: If one holds integers.
        ValueError: If a last axis is not x, y, z.

    Examples:
        >>> angle_deg(torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 0.0, 2.0]))
        tensor(90.)
    """
    check_vectors(a=a, b=b)
    check_floating(a=a, b=b)
    a = a / torch.linalg.vector_norm(a, dim=-1, keepdim=True)
    b = b / torch.linalg.vector_norm(b, dim=-1, keepdim=True)
    difference = torch.linalg.vector_norm(a - b, dim=-1)
    return torch.rad2deg(2 * torch.atan2(difference, torch.linalg.vector_norm(a + b, dim=-1)))


def within(value: Tensor | float, limit: Tensor | float) -> Tensor:
    """Return whether values are at most a limit, but for rounding.

    Two azimuths in whole degrees that are exactly 20 apart come back from their unit vectors as
    20.000000000000004 or 19.999999999999996. A limit that includes its border must count both, so
    what exceeds it by no more than 1e-9 is within.

    Args:
        value: Angles, distances or other values; nan is within no limit.
        limit: The greatest value that is within, in the same unit.

    Examples:
        >>> within(torch.tensor([20.0, 20.0 + 1e-12, 20.1], dtype=torch.float64), 20.0)
        tensor([ True,  True, False])
    """
    return torch.as_tensor(value, dtype=torch.float64) <= limit + 1e-9


def below(value: Tensor | float, limit: Tensor | float) -> Tensor:
    """Return whether values are less than a limit, which what meets it but for rounding is not.

    Args:
        value: Angles, distances or other values; nan is below no limit.
        limit: The smallest value that is no longer below, in the same unit.

    Examples:
        >>> below(torch.tensor([1.9, 2.0 - 1e-12, 2.0], dtype=torch.float64), 2.0)
        tensor([ True, False, False])
    """
    return torch.as_tensor(value, dtype=torch.float64) < limit - 1e-9
