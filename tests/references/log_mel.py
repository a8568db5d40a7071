"""Log-mel and intensity in numpy and float64, straight from the formulas.

For extractors of which no published numbers are at hand; those of which there are check it.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def mel_edges(count: int, fmin: float, fmax: float, *, htk: bool) -> Array:
    """Return the edges and peaks of the bands, in hertz, evenly spaced in mel."""
    if htk:
        low, high = np.log1p(fmin / 700), np.log1p(fmax / 700)
        return np.asarray(700 * np.expm1(np.linspace(low, high, count + 2)))
    # Slaney's scale: 3 mel for 200 Hz up to 1 kHz (mel 15), then 27 mel for a factor of 6.4.
    low, high = fmin * 3 / 200, 15 + 27 * np.log(fmax / 1000) / np.log(6.4)
    mel = np.linspace(low, high, count + 2)
    return np.where(mel < 15, mel * 200 / 3, 1000 * 6.4 ** ((mel - 15) / 27))


def mel_bands(power: Array, edges: Array, bin_hz: float) -> Array:
    """Sum bins in triangles of unit area per hertz, band by band."""
    hertz = bin_hz * np.arange(power.shape[-1])
    bands = []
    for (low, peak), high in zip(pairwise(edges[:-1]), edges[2:], strict=True):
        triangle = np.interp(hertz, [low, peak, high], [0, 1, 0]) * 2 / (high - low)
        bands.append(power @ triangle)
    return np.stack(bands, axis=-1)


def unit_intensity_features(
    waveform: Array,
    *,
    sample_rate: int,
    hop_length: int,
    num_mels: int,
    htk: bool,
    fmin: float = 20.0,
    n_fft: int = 1024,
) -> Array:
    """Return log-mel of W, Y, Z, X, then the mel bands of unit intensity vectors y, z, x."""
    padded = np.pad(waveform, [(0, 0), (n_fft // 2, n_fft // 2)], mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    starts = range(0, waveform.shape[1] + 1, hop_length)
    frames = np.stack([padded[:, start : start + n_fft] * window for start in starts], axis=1)
    spectrum = np.fft.rfft(frames)
    edges = mel_edges(num_mels, fmin, sample_rate / 2, htk=htk)
    bands = mel_bands(np.abs(spectrum) ** 2, edges, sample_rate / n_fft)
    intensity = np.real(np.conj(spectrum[:1]) * spectrum[1:])
    intensity /= np.linalg.norm(intensity, axis=0) + 2.0**-23
    directions = mel_bands(intensity, edges, sample_rate / n_fft)
    return np.concatenate([10 * np.log10(np.maximum(bands, 1e-10)), directions])
