"""Tracks of a sequence: made, read one by one with shared weights, and compared."""

from typing import Literal

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.layers.dot_product import attend

Split = Literal["linear", "embedding"]


class TrackSplit(Shown):
    """Make tracks of one sequence.

    Shape:
        - Input: `(batch, time, channel)`.
        - Output: `(batch, time, track, channel)`.

    Args:
        channels: Channels of the sequence and of each track.
        num_tracks: Number of tracks.
        split: `"linear"` makes each track by a linear layer of its own, `"embedding"` adds a
            learned vector to a copy of the sequence.

    Examples:
        >>> TrackSplit(8, 3)(torch.zeros(1, 5, 8)).shape
        torch.Size([1, 5, 3, 8])
    """

    @plain_settings()
    def __init__(
        self,
        channels: int,
        num_tracks: int,
        *,
        split: Split = "linear",
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.channels, self.num_tracks, self.split = channels, num_tracks, split
        shape = (channels,) if split == "embedding" else (channels, channels)
        self.weight = nn.Parameter(torch.empty(num_tracks, *shape, device=device, dtype=dtype))
        bias = torch.empty(num_tracks, channels, device=device, dtype=dtype)
        self.bias = nn.Parameter(bias) if split == "linear" else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw linear layers uniformly from ±1 / √channels, embeddings from N(0, 1)."""
        if self.bias is None:
            nn.init.normal_(self.weight)
        else:
            for parameter in (self.weight, self.bias):
                nn.init.uniform_(parameter, -(self.channels**-0.5), self.channels**-0.5)

    def forward(
        self, x: Float[Tensor, "batch time channel"]
    ) -> Float[Tensor, "batch time track channel"]:
        """Return the sequence of every track."""
        check_shape("x", x, "batch time channel", channel=self.channels)
        if self.bias is None:
            return x.unsqueeze(2) + self.weight
        joined = functional.linear(x, self.weight.flatten(0, 1), self.bias.flatten())
        tracks: Tensor = joined.unflatten(2, (self.num_tracks, self.channels))
        return tracks


class SharedTrackEncoder(Shown):
    """One encoder that reads each track by itself: all tracks share its weights.

    For an encoder for each track see [`TrackEncoders`][seldkit.layers.TrackEncoders].

    Shape:
        - Input: `(batch, time, track, channel)`, any number of tracks.
        - Output: the same, with the channels that the encoder makes.

    Args:
        encoder: From `(batch, time, channel)` to `(batch, time, channel)`.
        residual: Whether the input is added to what the encoder makes of it.

    Examples:
        >>> SharedTrackEncoder(nn.Linear(8, 4))(torch.zeros(1, 5, 3, 8)).shape
        torch.Size([1, 5, 3, 4])
    """

    def __init__(self, encoder: nn.Module, *, residual: bool = False) -> None:
        super().__init__()
        self.encoder, self.residual = encoder, residual

    def forward(
        self, x: Float[Tensor, "batch time track channel"]
    ) -> Float[Tensor, "batch time track out"]:
        """Return the sequence of every track."""
        check_shape("x", x, "batch time track+ channel")
        read = self.encoder(rearrange(x, "b t n c -> (b n) t c"))
        tracks: Tensor = rearrange(read, "(b n) t c -> b t n c", n=x.shape[2])
        return x + tracks if self.residual else tracks


class TrackAttention(Shown):
    r"""In every frame, tracks attend to each other: $x + A(N(x))$.

    $N$ is a layer norm and $A$ multi-head attention over the tracks of the frame. Which track comes
    first makes no difference: permuted tracks give the same, permuted.

    Shape:
        - Input: `(batch, time, track, channel)`, any number of tracks.
        - Output: the same.

    Args:
        channels: Number of channels, a multiple of `num_heads`.
        num_heads: Attention heads.
        dropout: Dropout of the attention's weights and of what is added.

    Examples:
        >>> TrackAttention(8, num_heads=2)(torch.zeros(1, 5, 3, 8)).shape
        torch.Size([1, 5, 3, 8])
    """

    @plain_settings()
    def __init__(
        self,
        channels: int,
        *,
        num_heads: int = 4,
        dropout: float = 0.0,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if channels % num_heads:
            raise ValueError(
                f"channels must be a multiple of num_heads={num_heads}, got {channels}"
            )
        self.channels, self.num_heads, self.dropout = channels, num_heads, dropout
        self.norm = nn.LayerNorm(channels, device=device, dtype=dtype)
        self.qkv = nn.Linear(channels, 3 * channels, device=device, dtype=dtype)
        self.out = nn.Linear(channels, channels, device=device, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights from Xavier's uniform law; zero the biases."""
        self.norm.reset_parameters()
        for layer in (self.qkv, self.out):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(
        self, x: Float[Tensor, "batch time track channel"]
    ) -> Float[Tensor, "batch time track channel"]:
        """Return the tracks after they have attended to each other."""
        check_shape("x", x, "batch time+ track+ channel", channel=self.channels)
        query, key, value = rearrange(
            self.qkv(self.norm(x)), "b t n (qkv h c) -> qkv (b t) h n c", qkv=3, h=self.num_heads
        )
        dropout = self.dropout if self.training else 0.0
        attended = attend(query, key, value, dropout=dropout)
        added = self.out(rearrange(attended, "(b t) h n c -> b t n (h c)", t=x.shape[1]))
        return x + functional.dropout(added, self.dropout, self.training)
