"""EINV2: the event-independent network, version 2."""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn

from seldkit._builders import builder
from seldkit._checks import check_shape
from seldkit._settings import plain_settings
from seldkit._typing import Float
from seldkit.heads import TrackWiseHead
from seldkit.layers import (
    BinNorm,
    CrossStitch,
    LabelRate,
    SharedBranch,
    SinusoidalPositions,
    StitchedBranches,
    TrackEncoders,
    temporal_encoder,
)
from seldkit.layers.branches import Sharing
from seldkit.layers.conv import conv_stages
from seldkit.layers.temporal import Temporal
from seldkit.outputs import SELDOutput


class StitchedSELD(nn.Module):
    """A SELD network of two branches, one for activity (SED) and one for direction (DOA).

    The branches run through a trunk, are averaged over frequency, and split into tracks, each with
    an encoder of its own for either task; a head ends them in the track-wise format. The parts are
    given, so any of them can be replaced by one argument.

    Shape:
        - Input: features `(batch, channel, time, freq)`.
        - Output: activity `(batch, frame, track, cls)`, direction `(batch, frame, track, axis)`.

    Args:
        norm: Acts on the features first; None for features that are standardised before.
        sed_channels: The SED branch reads so many of the first feature channels; the DOA branch
            reads all.
        trunk: Takes and returns a map for each branch.
        positions: Acts on each sequence before the encoders; `nn.Identity` for nothing.
        sed_tracks: Encoders of the SED branch.
        doa_tracks: Encoders of the DOA branch.
        track_stitches: What mixes both branches of a track after its encoders: one for each track,
            or none.
        rate: Makes label frames of the sequences; None where each step is one.
        head: Makes the output from both branches.
    """

    @plain_settings()
    def __init__(
        self,
        *,
        norm: nn.Module | None = None,
        sed_channels: int,
        trunk: nn.Module,
        positions: nn.Module,
        sed_tracks: nn.Module,
        doa_tracks: nn.Module,
        track_stitches: Sequence[nn.Module] = (),
        rate: LabelRate | None = None,
        head: nn.Module,
    ) -> None:
        super().__init__()
        self.norm = nn.Identity() if norm is None else norm
        self.sed_channels = sed_channels
        self.trunk = trunk
        self.positions = positions
        self.sed_tracks = sed_tracks
        self.doa_tracks = doa_tracks
        self.track_stitches = nn.ModuleList(track_stitches)
        self.rate = rate
        self.head = head

    def forward(self, features: Float[Tensor, "batch channel time freq"]) -> SELDOutput:
        """Return activity logits and directions."""
        check_shape("features", features, "batch channel time freq")
        x = self.norm(features)
        sed, doa = self.trunk(x[:, : self.sed_channels], x)
        # Averaged with channels last, so that the gradient of maps in this order is in it, too.
        sed, doa = (self.positions(x.permute(0, 2, 3, 1).mean(dim=2)) for x in (sed, doa))
        sed, doa = self.sed_tracks(sed), self.doa_tracks(doa)
        if self.track_stitches:
            tracks = zip(self.track_stitches, sed.unbind(dim=2), doa.unbind(dim=2), strict=True)
            stitched = [stitch(a, b) for stitch, a, b in tracks]
            sed, doa = (torch.stack(branch, dim=2) for branch in zip(*stitched, strict=True))
        if self.rate is not None:
            sed, doa = (self.rate(branch, features.shape[2]) for branch in (sed, doa))
        output: SELDOutput = self.head(sed, doa)
        return output


@builder
@plain_settings()
def einv2(
    num_classes: int,
    num_tracks: int = 2,
    *,
    in_channels: int = 7,
    sed_channels: int = 4,
    widths: Sequence[int] = (64, 128, 256, 512),
    pool_time: Sequence[int] = (2, 2, 1, 1),
    pool_freq: Sequence[int] = (2, 2, 2, 2),
    temporal: Temporal = "transformer",
    num_layers: int = 2,
    num_heads: int = 8,
    feedforward: int = 1024,
    dropout: float = 0.2,
    sharing: Sharing = "soft",
    sequential_stitch: bool = True,
    sinusoids: bool = False,
    stitch_tracks: bool = False,
    num_bins: int | None = None,
    frames_per_label: int | None = None,
) -> StitchedSELD:
    """Build EINV2; by default the network whose weights are published (14 classes: 26,218,978).

    The paper's own form is `sequential_stitch=False, sinusoids=True, stitch_tracks=True`; the
    published code leaves these out. Its descendants with Conformer blocks, for three tracks, have
    `temporal="conformer", stitch_tracks=True, pool_time=(2, 2, 2, 1), dropout=0.1`, and

    - the "ConvConformer" of L3DAS22 and DCASE2022 `feedforward=2048`,
    - the "CNN8-Conformer" of PSELDNets `widths=(32, 64, 128, 256), num_layers=1, num_bins=64,
      frames_per_label=10`. [`seddoa`][seldkit.models.seddoa] builds its HTS-AT form.

    Args:
        num_classes: Number of classes.
        num_tracks: Number of tracks: the largest number of events at once.
        in_channels: Channels of the features: log-mel first, then intensity.
        sed_channels: The SED branch reads so many of the first channels.
        widths: Channels of each convolution block; the last is the width of the encoders.
        pool_time: Frames that each block averages into one: 4 in all take features of 25 ms to
            labels of 100 ms.
        pool_freq: Bins that each block averages into one.
        temporal: Encoder of each track and task: transformer layers, or Conformer blocks as the
            published descendants compute them; also bidirectional GRU layers, BiMamba,
            `"none"`, or any other that [`temporal_encoder`][seldkit.layers.temporal_encoder] knows.
        num_layers: Layers or blocks of each track and task.
        num_heads: Attention heads.
        feedforward: Width of their inner layers; for Conformer blocks a multiple of the last width.
        dropout: Dropout of the encoders.
        sharing: Of the convolution blocks between SED and DOA: `"soft"` stitches two branches after
            every block but the last, `"hard"` has one branch for both tasks, `"none"` two branches
            apart.
        sequential_stitch: See [`CrossStitch`][seldkit.layers.CrossStitch].
        sinusoids: Whether sines and cosines of the frame number are added before the encoders.
        stitch_tracks: Whether the two tasks of each track are stitched after the encoders.
        num_bins: Frequency bins of features that the network normalises itself, by
            [`BinNorm`][seldkit.layers.BinNorm]; None for standardised features of any number.
        frames_per_label: Frames of the features that make a label frame: steps are held and
            averaged, by [`LabelRate`][seldkit.layers.LabelRate]. None: each step is a label frame.

    Returns:
        A network from features `(batch, channel, time, freq)` to activity logits
        `(batch, frame, track, cls)` and directions `(batch, frame, track, axis)` in (-1, 1).

    Raises:
        ValueError: If a number is not positive, the widths and poolings differ in length, the last
            width is no multiple of `num_heads`, or `sharing` or `temporal` is unknown.

    Source: Cao et al., "An improved event-independent network for polyphonic sound event
    localization and detection", ICASSP 2021.

    Examples:
        >>> model = einv2(14)
        >>> sum(p.numel() for p in model.parameters())
        26218978
    """
    if sed_channels > in_channels:
        raise ValueError(f"sed_channels must be at most {in_channels}, got {sed_channels}")
    stages = conv_stages(in_channels, widths, pool_time, pool_freq)
    width = widths[-1]

    def encoder() -> nn.Module:
        return temporal_encoder(
            temporal,
            width,
            num_layers=num_layers,
            num_heads=num_heads,
            feedforward=feedforward,
            dropout=dropout,
            positions="shift",
        )

    def stitch(channels: int) -> CrossStitch:
        return CrossStitch(channels, sequential=sequential_stitch)

    stitches = {i: stitch(channels) for i, channels in enumerate(widths[:-1])}
    return StitchedSELD(
        norm=None if num_bins is None else BinNorm(in_channels, num_bins=num_bins),
        sed_channels=sed_channels,
        trunk=SharedBranch(stages)
        if sharing == "hard"
        else StitchedBranches(
            conv_stages(sed_channels, widths, pool_time, pool_freq),
            stages,
            stitches if sharing == "soft" else {},
        ),
        positions=SinusoidalPositions(width, scale=0.1) if sinusoids else nn.Identity(),
        sed_tracks=TrackEncoders([encoder() for _ in range(num_tracks)]),
        doa_tracks=TrackEncoders([encoder() for _ in range(num_tracks)]),
        track_stitches=[stitch(width) for _ in range(num_tracks)] if stitch_tracks else (),
        rate=None
        if frames_per_label is None
        else LabelRate(prod(pool_time), frames_per_label, filling="hold"),
        head=TrackWiseHead(width, num_classes, num_tracks),
    )
