"""LoRA: a learned change of a frozen weight, as the product of two thin matrices."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from seldkit.layers.turning import Turned, turn, turn_back


def low_rank_change(down: Tensor, up: Tensor, weight: Tensor, *, scale: float) -> Tensor:
    r"""Return a weight with its low-rank change, $W + s\, B A$.

    Source: Hu et al., "LoRA: low-rank adaptation of large language models", ICLR 2022, section 4.1.

    Args:
        down: $A$, `[rank, column]`.
        up: $B$, `[row, rank]`.
        weight: $W$, of as many entries as the product has; it is read row by row.
        scale: $s$.

    Examples:
        >>> low_rank_change(torch.ones(1, 3), torch.ones(2, 1), torch.zeros(2, 3), scale=0.5)
        tensor([[0.5000, 0.5000, 0.5000],
                [0.5000, 0.5000, 0.5000]])
    """
    return weight + scale * (up @ down).reshape(weight.shape)


class LowRankChange(Turned):
    """A layer of which one weight has a low-rank change.

    Its own weight keeps its name among the parameters; whoever asks the layer for the weight gets
    the changed one, whether that is its own method, a fused kernel or a step of a stream.
    """

    changed: str
    rank: int
    alpha: float

    def changed_weight(self) -> Tensor:
        """Return the weight with its change."""
        weight, down, up = (
            self._parameters[name] for name in (self.changed, "lora_down", "lora_up")
        )
        assert weight is not None
        assert down is not None
        assert up is not None
        return low_rank_change(down, up, weight, scale=self.alpha / self.rank)

    @torch.no_grad()
    def fold(self) -> None:
        """Make the change part of the weight, and the layer what it was."""
        changed, weight = self.changed_weight(), self._parameters[self.changed]
        assert weight is not None
        weight.copy_(changed)
        turn_back(self)

    def forget(self) -> None:
        """Remove the change."""
        for name in ("lora_down", "lora_up", "changed", "rank", "alpha"):
            delattr(self, name)

    def extra_repr(self) -> str:
        """Show the rank behind the settings of the layer."""
        return f"{super().extra_repr()}, rank={self.rank}".removeprefix(", ")


class LowRank(LowRankChange):
    """A linear layer or convolution whose weight has a low-rank change."""

    weight = property(LowRankChange.changed_weight)


class LowRankInput(LowRankChange):
    """Attention of PyTorch whose joint input projection has a low-rank change."""

    in_proj_weight = property(LowRankChange.changed_weight)


def takes_low_rank(layer: nn.Module) -> bool:
    """Return whether a layer is one of those whose weights LoRA changes.

    Examples:
        >>> takes_low_rank(nn.Conv2d(4, 8, 3)), takes_low_rank(nn.Conv1d(8, 8, 3, groups=8))
        (True, False)
    """
    if isinstance(layer, nn.Conv1d | nn.Conv2d):
        return layer.groups == 1
    if isinstance(layer, nn.MultiheadAttention):
        return layer.in_proj_weight is not None
    return isinstance(layer, nn.Linear)


def add_low_rank(layer: nn.Module, *, rank: int, alpha: float) -> None:
    """Give a layer a low-rank change, which is none before training.

    Of a convolution with a kernel of k times k the product has k times the rank, k times as many
    rows as there are output channels, and k times as many columns as input channels.
    """
    attention = isinstance(layer, nn.MultiheadAttention)
    name = "in_proj_weight" if attention else "weight"
    weight = layer._parameters[name]
    assert weight is not None
    tall, wide = (1, 1, *weight.shape[2:])[-2:]  # of the kernel; a linear layer's has one entry
    inner, rows = rank * min(tall, wide), weight.shape[0] * tall
    place: dict[str, Any] = {"device": weight.device, "dtype": weight.dtype}
    down = nn.Parameter(torch.empty(inner, weight.numel() // rows, **place))
    up = nn.Parameter(torch.zeros(rows, inner, **place))
    nn.init.kaiming_uniform_(down, a=math.sqrt(5))
    turn(layer, LowRankInput if attention else LowRank)
    layer.changed, layer.rank, layer.alpha = name, rank, alpha  # type: ignore[assignment]
    layer.lora_down, layer.lora_up = down, up
