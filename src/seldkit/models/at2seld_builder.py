"""AT2SELD: from a pretrained audio tagger to spatial detection."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Literal

from torch import nn

from seldkit._builders import builder
from seldkit._settings import plain_settings
from seldkit.backbones import TaggingBackbone, epanns
from seldkit.heads import TrackWiseHead
from seldkit.heads.linear import linear_layer
from seldkit.layers import (
    CrossStitch,
    GatedRecurrentUnit,
    LabelRate,
    MapStitch,
    SharedTrackEncoder,
    SinusoidalPositions,
    TrackAttention,
    TrackSplit,
    temporal_encoder,
)
from seldkit.layers.channel_attention import ChannelAttention
from seldkit.layers.temporal import Temporal
from seldkit.layers.tracks import Split
from seldkit.models.at2seld_network import AT2SELD
from seldkit.models.at2seld_semantic import SemanticProjection, freeze, front_end, map_channels
from seldkit.models.at2seld_spatial import Block, Pool, spatial_encoder

Smoothing = Literal["bidirectional", "unidirectional", "none"]

_NUM_BINS = {"linear": 513, "mel": 64}


@builder
@plain_settings(from_zero=["neighbours"])
def at2seld(
    num_classes: int,
    num_tracks: int = 3,
    *,
    in_channels: int = 10,
    bins: Literal["linear", "mel"] = "linear",
    class_directions: bool = True,
    distance: bool = False,
    backbone: TaggingBackbone | Literal["epanns", "none"] = "epanns",
    frozen: bool | str = True,
    neighbours: int = 1,
    block: Block = "residual",
    attention: ChannelAttention = "none",
    widths: Sequence[int] = (32, 64, 128, 128),
    pool_time: Sequence[int] = (2, 5, 1, 1),
    pool_freq: Sequence[int] = (4, 4, 2, 2),
    pool: Pool = "average",
    map_dropout: float = 0.4,
    frames_per_label: int = 10,
    channels: int = 256,
    split: Split = "linear",
    temporal: Temporal = "transformer",
    num_layers: int = 1,
    num_heads: int = 4,
    feedforward: int = 512,
    dropout: float = 0.3,
    sinusoids: bool = False,
    track_attention: bool = False,
    early_stitches: Sequence[str] = (),
    late_stitch: bool = True,
    stitch_own: float | None = 0.9,
    shared_stitch: bool = False,
    smoothing: Smoothing = "bidirectional",
    smoothing_layers: int = 1,
    smoothing_residual: bool = False,
) -> AT2SELD:
    """Build AT2SELD as reconstructed from its report, of which no code is published.

    It reads the features of the preset [`at2seld`][seldkit.features.presets.at2seld]. Its backbone
    starts with random weights and is frozen: load published ones into `model.backbone` before
    training. The report's variants of stitches, early and late, are

    - "cs00" `late_stitch=False`, "cs01" the default,
    - "cs10" `early_stitches=["block1"], late_stitch=False`, "cs11" `early_stitches=["block1"]`.

    Args:
        num_classes: Number of classes.
        num_tracks: Number of tracks: the largest number of events at once.
        in_channels: Channels of the features; the first is the level of W in decibels.
        bins: `"linear"` for 513 bins at 32 kHz, of which the backbone's log-mel is made inside, or
            `"mel"` for its 64 mel bands, as the preset's `tagger` names them.
        class_directions: Whether a track has a direction for each class, or one for all.
        distance: Whether distances are estimated too.
        backbone: The audio tagger: `"epanns"` for the published one, a
            [`TaggingBackbone`][seldkit.backbones.TaggingBackbone] that another builder or class of
            yours makes, such as `yamnet(frames_per_step=8)`, or `"none"`. Any but
            [`YAMNet`][seldkit.backbones.YAMNet] is given the log-mel of PANNs.
        frozen: Whether its weights and statistics stay as they are; the name of a block, such as
            `"block3"`, freezes it up to this, `False` no block. Its embedding and classifier, on
            which nothing depends, are never trained.
        neighbours: Steps before and after each whose maximum and mean are taken.
        block: Of the spatial encoder: residual, or two convolutions.
        attention: Within a residual block.
        widths: Channels of each block.
        pool_time: Frames that are pooled behind each block.
        pool_freq: Bins that are pooled behind each block.
        pool: Whether of the average or the maximum.
        map_dropout: Rate at which whole channels are dropped behind each block.
        frames_per_label: Feature frames of a label frame: 10 of 10 ms for labels of 100 ms.
        channels: Channels of the sequences.
        split: How tracks are made, see [`TrackSplit`][seldkit.layers.TrackSplit].
        temporal: What reads each track over time, with weights shared by all: transformer layers,
            Conformer blocks, bidirectional GRU layers, Mamba, or nothing: any that
            [`temporal_encoder`][seldkit.layers.temporal_encoder] knows.
        num_layers: Layers or blocks of it.
        num_heads: Attention heads.
        feedforward: Width of the inner layers.
        dropout: Dropout of the layers.
        sinusoids: Whether sines and cosines of the frame number are added before them.
        track_attention: Whether tracks attend to each other behind them.
        early_stitches: Blocks of the backbone behind which its map is mixed with that of the
            spatial encoder: after its first block, its second, ...
        late_stitch: Whether tracks are mixed with the backbone's sequence.
        stitch_own: Weight of its own map that each side starts with; None for a uniform draw from
            0.1 to 0.9 of the late stitch, as in EINV2.
        shared_stitch: Whether all channels of the late stitch share one matrix.
        smoothing: GRU layers over time at the end, with weights shared by all tracks;
            unidirectional ones look at no later frame.
        smoothing_layers: Number of these layers.
        smoothing_residual: Whether tracks are added to what the layers make of them.

    Returns:
        A network from features `(batch, channel, time, freq)` to activity logits
        `(batch, frame, track, cls)` and directions in (-1, 1); see
        [`AT2SELD`][seldkit.models.AT2SELD].

    Raises:
        KeyError: If `frozen` names no part of the backbone.
        ValueError: If a number is out of range, lengths or sizes do not fit, a choice is unknown,
            or stitches are asked for without a backbone.

    Source: the AT2SELD report, arXiv 2606.27751, as far as it tells; every default that it does not
    tell is a reading of ours, named on the network's page.

    Examples:
        >>> import torch
        >>> with torch.device("meta"):
        ...     model = at2seld(13)
        >>> sum(p.numel() for p in model.parameters() if p.requires_grad)
        2196349
        >>> sizes = {"widths": (8,), "pool_time": (10,), "pool_freq": (32,)}
        >>> alone = at2seld(13, backbone="none", late_stitch=False, **sizes)
        >>> alone(torch.zeros(1, 10, 501, 513)).direction.shape
        torch.Size([1, 50, 3, 13, 3])
    """
    heard = epanns() if backbone == "epanns" else None if backbone == "none" else backbone
    if not isinstance(heard, TaggingBackbone | None):
        raise ValueError(
            f"backbone must be a TaggingBackbone, 'epanns' or 'none', got {backbone!r:.80}"
        )
    if heard is not None:
        freeze(heard, frozen)
    elif early_stitches or late_stitch:
        raise ValueError("backbone='none' needs late_stitch=False and no early_stitches")
    spatial = spatial_encoder(
        in_channels,
        channels,
        num_bins=_NUM_BINS[bins],
        block=block,
        attention=attention,
        widths=widths,
        pool_time=pool_time,
        pool_freq=pool_freq,
        pool=pool,
        dropout=map_dropout,
        frames_per_label=frames_per_label,
    )
    reader = temporal_encoder(
        temporal,
        channels,
        num_layers=num_layers,
        num_heads=num_heads,
        feedforward=feedforward,
        dropout=dropout,
    )
    if sinusoids:
        reader = nn.Sequential(SinusoidalPositions(channels, scale=0.1), reader)
    tracks = OrderedDict[str, nn.Module](
        split=TrackSplit(channels, num_tracks, split=split), time=SharedTrackEncoder(reader)
    )
    if track_attention:
        tracks["tracks"] = TrackAttention(channels, num_heads=num_heads, dropout=dropout)
    return AT2SELD(
        front_end=None if heard is None else front_end(heard, bins),
        backbone=heard,
        semantic_projection=None
        if heard is None
        else SemanticProjection(
            heard.out_channels,
            channels,
            rate=LabelRate(heard.frames_per_step, frames_per_label),
            neighbours=neighbours,
        ),
        spatial_encoder=spatial,
        track_encoder=nn.Sequential(tracks),
        early_stitches=None
        if heard is None or not early_stitches
        else _early_stitches(early_stitches, map_channels(heard), widths, stitch_own),
        late_stitch=CrossStitch(channels, own=stitch_own, shared=shared_stitch)
        if late_stitch
        else None,
        smoothing=_smoothing(smoothing, channels, smoothing_layers, smoothing_residual),
        head=TrackWiseHead(
            channels,
            num_classes,
            num_tracks,
            distance=distance,
            class_directions=class_directions,
        ),
        presence_head=linear_layer(channels, num_classes),
    )


def _early_stitches(
    blocks: Sequence[str], channels: dict[str, int], widths: Sequence[int], own: float | None
) -> dict[str, nn.Module]:
    if list(blocks) != [name for name in channels if name in set(blocks)]:
        raise ValueError(
            f"early_stitches must be some of {list(channels)}, each once and in this order,"
            f" got {list(blocks)}"
        )
    if len(blocks) > len(widths):
        raise ValueError(f"early_stitches must be at most {len(widths)}, got {list(blocks)}")
    own = 0.9 if own is None else own
    return {
        name: MapStitch(channels[name], width, own=own)
        for name, width in zip(blocks, widths, strict=False)
    }


def _smoothing(kind: Smoothing, channels: int, num_layers: int, residual: bool) -> nn.Module:
    if kind == "none":
        return nn.Identity()
    both = kind == "bidirectional"
    if both and channels % 2:
        raise ValueError(f"channels must be even for bidirectional smoothing, got {channels}")
    gru = GatedRecurrentUnit(channels, channels // (1 + both), num_layers, bidirectional=both)
    return SharedTrackEncoder(gru, residual=residual)
