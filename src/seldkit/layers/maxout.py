"""The max feature map: of two maps, each place keeps the stronger one."""

from typing import Any, Literal

import torch
from torch import Tensor, nn

from seldkit._checks import check_shape
from seldkit._settings import plain_settings
from seldkit._typing import Float

Norm = Literal["pre", "post", "none"]


def max_feature_map(x: Float[Tensor, "*axes"], dim: int = 1) -> Float[Tensor, "*half"]:
    """Return the larger of the first and the second half of the channels, place by place.

    Where both are equal, each half gets half of the gradient. After a linear layer this is the
    max feature map of sequences, with `dim=-1`.

    Source: Wu et al., "A light CNN for deep face representation with noisy labels", 2018,
    equation 1.

    Args:
        x: Maps or sequences with an even number of channels.
        dim: Axis of the channels.

    Raises:
        ValueError: If the number of channels is odd.

    Examples:
        >>> max_feature_map(torch.tensor([[1.0, 5.0, 3.0, 2.0]]))
        tensor([[3., 5.]])
    """
    if x.shape[dim] % 2:
        raise ValueError(f"x must have an even number of channels, got shape {tuple(x.shape)}")
    first, second = x.chunk(2, dim=dim)
    return _larger(first, second)


class MaxFeatureMap(nn.Module):
    r"""A convolution whose activation is the larger of two maps (maxout of two).

    $$y = \max(\mathrm{BN}(W_1 * x), \mathrm{BN}(W_2 * x))$$

    Both convolutions read the same input; they are one with twice the filters, whose first half
    is $W_1$. Source: Wu et al., "A light CNN for deep face representation with noisy labels",
    2018, which has no batch norm: `norm="none"`.

    With an `attention`, this is an attentive max feature map: the attention acts on the first map,
    and where it takes too much away, the second takes its place,
    $y = \max(\mathrm{Attention}(G), H)$. Source of the idea: Shim et al., "Attentive max feature
    map and joint training for acoustic scene classification", ICASSP 2022, whose equation is read
    so here.

    Shape:
        - Input: `(batch, in_channels, time, freq)`.
        - Output: `(batch, out_channels, time, freq)`.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output, half the number of filters.
        kernel_size: Frames and bins that the filters span, odd.
        norm: Batch norm of both maps before the maximum (`"pre"`), of the one after it (`"post"`,
            usual in anti-spoofing) or none. Only without it the convolution has a bias.
        attention: What acts on the first map before the maximum, such as
            [`TripletAttention`][seldkit.layers.TripletAttention].

    Examples:
        >>> MaxFeatureMap(7, 64)(torch.zeros(1, 7, 160, 32)).shape
        torch.Size([1, 64, 160, 32])
    """

    @plain_settings()
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        *,
        norm: Norm = "pre",
        attention: nn.Module | None = None,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd, got {kernel_size}")
        self.in_channels, self.norm_place = in_channels, norm
        self.conv = nn.Conv2d(
            in_channels,
            2 * out_channels,
            kernel_size,
            padding=kernel_size // 2,
            bias=norm == "none",
            device=device,
            dtype=dtype,
        )
        self.norm: nn.Module = nn.Identity()
        if norm != "none":
            normed = 2 * out_channels if norm == "pre" else out_channels
            self.norm = nn.BatchNorm2d(normed, device=device, dtype=dtype)
        self.attention = nn.Identity() if attention is None else attention
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the filters from Kaiming's uniform law with gain 1; the attention is left alone.

        The larger of two independent symmetric values has the mean square of either.
        """
        nn.init.kaiming_uniform_(self.conv.weight, nonlinearity="linear")
        if self.conv.bias is not None:
            nn.init.zeros_(self.conv.bias)
        if isinstance(self.norm, nn.BatchNorm2d):
            self.norm.reset_parameters()

    def forward(
        self, x: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch out time freq"]:
        """Return the map of maxima."""
        check_shape("x", x, "batch channel time+ freq+", channel=self.in_channels)
        maps = self.conv(x)
        if self.norm_place == "pre":
            maps = self.norm(maps)
        first, second = maps.chunk(2, dim=1)
        y = _larger(self.attention(first), second)
        return self.norm(y) if self.norm_place == "post" else y

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        return f"norm={self.norm_place!r}"


def _larger(first: Tensor, second: Tensor) -> Tensor:
    """Return `torch.maximum` with a gradient of few passes; compiled, its own has no more."""
    if torch.compiler.is_compiling() or not torch.is_grad_enabled():
        return torch.maximum(first, second)
    y: Tensor = _Larger.apply(first, second)[0]  # type: ignore[no-untyped-call]
    return y


class _Larger(torch.autograd.Function):
    """The larger of two, and how many halves of its gradient belong to the first: 0, 1 or 2."""

    generate_vmap_rule = True

    @staticmethod
    def forward(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        halves = torch.sub(first, second).sign_().to(torch.int8).add_(1)
        return torch.maximum(first, second), halves

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, ...]) -> None:
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(output[1])
        ctx.save_for_forward(output[1])

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor, Tensor]:
        (halves,) = ctx.saved_tensors
        first = 0.5 * grad * halves
        return first, grad - first

    @staticmethod
    def jvp(ctx: Any, first: Tensor, second: Tensor) -> tuple[Tensor, None]:
        (halves,) = ctx.saved_tensors
        return second + 0.5 * (first - second) * halves, None
