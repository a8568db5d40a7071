"""The ROAM network of L3DAS22 Task 2: rotating attention on max feature maps, stitched."""

from collections.abc import Sequence
from itertools import chain, pairwise
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from seldkit._builders import builder
from seldkit._checks import check_one_length
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.heads import TrackWiseHead
from seldkit.layers import (
    ROAM,
    CrossStitch,
    DoubleConv,
    MaxFeatureMap,
    SinusoidalPositions,
    StitchedBranches,
    TrackEncoders,
    TripletAttention,
    temporal_encoder,
)
from seldkit.layers.maxout import Norm
from seldkit.layers.temporal import Temporal
from seldkit.models.stitched import StitchedSELD

Attention = Literal["none", "mfm", "ctam", "attentive_mfm", "roam"]
PoolKind = Literal["average", "max"]


@builder
@plain_settings(from_zero=["num_stitches"])
def roam(
    num_classes: int,
    num_tracks: int = 3,
    *,
    in_channels: int = 7,
    sed_channels: int = 4,
    widths: Sequence[int] = (64, 128, 256, 512),
    pool_time: Sequence[int] = (2, 2, 2, 1),
    pool_freq: Sequence[int] = (4, 4, 4, 2),
    pool: PoolKind = "average",
    attention: Attention = "roam",
    norm: Norm = "pre",
    attention_kernel: int = 7,
    mean_first: bool = False,
    num_stitches: int | None = None,
    stitch_before_pool: bool = False,
    sequential_stitch: bool = False,
    stitch_low: float = 0.1,
    stitch_high: float = 0.9,
    stitch_own: float | None = None,
    temporal: Temporal = "transformer",
    num_layers: int = 2,
    num_heads: int = 8,
    feedforward: int = 1024,
    dropout: float = 0.2,
    sinusoids: bool = False,
) -> StitchedSELD:
    """Build the ROAM network; by default that of the paper (14 classes: 44,020,755).

    EINV2's plan, with a [`ROAM`][seldkit.layers.ROAM] block for each pair of convolutions, stitches
    after all blocks, computed at once, and three tracks. For L3DAS22 its directions are positions
    in parts of the room: train it on `TrackWise(14, 3, positions_m=2.0)`.

    What the paper states are widths, poolings, tracks, stitches, the maxima and the attention;
    everything else is read as the published EINV2 has it, and is an argument.

    Args:
        num_classes: Number of classes.
        num_tracks: Number of tracks: the largest number of events at once.
        in_channels: Channels of the features: log-mel first, then intensity; 14 for two FOA
            microphones.
        sed_channels: The SED branch reads so many of the first channels; 8 for two microphones.
        widths: Channels of each block; the last is the width of the encoders.
        pool_time: Frames that each block makes one of: 8 in all take features of 12.5 ms to labels
            of 100 ms.
        pool_freq: Bins that each block makes one of: 128 in all, which is all.
        pool: Whether of the average or the maximum.
        attention: The block, as in the paper's table 1: two convolutions with batch norm and ReLU
            (`"none"`); two max feature maps (`"mfm"`); the convolutions and triplet attention
            (`"ctam"`); max feature maps with triplet attention on the first of the two maps, before
            the maximum (`"attentive_mfm"`); max feature maps and then triplet attention (`"roam"`).
        norm: Where batch norm stands in a [`MaxFeatureMap`][seldkit.layers.MaxFeatureMap].
        attention_kernel: Kernel size of [`TripletAttention`][seldkit.layers.TripletAttention].
        mean_first: Whether it pools to mean and maximum in this order.
        num_stitches: After so many of the first blocks the branches are stitched; all if None.
        stitch_before_pool: Whether blocks are stitched before they are pooled; for averages it is
            the same.
        sequential_stitch: See [`CrossStitch`][seldkit.layers.CrossStitch].
        stitch_low: Lower end of the stitches' uniform start.
        stitch_high: Upper end; with both at 1, every stitch starts as a sum.
        stitch_own: A fixed start, see [`CrossStitch`][seldkit.layers.CrossStitch].
        temporal: Encoder of each track and task: transformer layers, Conformer blocks,
            bidirectional GRU layers, Mamba, or nothing: any that
            [`temporal_encoder`][seldkit.layers.temporal_encoder] knows.
        num_layers: Layers of an encoder.
        num_heads: Attention heads.
        feedforward: Width of the encoders' inner layers.
        dropout: Dropout of the encoders.
        sinusoids: Whether sines and cosines of the frame number are added before the encoders.

    Returns:
        A network from features `(batch, channel, time, freq)` to activity logits
        `(batch, frame, track, cls)` and directions `(batch, frame, track, axis)` in (-1, 1).

    Raises:
        ValueError: If a number is not positive, the widths and poolings differ in length, the last
            width does not suit the encoders, or a choice is unknown.

    Source: the ROAM paper on L3DAS22 Task 2, section 2; Cao et al., "An improved event-independent
    network for polyphonic sound event localization and detection", ICASSP 2021.

    Examples:
        >>> import torch
        >>> with torch.device("meta"):
        ...     model = roam(14)
        >>> sum(p.numel() for p in model.parameters())
        44020755
        >>> model(torch.zeros(1, 7, 2400, 128, device="meta")).activity.shape
        torch.Size([1, 300, 3, 14])
    """
    check_one_length(widths=widths, pool_time=pool_time, pool_freq=pool_freq)
    if sed_channels > in_channels:
        raise ValueError(f"sed_channels must be at most {in_channels}, got {sed_channels}")
    num_stitches = len(widths) if num_stitches is None else num_stitches
    if not 0 <= num_stitches <= len(widths):
        raise ValueError(f"num_stitches must lie in 0..{len(widths)}, got {num_stitches}")

    def triplet() -> TripletAttention:
        return TripletAttention(attention_kernel, mean_first=mean_first)

    def block(inputs: int, width: int) -> nn.Module:
        if attention == "none":
            return DoubleConv(inputs, width)
        if attention == "ctam":
            return nn.Sequential(DoubleConv(inputs, width), triplet())
        if attention == "roam":
            return ROAM(
                inputs, width, norm=norm, attention_kernel=attention_kernel, mean_first=mean_first
            )
        return nn.Sequential(
            *(
                MaxFeatureMap(
                    channels,
                    width,
                    norm=norm,
                    attention=triplet() if attention == "attentive_mfm" else None,
                )
                for channels in (inputs, width)
            )
        )

    def stages(channels: int) -> list[nn.Module]:
        blocks = zip(pairwise([channels, *widths]), pool_time, pool_freq, strict=True)
        pairs = ((block(*pair), _Pool(time, freq, pool)) for pair, time, freq in blocks)
        return list(chain.from_iterable(pairs))

    def encoders() -> TrackEncoders:
        return TrackEncoders(
            [
                temporal_encoder(
                    temporal,
                    widths[-1],
                    num_layers=num_layers,
                    num_heads=num_heads,
                    feedforward=feedforward,
                    dropout=dropout,
                )
                for _ in range(num_tracks)
            ]
        )

    stitches = {
        2 * i + (not stitch_before_pool): CrossStitch(
            width,
            sequential=sequential_stitch,
            low=stitch_low,
            high=stitch_high,
            own=stitch_own,
        )
        for i, width in enumerate(widths[:num_stitches])
    }
    return StitchedSELD(
        sed_channels=sed_channels,
        trunk=StitchedBranches(stages(sed_channels), stages(in_channels), stitches),
        positions=SinusoidalPositions(widths[-1], scale=0.1) if sinusoids else nn.Identity(),
        sed_tracks=encoders(),
        doa_tracks=encoders(),
        head=TrackWiseHead(widths[-1], num_classes, num_tracks),
    )


class _Pool(Shown):
    """The average or maximum of patches; a remainder at the end is dropped."""

    def __init__(self, pool_time: int, pool_freq: int, kind: PoolKind) -> None:
        super().__init__()
        self.pool_time, self.pool_freq, self.kind = pool_time, pool_freq, kind

    def forward(
        self, x: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch channel short_time short_freq"]:
        patch = (self.pool_time, self.pool_freq)
        if x.shape[2] < patch[0] or x.shape[3] < patch[1]:
            raise ValueError(f"x must have at least {patch} frames and bins, got {tuple(x.shape)}")
        if self.kind == "average":
            return functional.avg_pool2d(x, patch)
        return functional.max_pool2d(x, patch)
