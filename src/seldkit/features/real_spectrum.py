"""A spectrum without complex numbers, and the transform that makes one."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from seldkit._typing import Float


@dataclass
class RealSpectrum:
    """A spectrum as two real tensors, for run times without complex numbers, such as ONNX.

    It has as much of a complex tensor as the parts read.

    Args:
        real: Real part, `(batch, channel, time, freq)`.
        imag: Imaginary part, the same shape.
    """

    real: Tensor
    imag: Tensor

    @property
    def shape(self) -> torch.Size:
        """Sizes of batch, channel, time and freq."""
        return self.real.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.real.ndim


def real_basis(window: Float[Tensor, " sample"]) -> Float[Tensor, "bin 1 sample"]:
    """Return windowed cosines and negative sines, the rows of the transform."""
    n_fft = len(window)
    turns = torch.outer(torch.arange(n_fft // 2 + 1), torch.arange(n_fft)).double() / n_fft
    angle = 2 * math.pi * turns
    return (torch.cat((angle.cos(), -angle.sin())) * window).unsqueeze(1)
