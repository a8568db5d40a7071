"""Visibility matrices: how the microphones of an array agree, band by band."""

import math

import torch
from torch import Tensor

from seldkit._checks import check_count, check_floating, check_positive, check_shape
from seldkit._typing import Complex, Float
from seldkit.features.eigenvalues import finite_matrices
from seldkit.features.precision import widened

WINDOW_S = 0.01


def visibility(
    waveform: Float[Tensor, "batch channel sample"],
    sample_rate: int = 24000,
    *,
    num_bands: int = 9,
    fmin: float = 1500.0,
    fmax: float = 4500.0,
    width: float = 50.0,
    windows: int = 10,
) -> Complex[Tensor, "batch time band channel channel"]:
    r"""Return the visibility matrices that LAM and UpLAM read, a set for each 100 ms.

    Windows of 10 ms, Hann, not overlapping, are transformed. In each band the bins within 25 Hz of
    its centre are summed to one number $X_m$ for each microphone, and

    $$S_{mn} = \frac{1}{\lambda} \sum_{\text{windows}} \overline{X_m} X_n$$

    where $\lambda$ is the greatest eigenvalue of the sum; silence has zeros. Centres lie in the
    middle of `num_bands` equal parts of the range, and bins from the one at or below the lower end
    to the one at or below the upper end count, which are one or two by default.

    Args:
        waveform: The channels of an array.
        sample_rate: In hertz.
        num_bands: Number of bands.
        fmin: Lower end of the range, in hertz.
        fmax: Upper end of the range, in hertz.
        width: Width of a band, in hertz.
        windows: How many windows are summed: 10 make label frames of 100 ms.

    Returns:
        Hermitian matrices; a remainder of the waveform at the end is dropped.

    Raises:
        TypeError: If the waveform holds integers, or a number is none.
        ValueError: If the waveform has another shape or is shorter than a frame, the bands do not
            lie between 0 and half the sampling rate, or that is no multiple of 100.

    Source: baseline of DCASE 2026 task 3; Simeoni et al., "DeepWave: a recurrent neural network for
    real-time acoustic imaging", NeurIPS 2019.

    Examples:
        >>> sound = torch.randn(1, 1, 4800).expand(1, 4, 4800)  # at once in all microphones
        >>> matrices = visibility(sound)
        >>> matrices.shape
        torch.Size([1, 2, 9, 4, 4])
        >>> matrices[0, 0, 0].real.round(decimals=3)[0]
        tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """
    check_shape("waveform", waveform, "batch+ channel+ sample")
    check_floating(waveform=waveform)
    check_count(sample_rate=sample_rate, num_bands=num_bands, windows=windows)
    check_positive(fmin=fmin, fmax=fmax, width=width)
    if not width / 2 <= fmin < fmax <= (sample_rate - width) / 2:
        raise ValueError(
            f"fmin and fmax must rise and lie in {width / 2}..{(sample_rate - width) / 2},"
            f" got {fmin} and {fmax}"
        )
    if sample_rate % 100:
        raise ValueError(f"sample_rate must be a multiple of 100, got {sample_rate}")
    waveform = widened(waveform)
    length = round(sample_rate * WINDOW_S)
    count = waveform.shape[2] // (length * windows)
    if not count:
        raise ValueError(
            f"waveform must have at least {length * windows} samples, got {waveform.shape[2]}"
        )
    x = waveform[..., : count * windows * length].unflatten(2, (count, windows, length))
    window = torch.hann_window(length, periodic=False, dtype=x.dtype, device=x.device)
    spectrum = torch.fft.rfft(x * window)
    step = (fmax - fmin) / num_bands
    centres = [fmin + (band + 0.5) * step for band in range(num_bands)]
    lowest, highest = (
        [math.floor((centre + side * width / 2) * length / sample_rate) for centre in centres]
        for side in (-1, 1)
    )
    bins = zip(lowest, highest, strict=True)
    tones = torch.stack([spectrum[..., a : b + 1].sum(dim=-1) for a, b in bins], dim=-1)
    tones = tones.permute(0, 2, 4, 1, 3)  # batch time band channel window
    matrices = tones.conj() @ tones.mT
    finite = finite_matrices(matrices)
    largest = torch.linalg.eigvalsh(matrices.where(finite, 0))[..., -1:].unsqueeze(-1)
    scaled = torch.where(largest > 0, matrices / largest.clamp(min=1e-30), 0)
    return scaled.where(finite, torch.nan)
