"""A spectrum without complex numbers, and the transform that makes one."""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from seldkit._typing import Complex, Float


@dataclass
class RealSpectrum:
    """A spectrum as two real tensors.

    It is for run times without complex numbers, such as ONNX, and for parts that read both halves
    several times: side by side their numbers fill vector units, in turn they do not. It has as much
    of a complex tensor as the parts read.

    Args:
        real: Real part, `(batch, channel, time, freq)`.
        imag: Imaginary part, the same shape.
    """

    real: Tensor
    imag: Tensor
    _power: Tensor | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def shape(self) -> torch.Size:
        """Sizes of batch, channel, time and freq."""
        return self.real.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.real.ndim


AnySpectrum = Complex[Tensor, "batch channel time freq"] | RealSpectrum
"""What a part reads that can do with both."""


def in_halves(spectrum: Complex[Tensor, "batch channel time freq"]) -> RealSpectrum:
    """Return a complex spectrum as two real tensors."""
    return RealSpectrum(spectrum.real.contiguous(), spectrum.imag.contiguous())


def power_of(spectrum: RealSpectrum) -> Float[Tensor, "batch channel time freq"]:
    """Return the power of every bin, computed once for all parts that read it."""
    if spectrum._power is None:
        spectrum._power = spectrum.real.square().addcmul_(spectrum.imag, spectrum.imag)
    return spectrum._power


def real_basis(window: Float[Tensor, " sample"]) -> Float[Tensor, "bin 1 sample"]:
    """Return windowed cosines and negative sines, the rows of the transform."""
    n_fft = len(window)
    turns = torch.outer(torch.arange(n_fft // 2 + 1), torch.arange(n_fft)).double() / n_fft
    angle = 2 * math.pi * turns
    return (torch.cat((angle.cos(), -angle.sin())) * window).unsqueeze(1)
