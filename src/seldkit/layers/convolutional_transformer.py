"""A transformer layer whose other steps are convolutions of the map (CMT)."""

from collections import OrderedDict

import torch
from torch import Tensor, nn

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float


class LocalPerception(Shown):
    """A 3 x 3 convolution of each channel alone, added to the map.

    It tells attention, which has no positions, what is next to what.

    Source: Guo et al., "CMT: convolutional neural networks meet vision transformers", CVPR 2022,
    section 3.2.

    Shape:
        - Input: `(batch, channel, time, freq)`.
        - Output: the same.

    Args:
        channels: Channels of the map.

    Examples:
        >>> LocalPerception(64)(torch.zeros(2, 64, 50, 16)).shape
        torch.Size([2, 64, 50, 16])
    """

    @plain_settings()
    def __init__(
        self,
        channels: int,
        *,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.channels = channels
        self.depthwise = nn.Conv2d(
            channels, channels, 3, padding=1, groups=channels, device=device, dtype=dtype
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the filters from Kaiming's uniform law."""
        reset_convolutions(self)

    def forward(
        self, x: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch channel time freq"]:
        """Return the map and what is around each place."""
        check_shape("x", x, "batch channel time+ freq+", channel=self.channels)
        output: Tensor = x + self.depthwise(x)
        return output


class InvertedResidual(Shown):
    r"""The feed-forward step of a map: wider, filtered with a shortcut within, narrow again.

    $$z = N(G(W_1 x)), \quad z \leftarrow z + N(G(D z)), \quad y = N(W_2 z),$$

    with pointwise convolutions $W$, a 3 x 3 convolution of each channel $D$, batch norm $N$ and
    GELU $G$. What comes in is not added; the layer around it does that.

    Source: Guo et al., "CMT", CVPR 2022, section 3.4; norms and activations as in the published
    code of CST-former.

    Shape:
        - Input: `(batch, channel, time, freq)`.
        - Output: the same.

    Args:
        channels: Channels of the map.
        expansion: Channels within, as a multiple.

    Examples:
        >>> InvertedResidual(64)(torch.zeros(2, 64, 50, 16)).shape
        torch.Size([2, 64, 50, 16])
    """

    @plain_settings()
    def __init__(
        self,
        channels: int,
        *,
        expansion: int = 4,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.channels, self.expansion = channels, expansion
        width = expansion * channels

        def convolution(inputs: int, outputs: int, kernel_size: int, groups: int = 1) -> nn.Conv2d:
            padding = kernel_size // 2
            return nn.Conv2d(
                inputs,
                outputs,
                kernel_size,
                padding=padding,
                groups=groups,
                device=device,
                dtype=dtype,
            )

        def norm(outputs: int) -> nn.BatchNorm2d:
            return nn.BatchNorm2d(outputs, device=device, dtype=dtype)

        self.expand = nn.Sequential(
            OrderedDict(conv=convolution(channels, width, 1), gelu=nn.GELU(), norm=norm(width))
        )
        self.filter = nn.Sequential(
            OrderedDict(conv=convolution(width, width, 3, width), gelu=nn.GELU(), norm=norm(width))
        )
        self.reduce = nn.Sequential(
            OrderedDict(conv=convolution(width, channels, 1), norm=norm(channels))
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the filters from Kaiming's uniform law, and forget what batch norm has seen."""
        reset_convolutions(self)

    def forward(
        self, x: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch channel time freq"]:
        """Return what is to be added to the map."""
        check_shape("x", x, "batch channel time+ freq+", channel=self.channels)
        wide = self.expand(x)
        output: Tensor = self.reduce(wide + self.filter(wide))
        return output


class CMTBlock(Shown):
    """Local perception, an attention, layer norm of the channels, and an inverted residual.

    The attention is given, and adds what came in by itself. A map of several planes, plane after
    plane in its channels, is seen plane by plane by all but the attention.

    Source: Guo et al., "CMT", CVPR 2022; around attention as in CST-former, Shul and Choi, ICASSP
    2024.

    Shape:
        - Input: `(batch, plane * channel, time, freq)`. In training, batch norm needs more than one
          place.
        - Output: the same.

    Args:
        channels: Channels of a plane.
        attention: From a map to one of the same shape, such as
            [`SpectroTemporalAttention`][seldkit.layers.SpectroTemporalAttention].
        num_planes: Number of planes.
        expansion: Of the [`InvertedResidual`][seldkit.layers.InvertedResidual].
        dropout: Dropout of what it adds.

    Examples:
        >>> from seldkit.layers import SpectroTemporalAttention
        >>> block = CMTBlock(64, SpectroTemporalAttention(64, 16))
        >>> block(torch.zeros(2, 64, 50, 16)).shape
        torch.Size([2, 64, 50, 16])
    """

    @plain_settings()
    def __init__(
        self,
        channels: int,
        attention: nn.Module,
        *,
        num_planes: int = 1,
        expansion: int = 4,
        dropout: float = 0.1,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.channels, self.num_planes, self.expansion = channels, num_planes, expansion
        self.local = LocalPerception(channels, device=device, dtype=dtype)
        self.attention = attention
        self.norm = nn.LayerNorm(channels, device=device, dtype=dtype)
        self.feedforward = InvertedResidual(
            channels, expansion=expansion, device=device, dtype=dtype
        )
        self.dropout = nn.Dropout(dropout)

    def reset_parameters(self) -> None:
        """Draw all weights again; the given attention keeps its own."""
        for part in (self.local, self.norm, self.feedforward):
            part.reset_parameters()

    def forward(
        self, x: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch channel time freq"]:
        """Return the map after the block."""
        channels = self.num_planes * self.channels
        check_shape("x", x, "batch channel time+ freq+", channel=channels)
        x = self.attention(self._whole(self.local(self._planes(x))))
        planes = self._planes(x)
        normed = self.norm(planes.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return self._whole(planes + self.dropout(self.feedforward(normed)))

    def _planes(self, x: Tensor) -> Tensor:
        planes: Tensor = x.unflatten(1, (self.num_planes, -1)).flatten(0, 1)
        return planes

    def _whole(self, planes: Tensor) -> Tensor:
        whole: Tensor = planes.unflatten(0, (-1, self.num_planes)).flatten(1, 2)
        return whole


def reset_convolutions(module: nn.Module) -> None:
    """Draw convolutions from Kaiming's uniform law with no bias, and begin batch norms anew."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d):
            layer.reset_parameters()
