"""Bands of frequency in hertz, as the bins of an FFT."""

from math import ceil, floor

from seldkit._checks import check_number, check_positive

Band = tuple[int, int]
"""The first bin of a band and the one after the last."""


def check_band(fmin: float, fmax: float | None) -> None:
    """Raise unless the limits of a band are numbers from 0, the higher one beyond the lower."""
    check_number(fmin=fmin)
    if not fmin >= 0:
        raise ValueError(f"fmin must not be negative, got {fmin}")
    if fmax is not None:
        check_positive(fmax=fmax)
        if not fmin < fmax:
            raise ValueError(f"fmin must be below fmax={fmax}, got {fmin}")


def band_bins(fmin: float, fmax: float | None, n_fft: int, sample_rate: int) -> Band:
    """Return the bins between two frequencies, both limits among them.

    Raises:
        ValueError: If the band reaches beyond half the sampling rate, or holds no bin.

    Examples:
        >>> band_bins(1000, 2000, n_fft=512, sample_rate=16000)
        (32, 65)
    """
    highest = sample_rate / 2 if fmax is None else fmax
    if highest > sample_rate / 2:
        raise ValueError(f"fmax must be at most {sample_rate / 2}, got {fmax}")
    first = ceil(fmin * n_fft / sample_rate - 1e-9)
    stop = min(floor(highest * n_fft / sample_rate + 1e-9), n_fft // 2) + 1
    if first >= stop:
        raise ValueError(f"fmin and fmax must hold a bin of {n_fft=}, got {fmin} and {fmax}")
    return first, stop
