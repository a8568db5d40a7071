"""Positional encodings."""

import math

import torch
from torch import Tensor, nn

from seldkit._checks import check_positive, check_shape
from seldkit._typing import Float


class SinusoidalPositions(nn.Module):
    r"""Add sines and cosines of the frame number, so that attention knows the order of frames.

    Channel $2i$ of frame $t$ gains $s \sin(t / 10000^{2i/d})$ and channel $2i+1$ the cosine of the
    same, with $d$ channels and the scale $s$.

    Source: Vaswani et al., "Attention is all you need", 2017, section 3.5; Cao et al., ICASSP
    2021, equation 4, whose published code has the scale 0.1.

    Shape:
        - Input: `(batch, time, channel)`, any number of frames.
        - Output: the same.

    Args:
        channels: Number of channels, even.
        scale: Factor of the encoding.

    Examples:
        >>> SinusoidalPositions(4, scale=1.0)(torch.zeros(1, 1, 4))
        tensor([[[0., 1., 0., 1.]]])
    """

    def __init__(self, channels: int, *, scale: float = 0.1) -> None:
        super().__init__()
        check_positive(channels=channels)
        if channels % 2:
            raise ValueError(f"channels must be even, got {channels}")
        self.channels, self.scale = channels, scale

    def forward(
        self, x: Float[Tensor, "batch time channel"]
    ) -> Float[Tensor, "batch time channel"]:
        """Return the sequence with the positions added."""
        check_shape("x", x, "batch time channel", channel=self.channels)
        even = torch.arange(0, self.channels, 2, device=x.device, dtype=torch.float32)
        rate = torch.exp(even * (-math.log(10000.0) / self.channels))
        phase = torch.arange(x.shape[1], device=x.device, dtype=torch.float32).unsqueeze(1) * rate
        positions = torch.stack((phase.sin(), phase.cos()), dim=-1).flatten(1)
        return x + self.scale * positions.to(x.dtype)

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        return f"{self.channels}, scale={self.scale}"
