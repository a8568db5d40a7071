"""SELDnet: the baseline of the DCASE challenges."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import prod
from types import MappingProxyType
from typing import Any

from torch import Tensor, nn

from seldkit._builders import builder
from seldkit._checks import check_shape
from seldkit._settings import plain_settings
from seldkit._typing import Float
from seldkit.layers import BidirectionalGRU
from seldkit.layers.conv import bins_after
from seldkit.models.sequence import (
    SequenceFormat,
    SequenceSELD,
    head_of_format,
    num_branches,
    pooled_conv,
)

_KERAS: dict[str, Any] = {"merge_every": True, "tanh": False, "num_attention_layers": 0}
_PHASE: dict[str, Any] = {"in_channels": 8, "pool_time": (1, 1, 1), "dropout": 0.0}
_STEREO: dict[str, Any] = {"in_channels": 2, "distance": True, "planar": True}
_VIDEO: dict[str, Any] = {"video_size": (7, 7)}

SELDNET_EDITIONS: Mapping[str, MappingProxyType[str, Any]] = MappingProxyType(
    {
        edition: MappingProxyType(settings)
        for edition, settings in {
            "seldnet2018": _KERAS
            | _PHASE
            | {"num_bins": 256, "pool_freq": (8, 8, 2), "format": "class_wise"},
            "dcase2019": _KERAS
            | _PHASE
            | {"num_bins": 1024, "pool_freq": (8, 8, 4), "format": "class_wise"},
            "dcase2020": _KERAS | {"dropout": 0.0, "format": "class_wise"},
            "dcase2021": _KERAS | {"format": "accdoa"},
            "dcase2022": {"num_attention_layers": 0},
            "dcase2023": {},
            "dcase2024": {"distance": True, "bounded": False},
            "dcase2024_video": {"distance": True, "bounded": False} | _VIDEO,
            "dcase2025": _STEREO,
            "dcase2025_video": _STEREO | _VIDEO | {"onscreen": True},
        }.items()
    }
)
"""Settings of [`seldnet`][seldkit.models.seldnet] in each edition, where they are not the defaults.

Those with `video` read sound and video.
"""


@builder
@plain_settings(from_zero=["num_attention_layers"])
def seldnet(
    num_classes: int,
    *,
    in_channels: int = 7,
    num_bins: int = 64,
    widths: Sequence[int] = (64, 64, 64),
    pool_time: Sequence[int] = (5, 1, 1),
    pool_freq: Sequence[int] = (4, 4, 2),
    rnn_channels: int = 128,
    rnn_layers: int = 2,
    merge_every: bool = False,
    tanh: bool = True,
    num_attention_layers: int = 2,
    num_heads: int = 8,
    hidden: Sequence[int] = (128,),
    dropout: float = 0.05,
    format: SequenceFormat = "multi_accdoa",
    num_tracks: int = 3,
    distance: bool = False,
    onscreen: bool = False,
    planar: bool = False,
    bounded: bool = True,
    video_size: Sequence[int] | None = None,
    num_video_layers: int = 2,
) -> SequenceSELD:
    """Build SELDnet; by default the DCASE 2023 baseline for FOA (13 classes: 737,141).

    Convolutions, bidirectional GRUs whose halves are multiplied, self-attention with a shortcut and
    layer norm but neither positions nor feed-forward steps, and linear layers. The other editions
    are in `SELDNET_EDITIONS`: `seldnet(13, **SELDNET_EDITIONS["dcase2024"])`.

    Args:
        num_classes: Number of classes.
        in_channels: Channels of the features: 7 for FOA and SALSA-Lite, 10 for GCC-PHAT, 2 for
            stereo.
        num_bins: Bins of the features: 64, or 382 for SALSA-Lite.
        widths: Channels of each convolution block.
        pool_time: Frames of which each block takes the maximum: 5 in all take features of 20 ms to
            labels of 100 ms.
        pool_freq: Bins of which each block takes the maximum.
        rnn_channels: Channels of either direction of a GRU.
        rnn_layers: Number of GRU layers.
        merge_every: Whether each layer of the
            [`BidirectionalGRU`][seldkit.layers.BidirectionalGRU] reads merged halves.
        tanh: Whether halves pass the hyperbolic tangent before they are merged.
        num_attention_layers: Number of self-attention layers.
        num_heads: Attention heads.
        hidden: Widths of the linear layers before the last; no activation is between them. The
            class-wise format has them twice, for activity and for direction.
        dropout: Dropout of whole channels after each convolution block, between GRU layers, and of
            attention weights.
        format: Output format.
        num_tracks: Number of tracks, of multi-ACCDOA alone.
        distance: Whether distances are estimated too.
        onscreen: Whether it is told if a source is on screen.
        planar: Whether vectors lack z, as for stereo.
        bounded: See [`MultiACCDOAHead`][seldkit.heads.MultiACCDOAHead].
        video_size: Rows and columns of a video map for each frame, 7 x 7 for those of a ResNet-50
            as published; None for sound alone.
        num_video_layers: Transformer decoder layers in which the sound attends to the video.

    Returns:
        A network from features `(batch, channel, time, freq)`, and video maps
        `(batch, frame, row, column)` if it has a video size, to the output of its format.

    Raises:
        ValueError: If a number is not positive, the widths and poolings differ in length, bins are
            fewer than are pooled, `rnn_channels` is no multiple of `num_heads`, the format is
            unknown or does not have what is asked of it.

    Source: Adavanne et al., "Sound event localization and detection of overlapping sources using
    convolutional recurrent neural networks", IEEE JSTSP 2019; settings of the published baselines.

    Examples:
        >>> model = seldnet(13)
        >>> sum(p.numel() for p in model.parameters())
        737141
        >>> model = seldnet(13, **SELDNET_EDITIONS["dcase2022"] | {"format": "accdoa"})
        >>> sum(p.numel() for p in model.parameters())
        594471
    """
    if rnn_channels % num_heads and (num_attention_layers or video_size is not None):
        raise ValueError(f"rnn_channels must be a multiple of {num_heads}, got {rnn_channels}")
    bins = bins_after(num_bins, widths, pool_time, pool_freq)
    blocks = zip(pairwise([in_channels, *widths]), pool_time, pool_freq, strict=True)
    width = [rnn_channels, *hidden][-1]
    head = head_of_format(
        format,
        width,
        num_classes,
        num_tracks=num_tracks,
        distance=distance,
        onscreen=onscreen,
        planar=planar,
        bounded=bounded,
    )
    recurrent = BidirectionalGRU(
        widths[-1] * bins,
        rnn_channels,
        rnn_layers,
        merge_every=merge_every,
        tanh=tanh,
        dropout=dropout,
    )
    attention = nn.Sequential(
        *(_SelfAttention(rnn_channels, num_heads, dropout) for _ in range(num_attention_layers))
    )
    return SequenceSELD(
        in_channels=in_channels,
        num_bins=num_bins,
        min_frames=prod(pool_time),
        trunk=nn.Sequential(*(pooled_conv(*pair, (t, f), dropout) for pair, t, f in blocks)),
        sequence=nn.Sequential(OrderedDict(recurrent=recurrent, attention=attention)),
        fusion=None
        if video_size is None
        else _VideoFusion(rnn_channels, video_size, num_video_layers, num_heads),
        branches=[
            nn.Sequential(*(nn.Linear(*pair) for pair in pairwise([rnn_channels, *hidden])))
            for _ in range(num_branches(format))
        ],
        head=head,
    )


class _SelfAttention(nn.Module):
    """Self-attention, shortcut and layer norm."""

    def __init__(self, channels: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(
            channels, num_heads, dropout=dropout, batch_first=True
        )
        self.norm = nn.LayerNorm(channels)

    def forward(
        self, x: Float[Tensor, "batch time channel"]
    ) -> Float[Tensor, "batch time channel"]:
        attended, _ = self.attention(x, x, x, need_weights=False)
        output: Tensor = self.norm(x + attended)
        return output


class _VideoFusion(nn.Module):
    """Transformer decoder layers in which each frame of sound attends to every map of the video."""

    def __init__(self, channels: int, size: Sequence[int], num_layers: int, num_heads: int) -> None:
        super().__init__()
        if len(size) != 2:
            raise ValueError(f"video_size must be rows and columns, got {tuple(size)}")
        self.rows, self.columns = size
        self.embed = nn.Linear(self.rows * self.columns, channels)
        layer = nn.TransformerDecoderLayer(channels, num_heads, batch_first=True)
        self.decoder = nn.TransformerDecoder(layer, num_layers)

    def forward(
        self,
        x: Float[Tensor, "batch time channel"],
        video: Float[Tensor, "batch frame row column"],
    ) -> Float[Tensor, "batch time channel"]:
        sizes = {"batch": x.shape[0], "row": self.rows, "column": self.columns}
        check_shape("video", video, "batch frame row column", **sizes)
        output: Tensor = self.decoder(x, self.embed(video.flatten(2)))
        return output
