"""Multi-scale feature fusion: subnets at several resolutions of frequency that exchange maps."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.layers.tfcm import TFCM

_RATIO = 4
"""Bins of a scale for one of the next."""


class MFF(Shown):
    r"""Multi-scale feature fusion across spectral, spatial and temporal domains.

    Subnets work at several scales side by side: scale $j$ has $4^j$ times fewer bins and $2^j$
    times more channels. There are as many stages as scales. In each, a
    [`TFCM`][seldkit.layers.TFCM] extracts features at every scale that is there (behind a
    convolution at the first scale of the first stage); a new scale begins behind a strided
    convolution of the last one. Then scales exchange: each becomes the ReLU of the sum of itself
    and all others, brought to its size by strided convolutions, or by a pointwise one and holding
    of bins. The last stage goes to the first scale alone, and half of the input is added. Frames
    keep their number.

    Source: Mu et al., "MFF-EINV2: multi-scale feature fusion across spectral-spatial-temporal
    domains for sound event localization and detection", Interspeech 2024; sizes of its
    released code, whose numbers of parameters these are for any number of scales. That nothing
    stands between two strided convolutions in a row is our reading.

    Shape:
        - Input: `(batch, channel, time, freq)`, bins a multiple of $4^{S-1}$ for $S$ scales.
        - Output: the same.

    Args:
        channels: Number of channels, even.
        num_scales: Number of scales, and of stages.
        num_layers: Layers of each `TFCM`.

    Raises:
        ValueError: If `channels` is odd where there is more than one scale, or the bins do not suit
            the scales.

    Examples:
        >>> [sum(p.numel() for p in MFF(64, num_scales=n).parameters()) for n in (1, 2, 3)]
        [92288, 668800, 3176512]
        >>> MFF(8, num_layers=2)(torch.zeros(1, 8, 10, 32)).shape
        torch.Size([1, 8, 10, 32])
    """

    @plain_settings()
    def __init__(
        self,
        channels: int,
        *,
        num_scales: int = 3,
        num_layers: int = 6,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if num_scales > 1 and channels % 2:
            raise ValueError(f"channels must be even for {num_scales} scales, got {channels}")
        self.channels, self.num_scales, self.num_layers = channels, num_scales, num_layers
        widths = [channels * 2**scale for scale in range(num_scales)]
        place: dict[str, Any] = {"device": device, "dtype": dtype}

        def extraction(stage: int, scale: int) -> nn.Module:
            tfcm = TFCM(widths[scale], num_layers=num_layers, **place)
            if stage == scale == 0:
                conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False, **place)
                return nn.Sequential(conv, nn.BatchNorm2d(channels, **place), nn.ReLU(), tfcm)
            if scale == stage + 1:
                strided = _strided(widths[scale - 1], widths[scale], 2, bias=True, **place)
                norm = nn.BatchNorm2d(widths[scale], **place)
                return nn.Sequential(strided, norm, nn.ReLU(), tfcm)
            return tfcm

        self.extractions, self.exchanges = nn.ModuleList(), nn.ModuleList()
        for stage in range(num_scales):
            scales = range(min(stage + 2, num_scales))
            self.extractions.append(nn.ModuleList(extraction(stage, scale) for scale in scales))
            targets = range(1) if stage == num_scales - 1 else scales
            self.exchanges.append(
                nn.ModuleList(
                    nn.ModuleList(_between(source, target, widths, **place) for source in scales)
                    for target in targets
                )
            )

    def reset_parameters(self) -> None:
        """Draw all weights again, from the laws of PyTorch."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.BatchNorm2d):
                module.reset_parameters()

    def forward(
        self, x: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch channel time freq"]:
        """Return the map of the first scale after the last stage."""
        check_shape("x", x, "batch channel time+ freq+", channel=self.channels)
        least = _RATIO ** (self.num_scales - 1)
        if x.shape[3] % least:
            raise ValueError(
                f"x must have a multiple of {least} bins for {self.num_scales} scales, got shape"
                f" {tuple(x.shape)}"
            )
        maps = [x]
        stages: Any = zip(self.extractions, self.exchanges, strict=True)
        for extract, exchange in stages:
            given = [*maps, maps[-1]] if len(extract) > len(maps) else maps  # a new scale begins
            maps = [layer(part) for layer, part in zip(extract, given, strict=True)]
            maps = [
                functional.relu(sum(way(part) for way, part in zip(ways, maps, strict=True)))
                for ways in exchange
            ]
        return maps[0] + 0.5 * x


def _strided(in_channels: int, out_channels: int, groups: int = 1, **rest: Any) -> nn.Conv2d:
    """Return a convolution that makes one bin of four."""
    return nn.Conv2d(
        in_channels, out_channels, (1, 7), stride=(1, _RATIO), padding=(0, 2), groups=groups, **rest
    )


def _between(source: int, target: int, widths: list[int], **place: Any) -> nn.Module:
    """Return what brings a map from one scale to another."""
    if source == target:
        return nn.Identity()
    out, norm = widths[target], nn.BatchNorm2d(widths[target], **place)
    if source > target:
        held = nn.Upsample(scale_factor=(1, _RATIO ** (source - target)), mode="nearest")
        return nn.Sequential(nn.Conv2d(widths[source], out, 1, **place), norm, held)
    kept = [widths[source]] * (target - source)
    pairs = zip(kept, [*kept[1:], out], strict=True)
    return nn.Sequential(*(_strided(*pair, bias=False, **place) for pair in pairs), norm)
