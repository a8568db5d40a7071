"""Self-attention to the past and to the chunk that a frame lies in, for streams."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from seldkit._checks import check_shape
from seldkit._settings import plain_settings
from seldkit._typing import Bool, Float
from seldkit.layers.attention import RelativePositionAttention, masked
from seldkit.layers.dot_product import attend
from seldkit.layers.streaming import StepSize, check_step


class ChunkedAttention(RelativePositionAttention):
    r"""Relative-position self-attention that looks ahead no further than its chunk, and streams.

    Frames come in chunks of `right + 1`. A frame attends to its own chunk and to the chunks among
    the `left` frames before it, to no other: frame $i$ to frame $j$ if $0 \le c(i) - c(j) \le
    \lfloor left / (right + 1) \rfloor$ with $c(i) = \lfloor i / (right + 1) \rfloor$. So no
    output changes when later chunks come, and steps chunk by chunk, which keep the keys and values
    of the past, make what the whole makes.

    Source: the released code of a cache-aware streaming ResNet-Conformer for sound event
    localization and detection, whose mask in training this is. There, caches of zeros are attended
    to before the first frame; here nothing is, so that streams equal the whole from the start.

    Shape:
        - Input: `(batch, time, channel)`, any number of frames.
        - Output: the same.

    Args:
        channels: Number of channels, a multiple of `num_heads`; even where there are sinusoids.
        context: Frames before a chunk that are attended to, counted in whole chunks, and frames of
            a chunk behind its first one; `(100, 49)` as published, for frames of 20 ms.
        num_heads: Number of heads.
        dropout: Probability that an attention weight is dropped.
        positions: `"exact"` or `"shaw"`, see
            [`RelativePositionAttention`][seldkit.layers.RelativePositionAttention].
        max_distance: Largest distance that `"shaw"` tells from others, in frames.
        qkv_bias: Whether the projections to queries, keys and values have a bias.

    Attributes:
        chunk: Frames of a chunk.
        past: Frames before a chunk that are attended to.

    Raises:
        ValueError: If a number is out of range.

    Examples:
        >>> layer, x = ChunkedAttention(32, context=(10, 4)), torch.randn(1, 20, 32)
        >>> state, parts = None, []
        >>> for chunk in x.split(5, dim=1):
        ...     output, state = layer.step(chunk, state)
        ...     parts.append(output)
        >>> torch.allclose(torch.cat(parts, dim=1), layer(x), atol=1e-5)
        True
    """

    @plain_settings(from_zero=["context"])
    def __init__(
        self,
        channels: int,
        *,
        context: Sequence[int],
        num_heads: int = 4,
        dropout: float = 0.0,
        positions: Literal["exact", "shaw"] = "exact",
        max_distance: int = 512,
        qkv_bias: bool = True,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        if len(context) != 2:
            raise ValueError(f"context must be frames before and behind, got {tuple(context)}")
        super().__init__(
            channels,
            num_heads=num_heads,
            dropout=dropout,
            positions=positions,
            max_distance=max_distance,
            qkv_bias=qkv_bias,
            device=device,
            dtype=dtype,
        )
        self.context = tuple(context)
        self.chunk = context[1] + 1
        self.past = context[0] // self.chunk * self.chunk

    def forward(
        self,
        x: Float[Tensor, "batch time channel"],
        padding: Bool[Tensor, "batch time"] | None = None,
    ) -> Float[Tensor, "batch time channel"]:
        """Return the sequence after attention; no frame attends to where `padding` is true.

        Chunks are counted from the first frame: padding before the others changes nothing in these
        if it is whole chunks, padding behind them in any case.
        """
        return super().forward(x, padding)

    @property
    def step_size(self) -> StepSize:
        """A step takes a chunk."""
        return StepSize(self.chunk, self.chunk)

    def step(
        self, x: Float[Tensor, "batch time channel"], state: tuple[Tensor, ...] | None = None
    ) -> tuple[Float[Tensor, "batch time channel"], tuple[Tensor, ...]]:
        """Return the next frames after attention, and the past: keys, values and how many came.

        Args:
            x: Frames of one chunk or several; the last ones of a clip may be fewer.
            state: What the last step returned; None before the first frame.

        Raises:
            ValueError: If there is no frame, or the last step took a part of a chunk.
        """
        check_shape("x", x, "batch time channel", channel=self.channels)
        check_step(x, 1, dim=1)
        keys, values, seen = self._start(x) if state is None else state
        if not torch.compiler.is_compiling() and (seen % self.chunk).any():
            raise ValueError(
                f"x must not come after a part of a chunk of {self.chunk} frames, which ends a clip"
            )
        outputs = []
        for piece in x.split(self.chunk, dim=1):
            output, keys, values = self._attend(piece, keys, values, seen)
            outputs.append(output)
            seen = seen + piece.shape[1]
        return torch.cat(outputs, dim=1), (keys, values, seen)

    def _attend(
        self, x: Tensor, keys: Tensor, values: Tensor, seen: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return a chunk after attention, and the keys and values of the past behind it."""
        query, key, value = (self._split(layer(x)) for layer in (self.query, self.key, self.value))
        keys, values = torch.cat((keys, key), dim=2), torch.cat((values, value), dim=2)
        time, frames = x.shape[1], keys.shape[2]
        # Distances from that of the last frame to the first key down to that of the first frame to
        # the last key: in row i they begin with the one that is time - 1 - i places further on.
        distance = torch.arange(frames - 1, -time, -1, device=x.device)
        row = torch.arange(time, device=x.device)
        place = (time - 1 - row).unsqueeze(1) + torch.arange(frames, device=x.device)
        scores = self._distance_scores(query, distance)
        bias = self._factor * scores.gather(3, place.expand(*scores.shape[:2], -1, -1))
        before = torch.arange(frames, device=x.device) < self.past - seen[:, None, None, None]
        if self.positions != "shaw":
            query = query + self.content_bias.unsqueeze(1)
        attended = attend(query, keys, values, masked(bias, before), scale=self._factor)
        output: Tensor = self.output(attended.transpose(1, 2).flatten(2))
        keys, values = (x[:, :, frames - self.past :].clone() for x in (keys, values))
        return output, keys, values

    def _start(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the past before the first frame."""
        shape = x.shape[0], self.num_heads, self.past, self.channels // self.num_heads
        seen = torch.zeros(x.shape[0], dtype=torch.int64, device=x.device)
        return x.new_zeros(shape), x.new_zeros(shape), seen

    def _unseen(
        self, x: Float[Tensor, "batch time channel"], padding: Bool[Tensor, "batch time"] | None
    ) -> Bool[Tensor, "#batch 1 #time other"]:
        chunk = torch.arange(x.shape[1], device=x.device) // self.chunk
        behind = chunk.unsqueeze(1) - chunk
        unseen = ((behind < 0) | (behind > self.past // self.chunk))[None, None]
        return unseen if padding is None else unseen | padding[:, None, None]
