"""Cross-stitch units between maps that differ in channels and size."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float


class MapStitch(Shown):
    r"""Mix two maps of different sizes channel by channel with learned weights.

    With pointwise convolutions $P$ and $Q$, and maps stretched onto each other's size,

    $$a' = w_{a0}\,a + w_{a1}\,P(b), \qquad b' = w_{b0}\,Q(a) + w_{b1}\,b.$$

    Between maps of one size, with $P$ and $Q$ the identity, it is a
    [`CrossStitch`][seldkit.layers.CrossStitch].

    Source: Misra et al., "Cross-stitch networks for multi-task learning", CVPR 2016, equation 1;
    the convolutions are ours.

    Shape:
        - Inputs: `(batch, channels_a, time_a, freq_a)` and `(batch, channels_b, time_b, freq_b)`.
        - Outputs: two maps of these shapes.

    Args:
        channels_a: Channels of the first map.
        channels_b: Channels of the second map.
        own: The weight of its own map that each output starts with; the rest to 1 is the other's.

    Attributes:
        weight_a: `[channel_a, in]`.
        weight_b: `[channel_b, in]`; the inputs are a and b in both.

    Examples:
        >>> a, b = torch.zeros(1, 64, 50, 32), torch.zeros(1, 24, 50, 256)
        >>> [tuple(y.shape) for y in MapStitch(64, 24)(a, b)]
        [(1, 64, 50, 32), (1, 24, 50, 256)]
    """

    @plain_settings()
    def __init__(
        self,
        channels_a: int,
        channels_b: int,
        *,
        own: float = 0.9,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.channels_a, self.channels_b, self.own = channels_a, channels_b, own

        def weight(channels: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(channels, 2, device=device, dtype=dtype))

        self.weight_a, self.weight_b = weight(channels_a), weight(channels_b)
        self.b_to_a = nn.Conv2d(channels_b, channels_a, 1, device=device, dtype=dtype)
        self.a_to_b = nn.Conv2d(channels_a, channels_b, 1, device=device, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the weights by `own`, and draw the convolutions as `nn.Conv2d` does."""
        with torch.no_grad():
            self.weight_a.copy_(torch.tensor([self.own, 1 - self.own]))
            self.weight_b.copy_(torch.tensor([1 - self.own, self.own]))
        self.b_to_a.reset_parameters()
        self.a_to_b.reset_parameters()

    def forward(
        self,
        a: Float[Tensor, "batch channel_a time_a freq_a"],
        b: Float[Tensor, "batch channel_b time_b freq_b"],
    ) -> tuple[
        Float[Tensor, "batch channel_a time_a freq_a"],
        Float[Tensor, "batch channel_b time_b freq_b"],
    ]:
        """Return both maps after mixing."""
        check_shape("a", a, "batch channel time+ freq+", channel=self.channels_a)
        check_shape("b", b, "batch channel time+ freq+", batch=a.shape[0], channel=self.channels_b)
        from_a, from_b = _stretch(self.a_to_b(a), b), _stretch(self.b_to_a(b), a)
        weight_a, weight_b = self.weight_a[:, None, None], self.weight_b[:, None, None]
        mixed_a = weight_a[..., 0] * a + weight_a[..., 1] * from_b
        return mixed_a, weight_b[..., 0] * from_a + weight_b[..., 1] * b


def _stretch(x: Tensor, like: Tensor) -> Tensor:
    """Return a map of the other's size, by lines between its values."""
    return functional.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=False)
