"""What the microphones of an array record of plane waves from all directions, at each frequency."""

from math import ceil
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seldkit._typing import Complex, Float

Capsules = Literal["omni", "cardioid", "sphere"]


def sphere_points(order: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return directions `[direction, axis]` and weights, which sum to 1, of a mean over the sphere.

    It is exact for spherical harmonics up to an order: Gauss-Legendre over z, even steps around it.
    """
    z, weight = np.polynomial.legendre.leggauss(order // 2 + 1)
    turn = 2 * np.pi * (np.arange(order + 1) + 0.5) / (order + 1)
    level = np.sqrt(1 - z**2)[:, None]
    around = np.stack((level * np.cos(turn), level * np.sin(turn)), axis=-1)
    up = np.broadcast_to(z[:, None, None], (*around.shape[:2], 1))
    points = np.concatenate((around, up), axis=-1).reshape(-1, 3)
    return points, np.repeat(weight / 2 / len(turn), len(turn))


def steering(
    positions: Float[NDArray[np.float64], "channel axis=3"],
    wavenumber: Float[NDArray[np.float64], " freq"],
    directions: Float[NDArray[np.float64], "direction axis=3"],
    capsules: Capsules,
) -> Complex[NDArray[np.complex128], "freq channel direction"]:
    """Return the spectrum that each microphone records where the middle would record 1.

    Args:
        positions: In metres from the middle of the array.
        wavenumber: Of each frequency, in radians per metre.
        directions: Unit vectors from which the waves come.
        capsules: `"omni"` hears the pressure, `"cardioid"` looks outwards, `"sphere"` hears the
            pressure on the surface of a rigid sphere.
    """
    if capsules == "sphere":
        return _on_rigid_sphere(positions, wavenumber, directions)
    early = positions @ directions.T
    waves: NDArray[np.complex128] = np.exp(1j * wavenumber[:, None, None] * early)
    if capsules == "cardioid":
        waves *= (1 + early / np.linalg.norm(positions, axis=1, keepdims=True)) / 2
    return waves


def _on_rigid_sphere(
    positions: NDArray[np.float64],
    wavenumber: NDArray[np.float64],
    directions: NDArray[np.float64],
) -> NDArray[np.complex128]:
    r"""Sum the modes $(2l + 1) i^l b_l(kr) P_l$ of a wave and what the sphere scatters of it.

    On the surface $b_l(x) = -i / (x^2 h_l'(x))$, with the outgoing spherical Hankel function.
    """
    from scipy.special import eval_legendre, spherical_jn, spherical_yn

    radius = np.linalg.norm(positions, axis=1)
    x = np.maximum(wavenumber * radius.mean(), 1e-2)  # below, the modes are as at 0
    cosine = np.clip((positions / radius[:, None]) @ directions.T, -1, 1)
    total = np.zeros((len(x), *cosine.shape), dtype=np.complex128)
    for mode in range(ceil(x.max()) + 12):
        slope = spherical_jn(mode, x, derivative=True) - 1j * spherical_yn(mode, x, derivative=True)
        strength = (2 * mode + 1) * 1j**mode * -1j / (x**2 * slope)
        total += strength[:, None, None] * eval_legendre(mode, cosine)
    return total
