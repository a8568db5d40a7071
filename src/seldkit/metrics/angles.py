"""The distances by which published scripts compare a predicted to a reference direction."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seldkit._typing import Float
from seldkit.geometry import azimuth_elevation_deg

DECIMALS = 12
"""Label files hold decimal degrees; rounding to so many undoes their way through a unit vector."""


def polar_angle_deg(
    a: Float[Tensor, "*axes axis"], b: Float[Tensor, "*axes axis"]
) -> Float[Tensor, "*axes"]:
    r"""Return the angle between directions as the scripts of dcase2020 to dcase2023 compute it.

    With azimuth $\phi$ and elevation $\theta$ of both directions the angle is
    $\arccos(\sin\theta_a \sin\theta_b + \cos\theta_a \cos\theta_b \cos|\phi_a - \phi_b|)$.
    The arc cosine loses half of the digits near 0, so equal directions may lie up to 1e-6 degrees
    apart. Every step is the published one in numpy, down to the last bit: sources at one elevation
    often have two matchings of the same cost, and that bit decides between them.
    [`geometry.angle_deg`][seldkit.geometry.angle_deg] is the exact angle.

    Args:
        a: Unit vectors (x, y, z).
        b: As many unit vectors.

    Returns:
        Degrees in [0, 180].
    """
    (azimuth_a, elevation_a), (azimuth_b, elevation_b) = _polar(a), _polar(b)
    across = np.cos(elevation_a) * np.cos(elevation_b) * np.cos(np.abs(azimuth_a - azimuth_b))
    cosine = np.sin(elevation_a) * np.sin(elevation_b) + across
    return torch.as_tensor(np.arccos(np.clip(cosine, -1, 1)) * 180 / np.pi)


def cartesian_angle_deg(
    a: Float[Tensor, "*axes axis"], b: Float[Tensor, "*axes axis"]
) -> Float[Tensor, "*axes"]:
    r"""Return the angle between directions as the script of dcase2024 computes it.

    The vectors are divided by $\sqrt{x^2 + y^2 + z^2 + 10^{-10}}$, a little too much, before the
    arc cosine of their product is taken. So equal directions lie 8.1e-4 degrees apart, and near
    them angles come out too large; from 1 degree on the excess is below 4e-7.

    Args:
        a: Unit vectors (x, y, z).
        b: As many unit vectors.

    Returns:
        Degrees in [0, 180].
    """
    cosine = (_shortened(a) * _shortened(b)).sum(axis=-1)
    return torch.as_tensor(np.arccos(np.clip(cosine, -1, 1)) * 180 / np.pi)


def _shortened(direction: Tensor) -> NDArray[np.float64]:
    vector: NDArray[np.float64] = direction.numpy()
    length: NDArray[np.float64] = np.sqrt((vector**2).sum(axis=-1, keepdims=True) + 1e-10)
    return vector / length


def _polar(direction: Tensor) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    azimuth, elevation = azimuth_elevation_deg(direction)
    return _radians(azimuth), _radians(elevation)


def _radians(degrees: Tensor) -> NDArray[np.float64]:
    return degrees.numpy().round(DECIMALS) * np.pi / 180
