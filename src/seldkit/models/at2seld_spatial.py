"""The side of AT2SELD that knows directions: blocks of convolutions on all features."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Literal

from torch import Tensor, nn

from seldkit._settings import plain_settings
from seldkit._typing import Float
from seldkit.layers import BinNorm, DoubleConv, LabelRate, ResidualBlock
from seldkit.layers.channel_attention import ChannelAttention, attention_of_kind
from seldkit.layers.conv import bins_after

Block = Literal["residual", "convolution"]
Pool = Literal["average", "max"]


class SpatialEncoder(nn.Module):
    """From features to a sequence of label frames: norm, convolution blocks, one linear layer.

    Shape:
        - Input: features `(batch, channel, time, freq)`.
        - Output: `(batch, frame, out_channels)`.

    Args:
        norm: Acts on the features first.
        stages: Blocks that make a smaller map of a map.
        in_features: Channels times bins of the last map.
        out_channels: Channels of the sequence.
        frames_per_step: Frames that the stages make one of.
        rate: Makes label frames of steps; None where each step is one.
    """

    @plain_settings()
    def __init__(
        self,
        *,
        norm: nn.Module,
        stages: Sequence[nn.Module],
        in_features: int,
        out_channels: int,
        frames_per_step: int,
        rate: LabelRate | None = None,
    ) -> None:
        super().__init__()
        self.frames_per_step = frames_per_step
        self.norm = norm
        self.stages = nn.ModuleList(stages)
        self.linear = nn.Linear(in_features, out_channels)
        self.rate = rate

    def forward(
        self, features: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch frame out"]:
        """Return the sequence."""
        maps = self.first_map(features)
        for stage in self.stages:
            maps = stage(maps)
        return self.sequence(maps, features.shape[2])

    def first_map(
        self, features: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch channel time freq"]:
        """Return what the first stage reads."""
        if features.shape[2] < self.frames_per_step:
            raise ValueError(
                f"features must have at least {self.frames_per_step} frames,"
                f" got shape {tuple(features.shape)}"
            )
        maps: Tensor = self.norm(features)
        return maps

    def sequence(
        self, maps: Float[Tensor, "batch channel step freq"], num_frames: int
    ) -> Float[Tensor, "batch frame out"]:
        """Return the sequence of the last map, which was made of so many frames."""
        steps: Tensor = self.linear(maps.transpose(1, 2).flatten(2))
        return steps if self.rate is None else self.rate(steps, num_frames)


def spatial_encoder(
    in_channels: int,
    out_channels: int,
    *,
    num_bins: int,
    block: Block,
    attention: ChannelAttention,
    widths: Sequence[int],
    pool_time: Sequence[int],
    pool_freq: Sequence[int],
    pool: Pool,
    dropout: float,
    frames_per_label: int,
) -> SpatialEncoder:
    """Return an encoder whose stages are a block, dropout of whole channels and a pool each."""
    bins = bins_after(num_bins, widths, pool_time, pool_freq)
    if block == "convolution" and attention != "none":
        raise ValueError(f"attention must be 'none' for block='convolution', got {attention!r}")
    pooling = nn.AvgPool2d if pool == "average" else nn.MaxPool2d
    stages = [
        nn.Sequential(
            DoubleConv(inputs, width)
            if block == "convolution"
            else ResidualBlock(inputs, width, attention=attention_of_kind(attention, width)),
            nn.Dropout2d(dropout),
            pooling((time, freq)),
        )
        for (inputs, width), time, freq in zip(
            pairwise([in_channels, *widths]), pool_time, pool_freq, strict=True
        )
    ]
    step = prod(pool_time)
    return SpatialEncoder(
        norm=BinNorm(in_channels, num_bins=num_bins),
        stages=stages,
        in_features=widths[-1] * bins,
        out_channels=out_channels,
        frames_per_step=step,
        rate=None if step == frames_per_label else LabelRate(step, frames_per_label),
    )
