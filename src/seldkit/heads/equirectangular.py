"""The head that ends a network in the format of energy maps."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.layers import SphericalConv


class EquirectangularHead(Shown):
    """A map of energy for each class, and of distance if asked, from maps of features.

    A convolution that goes around the sphere, then one linear layer for each cell: a sigmoid makes
    energies of it, softplus distances in metres. Ends a network in the format
    [`DenseMap`][seldkit.formats.DenseMap]; trained by
    [`energy_map_loss`][seldkit.losses.energy_map_loss]. A network that ends in vectors puts a
    linear layer before it that makes maps of them.

    As in the full map of the baseline of DCASE 2026 task 3, whose decoder is a larger one, energies
    lie in 0..1.

    Shape:
        - Input: features `(batch, time, channel, height, width)`.
        - Output: `(batch, time, cls, height, width)`, or `(batch, time, cls, map=2, height, width)`
          with distances.

    Args:
        in_channels: Channels of the features.
        num_classes: Number of classes.
        hidden: Channels between the two layers.
        distance: Whether there are maps of distance.

    Raises:
        ValueError: If a number is not positive, or the features have another shape.

    Examples:
        >>> EquirectangularHead(16, 13)(torch.zeros(2, 10, 16, 18, 36)).shape
        torch.Size([2, 10, 13, 18, 36])
    """

    @plain_settings()
    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        *,
        hidden: int = 16,
        distance: bool = False,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.in_channels, self.num_classes = in_channels, num_classes
        self.hidden, self.distance = hidden, distance
        self.conv = SphericalConv(in_channels, hidden, device=device, dtype=dtype)
        maps = num_classes * (1 + distance)
        self.linear = nn.Conv2d(hidden, maps, 1, device=device, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights; energies start low, at 0.05, since most of a map is silent."""
        self.conv.reset_parameters()
        self.linear.reset_parameters()
        bias = self.linear.bias
        assert bias is not None  # as it is made
        nn.init.zeros_(bias)
        nn.init.constant_(bias[: self.num_classes], -3.0)

    def forward(
        self, x: Float[Tensor, "batch time channel height width"]
    ) -> Float[Tensor, "batch time cls *maps"]:
        """Return the maps of every class."""
        axes = "batch time channel height width"
        check_shape("x", x, axes, channel=self.in_channels)
        batch, time = x.shape[:2]
        maps = self.linear(self.conv(x.flatten(0, 1)))
        kinds = 2 if self.distance else 1
        maps = maps.reshape(batch, time, kinds, self.num_classes, *maps.shape[2:])
        energy: Tensor = maps[:, :, 0].sigmoid()
        if not self.distance:
            return energy
        return torch.stack((energy, functional.softplus(maps[:, :, 1])), dim=3)
