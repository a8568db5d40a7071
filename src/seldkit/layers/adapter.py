"""Bottleneck adapters: two thin layers whose output is added to that of a frozen network."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.layers.turning import Turned, turn


class Adapter(Shown):
    r"""What an adapter adds: $s\, W_2\, \mathrm{GELU}(W_1 x + b_1) + s\, b_2$.

    $W_2$ and $b_2$ begin as zeros, so that a network with new adapters does what it did without.

    The published configuration of PSELDNets has `ratio=0.5, scale=0.1`; its other choice is a scale
    that is learned.

    Source: Hu et al., "PSELDNets: pre-trained neural networks on a large-scale synthetic dataset
    for sound event localization and detection", IEEE TASLP 2025; after Houlsby et al.,
    "Parameter-efficient transfer learning for NLP", ICML 2019.

    Shape:
        - Input: `(*, channel)`.
        - Output: the same.

    Args:
        channels: Number of channels.
        ratio: Channels between the layers, as a part of `channels`; at least one channel.
        scale: $s$; None for one that is learned, from 1.

    Examples:
        >>> adapter = Adapter(64)
        >>> adapter(torch.ones(2, 25, 64)).abs().max()
        tensor(0., grad_fn=<MaxBackward1>)
        >>> sum(p.numel() for p in adapter.parameters())
        4192
    """

    @plain_settings()
    def __init__(
        self,
        channels: int,
        *,
        ratio: float = 0.5,
        scale: float | None = 0.1,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if not ratio > 0:
            raise ValueError(f"ratio must be positive, got {ratio}")
        place: dict[str, Any] = {"device": device, "dtype": dtype}
        inner = max(1, round(ratio * channels))
        self.channels, self.ratio, self.scale = channels, ratio, scale
        self.down = nn.Linear(channels, inner, **place)
        self.up = nn.Linear(inner, channels, **place)
        if scale is None:
            self.learned_scale = nn.Parameter(torch.empty(1, **place))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the first layer as PyTorch does, zero the second; a learned scale becomes 1."""
        self.down.reset_parameters()
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)
        if self.scale is None:
            nn.init.ones_(self.learned_scale)

    def forward(self, x: Float[Tensor, "*axes channel"]) -> Float[Tensor, "*axes channel"]:
        """Return what is added to the network's own output."""
        added: Tensor = self.up(functional.gelu(self.down(x)))
        return added * (self.learned_scale if self.scale is None else self.scale)


class _Adapted(Turned):
    """A layer with an adapter."""

    adapter: Adapter

    def forget(self) -> None:
        """Remove the adapter."""
        del self.adapter


class AdapterBehind(_Adapted):
    """The output layer of an attention, and an adapter that reads what it makes."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the output with what the adapter adds."""
        output: Tensor = super().forward(x)
        return output + self.adapter(output)  # type: ignore[no-any-return]


class AdapterBehindAttention(_Adapted):
    """Attention that returns its weights too, and an adapter that reads its output."""

    def forward(self, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor | None]:
        """Return the output with what the adapter adds, and the weights."""
        x, weights = super().forward(*args, **kwargs)
        return x + self.adapter(x), weights


class AdapterBeside(_Adapted):
    """A feed-forward step that begins with a norm, and an adapter that reads what is normed."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the step's output with what the adapter adds."""
        norm, *layers = (layer for name, layer in self._modules.items() if name != "adapter")
        normed = x = norm(x)  # type: ignore[misc]
        for layer in layers:
            x = layer(x)  # type: ignore[misc]
        return x + self.adapter(normed)  # type: ignore[no-any-return]


class AdapterInBlock(_Adapted):
    """A block with the feed-forward step as a method, and an adapter beside that step."""

    def feedforward(self, x: Tensor) -> Tensor:
        """Return the step's output with what the adapter adds."""
        output: Tensor = super().feedforward(x)  # type: ignore[misc]
        return output + self.adapter(x)  # type: ignore[no-any-return]

    def _ff_block(self, x: Tensor) -> Tensor:  # as the transformer layers of PyTorch call it
        output: Tensor = super()._ff_block(x)  # type: ignore[misc]
        return output + self.adapter(x)  # type: ignore[no-any-return]


def add_adapter(layer: nn.Module, into: type[_Adapted], channels: int, **settings: Any) -> None:
    """Give a layer an adapter of its own kind of numbers."""
    first = next(layer.parameters())
    adapter = Adapter(channels, device=first.device, dtype=first.dtype, **settings)
    turn(layer, into)
    layer.adapter = adapter.train(layer.training)
