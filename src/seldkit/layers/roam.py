"""The ROAM block: two max feature maps, then triplet attention."""

import torch
from torch import Tensor, nn

from seldkit._settings import plain_settings
from seldkit._typing import Float
from seldkit.layers.maxout import MaxFeatureMap, Norm
from seldkit.layers.triplet_attention import TripletAttention


class ROAM(nn.Module):
    r"""Rotating attention on max feature maps.

    $$K_1 = \max(W_A * x, W_B * x), \quad K_2 = \max(W_C * K_1, W_D * K_1), \quad
    y = \mathrm{CTAM}(K_2),$$

    with 3 x 3 filters, as many in each of the four as the block has channels. The block neither
    pools nor stitches; the network does.

    Source: the ROAM paper on L3DAS22 Task 2, equations 1 and 2. It does not say where batch norm
    stands: the default reads it as taking the place of EINV2's convolution, batch norm and ReLU.

    Shape:
        - Input: `(batch, in_channels, time, freq)`.
        - Output: `(batch, out_channels, time, freq)`.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        norm: Where batch norm stands, see [`MaxFeatureMap`][seldkit.layers.MaxFeatureMap].
        attention_kernel: Kernel size of [`TripletAttention`][seldkit.layers.TripletAttention].
        mean_first: Whether it pools to mean and maximum in this order.

    Examples:
        >>> ROAM(7, 64)(torch.zeros(1, 7, 160, 32)).shape
        torch.Size([1, 64, 160, 32])
    """

    @plain_settings()
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        norm: Norm = "pre",
        attention_kernel: int = 7,
        mean_first: bool = False,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.map1, self.map2 = (
            MaxFeatureMap(channels, out_channels, norm=norm, device=device, dtype=dtype)
            for channels in (in_channels, out_channels)
        )
        self.attention = TripletAttention(
            attention_kernel, mean_first=mean_first, device=device, dtype=dtype
        )

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        for module in self.children():
            module.reset_parameters()  # type: ignore[operator]

    def forward(
        self, x: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch out time freq"]:
        """Return the map after both stages and the attention."""
        y: Tensor = self.attention(self.map2(self.map1(x)))
        return y
