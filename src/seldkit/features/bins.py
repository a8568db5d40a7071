"""Linear frequency bins: which are kept, and how long the transform was that made them."""

from torch import Tensor

from seldkit._checks import check_pair, integer
from seldkit._typing import Float

Bins = tuple[int, int]
"""The first bin that is kept and the one after the last."""


def check_bins(bins: Bins | None) -> Bins | None:
    """Return the bins, or raise `ValueError` unless they are a first and a later stop."""
    if bins is None:
        return None
    check_pair("bins", bins, "a first and a stop")
    first, stop = (integer("bins", edge) for edge in bins)
    if not 0 <= first < stop:
        raise ValueError(f"bins must be 0 <= first < stop, got {first} and {stop}")
    return first, stop


def check_bins_exist(bins: Bins | None, n_fft: int) -> None:
    """Raise `ValueError` unless an FFT of a length has the bins."""
    if bins is not None and bins[1] > n_fft // 2 + 1:
        raise ValueError(
            f"bins must end by {n_fft // 2 + 1}, as there are so many for {n_fft=}, got {bins}"
        )


def num_kept(bins: Bins | None) -> int | None:
    """Return the number of bins that are kept, or None where all are."""
    return None if bins is None else bins[1] - bins[0]


def crop(x: Float[Tensor, "*axes freq"], bins: Bins | None) -> Float[Tensor, "*axes bin"]:
    """Return a view of the bins that are kept, or raise `ValueError` if there are not so many."""
    if bins is None:
        return x
    first, stop = bins
    if stop > x.shape[-1]:
        raise ValueError(f"spectrum must have at least {stop} bins, got {x.shape[-1]}")
    return x[..., first:stop]


def fft_length(num_bins: int, n_fft: int | None) -> int:
    """Return the length of the FFT: the even one if None, or `ValueError` if it does not fit."""
    if n_fft is None:
        return 2 * (num_bins - 1)
    if n_fft // 2 + 1 != num_bins:
        raise ValueError(
            f"spectrum must have {n_fft // 2 + 1} bins for n_fft={n_fft}, got {num_bins}"
        )
    return n_fft
