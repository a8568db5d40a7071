"""A small network that reads acoustic planes and draws energy maps."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._builders import builder
from seldkit._checks import check_pair, check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.heads import EquirectangularHead
from seldkit.layers import SphericalConv


class SphereNetwork(Shown):
    """Planes in, maps out: convolutions that go around the sphere, at two finenesses.

    Frames of the features are averaged to label frames, and each label frame sees those around it
    as further channels. See [`sphere_net`][seldkit.models.sphere_net].

    Shape:
        - Input: planes `(batch, channel, time, freq=height * width)`, points in place of bins.
        - Output: `(batch, time // pool_time, cls, height, width)`.
    """

    def __init__(
        self,
        *,
        in_channels: int,
        height: int,
        width: int,
        pool_time: int,
        context: int,
        fine: nn.Module,
        coarse: nn.Module,
        together: nn.Module,
        head: nn.Module,
    ) -> None:
        super().__init__()
        self.in_channels, self.height, self.width = in_channels, height, width
        self.pool_time, self.context = pool_time, context
        self.norm = nn.BatchNorm2d(in_channels)
        self.fine, self.coarse, self.together, self.head = fine, coarse, together, head

    def forward(
        self, x: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch label_time cls *maps"]:
        """Return the maps of every label frame."""
        sizes = {"channel": self.in_channels, "freq": self.height * self.width}
        check_shape("x", x, "batch+ channel time freq", **sizes)
        if x.shape[2] < self.pool_time:
            raise ValueError(f"x must have at least {self.pool_time} frames, got {x.shape[2]}")
        x = functional.avg_pool2d(self.norm(x), (self.pool_time, 1))
        batch, _, time, _ = x.shape
        side = self.context // 2
        padded = functional.pad(x, (0, 0, side, side))
        around = [padded[:, :, lag : lag + time] for lag in range(self.context)]
        x = torch.cat(around, dim=1).transpose(1, 2)
        x = x.reshape(batch * time, -1, self.height, self.width)
        fine = self.fine(x)
        coarse = self.coarse(functional.avg_pool2d(fine, 2))
        size = (self.height, self.width)
        wide = functional.interpolate(coarse, size, mode="bilinear", align_corners=False)
        x = self.together(torch.cat((fine, wide), dim=1))
        return self.head(x.unflatten(0, (batch, time)))  # type: ignore[no-any-return]


@builder
@plain_settings()
def sphere_net(
    num_classes: int,
    *,
    in_channels: int = 4,
    height: int = 24,
    width: int = 48,
    widths: Sequence[int] = (16, 32),
    pool_time: int = 5,
    context: int = 5,
    distance: bool = False,
) -> SphereNetwork:
    """Build a small network from acoustic planes to energy maps, of our own design.

    It is what the published Mask R-CNN is not: small, without a picture and without boxes. It reads
    maps such as those of [`BeamEnergy`][seldkit.features.BeamEnergy] or
    [`SRPPHAT`][seldkit.features.SRPPHAT], whose peaks are smeared and doubled by the room, and
    draws where the sources are. Turning planes about the upright axis by whole columns turns its
    maps as much, but for the coarser half by pairs of columns.

    Args:
        num_classes: Number of classes.
        in_channels: Channels of the planes: 4 for the bands of `BeamEnergy`.
        height: Rows of the grid, even.
        width: Columns of the grid, a multiple of 4.
        widths: Channels at the fineness of the grid and at half of it.
        pool_time: Frames that are averaged into a label frame: 5 of 20 ms.
        context: How many label frames a label frame sees, an odd number with itself in the middle.
        distance: Whether there are maps of distance.

    Returns:
        A network from planes to the format [`DenseMap`][seldkit.formats.DenseMap].

    Raises:
        ValueError: If a number is not positive, or a size has not the parity that it must have.

    Examples:
        >>> model = sphere_net(1)
        >>> sum(p.numel() for p in model.parameters())
        28505
        >>> model(torch.zeros(1, 4, 50, 24 * 48)).shape
        torch.Size([1, 10, 1, 24, 48])
    """
    check_pair("widths", widths, "fine and coarse")
    if height % 2 or width % 4:
        raise ValueError(f"height must be even and width a multiple of 4, got {height} and {width}")
    if not context % 2:
        raise ValueError(f"context must be odd, got {context}")
    fine, coarse = widths
    return SphereNetwork(
        in_channels=in_channels,
        height=height,
        width=width,
        pool_time=pool_time,
        context=context,
        fine=nn.Sequential(SphericalConv(in_channels * context, fine), SphericalConv(fine, fine)),
        coarse=nn.Sequential(SphericalConv(fine, coarse), SphericalConv(coarse, coarse)),
        together=SphericalConv(fine + coarse, fine),
        head=EquirectangularHead(fine, num_classes, hidden=fine, distance=distance),
    )
