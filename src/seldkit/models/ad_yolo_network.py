"""AD-YOLO: a residual network with squeeze and excitation that fills a grid of the sphere."""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise
from math import prod

from torch import nn

from seldkit._builders import builder
from seldkit._checks import check_one_length
from seldkit._settings import plain_settings
from seldkit.heads import AngularGridHead
from seldkit.layers import AttentionPool, BidirectionalGRU, ResidualBlock, SqueezeExcite
from seldkit.layers.conv import bins_after
from seldkit.models.sequence import SequenceSELD


@builder
@plain_settings()
def ad_yolo(
    num_classes: int,
    *,
    in_channels: int = 7,
    num_bins: int = 64,
    widths: Sequence[int] = (32, 64, 128, 256),
    num_blocks: Sequence[int] = (3, 4, 6, 3),
    pool_time: Sequence[int] = (2, 2, 1, 1),
    pool_freq: Sequence[int] = (2, 2, 1, 1),
    reduction: int = 8,
    rnn_channels: int = 128,
    rnn_layers: int = 2,
    hidden: int = 256,
    cell_deg: float = 45.0,
    anchors: int = 5,
    dropout: float = 0.3,
) -> SequenceSELD:
    """Build AD-YOLO; by default with the published sizes (12 classes: 6,682,093).

    A convolution, stages of residual blocks with [`SqueezeExcite`][seldkit.layers.SqueezeExcite]
    (together ResNet-34) and averages, a learned mean over frequency, bidirectional GRUs, layer
    norm and tanh: 5,999,501 parameters. Two linear layers fill the grid: 682,592.

    Args:
        num_classes: Number of classes.
        in_channels: Channels of the features.
        num_bins: Bins of the features.
        widths: Channels of each stage; the first is that of the convolution too.
        num_blocks: Residual blocks of each stage.
        pool_time: Frames averaged into one after each stage: 4 in all take features of 25 ms to
            labels of 100 ms.
        pool_freq: Bins averaged into one after each stage.
        reduction: Of the attention over channels.
        rnn_channels: Channels of each direction of the GRUs.
        rnn_layers: Layers of the GRUs.
        hidden: Width of the linear layer before the head, with ReLU.
        cell_deg: Width of a cell, see [`AngularGrid`][seldkit.formats.AngularGrid].
        anchors: Anchors of a cell.
        dropout: Dropout between the GRU layers.

    Returns:
        A network from features `(batch, channel, time, freq)` to
        `(batch, frame, column, row, anchor, entry)`, as `AngularGrid` reads it.

    Raises:
        ValueError: If a number is not positive, the lists differ in length, bins are fewer than are
            pooled, or `cell_deg` does not divide 180.

    Source: Kim et al., "AD-YOLO: you look only once in training multiple sound event localization
    and detection", ICASSP 2023; sizes of its released code. The places of the averages and the ReLU
    are our reading.

    Examples:
        >>> import torch
        >>> with torch.device("meta"):
        ...     model = ad_yolo(12)
        >>> sum(p.numel() for p in model.parameters())
        6682093
        >>> model(torch.zeros(1, 7, 800, 64, device="meta")).shape
        torch.Size([1, 200, 8, 4, 5, 15])
    """
    bins_after(num_bins, widths, pool_time, pool_freq)
    check_one_length(widths=widths, num_blocks=num_blocks)

    def stage(inputs: int, width: int, blocks: int, pool: tuple[int, int]) -> nn.Sequential:
        def attention() -> SqueezeExcite:
            return SqueezeExcite(width, reduction=reduction)

        pairs = pairwise([inputs, *[width] * blocks])
        return nn.Sequential(
            *(ResidualBlock(*pair, attention=attention()) for pair in pairs), nn.AvgPool2d(pool)
        )

    stages = zip(pairwise([widths[0], *widths]), num_blocks, pool_time, pool_freq, strict=True)
    trunk = OrderedDict(
        stem=nn.Sequential(
            nn.Conv2d(in_channels, widths[0], 3, padding=1), nn.BatchNorm2d(widths[0]), nn.ReLU()
        ),
        stages=nn.Sequential(*(stage(*pair, n, (time, freq)) for pair, n, time, freq in stages)),
        pool=AttentionPool(widths[-1]),
    )
    recurrent = BidirectionalGRU(
        widths[-1], rnn_channels, rnn_layers, merge="concat", tanh=False, dropout=dropout
    )
    sequence = OrderedDict(recurrent=recurrent, norm=nn.LayerNorm(2 * rnn_channels), tanh=nn.Tanh())
    return SequenceSELD(
        in_channels=in_channels,
        num_bins=num_bins,
        min_frames=prod(pool_time),
        trunk=nn.Sequential(trunk),
        sequence=nn.Sequential(sequence),
        branches=[nn.Sequential(nn.Linear(2 * rnn_channels, hidden), nn.ReLU())],
        head=AngularGridHead(hidden, num_classes, cell_deg=cell_deg, anchors=anchors),
    )
