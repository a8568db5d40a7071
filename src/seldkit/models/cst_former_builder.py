"""CST-former: convolutions, then attention over channels, bins and frames in turn."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import prod
from types import MappingProxyType
from typing import Any, Literal

from torch import Tensor, nn

from seldkit._builders import builder
from seldkit._settings import plain_settings
from seldkit._typing import Float
from seldkit.layers import (
    CMTBlock,
    DividedChannelAttention,
    SpectroTemporalAttention,
    UnfoldedChannelAttention,
)
from seldkit.layers.conv import bins_after
from seldkit.layers.convolutional_transformer import reset_convolutions
from seldkit.layers.divided_attention import BinsAsPlanes
from seldkit.models.sequence import (
    SequenceFormat,
    SequenceSELD,
    head_of_format,
    num_branches,
    pooled_conv,
)

ChannelStep = Literal["ule", "dca", "none"]

_EARLY: dict[str, Any] = {"pool_time": (5, 1, 1), "pool_freq": (2, 2, 1)}

_FORMS: dict[str, dict[str, Any]] = {
    "dst": {"channel": "none", "cmt": False, "format": "accdoa"} | _EARLY,
    "dst_cmt": {"channel": "none"},
    "dca_cmt": {"channel": "dca"} | _EARLY,
    "ule_cmt": {},
}

CST_FORMERS: Mapping[str, MappingProxyType[str, Any]] = MappingProxyType(
    {form: MappingProxyType(settings) for form, settings in _FORMS.items()}
)
"""Settings of [`cst_former`][seldkit.models.cst_former] in each published form, where they are not
the defaults."""


@builder
@plain_settings()
def cst_former(
    num_classes: int,
    *,
    in_channels: int = 7,
    num_bins: int = 64,
    widths: Sequence[int] = (64, 64, 64),
    pool_time: Sequence[int] = (1, 1, 5),
    pool_freq: Sequence[int] = (1, 2, 2),
    pool_time_end: int = 1,
    channel: ChannelStep = "ule",
    patch: Sequence[int] = (10, 4),
    patch_heads: int = 8,
    cmt: bool = True,
    expansion: int = 4,
    num_layers: int = 2,
    num_heads: int = 8,
    legacy_order: bool = False,
    hidden: Sequence[int] = (128,),
    dropout: float = 0.05,
    feedforward_dropout: float = 0.1,
    format: SequenceFormat = "multi_accdoa",
    num_tracks: int = 3,
    distance: bool = False,
    onscreen: bool = False,
    planar: bool = False,
    bounded: bool = True,
) -> SequenceSELD:
    """Build CST-former; by default the form with unfolded local embedding (13 classes: 391,733).

    Convolutions, then layers in which channels, bins and frames attend to their like in turn, and
    linear layers. The other published forms are in `CST_FORMERS`:
    `cst_former(13, **CST_FORMERS["dca_cmt"])`.

    Args:
        num_classes: Number of classes.
        in_channels: Channels of the features.
        num_bins: Bins of the features.
        widths: Channels of each convolution block; the last is the width of attention.
        pool_time: Frames of which each block takes the maximum: 5 in all take features of 20 ms to
            labels of 100 ms. Early ones save most of the work.
        pool_freq: Bins of which each block takes the maximum.
        pool_time_end: Frames of which the maximum is taken after the attention.
        channel: What attends before bins and frames do: `"ule"`, the channels of the convolutions
            in each patch ([`UnfoldedChannelAttention`][seldkit.layers.UnfoldedChannelAttention]);
            `"dca"`, the channels of the features at each place, which the convolutions then read
            one by one ([`DividedChannelAttention`][seldkit.layers.DividedChannelAttention]); or
            `"none"`.
        patch: Frames and bins of a patch, of `"ule"` alone.
        patch_heads: Its attention heads.
        cmt: Whether each layer is wrapped in a [`CMTBlock`][seldkit.layers.CMTBlock].
        expansion: Of its feed-forward step.
        num_layers: Number of layers.
        num_heads: Attention heads.
        legacy_order: Of `"dca"` alone: whether planes and bins mix as in the published code, which
            weights trained by it need. See
            [`DividedChannelAttention`][seldkit.layers.DividedChannelAttention].
        hidden: Widths of the linear layers before the last; no activation is between them.
        dropout: Dropout of whole channels after each convolution block, of attention weights and of
            the sums behind them.
        feedforward_dropout: Dropout of the feed-forward steps.
        format: Output format.
        num_tracks: Number of tracks, of multi-ACCDOA alone.
        distance: Whether distances are estimated too.
        onscreen: Whether it is told if a source is on screen.
        planar: Whether vectors lack z, as for stereo.
        bounded: See [`MultiACCDOAHead`][seldkit.heads.MultiACCDOAHead].

    Returns:
        A network from features `(batch, channel, time, freq)` of any length to the output of its
        format.

    Raises:
        ValueError: If a number is not positive, the widths and poolings differ in length, bins are
            fewer than are pooled, the last width or the patch does not suit the heads, the legacy
            order is asked of another form than `"dca"`, a word is unknown, or the format does not
            have what is asked of it.

    Source: Shul and Choi, "CST-former: transformer with channel-spectro-temporal attention for
    sound event localization and detection", ICASSP 2024; sizes and start values of the published
    code.

    Examples:
        >>> sum(p.numel() for p in cst_former(13).parameters())
        391733
        >>> sum(p.numel() for p in cst_former(13, **CST_FORMERS["dst"]).parameters())
        289319
    """
    if legacy_order and channel != "dca":
        raise ValueError(f"legacy_order must be False unless channel is 'dca', got {channel!r}")
    bins = bins_after(num_bins, widths, pool_time, pool_freq)
    planes, width = in_channels if channel == "dca" else 1, widths[-1]
    read = 1 if channel == "dca" else in_channels
    blocks = zip(pairwise([read, *widths]), pool_time, pool_freq, strict=True)
    convolutions = nn.Sequential(*(pooled_conv(*pair, (t, f), dropout) for pair, t, f in blocks))

    def attention() -> nn.Sequential:
        steps: OrderedDict[str, nn.Module] = OrderedDict()
        if channel == "ule":
            steps["channel"] = UnfoldedChannelAttention(
                width, bins, patch=patch, num_heads=patch_heads, dropout=dropout
            )
        elif channel == "dca":
            steps["channel"] = DividedChannelAttention(
                width,
                bins,
                num_planes=planes,
                num_heads=num_heads,
                dropout=dropout,
                legacy_order=legacy_order,
            )
        steps["divided"] = SpectroTemporalAttention(
            width, bins, num_planes=planes, num_heads=num_heads, dropout=dropout
        )
        if legacy_order:
            steps["order"] = BinsAsPlanes(planes)
        return nn.Sequential(steps)

    def layer() -> nn.Module:
        if not cmt:
            return attention()
        return CMTBlock(
            width,
            attention(),
            num_planes=planes,
            expansion=expansion,
            dropout=feedforward_dropout,
        )

    sizes = [planes * width * bins, *hidden]
    head = head_of_format(
        format,
        sizes[-1],
        num_classes,
        num_tracks=num_tracks,
        distance=distance,
        onscreen=onscreen,
        planar=planar,
        bounded=bounded,
    )
    trunk: OrderedDict[str, nn.Module] = OrderedDict(
        convolutions=_EachChannel(*convolutions) if channel == "dca" else convolutions,
        attention=nn.Sequential(*(layer() for _ in range(num_layers))),
    )
    network = SequenceSELD(
        in_channels=in_channels,
        num_bins=num_bins,
        min_frames=prod(pool_time) * pool_time_end,
        trunk=nn.Sequential(trunk),
        sequence=nn.MaxPool2d((pool_time_end, 1)),  # of `batch time channel`: over time alone
        branches=[
            nn.Sequential(*(nn.Linear(*pair) for pair in pairwise(sizes)))
            for _ in range(num_branches(format))
        ],
        head=head,
    )
    reset_convolutions(convolutions)
    for module in network.branches.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
    return network


class _EachChannel(nn.Sequential):
    """Convolutions that read each channel of the features alone, and make a plane of it."""

    def forward(
        self, x: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch plane_channel short_time short_freq"]:
        planes = x.flatten(0, 1).unsqueeze(1)
        for block in self:
            planes = block(planes)
        output: Tensor = planes.unflatten(0, (-1, x.shape[1])).flatten(1, 2)
        return output
