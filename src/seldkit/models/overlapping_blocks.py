"""The blocks that localise, separate and classify sounds from spectrogram to spectrogram."""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_positive, check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float

SeparatorOutput = Literal["mask", "direct"]


def reference_spectrogram(
    features: Float[Tensor, "batch channel time freq"], *, compression: float = 1.0
) -> Float[Tensor, "batch time freq"]:
    r"""Return the magnitude spectrogram of the reference microphone, from its level.

    Args:
        features: Features whose first channel is the level of every bin in decibels, such as those
            of [`presets.overlapping_e2e`][seldkit.features.presets.overlapping_e2e].
        compression: Exponent of the magnitude; less than 1 brings loud and quiet bins together.

    Returns:
        $|X|^c$, which is $10^{c L / 20}$ of the level $L$; at most what the type of the features
        can hold, 65504 in float16.

    Examples:
        >>> reference_spectrogram(torch.full((1, 15, 1, 1), 40.0))
        tensor([[[100.]]])
    """
    check_shape("features", features, "batch channel time freq")
    check_positive(compression=compression)
    level = features[:, 0].to(torch.promote_types(features.dtype, torch.float32))
    spectrogram: Tensor = 10 ** (level * (compression / 20))
    return spectrogram.clamp(max=torch.finfo(features.dtype).max).to(features.dtype)


def direction_planes(
    direction: Float[Tensor, "batch direction *maps"], maps: Float[Tensor, "batch _ time freq"]
) -> Float[Tensor, "batch direction time freq"]:
    """Return a direction as planes of the size of some maps: a vector holds in every bin."""
    if direction.ndim == 2:
        return direction[:, :, None, None].expand(-1, -1, *maps.shape[2:])
    return direction


class InputNorm(nn.BatchNorm2d):
    """Batch norm without weights, which takes the channels of features to one scale."""

    @plain_settings()
    def __init__(self, channels: int) -> None:
        super().__init__(channels, affine=False)

    def forward(
        self, features: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch channel time freq"]:
        """Return the features after batch norm."""
        check_shape("features", features, "batch channel time freq", channel=self.num_features)
        return super().forward(features)


class MapClassifier(Shown):
    """Scores of a whole map: convolution stages, then one linear layer over all that is left.

    A stage is a 3 x 3 convolution with batch norm and ReLU, and the maximum of 2 x 2 bins, where a
    remainder at the end makes a bin of its own. What is left is averaged to a grid, so that any
    size will do; four stages leave of 256 x 256 bins the default grid, which is just flattened.

    Shape:
        - Input: `(batch, in_channels, time, freq)`.
        - Output: `(batch, score)`, any real numbers.

    Args:
        in_channels: Channels of the input.
        num_scores: Number of directions or classes.
        widths: Channels of each stage.
        grid_time: Places along time that have weights of their own; 1 averages over time.
        grid_freq: Places along frequency that have weights of their own.

    Raises:
        ValueError: If a number is not positive, there is no stage, or the input has another shape.

    Examples:
        >>> MapClassifier(15, 8, widths=(4, 4))(torch.zeros(2, 15, 30, 33)).shape
        torch.Size([2, 8])
    """

    @plain_settings()
    def __init__(
        self,
        in_channels: int,
        num_scores: int,
        *,
        widths: Sequence[int] = (32, 64, 128, 256),
        grid_time: int = 16,
        grid_freq: int = 16,
    ) -> None:
        super().__init__()
        if not widths:
            raise ValueError("widths must hold one stage at least, got none")
        self.in_channels, self.grid_time, self.grid_freq = in_channels, grid_time, grid_freq
        self.stages = nn.ModuleList(
            nn.Sequential(
                OrderedDict(
                    conv=nn.Conv2d(before, after, 3, padding=1, bias=False),
                    norm=nn.BatchNorm2d(after),
                    relu=nn.ReLU(),
                    pool=nn.MaxPool2d(2, ceil_mode=True),
                )
            )
            for before, after in pairwise((in_channels, *widths))
        )
        self.output = nn.Linear(widths[-1] * grid_time * grid_freq, num_scores)

    def forward(self, x: Float[Tensor, "batch channel time freq"]) -> Float[Tensor, "batch score"]:
        """Return the scores of each map."""
        check_shape("x", x, "batch channel time+ freq+", channel=self.in_channels)
        for stage in self.stages:
            x = stage(x)
        if torch.onnx.is_in_onnx_export():  # has a grid for one size alone
            grid = _means(self.grid_time, x) @ x @ _means(self.grid_freq, x.mT).mT
        else:
            grid = functional.adaptive_avg_pool2d(x, (self.grid_time, self.grid_freq))
        scores: Tensor = self.output(grid.flatten(1))
        return scores


def _means(places: int, maps: Float[Tensor, "*batch row column"]) -> Float[Tensor, "place row"]:
    """Return what takes the rows of maps to their means in so many places, which may overlap."""
    rows = maps.shape[-2]
    row, place = (torch.arange(n, device=maps.device) for n in (rows, places))
    first, end = place * rows // places, ((place + 1) * rows + places - 1) // places
    inside = (row >= first[:, None]) & (row < end[:, None])
    return inside.to(maps.dtype) / (end - first)[:, None]


class SourceSeparator(Shown):
    """The spectrogram of what comes from one direction, of a mixture of sounds.

    Shape:
        - Inputs: features `(batch, in_channels, time, freq)`, whose first channel is the level of
          the reference microphone in decibels, and a direction: a vector `(batch, direction)` with
          the share of each direction, or a map `(batch, direction, time, freq)`.
        - Output: magnitudes `(batch, time, freq)`, not negative.

    Args:
        in_channels: Channels of the features, which batch norm takes to one scale.
        num_directions: Number of directions.
        network: From features and direction planes, one after the other, to a map of one channel.
        output: `"mask"` squashes the map by a sigmoid and weighs the reference spectrogram with it;
            `"direct"` takes its positive part as the spectrogram.
        compression: Exponent of the magnitudes.

    Raises:
        ValueError: If `output` is unknown, a number is not positive, or an input has another shape.

    Examples:
        >>> separator = SourceSeparator(15, 8, nn.Conv2d(23, 1, 1))
        >>> separator(torch.zeros(2, 15, 30, 33), torch.eye(8)[:2]).shape
        torch.Size([2, 30, 33])
    """

    @plain_settings()
    def __init__(
        self,
        in_channels: int,
        num_directions: int,
        network: nn.Module,
        *,
        output: SeparatorOutput = "mask",
        compression: float = 1.0,
    ) -> None:
        super().__init__()
        check_positive(compression=compression)
        self.in_channels, self.num_directions = in_channels, num_directions
        self.output, self.compression = output, compression
        self.norm = InputNorm(in_channels)
        self.network = network

    def forward(
        self,
        features: Float[Tensor, "batch channel time freq"],
        direction: Float[Tensor, "batch direction *maps"],
    ) -> Float[Tensor, "batch time freq"]:
        """Return the magnitudes of what comes from the direction."""
        check_shape("features", features, "batch channel time+ freq+", channel=self.in_channels)
        planes = direction_planes(direction, features)
        sizes = {"batch": features.shape[0], "direction": self.num_directions}
        time, freq = features.shape[2:]
        check_shape("direction", planes, "batch direction time freq", **sizes, time=time, freq=freq)
        estimate: Tensor = self.network(torch.cat((self.norm(features), planes), dim=1)).squeeze(1)
        if self.output == "direct":
            return estimate.relu()
        return estimate.sigmoid() * reference_spectrogram(features, compression=self.compression)
