"""Positional encodings."""

import math

import torch
from torch import Tensor

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float


def sinusoids(
    position: Float[Tensor, " position"], channels: int
) -> Float[Tensor, "position channel"]:
    r"""Return sines (even channels) and cosines (odd channels) of positions, also negative ones.

    The phase of channels $2i$ and $2i+1$ is the position times $10000^{-2i/d}$ for $d$ channels.
    """
    even = torch.arange(0, channels, 2, device=position.device, dtype=position.dtype)
    phase = position.unsqueeze(1) * torch.exp(even * (-math.log(10000.0) / channels))
    return torch.stack((phase.sin(), phase.cos()), dim=-1).flatten(1)


class SinusoidalPositions(Shown):
    r"""Add sines and cosines of the frame number, so that attention knows the order of frames.

    Channel $2i$ of frame $t$ gains $s \sin(t / 10000^{2i/d})$ and channel $2i+1$ the cosine of the
    same, with $d$ channels and the scale $s$.

    Source: Vaswani et al., "Attention is all you need", 2017, section 3.5; Cao et al., ICASSP
    2021, equation 4, whose published code (EINV2) has the scale 0.1.

    Shape:
        - Input: `(batch, time, channel)`, any number of frames.
        - Output: the same.

    Args:
        channels: Number of channels, even.
        scale: Factor of the encoding.

    Examples:
        >>> SinusoidalPositions(4)(torch.zeros(1, 1, 4))
        tensor([[[0., 1., 0., 1.]]])
    """

    @plain_settings()
    def __init__(self, channels: int, *, scale: float = 1.0) -> None:
        super().__init__()
        if channels % 2:
            raise ValueError(f"channels must be even, got {channels}")
        self.channels, self.scale = channels, scale

    def forward(
        self, x: Float[Tensor, "batch time channel"]
    ) -> Float[Tensor, "batch time channel"]:
        """Return the sequence with the positions added."""
        check_shape("x", x, "batch time channel", channel=self.channels)
        exact = torch.promote_types(x.dtype, torch.float32)
        frame = torch.arange(x.shape[1], device=x.device, dtype=exact)
        return x + self.scale * sinusoids(frame, self.channels).to(x.dtype)
