"""Cross-modal attentive fusion: one sequence attends to itself and to another."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.layers.positions import SinusoidalPositions


class CMAF(Shown):
    r"""Let a sequence attend to itself and to another one, such as sound to video, at once.

    With sinusoidal positions added to both,

    $$z = \mathrm{LN}(x + \mathrm{SA}(x) + \mathrm{CA}(x, o)), \qquad
    y = \mathrm{LN}(z + W_2\,\mathrm{ReLU}(W_1 z)),$$

    with self-attention $\mathrm{SA}$ and attention $\mathrm{CA}$ of $x$ to the other $o$. Two of
    them, with the sequences changed over, fuse both ways. The sequences may differ in length.

    Source: Berghi et al., "Fusion of audio and visual embeddings for sound event localization and
    detection", ICASSP 2024, by the released code, which has no more than 200 frames; here any
    number.

    Shape:
        - Inputs: `(batch, time, channel)`, and the other `(batch, other_time, channel)`.
        - Output: `(batch, time, channel)`.

    Args:
        channels: Number of channels, even and a multiple of `num_heads`.
        num_heads: Attention heads.
        feedforward: Width of the inner layer; four times the channels if None.
        dropout: Dropout of attention weights and of every step.

    Raises:
        ValueError: If the channels are odd or no multiple of `num_heads`.

    Examples:
        >>> sound, video = torch.zeros(1, 50, 512), torch.zeros(1, 25, 512)
        >>> fuse = CMAF(512)
        >>> fuse(sound, video).shape
        torch.Size([1, 50, 512])
        >>> sum(p.numel() for p in fuse.parameters())
        4203008
    """

    @plain_settings()
    def __init__(
        self,
        channels: int,
        *,
        num_heads: int = 8,
        feedforward: int | None = None,
        dropout: float = 0.1,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if channels % num_heads:
            raise ValueError(f"channels must be a multiple of {num_heads} heads, got {channels}")
        width = 4 * channels if feedforward is None else feedforward
        self.channels, self.num_heads, self.feedforward = channels, num_heads, width
        place: dict[str, Any] = {"device": device, "dtype": dtype}

        def attention() -> nn.MultiheadAttention:
            return nn.MultiheadAttention(
                channels, num_heads, dropout=dropout, batch_first=True, **place
            )

        self.positions = SinusoidalPositions(channels)
        self.own_attention, self.cross_attention = attention(), attention()
        self.expand = nn.Linear(channels, width, **place)
        self.reduce = nn.Linear(width, channels, **place)
        self.norm1 = nn.LayerNorm(channels, **place)
        self.norm2 = nn.LayerNorm(channels, **place)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        x: Float[Tensor, "batch time channel"],
        other: Float[Tensor, "batch other_time channel"],
    ) -> Float[Tensor, "batch time channel"]:
        """Return the first sequence with what it finds in both."""
        check_shape("x", x, "batch time channel", channel=self.channels)
        sizes = {"batch": x.shape[0], "channel": self.channels}
        check_shape("other", other, "batch time channel", **sizes)
        x, other = self.positions(x), self.positions(other)
        own, _ = self.own_attention(x, x, x, need_weights=False)
        found, _ = self.cross_attention(x, other, other, need_weights=False)
        x = self.norm1(x + self.dropout(own) + self.dropout(found))
        inner = self.dropout(functional.relu(self.expand(x)))
        output: Tensor = self.norm2(x + self.dropout(self.reduce(inner)))
        return output
