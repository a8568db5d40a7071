"""Attention over channels: each channel of a map is scaled by what all of them hold."""

from typing import Any, Literal

import torch
from torch import Tensor, nn

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float

ChannelAttention = Literal["none", "squeeze_excite", "multi_scale"]
AttentionNorm = Literal["batch", "group"]


class SqueezeExcite(Shown):
    r"""Scale each channel by what the means of all channels say.

    $$y = x \, \sigma(W_2 \, \mathrm{ReLU}(W_1 \bar x + b_1) + b_2),$$

    where $\bar x$ is the mean over time and frequency: every frame depends on the whole input.

    Source: Hu et al., "Squeeze-and-excitation networks", CVPR 2018, section 3.

    Shape:
        - Input: `(batch, channel, time, freq)`.
        - Output: the same.

    Args:
        channels: Number of channels.
        reduction: The inner layer has so many times fewer channels, and one at least.

    Examples:
        >>> SqueezeExcite(64)(torch.ones(1, 64, 25, 16)).shape
        torch.Size([1, 64, 25, 16])
    """

    @plain_settings()
    def __init__(
        self,
        channels: int,
        *,
        reduction: int = 16,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.channels, self.reduction = channels, reduction
        width = max(1, channels // reduction)
        self.squeeze = nn.Linear(channels, width, device=device, dtype=dtype)
        self.excite = nn.Linear(width, channels, device=device, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights from Kaiming's and Xavier's uniform laws; zero the biases."""
        nn.init.kaiming_uniform_(self.squeeze.weight, nonlinearity="relu")
        nn.init.xavier_uniform_(self.excite.weight)
        nn.init.zeros_(self.squeeze.bias)
        nn.init.zeros_(self.excite.bias)

    def forward(
        self, x: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch channel time freq"]:
        """Return the scaled map."""
        check_shape("x", x, "batch channel time+ freq+", channel=self.channels)
        scale = self.excite(self.squeeze(x.mean(dim=(2, 3))).relu()).sigmoid()
        scaled: Tensor = x * scale[:, :, None, None]
        return scaled


class MultiScaleChannelAttention(Shown):
    r"""Scale each channel at each place by what it holds there and by what the whole map holds.

    $$y = x \, \sigma(L(x) + G(\bar x)),$$

    where $L$ and $G$ are each a pointwise convolution to fewer channels, norm, ReLU, a pointwise
    convolution back and norm; $L$ reads every place of the map, and $G$ its mean $\bar x$ over time
    and frequency, so every frame depends on the whole input. Known as MS-CAM, or MSCA.

    Source: Dai et al., "Attentional feature fusion", WACV 2021, section 3.2.

    Shape:
        - Input: `(batch, channel, time, freq)`.
        - Output: the same.

    Args:
        channels: Number of channels.
        reduction: The inner layers have so many times fewer channels, and one at least, or two of
            a group.
        norm: `"batch"` as published; in training it needs more than one item in a batch, for the
            mean has one value for each item and channel. `"group"` takes all channels of an item as
            one group, and a batch of one will do.

    Raises:
        ValueError: If a number is not positive, `norm` is unknown, a group has one channel, the
            input has another shape, or a batch of one is to train batch norm.

    Examples:
        >>> attention = MultiScaleChannelAttention(64)
        >>> attention(torch.ones(2, 64, 25, 16)).shape
        torch.Size([2, 64, 25, 16])
        >>> sum(p.numel() for p in attention.parameters())
        4576
    """

    @plain_settings()
    def __init__(
        self,
        channels: int,
        *,
        reduction: int = 4,
        norm: AttentionNorm = "batch",
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        fewest = 2 if norm == "group" else 1  # a group of one number would be all zeros
        if channels < fewest:
            raise ValueError(f"channels must be at least 2 for norm='group', got {channels}")
        self.channels, self.reduction, self.norm = channels, reduction, norm
        width = max(fewest, channels // reduction)

        def step(inputs: int, outputs: int) -> list[nn.Module]:
            return [
                nn.Conv2d(inputs, outputs, 1, device=device, dtype=dtype),
                nn.BatchNorm2d(outputs, device=device, dtype=dtype)
                if norm == "batch"
                else nn.GroupNorm(1, outputs, device=device, dtype=dtype),
            ]

        self.near, self.whole = (
            nn.Sequential(*step(channels, width), nn.ReLU(), *step(width, channels))
            for _ in range(2)
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights from Kaiming's uniform law; norms begin as the identity."""
        for module in (*self.near, *self.whole):
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
            elif isinstance(module, nn.BatchNorm2d | nn.GroupNorm):
                module.reset_parameters()

    def forward(
        self, x: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch channel time freq"]:
        """Return the scaled map."""
        check_shape("x", x, "batch channel time+ freq+", channel=self.channels)
        if self.training and self.norm == "batch" and x.shape[0] == 1:
            raise ValueError("x must have more than one item to train norm='batch', got batch=1")
        mean = x.mean(dim=(2, 3), keepdim=True)
        scaled: Tensor = x * (self.near(x) + self.whole(mean)).sigmoid()
        return scaled


def attention_of_kind(
    kind: ChannelAttention,
    channels: int,
    *,
    reduction: int | None = None,
    norm: AttentionNorm = "batch",
) -> SqueezeExcite | MultiScaleChannelAttention | None:
    """Return an attention over channels by the word that builders have for it."""
    sizes: dict[str, Any] = {} if reduction is None else {"reduction": reduction}
    if kind == "squeeze_excite":
        return SqueezeExcite(channels, **sizes)
    if kind == "multi_scale":
        return MultiScaleChannelAttention(channels, norm=norm, **sizes)
    return None
