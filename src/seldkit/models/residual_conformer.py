"""ResNet-Conformer: residual convolutions, then Conformer blocks."""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise
from math import prod

from torch import nn

from seldkit._builders import builder
from seldkit._settings import plain_settings
from seldkit.heads.class_wise import DistanceActivation, DistanceBranch
from seldkit.layers import ConformerBlock, RelativePositionAttention, ResidualBlock
from seldkit.layers.attention import RelativePositions
from seldkit.layers.channel_attention import AttentionNorm, ChannelAttention, attention_of_kind
from seldkit.layers.conv import bins_after
from seldkit.models.sequence import SequenceFormat, SequenceSELD, head_of_format, num_branches


@builder
@plain_settings()
def resnet_conformer(
    num_classes: int,
    *,
    in_channels: int = 7,
    num_bins: int = 64,
    widths: Sequence[int] = (24, 48, 96, 192),
    num_blocks: int = 2,
    pool_time: Sequence[int] = (5, 1, 1, 1),
    pool_freq: Sequence[int] = (4, 4, 2, 1),
    pool_time_end: int = 1,
    attention: ChannelAttention = "none",
    reduction: int = 4,
    attention_norm: AttentionNorm = "batch",
    channels: int = 256,
    num_layers: int = 8,
    num_heads: int = 8,
    kernel_size: int = 7,
    feedforward: int = 2,
    conv_expansion: int = 2,
    positions: RelativePositions = "shaw",
    qkv_bias: bool = False,
    depthwise_bias: bool = True,
    dropout: float = 0.1,
    projection_dropout: float = 0.05,
    format: SequenceFormat = "class_wise",
    num_tracks: int = 3,
    distance: bool = False,
    distance_branch: DistanceBranch = "shared",
    distance_activation: DistanceActivation = "softplus",
    onscreen: bool = False,
    planar: bool = False,
    bounded: bool = True,
) -> SequenceSELD:
    """Build ResNet-Conformer; by default the common form of it (13 classes: 11,685,164).

    A convolution, stages of residual blocks with maxima between them, a linear layer, Conformer
    blocks, and for each task a linear layer with leaky ReLU before the last one.

    Args:
        num_classes: Number of classes.
        in_channels: Channels of the features.
        num_bins: Bins of the features.
        widths: Channels of each stage of residual blocks; the first is that of the convolution too.
        num_blocks: Residual blocks of each stage.
        pool_time: Frames of which the maximum is taken after each stage. 5 at the first take
            features of 20 ms to labels of 100 ms with the least work; all ones and
            `pool_time_end=5` let the Conformer blocks see every frame, at four times the cost.
        pool_freq: Bins of which the maximum is taken after each stage.
        pool_time_end: Frames of which the maximum is taken after the Conformer blocks.
        attention: Attention over channels in each residual block:
            [`"squeeze_excite"`][seldkit.layers.SqueezeExcite],
            [`"multi_scale"`][seldkit.layers.MultiScaleChannelAttention], or `"none"`.
        reduction: Of the attention over channels.
        attention_norm: `norm` of `"multi_scale"`; to train on batches of one, take `"group"`.
        channels: Width of the Conformer blocks, and of the layers before and after them.
        num_layers: Number of Conformer blocks.
        num_heads: Attention heads.
        kernel_size: Frames that the depthwise convolution of a
            [`ConformerBlock`][seldkit.layers.ConformerBlock] spans.
        feedforward: Width of its feed-forward steps, as a multiple of `channels`.
        conv_expansion: Width of its depthwise convolution, likewise.
        positions: Positions in its
            [`RelativePositionAttention`][seldkit.layers.RelativePositionAttention].
        qkv_bias: Whether the projections of that attention have a bias.
        depthwise_bias: Whether the depthwise convolution has a bias.
        dropout: Dropout of the Conformer blocks.
        projection_dropout: Dropout after the linear layer before the Conformer blocks.
        format: Output format.
        num_tracks: Number of tracks, of multi-ACCDOA alone.
        distance: Whether distances are estimated too.
        distance_branch: Of the class-wise format alone: whether distances come from the branch of
            direction (`"shared"`) or have their `"own"`, as in NERC-SLIP's network of 2024 (13
            classes: 11,754,297).
        distance_activation: Of the same format: `"softplus"`, or `"relu"` as there.
        onscreen: Whether it is told if a source is on screen.
        planar: Whether vectors lack z, as for stereo.
        bounded: See [`MultiACCDOAHead`][seldkit.heads.MultiACCDOAHead].

    Returns:
        A network from features `(batch, channel, time, freq)` to the output of its format.

    Raises:
        ValueError: If a number is not positive, the widths and poolings differ in length, bins are
            fewer than are pooled, `channels` is no multiple of `num_heads`, the attention or format
            is unknown, or the format does not have what is asked of it.

    Source: Wang et al., "A four-stage data augmentation approach to ResNet-Conformer based acoustic
    modeling for sound event localization and detection", IEEE/ACM TASLP 2023; sizes of the common
    third-party code. Attention: Xue et al., 2023. The branch of distance: Dong et al., ICASSP 2025,
    arXiv 2501.10755.

    Examples:
        >>> model = resnet_conformer(13)
        >>> sum(p.numel() for p in model.parameters())
        11685164
    """
    bins = bins_after(num_bins, widths, pool_time, pool_freq)
    head = head_of_format(
        format,
        channels,
        num_classes,
        num_tracks=num_tracks,
        distance=distance,
        onscreen=onscreen,
        planar=planar,
        bounded=bounded,
        distance_branch=distance_branch,
        distance_activation=distance_activation,
    )

    def over_channels(width: int) -> nn.Module | None:
        return attention_of_kind(attention, width, reduction=reduction, norm=attention_norm)

    def stage(inputs: int, width: int, pool: tuple[int, int]) -> nn.Sequential:
        blocks = pairwise([inputs, *[width] * num_blocks])
        return nn.Sequential(
            *(ResidualBlock(*pair, attention=over_channels(width)) for pair in blocks),
            nn.MaxPool2d(pool),
        )

    def conformer() -> ConformerBlock:
        return ConformerBlock(
            channels,
            attention=RelativePositionAttention(
                channels,
                num_heads=num_heads,
                dropout=dropout,
                positions=positions,
                qkv_bias=qkv_bias,
            ),
            kernel_size=kernel_size,
            feedforward=feedforward,
            conv_expansion=conv_expansion,
            dropout=dropout,
            depthwise_bias=depthwise_bias,
        )

    stages = zip(pairwise([widths[0], *widths]), pool_time, pool_freq, strict=True)
    trunk = OrderedDict(
        stem=nn.Sequential(
            nn.Conv2d(in_channels, widths[0], 3, padding=1, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
        ),
        stages=nn.Sequential(*(stage(*pair, (time, freq)) for pair, time, freq in stages)),
        pointwise=nn.Conv2d(widths[-1], channels, 1, bias=False),
    )
    sequence = OrderedDict(
        projection=nn.Linear(channels * bins, channels),
        dropout=nn.Dropout(projection_dropout),
        conformers=nn.Sequential(*(conformer() for _ in range(num_layers))),
        pool=nn.MaxPool2d((pool_time_end, 1)),  # of `batch time channel`: over time alone
    )
    return SequenceSELD(
        in_channels=in_channels,
        num_bins=num_bins,
        min_frames=prod(pool_time) * pool_time_end,
        trunk=nn.Sequential(trunk),
        sequence=nn.Sequential(sequence),
        branches=[
            nn.Sequential(nn.Linear(channels, channels), nn.LeakyReLU())
            for _ in range(num_branches(format, distance_branch))
        ],
        head=head,
    )
