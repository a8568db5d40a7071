"""The Swin transformer: attention in windows of an image, which shift from block to block."""

from collections.abc import Sequence

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional

from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.layers.dot_product import attend


class StochasticDepth(Shown):
    """In training, drop a residual branch for whole items of the batch; the others grow instead.

    Source: Huang et al., "Deep networks with stochastic depth", ECCV 2016.

    Args:
        rate: Probability of being dropped, in [0, 1).
    """

    @plain_settings()
    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Float[Tensor, "*axes"]) -> Float[Tensor, "*axes"]:
        """Return the branch, zero for some items."""
        if not self.training or self.rate == 0:
            return x
        keep = 1 - self.rate
        kept = torch.empty_like(x[(slice(None), *[slice(1)] * (x.ndim - 1))]).bernoulli_(keep)
        return x * kept / keep


class WindowAttention(Shown):
    """Self-attention of the patches of each window, with a learned bias for each relative place.

    Source: Liu et al., "Swin transformer: hierarchical vision transformer using shifted windows",
    ICCV 2021, section 3.2.

    Shape:
        - Input: `(batch, height, width, channel)`; height and width are multiples of `window`.
        - Output: the same.

    Args:
        channels: Number of channels, a multiple of `num_heads`.
        num_heads: Attention heads.
        window: Height and width of a window.
        shift: How far windows begin below and right of the image's corner; those that lie over its
            end read what was cut off at its beginning, but patches of both do not see each other.

    Attributes:
        relative_position_bias_table: `[place, head]`; `(2 * window - 1) ** 2` places, row by row.
    """

    @plain_settings(from_zero=["shift"])
    def __init__(self, channels: int, *, num_heads: int, window: int, shift: int) -> None:
        super().__init__()
        self.num_heads, self.window, self.shift = num_heads, window, shift
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)
        places = (2 * window - 1) ** 2
        self.relative_position_bias_table = nn.Parameter(torch.empty(places, num_heads))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights from N(0, 0.02) cut at 2; zero the biases."""
        for layer in (self.qkv, self.proj):
            _reset_linear(layer)
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)

    def forward(
        self, x: Float[Tensor, "batch height width channel"]
    ) -> Float[Tensor, "batch height width channel"]:
        """Return the image after attention."""
        _, height, width, _ = x.shape
        size = {"y": self.window, "x": self.window, "h": self.num_heads}
        if self.shift:
            x = x.roll((-self.shift, -self.shift), (1, 2))
        query, key, value = rearrange(
            self.qkv(x), "b (i y) (j x) (qkv h c) -> qkv b (i j h) (y x) c", qkv=3, **size
        )
        bias = self._place_bias().expand(height * width // self.window**2, -1, -1, -1)
        if self.shift:
            bias = bias.masked_fill(self._apart(height, width, x.device), float("-inf"))
        attended = attend(query, key, value, bias.flatten(0, 1)[None].to(query.dtype))
        x = rearrange(
            attended, "b (i j h) (y x) c -> b (i y) (j x) (h c)", i=height // self.window, **size
        )
        x = self.proj(x)
        return x.roll((self.shift, self.shift), (1, 2)) if self.shift else x

    def _place_bias(self) -> Float[Tensor, "head patch patch"]:
        """Return the bias of each pair of patches in a window."""
        n = self.window
        place = torch.arange(n, device=self.relative_position_bias_table.device)
        distance = place[:, None] - place + n - 1
        index = distance[:, None, :, None] * (2 * n - 1) + distance[None, :, None, :]
        return rearrange(self.relative_position_bias_table[index], "y x v u h -> h (y x) (v u)")

    def _apart(self, height: int, width: int, device: torch.device) -> Tensor:
        """Return `window 1 patch patch`, true where two patches come from far ends of the image."""
        n = self.window

        def part(length: int) -> Tensor:
            place = torch.arange(length, device=device)
            return (place >= length - n).int() + (place >= length - self.shift)

        parts = 3 * part(height)[:, None] + part(width)
        parts = rearrange(parts, "(i y) (j x) -> (i j) 1 (y x)", y=n, x=n)
        return parts.unsqueeze(3) != parts.unsqueeze(2)


class SwinBlock(nn.Module):
    """Window attention and a feed-forward step, each after a layer norm and beside a residual.

    Args:
        channels: Number of channels.
        num_heads: Attention heads.
        window: Height and width of a window.
        shift: See [`WindowAttention`][seldkit.backbones.swin.WindowAttention].
        drop_path: Rate of stochastic depth.
    """

    @plain_settings(from_zero=["shift"])
    def __init__(
        self,
        channels: int,
        *,
        num_heads: int,
        window: int,
        shift: int,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.attention = WindowAttention(channels, num_heads=num_heads, window=window, shift=shift)
        self.norm2 = nn.LayerNorm(channels)
        self.expand = nn.Linear(channels, 4 * channels)
        self.reduce = nn.Linear(4 * channels, channels)
        self.drop_path = StochasticDepth(drop_path)
        _reset_linear(self.expand)
        _reset_linear(self.reduce)

    def forward(
        self, x: Float[Tensor, "batch height width channel"]
    ) -> Float[Tensor, "batch height width channel"]:
        """Return the image after the block."""
        x = x + self.drop_path(self.attention(self.norm1(x)))
        output: Tensor = x + self.drop_path(self.feedforward(self.norm2(x)))
        return output

    def feedforward(
        self, x: Float[Tensor, "batch height width channel"]
    ) -> Float[Tensor, "batch height width channel"]:
        """Return what the feed-forward step makes of the image behind the layer norm."""
        output: Tensor = self.reduce(functional.gelu(self.expand(x)))
        return output


class PatchEmbedding(nn.Module):
    """Cut an image into square patches: a vector for each, with layer norm.

    Shape:
        - Input: `(batch, in_channels, height, width)`.
        - Output: `(batch, channels, height // patch, width // patch)`.

    Args:
        in_channels: Channels of the image.
        channels: Channels of the vectors.
        patch: Height and width of a patch.
    """

    @plain_settings()
    def __init__(self, in_channels: int, channels: int, *, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(in_channels, channels, patch, stride=patch)
        self.norm = nn.LayerNorm(channels)

    def forward(
        self, x: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch out rows cols"]:
        """Return the map of patches."""
        return _channels_first(self.norm(_channels_last(self.proj(x))))


class PatchMerging(nn.Module):
    """Make one of 2 x 2 patches, with twice the channels.

    Shape:
        - Input: `(batch, height, width, channel)`, height and width even.
        - Output: `(batch, height // 2, width // 2, 2 * channel)`.

    Args:
        channels: Channels of the input.
    """

    @plain_settings()
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * channels)
        self.reduction = nn.Linear(4 * channels, 2 * channels, bias=False)
        _reset_linear(self.reduction)

    def forward(
        self, x: Float[Tensor, "batch height width channel"]
    ) -> Float[Tensor, "batch rows cols out"]:
        """Return the coarser image."""
        patches = rearrange(x, "b (i y) (j x) c -> b i j (x y c)", y=2, x=2)
        merged: Tensor = self.reduction(self.norm(patches))
        return merged


class SwinStage(nn.Module):
    """Blocks at one scale of the image, then what leads to the next scale or ends the network.

    Stages take and return maps with the channels first, as convolutions and
    [`CrossStitch`][seldkit.layers.CrossStitch] do.

    Shape:
        - Input: `(batch, channel, height, width)`.
        - Output: `(batch, out, rows, cols)`: half as high and wide with twice the channels after a
          [`PatchMerging`][seldkit.backbones.swin.PatchMerging].

    Args:
        blocks: Modules on `(batch, height, width, channel)`.
        end: The last of them: patch merging or a layer norm.
    """

    def __init__(self, blocks: Sequence[nn.Module], end: nn.Module) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*blocks)
        self.end = end

    def forward(
        self, x: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch out rows cols"]:
        """Return the map after all blocks."""
        return _channels_first(self.end(self.blocks(_channels_last(x))))


def _channels_last(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 1)


def _channels_first(x: Tensor) -> Tensor:
    return x.permute(0, 3, 1, 2)


def _reset_linear(layer: nn.Linear) -> None:
    nn.init.trunc_normal_(layer.weight, std=0.02)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
