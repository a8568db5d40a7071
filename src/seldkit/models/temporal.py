"""What reads the sequence of frames behind the convolutions."""

from typing import Literal

from torch import nn

from seldkit._checks import check_choice
from seldkit.layers import BidirectionalGRU, ConformerBlock
from seldkit.layers.attention import RelativePositions

Temporal = Literal["transformer", "conformer", "gru", "none"]
TEMPORALS = ("transformer", "conformer", "gru", "none")


def temporal_encoder(
    kind: Temporal,
    channels: int,
    *,
    num_layers: int,
    num_heads: int,
    feedforward: int,
    dropout: float,
    positions: RelativePositions = "exact",
) -> nn.Module:
    """Return a module from sequences `(batch, time, channel)` to sequences of the same shape.

    Args:
        kind: Transformer layers, Conformer blocks, bidirectional GRU layers whose halves stand side
            by side, or nothing.
        channels: Channels of the sequence, a multiple of `num_heads`; for GRUs even.
        num_layers: Number of layers or blocks.
        num_heads: Attention heads; GRUs have none.
        feedforward: Width of the inner layers, for Conformer blocks a multiple of `channels`; GRUs
            have none.
        dropout: Dropout of the layers.
        positions: Positions of the Conformer blocks; `"shift"` is the published code of PSELDNets
            and its relatives.
    """
    check_choice("temporal", kind, TEMPORALS)
    needed = {"transformer": num_heads, "conformer": num_heads, "gru": 2, "none": 1}[kind]
    if channels % needed:
        raise ValueError(f"widths must end in a multiple of {needed}, got {channels}")
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
    if kind == "conformer":
        blocks = [
            ConformerBlock(
                channels,
                num_heads=num_heads,
                feedforward=feedforward // channels,
                dropout=dropout,
                positions=positions,
                scale="model" if positions == "shift" else "head",
            )
            for _ in range(num_layers)
        ]
        return nn.Sequential(*blocks)
    layer = nn.TransformerEncoderLayer(
        channels, num_heads, feedforward, dropout=dropout, batch_first=True
    )
    return nn.TransformerEncoder(layer, num_layers, enable_nested_tensor=False)
