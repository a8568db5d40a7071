"""U-Net: maps to maps of the same size, coarse and fine at once."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.layers.conv import DoubleConv


class UNetEncoder(Shown):
    """Maps of one input at ever coarser resolution.

    At each level two 3 x 3 convolutions with batch norm and ReLU; between levels the maximum of
    `pool_time x pool_freq` bins. A remainder at the end of an axis makes a bin of its own, so that
    no frame is lost and any size will do.

    Shape:
        - Input: `(batch, in_channels, time, freq)`.
        - Outputs: one map for each level, the finest first, `(batch, widths[level], time, freq)`
          with each size divided by the pooling and rounded up from level to level.

    Args:
        in_channels: Channels of the input.
        widths: Channels of each level; the last is the bottleneck.
        pool_time: Frames of one level that make one of the next.
        pool_freq: Bins of one level that make one of the next.

    Examples:
        >>> maps = UNetEncoder(2, widths=(4, 8, 16))(torch.zeros(1, 2, 10, 7))
        >>> [tuple(m.shape) for m in maps]
        [(1, 4, 10, 7), (1, 8, 5, 4), (1, 16, 3, 2)]
    """

    @plain_settings()
    def __init__(
        self,
        in_channels: int,
        *,
        widths: Sequence[int] = (64, 128, 256, 512, 1024),
        pool_time: int = 2,
        pool_freq: int = 2,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        _check_levels(widths)
        self.in_channels, self.pool_time, self.pool_freq = in_channels, pool_time, pool_freq
        self.levels = nn.ModuleList(
            DoubleConv(*pair, device=device, dtype=dtype)
            for pair in pairwise((in_channels, *widths))
        )

    def reset_parameters(self) -> None:
        """Draw all weights again."""
        for level in self.levels:
            level.reset_parameters()  # type: ignore[operator]  # a module list does not know

    def forward(
        self, x: Float[Tensor, "batch channel time freq"]
    ) -> list[Float[Tensor, "batch _ _ _"]]:
        """Return the map of every level."""
        check_shape("x", x, "batch channel time freq", channel=self.in_channels)
        maps: list[Tensor] = []
        for level in self.levels:
            if maps:
                pool = (self.pool_time, self.pool_freq)
                x = functional.max_pool2d(x, pool, ceil_mode=True)
            x = level(x)
            maps.append(x)
        return maps


class UNetDecoder(Shown):
    """From the coarsest map of a `UNetEncoder` back to the finest.

    From level to level a transposed convolution, whose kernel and stride are the pooling, doubles
    the resolution; what goes beyond the encoder's map of that level is cut off at the end of the
    axis; then both maps, side by side, pass two 3 x 3 convolutions with batch norm and ReLU.

    Shape:
        - Inputs: the maps of the encoder, the finest first.
        - Output: `(batch, widths[0], time, freq)` of the size of the finest map.

    Args:
        widths: Channels of each level, as the encoder's.
        pool_time: Frames of one level that make one of the next.
        pool_freq: Bins of one level that make one of the next.

    Examples:
        >>> maps = UNetEncoder(2, widths=(4, 8, 16))(torch.zeros(1, 2, 10, 7))
        >>> UNetDecoder(widths=(4, 8, 16))(maps).shape
        torch.Size([1, 4, 10, 7])
    """

    @plain_settings()
    def __init__(
        self,
        *,
        widths: Sequence[int] = (64, 128, 256, 512, 1024),
        pool_time: int = 2,
        pool_freq: int = 2,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        _check_levels(widths)
        self.widths, self.pool_time, self.pool_freq = tuple(widths), pool_time, pool_freq
        pool, steps = (pool_time, pool_freq), list(pairwise(widths))
        self.ups = nn.ModuleList(
            nn.ConvTranspose2d(coarse, fine, pool, pool, device=device, dtype=dtype)
            for fine, coarse in steps
        )
        self.levels = nn.ModuleList(
            DoubleConv(2 * fine, fine, device=device, dtype=dtype) for fine, _ in steps
        )

    def reset_parameters(self) -> None:
        """Draw all weights again."""
        for layer in (*self.ups, *self.levels):
            layer.reset_parameters()

    def forward(
        self, maps: Sequence[Float[Tensor, "batch _ _ _"]]
    ) -> Float[Tensor, "batch channel time freq"]:
        """Return the map at the finest level."""
        if len(maps) != len(self.widths):
            raise ValueError(f"maps must be {len(self.widths)}, one a level, got {len(maps)}")
        for i, (x, width) in enumerate(zip(maps, self.widths, strict=True)):
            check_shape(f"maps[{i}]", x, "batch channel time freq", channel=width)
        *skips, x = maps
        for skip, up, level in reversed(list(zip(skips, self.ups, self.levels, strict=True))):
            raised = up(x)[..., : skip.shape[2], : skip.shape[3]]
            x = level(torch.cat((skip, raised), dim=1))
        return x


class UNet(Shown):
    """From a map to a map of the same size, each bin by what is near it and by the whole.

    A [`UNetEncoder`][seldkit.layers.UNetEncoder], a [`UNetDecoder`][seldkit.layers.UNetDecoder] and
    a 1 x 1 convolution. Any size will do: coarse maps are rounded up, and cut when they are raised.

    Source: Ronneberger et al., "U-Net: convolutional networks for biomedical image segmentation",
    MICCAI 2015, with padded convolutions and batch norm.

    Shape:
        - Input: `(batch, in_channels, time, freq)`.
        - Output: `(batch, out_channels, time, freq)`.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        widths: Channels of each level, the finest first; the last is the bottleneck.
        pool_time: Frames of one level that make one of the next; 1 keeps all.
        pool_freq: Bins of one level that make one of the next; 1 keeps all.

    Raises:
        ValueError: If there is but one level, a number is not positive, or the input has another
            shape.

    Examples:
        >>> UNet(23, 1, widths=(8, 16, 32))(torch.zeros(1, 23, 41, 31)).shape
        torch.Size([1, 1, 41, 31])
    """

    @plain_settings()
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        widths: Sequence[int] = (64, 128, 256, 512, 1024),
        pool_time: int = 2,
        pool_freq: int = 2,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.in_channels, self.out_channels = in_channels, out_channels
        pools = {"pool_time": pool_time, "pool_freq": pool_freq}
        self.encoder = UNetEncoder(in_channels, widths=widths, **pools, device=device, dtype=dtype)
        self.decoder = UNetDecoder(widths=widths, **pools, device=device, dtype=dtype)
        self.output = nn.Conv2d(widths[0], out_channels, 1, device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw all weights again."""
        for part in (self.encoder, self.decoder, self.output):
            part.reset_parameters()

    def forward(
        self, x: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch out time freq"]:
        """Return the map of the output channels."""
        check_shape("x", x, "batch channel time freq", channel=self.in_channels)
        output: Tensor = self.output(self.decoder(self.encoder(x)))
        return output


def _check_levels(widths: Sequence[int]) -> None:
    if len(widths) < 2:
        raise ValueError(f"widths must be of two levels at least, got {widths}")
