"""Convolution blocks."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_one_length, check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float


class DoubleConv(Shown):
    """Two 3 x 3 convolutions, each with batch norm and ReLU, then average pooling.

    Source: Cao et al., "An improved event-independent network for polyphonic sound event
    localization and detection", ICASSP 2021, table 1.

    Shape:
        - Input: `(batch, in_channels, time, freq)`.
        - Output: `(batch, out_channels, time // pool_time, freq // pool_freq)`.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        mid_channels: Channels between the convolutions; `out_channels` if None.
        pool_time: Frames averaged into one; a remainder at the end is dropped.
        pool_freq: Bins averaged into one; a remainder at the end is dropped.

    Examples:
        >>> DoubleConv(7, 64, pool_time=2, pool_freq=2)(torch.zeros(1, 7, 161, 32)).shape
        torch.Size([1, 64, 80, 16])
    """

    @plain_settings()
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        mid_channels: int | None = None,
        pool_time: int = 1,
        pool_freq: int = 1,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        mid_channels = out_channels if mid_channels is None else mid_channels
        self.in_channels, self.pool_time, self.pool_freq = in_channels, pool_time, pool_freq
        self.conv1 = self._convolution(in_channels, mid_channels, device, dtype)
        self.norm1 = nn.BatchNorm2d(mid_channels, device=device, dtype=dtype)
        self.conv2 = self._convolution(mid_channels, out_channels, device, dtype)
        self.norm2 = nn.BatchNorm2d(out_channels, device=device, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw convolutions from Kaiming's uniform law and batch-norm weights from N(1, 0.02)."""
        for conv, norm in ((self.conv1, self.norm1), (self.conv2, self.norm2)):
            nn.init.kaiming_uniform_(conv.weight, nonlinearity="relu")
            norm.reset_parameters()
            nn.init.normal_(norm.weight, 1.0, 0.02)

    def forward(
        self, x: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch out short_time short_freq"]:
        """Return the pooled map."""
        check_shape("x", x, "batch channel time freq", channel=self.in_channels)
        pool = (self.pool_time, self.pool_freq)
        if x.shape[2] < pool[0] or x.shape[3] < pool[1]:
            raise ValueError(f"x must have at least {pool} frames and bins, got {tuple(x.shape)}")
        x = functional.relu(self.norm1(self.conv1(x)))
        return self._pooled(functional.relu(self.norm2(self.conv2(x))))

    def _pooled(self, x: Tensor) -> Tensor:
        pool = (self.pool_time, self.pool_freq)
        return functional.avg_pool2d(x, pool) if max(pool) > 1 else x

    @staticmethod
    def _convolution(
        in_channels: int,
        out_channels: int,
        device: torch.device | None,
        dtype: torch.dtype | None,
    ) -> nn.Conv2d:
        """Return one of the two convolutions, 3 x 3 without a bias."""
        return nn.Conv2d(
            in_channels, out_channels, 3, padding=1, bias=False, device=device, dtype=dtype
        )


def conv_stages(
    in_channels: int,
    widths: Sequence[int],
    pool_time: Sequence[int],
    pool_freq: Sequence[int],
    *,
    block: type[DoubleConv] = DoubleConv,
) -> list[nn.Module]:
    """Return a block for each width, which reads what the one before makes."""
    check_one_length(widths=widths, pool_time=pool_time, pool_freq=pool_freq)
    pools = zip(pairwise([in_channels, *widths]), pool_time, pool_freq, strict=True)
    return [block(*pair, pool_time=time, pool_freq=freq) for pair, time, freq in pools]


def bins_after(
    num_bins: int, widths: Sequence[object], pool_time: Sequence[int], pool_freq: Sequence[int]
) -> int:
    """Return how many bins are left after all blocks, or raise `ValueError` for wrong settings."""
    check_one_length(widths=widths, pool_time=pool_time, pool_freq=pool_freq)
    if num_bins < prod(pool_freq):
        raise ValueError(
            f"num_bins must be at least {prod(pool_freq)} for pool_freq={tuple(pool_freq)},"
            f" got {num_bins}"
        )
    return num_bins // prod(pool_freq)
