"""What reads the sequence of frames behind the convolutions."""

from typing import Any, Literal

from torch import nn

from seldkit._builders import builder
from seldkit._settings import plain_settings
from seldkit.layers.asymmetric_mamba import AsymmetricDecoder
from seldkit.layers.attention import RelativePositionAttention, RelativePositions
from seldkit.layers.bimamba import BiMamba, MambaBlock
from seldkit.layers.conformer import ConformerBlock
from seldkit.layers.mamba import Mamba2
from seldkit.layers.recurrent import BidirectionalGRU

Temporal = Literal[
    "transformer", "conformer", "gru", "mamba", "bimamba", "conbimamba", "asymmetric", "none"
]


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
            halves stand side by side, `"mamba"` blocks, which see the past alone and stream,
            `"bimamba"` blocks, which see both sides ([`MambaBlock`][seldkit.layers.MambaBlock]),
            `"conbimamba"`, Conformer blocks with a BiMamba block in place of the attention, an
            `"asymmetric"` decoder ([`AsymmetricDecoder`][seldkit.layers.AsymmetricDecoder]), or
            `"none"`, which returns what it is given.
        channels: Channels of the sequence, a multiple of `num_heads`; for GRUs even, and any for
            an asymmetric decoder.
        num_layers: Number of layers or blocks.
        num_heads: Attention heads; half as many as the heads of Mamba. GRUs have none.
        feedforward: Width of the inner layers, for Conformer blocks a multiple of `channels`; four
            times the channels if None. GRUs and Mamba have none.
        dropout: Dropout of the layers.
        positions: Positions of the Conformer blocks, see
            [`RelativePositionAttention`][seldkit.layers.RelativePositionAttention]; `"shift"` is
            the published code of PSELDNets and its relatives.

    Mamba and BiMamba have 128 entries of state and a layer norm behind the last block, as
    published; ConBiMamba has 64, and norms before and behind what stands for the attention, of
    which the one before is that of every Conformer block here.

    Raises:
        ValueError: If a number is out of range, the channels do not suit the layers, or a choice is
            unknown.

    Examples:
        >>> import torch
        >>> temporal_encoder("conformer", 64, num_layers=2)(torch.zeros(1, 50, 64)).shape
        torch.Size([1, 50, 64])
    """
    feedforward = 4 * channels if feedforward is None else feedforward
    needed = {"gru": 2, "asymmetric": 1, "none": 1}.get(kind, num_heads)
    if channels % needed:
        raise ValueError(
            f"channels, in a network the last of widths, must be a multiple of {needed} for"
            f" {kind!r}, got {channels}"
        )
    if kind in ("conformer", "conbimamba") and feedforward % channels:
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

    if kind == "asymmetric":
        return AsymmetricDecoder(channels, num_layers=num_layers, dropout=dropout)

    def mamba(state: int) -> nn.Module:
        sizes: dict[str, Any] = {"state": state, "head_channels": channels // num_heads}
        mixer = Mamba2(channels, **sizes) if kind == "mamba" else BiMamba(channels, **sizes)
        return MambaBlock(channels, mixer=mixer, dropout=dropout)

    if kind in ("mamba", "bimamba"):
        return nn.Sequential(*(mamba(128) for _ in range(num_layers)), nn.LayerNorm(channels))

    def attention() -> nn.Module:
        if kind == "conbimamba":
            return nn.Sequential(mamba(64), nn.LayerNorm(channels))
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
