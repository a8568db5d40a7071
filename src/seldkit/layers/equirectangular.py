"""Convolutions of maps of the sphere, laid out in rows of elevation and columns of azimuth."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float


def pad_sphere(
    x: Float[Tensor, "batch channel height width"], margin: int
) -> Float[Tensor, "batch channel tall wide"]:
    """Return maps with some rows and columns more on every side: what lies there on the sphere.

    Columns go around. Beyond a pole the sphere goes on on the other side: rows come again, from the
    one next to the last, turned by half a circle.

    Args:
        x: Maps with a row at each pole and an even number of columns.
        margin: How many rows and columns are put on each side.

    Raises:
        ValueError: If the columns are odd in number, or there are not more rows and columns than
            the margin.

    Examples:
        >>> rows = torch.arange(8.0).reshape(1, 1, 2, 4)
        >>> pad_sphere(rows, 1)[0, 0, :, 1:5]
        tensor([[6., 7., 4., 5.],
                [0., 1., 2., 3.],
                [4., 5., 6., 7.],
                [2., 3., 0., 1.]])
    """
    check_shape("x", x, "batch channel height width")
    height, width = x.shape[2:]
    if width % 2 or min(width, height) <= margin:
        raise ValueError(
            f"x must have an even number of columns, and more rows and columns than {margin=},"
            f" got {height} and {width}"
        )
    if not margin:
        return x
    turned = x.roll(width // 2, dims=3)
    above = turned[:, :, 1 : margin + 1].flip(2)
    below = turned[:, :, height - 1 - margin : height - 1].flip(2)
    tall = torch.cat((above, x, below), dim=2)
    return torch.cat((tall[..., width - margin :], tall, tall[..., :margin]), dim=3)


class SphereConv(Shown):
    """A convolution of maps of the sphere with batch norm and ReLU, that goes around all edges.

    It is a plain convolution of the picture: near the poles its window covers less of the sphere.

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
        >>> SphereConv(4, 16)(torch.zeros(1, 4, 19, 36)).shape
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
        x = self.norm(self.conv(pad_sphere(x, self.kernel_size // 2)))
        return functional.relu(x)
