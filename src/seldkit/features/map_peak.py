"""Maps of directions with the place of their maximum beside them: what Cross3D reads."""

import torch
from torch import Tensor

from seldkit._checks import check_floating, check_shape
from seldkit._typing import Complex, Float
from seldkit.features.meaning import ChannelMeaning
from seldkit.features.part import Part
from seldkit.features.precision import without_autocast
from seldkit.features.srp_phat import SRPPHAT
from seldkit.features.turning import ChannelSwap


def peaked_map(
    maps: Float[Tensor, "batch channel=1 time point"], shape: tuple[int, int]
) -> Float[Tensor, "batch channel=3 time point"]:
    """Return maps, and where their maximum is: its row and its column, the same at every point.

    Both are numbered from 0 and divided by how many there are, so they lie in [0, 1). Of equal
    values the first point is the maximum, so that a map of silence, all zeros, has zeros beside it;
    a map that holds nan has no maximum, and nan beside it.

    Source: Diaz-Guerra et al., "Robust sound source tracking using SRP-PHAT and 3D convolutional
    neural networks", IEEE/ACM TASLP 29, 2021, section III.

    Args:
        maps: One channel, whose points stand row by row.
        shape: Rows and columns.

    Raises:
        TypeError: If the maps hold integers.
        ValueError: If they are not one channel of so many points.

    Examples:
        >>> maps = torch.zeros(1, 1, 1, 8)
        >>> maps[..., 6] = 1.0  # row 1 of 2, column 2 of 4
        >>> peaked_map(maps, (2, 4))[0, :, 0, 0]
        tensor([0.0000, 0.5000, 0.5000])
    """
    rows, columns = shape
    check_shape("maps", maps, "batch channel time point", channel=1, point=rows * columns)
    check_floating(maps=maps)
    point = maps.argmax(dim=-1, keepdim=True)
    exact = torch.promote_types(maps.dtype, torch.float32)
    row = (point // columns).to(exact) / rows
    column = (point % columns).to(exact) / columns
    place = torch.cat((row, column), dim=1).to(maps.dtype)
    place = place.masked_fill(maps.isnan().any(dim=-1, keepdim=True), torch.nan)
    return torch.cat((maps, place.expand(-1, -1, -1, rows * columns)), dim=1)


class PeakedMap(Part):
    """A map of directions, and two more channels that say the row and column of its maximum.

    Part form of [`peaked_map`][seldkit.features.peaked_map].

    Shape:
        - Input: complex spectrum `(batch, channel, time, freq)`, as its map reads it.
        - Output: `(batch, channel=3, time, point)`.

    Args:
        map: Makes the map, on a grid of rows and columns; Cross3D has `lags="whole"` and
            `scale="frame"`.

    Raises:
        ValueError: If the points of the grid are not rows and columns.

    Examples:
        >>> from seldkit.arrays import ArrayGeometry
        >>> from seldkit.features import STFT, FeatureExtractor
        >>> from seldkit.grids import DirectionGrid
        >>> grid = DirectionGrid.equiangular(8, 16)
        >>> srp = SRPPHAT(ArrayGeometry.tetrahedron(), grid, lags="whole", scale="frame")
        >>> stft = STFT(n_fft=4096, hop_length=3072, sample_rate=16000)
        >>> FeatureExtractor(stft, [PeakedMap(srp)])(torch.randn(1, 4, 16000)).shape
        torch.Size([1, 3, 6, 128])
    """

    lookback = lookahead = 0
    meaning = ChannelMeaning("point")

    def __init__(self, map: SRPPHAT) -> None:
        super().__init__()
        if map.grid.shape is None:
            raise ValueError(f"map must have a grid of rows and columns, got {map.grid}")
        self.map = map
        self._shape = map.grid.shape
        self.num_bins = map.num_bins

    def num_channels(self, in_channels: int) -> int:
        """Return three, or raise `ValueError` unless there is a channel for each microphone."""
        return self.map.num_channels(in_channels) + 2

    def forward(
        self, spectrum: Complex[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch 3 time point"]:
        """Return the map of each frame and the place of its maximum."""
        with without_autocast(spectrum.real):
            return peaked_map(self.map(spectrum), self._shape)

    def turn(
        self, features: Float[Tensor, "batch 3 time point"], swap: ChannelSwap
    ) -> Float[Tensor, "batch 3 time point"]:
        """Return the maps of the swapped audio, and where their maxima are then."""
        return peaked_map(self.map.turn(features[:, :1], swap), self._shape)
