"""Cross-spectra of pairs of microphones: what phase differences and GCC-PHAT are made of.

On real parts throughout, one pair after the other: complex products and gathered pairs would be
copies many times as large as a processor's cache.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations

import torch
from torch import Tensor

from seldkit._checks import integer
from seldkit._typing import Float

Pair = tuple[int, int]

SILENCE = 1e-18
"""Power below which a bin has no phase: -180 dB, far below the last bit of 24-bit audio."""


def check_pairs(pairs: Iterable[Sequence[int]] | None) -> tuple[Pair, ...] | None:
    """Return the pairs as tuples, or raise `ValueError` unless each joins two channels."""
    if pairs is None:
        return None
    checked = tuple((integer("pairs", first), integer("pairs", second)) for first, second in pairs)
    if not checked:
        raise ValueError("pairs must hold at least one pair of channels, got none")
    for first, second in checked:
        if first == second or min(first, second) < 0:
            raise ValueError(
                f"pairs must join two different channels, counted from 0, got {(first, second)}"
            )
    return checked


def every_pair(num_channels: int) -> tuple[Pair, ...]:
    """Return all pairs `m < n`: (0, 1), (0, 2), and so on."""
    return tuple(combinations(range(num_channels), 2))


def pairs_with_first(num_channels: int) -> tuple[Pair, ...]:
    """Return the first channel with each other: (0, 1), (0, 2), and so on."""
    return tuple((0, other) for other in range(1, num_channels))


def pairs_among(
    num_channels: int,
    pairs: tuple[Pair, ...] | None,
    default: Callable[[int], tuple[Pair, ...]] = every_pair,
) -> tuple[Pair, ...]:
    """Return the pairs or the default ones, or raise `ValueError` if a channel is missing."""
    if num_channels < 2:
        raise ValueError(f"pairs need at least 2 channels, got {num_channels}")
    if pairs is None:
        return default(num_channels)
    last = max(map(max, pairs))
    if last >= num_channels:
        raise ValueError(f"pairs must join channels below {num_channels}, got {last}")
    return pairs


def whiten(
    real: Float[Tensor, "batch channel time freq"],
    imag: Float[Tensor, "batch channel time freq"],
    *,
    exponent: float = 1.0,
    floor: float = SILENCE,
) -> tuple[Float[Tensor, "batch channel time freq"], Float[Tensor, "batch channel time freq"]]:
    r"""Return the real and imaginary parts of $X / |X|^\beta$.

    Weighting each channel rather than each pair makes PHAT of all pairs: $|X_m^* X_n|^\beta$ is
    $|X_m|^\beta |X_n|^\beta$.

    Args:
        real: Real part of the spectrum of each microphone.
        imag: Its imaginary part.
        exponent: $\beta$; 1 leaves the phase alone, 0 the spectrum as it is.
        floor: Least power that is divided by; quieter bins keep part of their quietness, and
            silence gives zeros.
    """
    if exponent == 0:
        return real, imag
    power = torch.addcmul(real.square(), imag, imag).clamp(min=floor)
    scale = power.rsqrt() if exponent == 1 else power.pow(-exponent / 2)
    return real * scale, imag * scale


def cross_spectrum(
    real: Float[Tensor, "batch channel time freq"],
    imag: Float[Tensor, "batch channel time freq"],
    pair: Pair,
) -> tuple[Float[Tensor, "batch time freq"], Float[Tensor, "batch time freq"]]:
    """Return the real and imaginary parts of `conj(X_m) X_n` of the pair `(m, n)`."""
    first, second = pair
    a, b, c, d = real[:, first], imag[:, first], real[:, second], imag[:, second]
    return (a * c).addcmul_(b, d), (a * d).addcmul_(b, c, value=-1)
