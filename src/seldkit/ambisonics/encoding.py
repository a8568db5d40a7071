"""First-order ambisonics of what the microphones of an array recorded."""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from seldkit._checks import check_floating, check_literal, check_positive
from seldkit._typing import Float
from seldkit.ambisonics.steering import Capsules, sphere_points, steering
from seldkit.arrays import SPEED_OF_SOUND, ArrayGeometry

NOISE = 1e-3
"""Own noise of the microphones against the sound that filters must not amplify: -30 dB."""

TRUE_DEG = 2.0
"""How far intensity may point from a plane wave within the usable band."""

HEARD = 0.5
"""Which part of its energy a dipole must have within the usable band: -3 dB."""

FLAT = 1e-3
"""Extent of an array against its largest one that counts as none."""

FILTER_S = 0.04
"""Least length of the filters: they know frequencies 25 Hz apart."""

STEP = 64
"""Frequencies that are solved at once: all of them would take much memory."""

LARGEST = 128.0
"""Most radians that a wave turns from the middle of an array to a microphone."""


def encode(
    waveform: Float[Tensor, "*batch channel sample"],
    array: ArrayGeometry,
    sample_rate: float,
    *,
    capsules: Capsules = "omni",
) -> Float[Tensor, "*batch foa=4 sample"]:
    """Return first-order ambisonics of what an array recorded, at its middle.

    Filters weigh the microphones so that waves from all directions come out as nearly as can be as
    an ambisonic microphone hears them, in the least squares over the sphere. They are regularised
    for microphones whose own noise is 30 dB below the sound, so that differences between them that
    drown in noise are not amplified: at low frequencies the dipoles fade. They have no delay.

    Directions are right within [`usable_band_hz`][seldkit.ambisonics.usable_band_hz]. Above it the
    wave is shorter than the array can follow; there only the energy is kept, that of sound from all
    around. A level array cannot tell above from below: its Z is silent.

    Args:
        waveform: One channel for each microphone.
        array: Where the microphones are.
        sample_rate: In hertz.
        capsules: `"omni"` for microphones in the open that hear alike from all sides; `"cardioid"`
            for those that look outwards from the middle, as in an A-format recording; `"sphere"`
            for the surface of a rigid sphere, as the MIC format of DCASE and the Eigenmike.

    Returns:
        Audio of the same length in ACN order, SN3D normalised.

    Raises:
        TypeError: If the waveform holds integers.
        ValueError: If the channels are not those of the array, its microphones are on one line or
            too far apart, it has no usable band, or its capsules cannot be of this kind.

    Examples:
        >>> array = ArrayGeometry.tetrahedron()
        >>> recording = torch.ones(4, 4800)  # a pressure that all microphones feel alike
        >>> encode(recording, array, 24000)[:, 2400].round(decimals=2).abs()
        tensor([1., 0., 0., 0.])
    """
    if waveform.ndim < 2 or waveform.shape[-2] != array.num_channels:
        raise ValueError(
            f"waveform must be (..., channel={array.num_channels}, sample) as the array has"
            f" microphones, got {tuple(waveform.shape)}"
        )
    if not waveform.numel():
        raise ValueError(f"waveform must hold a sample, got {tuple(waveform.shape)}")
    check_floating(waveform=waveform)
    design = _design(array, sample_rate, capsules)
    taps = torch.from_numpy(design.taps).to(waveform.device)
    with torch.autocast(waveform.device.type, enabled=False):
        exact = waveform.to(torch.promote_types(waveform.dtype, torch.float32))
        foa: Tensor = _filtered(exact, taps.to(exact)).to(waveform.dtype)
    return foa


def usable_band_hz(
    array: ArrayGeometry, sample_rate: float, *, capsules: Capsules = "omni"
) -> tuple[float, float]:
    """Return the lowest and highest frequency at which an encoded recording tells directions.

    Between them, at a step of some 20 Hz, the intensity of a plane wave points within 2 degrees of
    where it comes from, whatever the direction, and the dipoles have at least half the energy they
    should have. The microphones themselves are taken to be perfect. For a level array directions
    are those within its plane, of sources up to 60 degrees above or below it.

    Args:
        array: Where the microphones are.
        sample_rate: In hertz.
        capsules: As for [`encode`][seldkit.ambisonics.encode].

    Raises:
        ValueError: As `encode`.

    Examples:
        >>> low, high = usable_band_hz(ArrayGeometry.tetrahedron(), 24000)
        >>> round(low), round(high)
        (117, 1242)
    """
    return _design(array, sample_rate, capsules).band_hz


class _Design(NamedTuple):
    """Filters of an array, and where they are right.

    Attributes:
        taps: `[foa, channel, tap]`, the middle one for the sample itself.
        band_hz: Lowest and highest usable frequency.
    """

    taps: NDArray[np.float64]
    band_hz: tuple[float, float]


def _design(array: ArrayGeometry, sample_rate: float, capsules: Capsules) -> _Design:
    check_positive(sample_rate=sample_rate)
    check_literal("capsules", capsules, Capsules)
    places = tuple(map(tuple, array.positions.tolist()))
    return _designed(places, float(sample_rate), capsules)


@lru_cache(maxsize=8)
def _designed(
    places: tuple[tuple[float, ...], ...], sample_rate: float, capsules: Capsules
) -> _Design:
    """Return the filters of microphones, kept for the next recording of the same array."""
    positions = np.array(places) - np.mean(places, axis=0)
    axes = _heard_axes(positions, capsules)
    length = 2 ** math.ceil(math.log2(FILTER_S * sample_rate))
    hertz = np.arange(length // 2 + 1) * sample_rate / length
    wavenumber = 2 * np.pi * hertz / SPEED_OF_SOUND
    radius = np.linalg.norm(positions, axis=1).max()
    if wavenumber[-1] * radius > LARGEST:
        raise ValueError(
            f"array must be within {LARGEST / wavenumber[-1]:.2g} m of its middle at a sample_rate"
            f" of {sample_rate:g}, got a microphone {radius:.2g} m from it"
        )
    parts = [
        _least_squares(positions, part, axes, capsules)
        for part in np.split(wavenumber, range(STEP, len(wavenumber), STEP))
    ]
    filters, energy, worst_deg = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    usable = (worst_deg <= TRUE_DEG) & (energy[:, 1] >= HEARD)
    if not usable.any():
        raise ValueError("array must tell directions at some frequency, got one that does at none")
    low = int(usable.argmax())
    high = low + int(np.append(usable[low:], False).argmin()) - 1
    above = slice(high + 1, None)
    filters[above, :1] /= np.sqrt(energy[above, :1, None])
    filters[above, 1:] /= np.sqrt(energy[above, 1:, None])
    taps = np.roll(np.fft.irfft(filters, length, axis=0), length // 2, axis=0)
    return _Design(np.moveaxis(taps, 0, -1), (float(hertz[low]), float(hertz[high])))


def _least_squares(
    positions: NDArray[np.float64],
    wavenumber: NDArray[np.float64],
    axes: NDArray[np.float64],
    capsules: Capsules,
) -> tuple[NDArray[np.complex128], NDArray[np.float64], NDArray[np.float64]]:
    """Return the filters `[freq, foa, channel]`, and how good they are.

    That is the energy of sound from all around in W and in the dipoles against what it should be,
    `[freq, 2]`, and by how many degrees a plane wave is taken to come from elsewhere at worst.
    """
    reach = wavenumber[-1] * np.linalg.norm(positions, axis=1).max()
    directions, weights = sphere_points(2 * math.ceil(reach) + 12)
    heard = steering(positions, wavenumber, directions, capsules)
    wanted = np.concatenate((np.ones((1, len(directions))), directions.T[[1, 2, 0]]))
    recorded = np.ascontiguousarray(heard.conj().mT)
    together = (heard * weights) @ recorded
    own = NOISE * np.trace(together, axis1=1, axis2=2).real / len(positions)
    target = (wanted * weights).astype(complex) @ recorded
    noisy = together + own[:, None, None] * np.eye(len(positions))
    solved = np.linalg.solve(noisy.mT, target.mT).mT  # solved @ noisy = target
    filters: NDArray[np.complex128] = solved.astype(np.complex128)
    energy: NDArray[np.float64] = ((filters @ together) * filters.conj()).sum(axis=-1).real
    dipoles = energy[:, 1:].sum(axis=-1, keepdims=True) * 3 / len(axes)
    good = np.concatenate((energy[:, :1], dipoles), axis=1)
    return filters, good, _worst_deg(filters @ heard, directions, axes)


def _heard_axes(positions: NDArray[np.float64], capsules: Capsules) -> NDArray[np.float64]:
    """Return the two or three axes `[_, axis]` along which an array has an extent."""
    _, extent, axes = np.linalg.svd(positions)
    axes = axes[: int((extent > FLAT * extent[0]).sum())] if len(positions) > 2 else axes[:1]
    if len(axes) < 2:
        raise ValueError(
            "array must have three microphones that are not on one line, got"
            f" {len(positions)} at {positions.tolist()}"
        )
    radius = np.linalg.norm(positions, axis=1)
    if capsules != "omni" and radius.min() < FLAT * radius.max():
        raise ValueError(
            f"capsules must be 'omni' where a microphone is in the middle, got {capsules!r}"
        )
    if capsules == "sphere" and np.ptp(radius) > FLAT * radius.max():
        raise ValueError(
            "capsules must be 'omni' or 'cardioid' where microphones are not on one sphere about"
            f" their middle, got 'sphere' and {radius.min():.3g} to {radius.max():.3g} m"
        )
    return axes


def _worst_deg(
    foa: NDArray[np.complex128], directions: NDArray[np.float64], axes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return by how much the intensity of a plane wave points elsewhere, at each frequency."""
    inside = directions @ axes.T
    length = np.linalg.norm(inside, axis=1)
    seen = length >= 0.5  # up to 60 degrees above or below a level array
    intensity = (foa[:, :1].conj() * foa[:, [3, 1, 2]]).real[..., seen]
    found = np.einsum("had,ea->hed", intensity, axes)
    cosine = np.einsum("hed,de->hd", found, inside[seen] / length[seen, None])
    sine2 = np.square(found).sum(axis=1) - np.square(cosine)
    angle = np.arctan2(np.sqrt(np.maximum(sine2, 0)), cosine)
    worst: NDArray[np.float64] = np.rad2deg(angle).max(axis=1)
    return worst


def _filtered(
    waveform: Float[Tensor, "*batch channel sample"], taps: Float[Tensor, "foa channel tap"]
) -> Float[Tensor, "*batch foa sample"]:
    """Return the sums of filtered channels, by overlapping blocks."""
    length, samples = taps.shape[2], waveform.shape[-1]
    size = 8 * length
    hop = size - length + 1
    spare = -samples % hop
    padded = functional.pad(waveform, (length // 2 - 1, length // 2 + spare))
    blocks = padded.unfold(-1, size, hop)
    spectra = torch.einsum("...cbf,ocf->...obf", torch.fft.rfft(blocks), torch.fft.rfft(taps, size))
    whole: Tensor = torch.fft.irfft(spectra, size)[..., length - 1 :]
    return whole.flatten(-2)[..., :samples]
