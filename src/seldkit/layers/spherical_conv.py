"""Convolutions of single maps of the sphere."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.layers.spherical import SphericalPad


class SphericalConv(Shown):
    """A convolution of maps of the sphere with batch norm and ReLU, that goes around all edges.

    It is a plain convolution of the picture that [`SphericalPad`][seldkit.layers.SphericalPad]
    continues: near the poles its window covers less of the sphere.

    Shape:
        - Input: `(batch, in_channels, height, width)`, an even number of columns.
        - Output: `(batch, out_channels, height, width)`.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Rows and columns of the window, an odd number.

    Raises:
        ValueError: If a number is not positive, or the window even.

    Examples:
        >>> SphericalConv(4, 16)(torch.zeros(1, 4, 19, 36)).shape
        torch.Size([1, 16, 19, 36])
    """

    @plain_settings()
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel_size: int = 3,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if not kernel_size % 2:
            raise ValueError(f"kernel_size must be odd, got {kernel_size}")
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size = kernel_size
        self.pad = SphericalPad(kernel_size // 2, kernel_size // 2)
        self.conv = nn.Conv2d(
            in_channels, out_channels, kernel_size, bias=False, device=device, dtype=dtype
        )
        self.norm = nn.BatchNorm2d(out_channels, device=device, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights from Kaiming's uniform law."""
        nn.init.kaiming_uniform_(self.conv.weight, nonlinearity="relu")
        self.norm.reset_parameters()

    def forward(
        self, x: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch out height width"]:
        """Return the maps."""
        check_shape("x", x, "batch channel height width", channel=self.in_channels)
        x = self.norm(self.conv(self.pad(x)))
        return functional.relu(x)
