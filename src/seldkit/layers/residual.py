"""Residual convolution blocks."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float


class ResidualBlock(Shown):
    r"""Two 3 x 3 convolutions, each with batch norm, added to a shortcut.

    $$y = \mathrm{ReLU}(F(x) + S(x)),$$

    where $F$ is convolution, norm, ReLU, convolution, norm and, if there is one, an attention; the
    shortcut $S$ is the identity, or a pointwise convolution and norm where the channels differ.
    Time and frequency keep their lengths.

    Source: He et al., "Deep residual learning for image recognition", CVPR 2016, section 3.

    Shape:
        - Input: `(batch, in_channels, time, freq)`.
        - Output: `(batch, out_channels, time, freq)`.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        attention: Acts on the map before the shortcut is added, such as
            [`SqueezeExcite`][seldkit.layers.SqueezeExcite] or
            [`MultiScaleChannelAttention`][seldkit.layers.MultiScaleChannelAttention].

    Examples:
        >>> ResidualBlock(24, 48)(torch.zeros(1, 24, 100, 16)).shape
        torch.Size([1, 48, 100, 16])
    """

    @plain_settings()
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        attention: nn.Module | None = None,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.in_channels, self.out_channels = in_channels, out_channels

        def convolution(channels: int, kernel_size: int) -> nn.Conv2d:
            return nn.Conv2d(
                channels,
                out_channels,
                kernel_size,
                padding=kernel_size // 2,
                bias=False,
                device=device,
                dtype=dtype,
            )

        def norm() -> nn.BatchNorm2d:
            return nn.BatchNorm2d(out_channels, device=device, dtype=dtype)

        self.conv1, self.norm1 = convolution(in_channels, 3), norm()
        self.conv2, self.norm2 = convolution(out_channels, 3), norm()
        self.attention = attention
        self.shortcut = (
            nn.Identity()
            if in_channels == out_channels
            else nn.Sequential(convolution(in_channels, 1), norm())
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw convolutions from Kaiming's normal law; the given attention keeps its weights."""
        for module in (self.conv1, self.norm1, self.conv2, self.norm2, *self.shortcut.children()):
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, nn.BatchNorm2d):
                module.reset_parameters()

    def forward(
        self, x: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch out time freq"]:
        """Return the map after the block."""
        check_shape("x", x, "batch channel time+ freq+", channel=self.in_channels)
        y = functional.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        if self.attention is not None:
            y = self.attention(y)
        return functional.relu(y + self.shortcut(x))
