"""Convolution blocks, then a sequence model: the encoder of many SELD networks."""

from collections.abc import Sequence
from math import prod

from torch import Tensor, nn

from seldkit._builders import builder
from seldkit._settings import plain_settings
from seldkit._typing import Float
from seldkit.layers import BinNorm, temporal_encoder
from seldkit.layers.conv import conv_stages
from seldkit.layers.temporal import Temporal


class CRNN(nn.Module):
    """Convolution blocks, the mean over frequency, and a sequence model.

    Shape:
        - Input: features `(batch, in_channels, time, freq)`.
        - Output: `(batch, out_channels, time // frames_per_step, 1)`: a map with one bin, as other
          encoders return maps.

    Args:
        norm: Acts on the features first.
        stages: From features to a map `(batch, channel, step, freq)`.
        temporal: Acts on the sequence `(batch, step, channel)`.
        out_channels: Channels of the sequence.
        frames_per_step: Frames that the stages make one of.

    Attributes:
        out_bins: Frequency bins of the map: 1.
    """

    out_bins = 1

    @plain_settings()
    def __init__(
        self,
        *,
        norm: nn.Module,
        stages: Sequence[nn.Module],
        temporal: nn.Module,
        out_channels: int,
        frames_per_step: int,
    ) -> None:
        super().__init__()
        self.norm = norm
        self.stages = nn.Sequential(*stages)
        self.temporal = temporal
        self.out_channels, self.frames_per_step = out_channels, frames_per_step

    def forward(
        self, features: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch out step 1"]:
        """Return the sequence as a map of one bin."""
        maps = self.stages(self.norm(features))
        sequence: Tensor = self.temporal(maps.mean(dim=3).mT)
        return sequence.mT.unsqueeze(3)


@builder
@plain_settings()
def crnn(
    in_channels: int = 7,
    *,
    num_bins: int = 64,
    widths: Sequence[int] = (64, 128, 256, 512, 1024, 2048),
    pool_time: Sequence[int] = (2, 2, 2, 1, 1, 1),
    pool_freq: Sequence[int] = (2, 2, 2, 2, 2, 2),
    temporal: Temporal = "conformer",
    num_layers: int = 1,
    num_heads: int = 8,
    dropout: float = 0.1,
) -> CRNN:
    """Build the convolutional encoder of PSELDNets; by default its "CNN14-Conformer".

    Its "CNN8-GRU" is `widths=(32, 64, 128, 256), pool_time=(2, 2, 2, 1), pool_freq=(2, 2, 2, 2),
    temporal="gru", num_layers=2`.

    Args:
        in_channels: Channels of the features.
        num_bins: Frequency bins of the features.
        widths: Channels of each convolution block; the last is the width of the sequence.
        pool_time: Frames that each block averages into one.
        pool_freq: Bins that each block averages into one.
        temporal: What reads the sequence: [`temporal_encoder`][seldkit.layers.temporal_encoder]
            says the kinds.
        num_layers: Layers of it.
        num_heads: Its attention heads.
        dropout: Its dropout.

    Returns:
        A network from features `(batch, channel, time, freq)` to a map `(batch, channel, step, 1)`.

    Raises:
        ValueError: If a number is not positive, the widths and poolings differ in length, or
            `temporal` is unknown or does not suit the last width.

    Source: PSELDNets (Hu et al., IEEE TASLP 2025); the convolutions: Kong et al., "PANNs", IEEE/ACM
    TASLP 2020. The conformers are those of the published code.

    Examples:
        >>> import torch
        >>> encoder = crnn(widths=(8, 16), pool_time=(2, 4), pool_freq=(4, 4))
        >>> encoder(torch.zeros(1, 7, 100, 64)).shape
        torch.Size([1, 16, 12, 1])
    """
    stages = conv_stages(in_channels, widths, pool_time, pool_freq)
    sequence = temporal_encoder(
        temporal,
        widths[-1],
        num_layers=num_layers,
        num_heads=num_heads,
        dropout=dropout,
        positions="shift",
    )
    return CRNN(
        norm=BinNorm(in_channels, num_bins=num_bins),
        stages=stages,
        temporal=sequence,
        out_channels=widths[-1],
        frames_per_step=prod(pool_time),
    )
