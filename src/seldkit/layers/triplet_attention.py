"""Triplet attention: each pair of axes looks at a map along the third."""

from collections import OrderedDict
from math import gcd
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
        check_shape("x", x, "batch channel time+ freq+")
        # The axes as they lie in memory, so that no pass over the map has to stride.
        last = not torch.compiler.is_compiling() and x.stride(1) < x.stride(3)
        order = (0, 2, 3, 1) if last else (0, 1, 2, 3)
        lying = x.permute(order)
        gates = {order.index(2): self.channel_freq, order.index(3): self.time_channel}
        if self.time_freq is not None:
            gates[order.index(1)] = self.time_freq
        turned = 1 if last else 3  # along this axis the planes have the columns of a gate as rows
        weights = [
            self._weigh(gate, pair, dim, turned=dim == turned) / len(gates)
            for (dim, gate), pair in zip(gates.items(), _pool(lying, [*gates]), strict=True)
        ]
        y: Tensor = lying * sum(weights[1:], weights[0]).to(x.dtype)
        return y.permute(0, 3, 1, 2) if last else y

    def _weigh(
        self, gate: nn.Module, pair: tuple[Tensor, Tensor], dim: int, *, turned: bool
    ) -> Tensor:
        """Return what a gate makes of maximum and mean along an axis, in the order of these."""
        planes = [plane.squeeze(dim) for plane in pair]
        if self.mean_first:
            planes.reverse()
        if turned:
            planes = [plane.mT for plane in planes]
        # With the two planes last in memory, the gradient of the convolution is far faster.
        last = -1 if torch.is_grad_enabled() else 1
        weights: Tensor = gate(torch.stack(planes, dim=last).movedim(last, 1))
        if turned:
            weights = weights.mT
        return _wide(weights).movedim(1, dim).contiguous()


def _wide(x: Tensor) -> Tensor:
    """Return numbers of 32 bits at least: sums need them, and rows of few channels are faster."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _pool(x: Tensor, dims: list[int]) -> list[tuple[Tensor, Tensor]]:
    """Return maximum and mean along each of some axes, which stay with one entry."""
    if torch.compiler.is_compiling():
        return [(x.amax(dim, keepdim=True), x.mean(dim, keepdim=True)) for dim in dims]
    pool = _Pool.apply if torch.is_grad_enabled() else _Pool.forward
    planes = pool(x, *dims)
    return list(zip(planes[::2], planes[1::2], strict=True))


class _Pool(torch.autograd.Function):
    """Maxima and means; equal maxima share the gradient, as those of `torch.amax` do."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, *dims: int) -> tuple[Tensor, ...]:
        wide = _wide(x)
        return tuple(
            plane.to(x.dtype)
            for dim in dims
            for plane in (_top(wide, dim), wide.mean(dim, keepdim=True))
        )

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        x, *ctx.dims = inputs
        ctx.save_for_backward(x, *output[::2])
        ctx.save_for_forward(x, *output[::2])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, *tops = ctx.saved_tensors
        means = zip(ctx.dims, grads[1::2], strict=True)
        shares = [_wide(grad) / x.shape[dim] for dim, grad in means]
        total = sum(shares[1:], shares[0])
        for dim, top, grad in zip(ctx.dims, tops, grads[::2], strict=True):
            _add_peaks(total, grad, x, top, dim)
        return total.to(x.dtype), *[None for _ in ctx.dims]

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: None) -> tuple[Tensor, ...]:
        x, *tops = ctx.saved_tensors
        planes: list[Tensor] = []
        for dim, top in zip(ctx.dims, tops, strict=True):
            peaks = _peaks(x, top)
            planes += [
                (tangent * peaks).sum(dim, keepdim=True) / peaks.sum(dim, keepdim=True),
                tangent.mean(dim, keepdim=True),
            ]
        return tuple(plane.to(x.dtype) for plane in planes)


def _add_peaks(total: Tensor, grad: Tensor, x: Tensor, top: Tensor, dim: int) -> None:
    """Add the gradient of the maxima along an axis, in place: maps are large."""
    peaks = _peaks(x, top)
    total.addcmul_(grad / peaks.sum(dim, keepdim=True), peaks)


def _peaks(x: Tensor, top: Tensor) -> Tensor:
    """Return 1 where a map equals its maximum, and 0 below."""
    wide = torch.promote_types(x.dtype, torch.float32)
    return x.to(wide, copy=True).sub_(top).sign_().add_(1)


def _top(x: Tensor, dim: int) -> Tensor:
    """Return the maximum along an axis, in two steps where torch is slow: across short rows."""
    if dim == x.ndim - 2 and x.shape[-1] < 32:
        x = x.unflatten(dim, (-1, gcd(x.shape[dim], 4))).amax(dim)
    return x.amax(dim, keepdim=True)
