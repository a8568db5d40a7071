"""Products of channels of a spectrum, in few passes over memory."""

import torch
from torch import Tensor

from seldkit._typing import Float
from seldkit.features.real_spectrum import AnySpectrum, power_of

_ALL = slice(None)


def real_product(
    spectrum: AnySpectrum, first: slice = _ALL, second: slice = _ALL
) -> Float[Tensor, "batch out time freq"]:
    r"""Return $\operatorname{Re}(X_m^* X_n)$ of the channels, by default their power.

    Args:
        spectrum: Spectrum of each channel.
        first: The channels $m$.
        second: The channels $n$, as many, or one of both is one channel.

    Examples:
        >>> real_product(torch.tensor([3 + 4j, 1j]).reshape(1, 2, 1, 1)).flatten()
        tensor([25.,  1.])
    """
    if isinstance(spectrum, Tensor):
        # Parts multiplied side by side: reading every other number, `.real` would cost more.
        pairs = torch.view_as_real(spectrum.resolve_conj())
        products = pairs[:, first] * pairs[:, second]
        return products[..., 0] + products[..., 1]
    if first == second == _ALL:
        return power_of(spectrum)
    real, imag = spectrum.real, spectrum.imag
    return (real[:, first] * real[:, second]).addcmul_(imag[:, first], imag[:, second])


def imaginary_product(
    spectrum: AnySpectrum, first: slice, second: slice
) -> Float[Tensor, "batch out time freq"]:
    r"""Return $\operatorname{Im}(X_m^* X_n)$ of the channels.

    Args:
        spectrum: Spectrum of each channel.
        first: The channels $m$.
        second: The channels $n$, as many, or one of both is one channel.

    Examples:
        >>> spectrum = torch.tensor([1, 3 + 4j]).reshape(1, 2, 1, 1)
        >>> imaginary_product(spectrum, slice(0, 1), slice(1, 2)).item()
        4.0
    """
    real, imag = spectrum.real, spectrum.imag
    return real[:, first] * imag[:, second] - imag[:, first] * real[:, second]
