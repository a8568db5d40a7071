"""Cross-spectra of pairs of microphones: what phase differences and GCC-PHAT are made of.

On real parts throughout, one pair after the other: complex products and gathered pairs would be
copies many times as large as a processor's cache.
"""

from torch import Tensor

from seldkit._pairs import Pair
from seldkit._typing import Float

SILENCE = 1e-18
"""Power below which a bin has no phase: -180 dB, far below the last bit of 24-bit audio."""


def whiten(
    real: Float[Tensor, "batch channel time freq"],
    imag: Float[Tensor, "batch channel time freq"],
    power: Float[Tensor, "batch channel time freq"] | None = None,
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
        power: Its power, if it is at hand.
        exponent: $\beta$; 1 leaves the phase alone, 0 the spectrum as it is.
        floor: Least power that is divided by; quieter bins keep part of their quietness, and
            silence gives zeros.
    """
    if exponent == 0:
        return real, imag
    power = real.square().addcmul_(imag, imag) if power is None else power
    power = power.clamp(min=floor)
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
