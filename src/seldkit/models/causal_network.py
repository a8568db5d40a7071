"""A small network that never looks ahead, for streams and small computers."""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise
from math import prod

from torch import nn

from seldkit._builders import builder
from seldkit._settings import plain_settings
from seldkit.layers import CausalDoubleConv, GatedRecurrentUnit
from seldkit.layers.conv import bins_after, conv_stages
from seldkit.models.sequence import SequenceFormat, SequenceSELD, head_of_format, num_branches


@builder
@plain_settings()
def causal_crnn(
    num_classes: int,
    *,
    in_channels: int = 7,
    num_bins: int = 64,
    widths: Sequence[int] = (32, 64, 128, 256),
    pool_time: Sequence[int] = (1, 5, 1, 1),
    pool_freq: Sequence[int] = (4, 2, 2, 2),
    rnn_channels: int = 192,
    rnn_layers: int = 2,
    hidden: Sequence[int] = (128,),
    dropout: float = 0.1,
    format: SequenceFormat = "multi_accdoa",
    num_tracks: int = 3,
    distance: bool = False,
    onscreen: bool = False,
    planar: bool = False,
    bounded: bool = True,
) -> SequenceSELD:
    """Build a causal network: convolutions that look back, GRUs that read forward, a small head.

    A label frame depends on its own feature frames and on those before, never on a later one, so
    the network looks ahead by no more than the rest of a label frame. Frequencies are pooled early,
    and frames are averaged to label frames behind the second block; by default, with features of
    20 ms, a second of sound takes 0.15 billion multiplications.

    Args:
        num_classes: Number of classes.
        in_channels: Channels of the features: 7 for log-mel and intensity of FOA.
        num_bins: Bins of the features.
        widths: Channels of each [`CausalDoubleConv`][seldkit.layers.CausalDoubleConv].
        pool_time: Frames that each block averages into one. Their product is the feature frames of
            a label frame: 5 of 20 ms, or `(1, 4, 1, 1)` for 25 ms, make labels of 100 ms.
        pool_freq: Bins that each block averages into one.
        rnn_channels: Channels of the GRU.
        rnn_layers: Layers of the GRU.
        hidden: Widths of the linear layers before the head, each with ReLU.
        dropout: Dropout between GRU layers and before each linear layer.
        format: Output format.
        num_tracks: Number of tracks, of multi-ACCDOA alone.
        distance: Whether distances are estimated too.
        onscreen: Whether it is told if a source is on screen.
        planar: Whether vectors lack z, as for stereo.
        bounded: See [`MultiACCDOAHead`][seldkit.heads.MultiACCDOAHead].

    Returns:
        A network from features `(batch, channel, time, freq)` to the output of its format.

    Raises:
        ValueError: If a number is not positive, the widths and poolings differ in length, bins are
            fewer than are pooled, the format is unknown or does not have what is asked of it.

    Examples:
        >>> import torch
        >>> model = causal_crnn(12)
        >>> sum(p.numel() for p in model.parameters())
        1841996
        >>> model(torch.zeros(1, 7, 51, 64)).shape
        torch.Size([1, 10, 3, 12, 3])
    """
    bins = bins_after(num_bins, widths, pool_time, pool_freq)
    recurrent = GatedRecurrentUnit(
        widths[-1] * bins, rnn_channels, rnn_layers, dropout=dropout, bidirectional=False
    )
    return SequenceSELD(
        in_channels=in_channels,
        num_bins=num_bins,
        min_frames=prod(pool_time),
        trunk=nn.Sequential(
            *conv_stages(in_channels, widths, pool_time, pool_freq, block=CausalDoubleConv)
        ),
        sequence=nn.Sequential(OrderedDict(recurrent=recurrent, dropout=nn.Dropout(dropout))),
        branches=[
            nn.Sequential(*(_linear(*pair, dropout) for pair in pairwise([rnn_channels, *hidden])))
            for _ in range(num_branches(format))
        ],
        head=head_of_format(
            format,
            [rnn_channels, *hidden][-1],
            num_classes,
            num_tracks=num_tracks,
            distance=distance,
            onscreen=onscreen,
            planar=planar,
            bounded=bounded,
        ),
    )


def _linear(in_channels: int, out_channels: int, dropout: float) -> nn.Sequential:
    """Return a linear layer with ReLU and dropout."""
    return nn.Sequential(
        OrderedDict(
            linear=nn.Linear(in_channels, out_channels),
            relu=nn.ReLU(),
            dropout=nn.Dropout(dropout),
        )
    )
