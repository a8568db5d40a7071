"""Where adapters stand in networks: behind attention and beside feed-forward steps."""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from torch import nn
from torch.nn import functional

from seldkit.backbones.swin import SwinBlock, WindowAttention
from seldkit.layers import ConformerBlock, RelativePositionAttention, TrackAttention
from seldkit.layers.adapter import (
    AdapterBehind,
    AdapterBehindAttention,
    AdapterBeside,
    AdapterInBlock,
    add_adapter,
)

PLACES = ("attention", "feedforward")


class Place(NamedTuple):
    """Where an adapter may stand.

    Attributes:
        place: Which of the two kinds it is.
        layer: The layer that gets it.
        into: What the layer becomes.
        channels: Channels that the adapter reads.
    """

    place: Literal["attention", "feedforward"]
    layer: nn.Module
    into: Any
    channels: int

    def add(self, **settings: Any) -> None:
        """Put an adapter there."""
        add_adapter(self.layer, self.into, self.channels, **settings)


def places(network: nn.Module) -> Iterator[Place]:
    """Yield all places for adapters, in the order of the network's parts."""
    for module in network.modules():
        match module:
            case WindowAttention(proj=nn.Linear() as output):
                yield Place("attention", output, AdapterBehind, output.out_features)
            case RelativePositionAttention(output=nn.Linear() as output):
                yield Place("attention", output, AdapterBehind, output.out_features)
            case TrackAttention(out=nn.Linear() as output):
                yield Place("attention", output, AdapterBehind, output.out_features)
            case nn.MultiheadAttention(embed_dim=channels):
                yield Place("attention", module, AdapterBehindAttention, channels)
            case SwinBlock(expand=nn.Linear(in_features=channels)):
                yield Place("feedforward", module, AdapterInBlock, channels)
            case nn.TransformerEncoderLayer() | nn.TransformerDecoderLayer():
                yield Place("feedforward", module, AdapterInBlock, module.linear1.in_features)
            case ConformerBlock(channels=channels):
                yield Place("feedforward", module.feedforward1, AdapterBeside, channels)
                yield Place("feedforward", module.feedforward2, AdapterBeside, channels)


def fused(network: nn.Module, may: bool) -> None:
    """Say whether transformer layers of PyTorch may take a fused kernel, which knows no adapters.

    They take it in evaluation without gradients, for the activations to which they give a number.
    """
    numbers: dict[Any, int] = {functional.relu: 1, nn.ReLU: 1, functional.gelu: 2, nn.GELU: 2}
    for module in network.modules():
        if isinstance(module, nn.TransformerEncoderLayer):
            activation: Any = module.activation
            number = numbers.get(activation, numbers.get(type(activation), 0))
            module.activation_relu_or_gelu = number if may else 0
