"""What reads the sequence of frames behind the convolutions."""

from typing import Literal

from torch import nn

from seldkit._builders import builder
from seldkit._settings import plain_settings
from seldkit.layers.attention import RelativePositionAttention, RelativePositions
from seldkit.layers.conformer import ConformerBlock
from seldkit.layers.recurrent import BidirectionalGRU

Temporal = Literal["transformer", "conformer", "gru", "none"]


@builder
@plain_settings()
def temporal_encoder(
    kind: Temporal,
    channels: int,
    *,
    num_layers: int = 1,
    num_heads: int = 4,
    feedforward: int | None = None,
    dropout: float = 0.1,
    positions: RelativePositions = "exact",
) -> nn.Module:
    """Build what reads a sequence over time: sequences `(batch, time, channel)` in, the same out.

    Args:
        kind: `"transformer"` layers, `"conformer"` blocks, bidirectional `"gru"` layers whose
            halves stand side by side, or `"none"`, which returns what it is given.
        channels: Channels of the sequence, a multiple of `num_heads`; for GRUs even.
        num_layers: Number of layers or blocks.
        num_heads: Attention heads; GRUs have none.
        feedforward: Width of the inner layers, for Conformer blocks a multiple of `channels`; four
            times the channels if None. GRUs have none.
        dropout: Dropout of the layers.
        positions: Positions of the Conformer blocks, see
            [`RelativePositionAttention`][seldkit.layers.RelativePositionAttention]; `"shift"` is
            the published code of PSELDNets and its relatives.

    Raises:
        ValueError: If a number is out of range, the channels do not suit the layers, or a choice is
            unknown.

    Examples:
        >>> import torch
        >>> temporal_encoder("conformer", 64, num_layers=2)(torch.zeros(1, 50, 64)).shape
        torch.Size([1, 50, 64])
    """
    feedforward = 4 * channels if feedforward is None else feedforward
    needed = {"transformer": num_heads, "conformer": num_heads, "gru": 2, "none": 1}[kind]
    if channels % needed:
        raise ValueError(
            f"channels, in a network the last of widths, must be a multiple of {needed} for"
            f" {kind!r}, got {channels}"
        )
    if kind == "conformer" and feedforward % channels:
        raise ValueError(
            f"feedforward must be a multiple of {channels} for Conformer blocks, got {feedforward}"
        )
    if kind == "none":
        return nn.Identity()
    if kind == "gru":
        return BidirectionalGRU(
            channels, channels // 2, num_layers, merge="concat", tanh=False, dropout=dropout
        )
    if kind == "transformer":
        layer = nn.TransformerEncoderLayer(
            channels, num_heads, feedforward, dropout=dropout, batch_first=True
        )
        return nn.TransformerEncoder(layer, num_layers, enable_nested_tensor=False)

    def attention() -> nn.Module:
        return RelativePositionAttention(
            channels,
            num_heads=num_heads,
            dropout=dropout,
            positions=positions,
            scale="model" if positions == "shift" else "head",
        )

    width = feedforward // channels
    return nn.Sequential(
        *(
            ConformerBlock(channels, attention=attention(), feedforward=width, dropout=dropout)
            for _ in range(num_layers)
        )
    )
