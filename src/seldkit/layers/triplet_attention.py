"""Triplet attention: each pair of axes looks at a map along the third."""

from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float


class TripletAttention(Shown):
    r"""Weigh a map three times, by what stands in it along channels, time and frequency.

    Along one axis the map is pooled to its maximum and its mean; of these two planes a convolution
    makes one, and batch norm and a sigmoid make it the weights of all places along that axis. The
    output is the mean of the three weighted maps,

    $$y = \tfrac13 (w_{tf} + w_{cf} + w_{tc}) \, x,$$

    where $w_{tf}$ comes from pooling over channels, and so on. Every weight is one for a pair of
    axes, so channels and places are judged together, with 300 parameters for any size of map.
    The ROAM paper calls it CTAM and rotates the map instead, which is the same.

    Source: Misra et al., "Rotate to attend: convolutional triplet attention module", WACV 2021.

    Shape:
        - Input: `(batch, channel, time, freq)`, any sizes. In training, batch norm needs more than
          one place in each plane.
        - Output: the same.

    Args:
        kernel_size: Places that the convolutions span along both axes, odd.
        spatial: Whether there are weights over time and frequency; without them it is a mean of
            two (200 parameters).
        mean_first: Pool to mean and maximum, in this order, as the ROAM paper words it. The
            published code and its weights have the maximum first.
        momentum: Of the batch norms' running statistics.

    Attributes:
        channel_freq: Weights over channels and frequency, from the map pooled over time.
        time_channel: Over time and channels, pooled over frequency.
        time_freq: Over time and frequency, pooled over channels; None if not `spatial`.

    Examples:
        >>> attention = TripletAttention()
        >>> attention(torch.zeros(1, 64, 160, 32)).shape
        torch.Size([1, 64, 160, 32])
        >>> sum(p.numel() for p in attention.parameters())
        300
    """

    @plain_settings()
    def __init__(
        self,
        kernel_size: int = 7,
        *,
        spatial: bool = True,
        mean_first: bool = False,
        momentum: float = 0.01,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd, got {kernel_size}")
        if not 0 <= momentum <= 1:
            raise ValueError(f"momentum must lie in 0..1, got {momentum}")
        self.spatial, self.mean_first = spatial, mean_first

        def gate() -> nn.Sequential:
            """Return what makes of two planes the weights of one."""
            around = kernel_size // 2
            conv = nn.Conv2d(
                2, 1, kernel_size, padding=around, bias=False, device=device, dtype=dtype
            )
            norm = nn.BatchNorm2d(1, momentum=momentum, device=device, dtype=dtype)
            return nn.Sequential(OrderedDict(conv=conv, norm=norm, sigmoid=nn.Sigmoid()))

        self.channel_freq, self.time_channel = gate(), gate()
        self.time_freq = gate() if spatial else None

    def reset_parameters(self) -> None:
        """Draw the convolutions as torch does, and reset the batch norms."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.BatchNorm2d):
                module.reset_parameters()

    def forward(
        self, x: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch channel time freq"]:
        """Return the weighted map."""
        check_shape("x", x, "batch channel time freq")
        # The axes as they lie in memory, so that no pass over the map strides.
        last = not torch.compiler.is_compiling() and x.stride(1) < x.stride(3)
        order = (0, 2, 3, 1) if last else (0, 1, 2, 3)
        lying = x.permute(order)
        gates = {2: self.channel_freq, 3: self.time_channel, 1: self.time_freq}
        weights = [
            self._weights(gate, lying, order, axis) for axis, gate in gates.items() if gate is not None
        ]
        total = sum(weights[1:], weights[0])
        y: Tensor = (lying * total).permute(_inverse(order))
        return y

    def _weights(
        self, gate: nn.Module, lying: Tensor, order: tuple[int, ...], axis: int
    ) -> Tensor:
        """Return what a gate makes of the map pooled along an axis, with the map's order of axes."""
        pooled = (x.permute(_inverse(order)).squeeze(axis) for x in _pool(lying, order.index(axis)))
        planes = tuple(pooled)
        stacked = torch.stack(planes[::-1] if self.mean_first else planes, dim=1)
        weights = gate(stacked.mT).mT if axis == 3 else gate(stacked)
        share = 2 if self.time_freq is None else 3
        return (weights / share).movedim(1, axis).permute(order).contiguous()


def _inverse(order: tuple[int, ...]) -> list[int]:
    return [order.index(i) for i in range(4)]


def _pool(x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Return maximum and mean along an axis, which stays."""
    if torch.compiler.is_compiling() or not torch.is_grad_enabled():
        return x.amax(dim, keepdim=True), x.mean(dim, keepdim=True)
    top, mean = _Pool.apply(x, dim)
    return top, mean


class _Pool(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
        return x.amax(dim, keepdim=True), x.mean(dim, keepdim=True)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, int], output: tuple[Tensor, Tensor]) -> None:
        ctx.dim = inputs[1]
        ctx.save_for_backward(inputs[0], output[0])

    @staticmethod
    def backward(ctx: Any, top_grad: Tensor, mean_grad: Tensor) -> tuple[Tensor, None]:
        x, top = ctx.saved_tensors
        length = x.shape[ctx.dim]
        below = torch.sub(x, top).sign_()
        share = top_grad / (length + below.sum(ctx.dim, keepdim=True))
        return torch.addcmul(share + mean_grad / length, share, below), None
