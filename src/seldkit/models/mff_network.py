"""MFF-EINV2: multi-scale feature fusion in front of two stitched branches."""

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor, nn

from seldkit._builders import builder
from seldkit._settings import plain_settings
from seldkit._typing import Float
from seldkit.heads import TrackWiseHead
from seldkit.layers import (
    MFF,
    CrossStitch,
    DoubleConv,
    StitchedBranches,
    TrackEncoders,
    temporal_encoder,
)
from seldkit.layers.conv import conv_stages
from seldkit.layers.temporal import Temporal
from seldkit.models.stitched import StitchedSELD


class StemmedBranches(nn.Module):
    """Two branches that read what one stem makes of the second input, which holds the first.

    Args:
        stem: Takes and returns a map.
        branches: Take two maps and return two, such as
            [`StitchedBranches`][seldkit.layers.StitchedBranches].
    """

    def __init__(self, stem: nn.Module, branches: nn.Module) -> None:
        super().__init__()
        self.stem, self.branches = stem, branches

    def forward(
        self, a: Float[Tensor, "*axes_a"], b: Float[Tensor, "*axes_b"]
    ) -> tuple[Float[Tensor, "*out"], Float[Tensor, "*out"]]:
        """Return both branches after the stem."""
        shared = self.stem(b)
        output: tuple[Tensor, Tensor] = self.branches(shared, shared)
        return output


@builder
@plain_settings(from_zero=["num_scales"])
def mff_einv2(
    num_classes: int,
    num_tracks: int = 3,
    *,
    in_channels: int = 7,
    stem_width: int = 64,
    num_scales: int = 3,
    tfcm_layers: int = 6,
    widths: Sequence[int] = (128, 256, 256),
    pool_time: Sequence[int] = (2, 2, 2),
    pool_freq: Sequence[int] = (2, 2, 2),
    temporal: Temporal = "conformer",
    num_layers: int = 2,
    num_heads: int = 8,
    feedforward: int = 1024,
    dropout: float = 0.1,
    map_dropout: float = 0.05,
    sequential_stitch: bool = True,
) -> StitchedSELD:
    """Build MFF-EINV2; by default the published network (13 classes: 26,875,696).

    One pair of convolutions and a module of multi-scale fusion ([`MFF`][seldkit.layers.MFF]) read
    all features for both tasks; two branches of convolutions, stitched after all blocks but the
    last, and Conformer blocks for each track and task follow, stitched at their ends.

    Args:
        num_classes: Number of classes.
        num_tracks: Number of tracks: the largest number of events at once.
        in_channels: Channels of the features: log-mel and intensity.
        stem_width: Channels of the first convolutions and of the fusion's first scale.
        num_scales: Scales of the fusion; 0 for none.
        tfcm_layers: Layers of each [`TFCM`][seldkit.layers.TFCM] in it.
        widths: Channels of each convolution block of the branches; the last is the width of the
            encoders.
        pool_time: Frames that each block averages into one: 8 in all take features of 12.5 ms to
            labels of 100 ms.
        pool_freq: Bins that each block averages into one.
        temporal: Encoder of each track and task, see
            [`temporal_encoder`][seldkit.layers.temporal_encoder].
        num_layers: Layers or blocks of each track and task.
        num_heads: Attention heads.
        feedforward: Width of their inner layers; for Conformer blocks a multiple of the last width.
        dropout: Dropout of the encoders.
        map_dropout: Dropout of the map after the first convolutions.
        sequential_stitch: See [`CrossStitch`][seldkit.layers.CrossStitch].

    Returns:
        A network from features `(batch, channel, time, freq)`, of bins that are a multiple of
        $4^{S-1}$ for $S$ scales, to activity logits `(batch, frame, track, cls)` and directions
        `(batch, frame, track, axis)` in (-1, 1).

    Raises:
        ValueError: If a number is not positive, the widths and poolings differ in length, the last
            width does not suit the encoders, or `temporal` is unknown.

    Source: Mu et al., "MFF-EINV2: multi-scale feature fusion across spectral-spatial-temporal
    domains for sound event localization and detection", Interspeech 2024; sizes of its code.

    Examples:
        >>> import torch
        >>> with torch.device("meta"):
        ...     model = mff_einv2(13)
        >>> sum(p.numel() for p in model.parameters())
        26875696
        >>> model(torch.zeros(1, 7, 400, 128, device="meta")).activity.shape
        torch.Size([1, 50, 3, 13])
    """
    width = widths[-1] if widths else 1  # conv_stages tells what is wrong
    stem = OrderedDict[str, nn.Module](
        convolutions=DoubleConv(in_channels, stem_width), dropout=nn.Dropout(map_dropout)
    )
    if num_scales:
        stem["fusion"] = MFF(stem_width, num_scales=num_scales, num_layers=tfcm_layers)

    def stages() -> list[nn.Module]:
        return conv_stages(stem_width, widths, pool_time, pool_freq)

    def encoders() -> TrackEncoders:
        return TrackEncoders(
            [
                temporal_encoder(
                    temporal,
                    width,
                    num_layers=num_layers,
                    num_heads=num_heads,
                    feedforward=feedforward,
                    dropout=dropout,
                    positions="shift",
                )
                for _ in range(num_tracks)
            ]
        )

    def stitch(channels: int) -> CrossStitch:
        return CrossStitch(channels, sequential=sequential_stitch)

    stitches = {i: stitch(channels) for i, channels in enumerate(widths[:-1])}
    return StitchedSELD(
        sed_channels=in_channels,
        trunk=StemmedBranches(nn.Sequential(stem), StitchedBranches(stages(), stages(), stitches)),
        positions=nn.Identity(),
        sed_tracks=encoders(),
        doa_tracks=encoders(),
        track_stitches=[stitch(width) for _ in range(num_tracks)],
        head=TrackWiseHead(width, num_classes, num_tracks),
    )
