"""The Conformer block: attention for what is far away, convolution for what is near."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Bool, Float
from seldkit.layers.attention import RelativePositionAttention
from seldkit.layers.chunked_attention import ChunkedAttention
from seldkit.layers.streaming import State, StepSize, step_size, stream_step


class ConformerBlock(Shown):
    r"""Half a feed-forward step, self-attention, convolution, half a feed-forward step, layer norm.

    $$x \leftarrow x + \tfrac12 \mathrm{FF}(x), \quad x \leftarrow x + \mathrm{Attention}(x), \quad
    x \leftarrow x + \mathrm{Conv}(x), \quad y = \mathrm{LN}(x + \tfrac12 \mathrm{FF}'(x)).$$

    Every step begins with a layer norm. The convolution is pointwise with a gated linear unit,
    depthwise over time, batch norm, swish and pointwise.

    The defaults are the paper's form. Two published implementations differ from it:

    - PSELDNets and its relatives: an attention with `num_heads=8, positions="shift",
      scale="model"`.
    - The block of the common third-party ResNet-Conformer: `conv_expansion=2, depthwise_bias=True`
      and an attention with `positions="shaw", qkv_bias=False`; `kernel_size=7, feedforward=2` and
      `num_heads=8` there. Its training drops attention weights, but not the attention's output.

    With a `context` the block streams: it attends in chunks, and its convolution looks back alone
    and has no batch norm, as in a cache-aware streaming ResNet-Conformer: `context=(100, 49)` for
    frames of 20 ms. Steps chunk by chunk make what the whole makes, and no output changes when
    later chunks come.

    Source: Gulati et al., "Conformer: convolution-augmented transformer for speech recognition",
    Interspeech 2020, section 2.

    Shape:
        - Input: `(batch, time, channel)`, any number of frames. In training, batch norm needs more
          than one frame in the batch.
        - Output: the same.

    Args:
        channels: Number of channels.
        attention: From a sequence to one of the same shape. It is called with the padding too where
            there is any. If None, a
            [`RelativePositionAttention`][seldkit.layers.RelativePositionAttention] of four heads,
            or with a context a `ChunkedAttention`.
        kernel_size: Frames that the depthwise convolution spans. If even, it reads one more frame
            of the past than of the future.
        feedforward: Width of the feed-forward steps, as a multiple of `channels`.
        conv_expansion: Width of the depthwise convolution, as a multiple of `channels`.
        dropout: Dropout of every step's output, of the feed-forward steps' inner layer and, unless
            an attention is given, of its weights.
        depthwise_bias: Whether the depthwise convolution has a bias, though batch norm follows.
        context: Frames before a chunk that are attended to, and frames of a chunk behind its first
            one, see [`ChunkedAttention`][seldkit.layers.ChunkedAttention]. An attention that is
            given must stream by itself. None for a block that sees all frames.

    Examples:
        >>> block = ConformerBlock(256)
        >>> block(torch.zeros(2, 25, 256)).shape
        torch.Size([2, 25, 256])
        >>> sum(p.numel() for p in block.parameters())
        1588736
    """

    @plain_settings(from_zero=["context"])
    def __init__(
        self,
        channels: int,
        *,
        attention: nn.Module | None = None,
        kernel_size: int = 31,
        feedforward: int = 4,
        conv_expansion: int = 1,
        dropout: float = 0.1,
        depthwise_bias: bool = False,
        context: Sequence[int] | None = None,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.channels, self.kernel_size, self.feedforward = channels, kernel_size, feedforward
        self.conv_expansion = conv_expansion
        self.context = None if context is None else tuple(context)

        def feedforward_step() -> nn.Sequential:
            width = feedforward * channels
            return nn.Sequential(
                OrderedDict(
                    norm=nn.LayerNorm(channels, device=device, dtype=dtype),
                    expand=nn.Linear(channels, width, device=device, dtype=dtype),
                    swish=nn.SiLU(),
                    dropout=nn.Dropout(dropout),
                    reduce=nn.Linear(width, channels, device=device, dtype=dtype),
                )
            )

        self.feedforward1 = feedforward_step()
        self.attention_norm = nn.LayerNorm(channels, device=device, dtype=dtype)
        self._attention_is_given = attention is not None
        if attention is None:
            place: dict[str, Any] = {"dropout": dropout, "device": device, "dtype": dtype}
            if context is None:
                attention = RelativePositionAttention(channels, **place)
            else:
                attention = ChunkedAttention(channels, context=context, **place)
        self.attention: nn.Module = attention
        self.convolution = _Convolution(
            channels,
            conv_expansion,
            kernel_size,
            depthwise_bias,
            causal=context is not None,
            device=device,
            dtype=dtype,
        )
        self.feedforward2 = feedforward_step()
        self.norm = nn.LayerNorm(channels, device=device, dtype=dtype)
        self.dropout = nn.Dropout(dropout)
        self._reset_feedforward()

    def reset_parameters(self) -> None:
        """Draw all weights again; an attention that was given keeps its own."""
        for part in (self.attention_norm, self.convolution, self.norm):
            part.reset_parameters()
        self._reset_feedforward()
        if not self._attention_is_given:
            self.attention.reset_parameters()  # type: ignore[operator]

    def _reset_feedforward(self) -> None:
        """Draw the feed-forward steps from Xavier's uniform law; zero their biases."""
        for layer in (*self.feedforward1, *self.feedforward2):
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)
            elif isinstance(layer, nn.LayerNorm):
                layer.reset_parameters()

    def forward(
        self,
        x: Float[Tensor, "batch time channel"],
        padding: Bool[Tensor, "batch time"] | None = None,
    ) -> Float[Tensor, "batch time channel"]:
        """Return the sequence after the block; `padding` is true at frames that are none.

        Those frames change nothing in the others, but batch norm counts them in training; with a
        context, chunks are counted from the first frame, padding too.
        """
        check_shape("x", x, "batch time channel", channel=self.channels)
        if padding is not None:
            check_shape("padding", padding, "batch time", batch=x.shape[0], time=x.shape[1])
        x = x + 0.5 * self.dropout(self.feedforward1(x))
        others = () if padding is None else (padding,)
        x = x + self.dropout(self.attention(self.attention_norm(x), *others))
        x = x + self.dropout(self.convolution(x, padding))
        x = x + 0.5 * self.dropout(self.feedforward2(x))
        output: Tensor = self.norm(x)
        return output

    @property
    def step_size(self) -> StepSize:
        """A step takes a chunk; `ValueError` for a block without a context."""
        if self.context is None:
            raise ValueError("ConformerBlock cannot stream: it looks ahead, as it has no context")
        return step_size(self.attention)

    def step(
        self, x: Float[Tensor, "batch time channel"], state: tuple[Any, ...] | None = None
    ) -> tuple[Float[Tensor, "batch time channel"], State]:
        """Return the next frames after the block, and the states of attention and convolution."""
        check_shape("x", x, "batch time channel", channel=self.channels)
        of_attention, of_convolution = state or (None, None)
        x = x + 0.5 * self.feedforward1(x)
        added, of_attention = stream_step(self.attention, self.attention_norm(x), of_attention)
        x = x + added
        added, of_convolution = self.convolution.step(x, of_convolution)
        x = x + added
        output: Tensor = self.norm(x + 0.5 * self.feedforward2(x))
        return output, (of_attention, of_convolution)


class _Convolution(nn.Module):
    """Layer norm, a gated pointwise, a depthwise with batch norm and swish, and a pointwise.

    The causal form pads the past alone and has no batch norm.
    """

    def __init__(
        self,
        channels: int,
        expansion: int,
        kernel_size: int,
        depthwise_bias: bool,
        *,
        causal: bool,
        device: torch.device | None,
        dtype: torch.dtype | None,
    ) -> None:
        super().__init__()
        width = expansion * channels
        self.past = kernel_size - 1 if causal else None
        self.norm = nn.LayerNorm(channels, device=device, dtype=dtype)
        self.expand = nn.Conv1d(channels, 2 * width, 1, device=device, dtype=dtype)
        self.depthwise = nn.Conv1d(
            width,
            width,
            kernel_size,
            padding=0 if causal else kernel_size // 2,
            groups=width,
            bias=depthwise_bias,
            device=device,
            dtype=dtype,
        )
        self.batch_norm = (
            nn.Identity() if causal else nn.BatchNorm1d(width, device=device, dtype=dtype)
        )
        self.reduce = nn.Conv1d(width, channels, 1, device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw all weights again, from the laws of PyTorch."""
        for layer in (self.norm, self.expand, self.depthwise, self.batch_norm, self.reduce):
            if not isinstance(layer, nn.Identity):
                layer.reset_parameters()

    def forward(
        self,
        x: Float[Tensor, "batch time channel"],
        padding: Bool[Tensor, "batch time"] | None = None,
    ) -> Float[Tensor, "batch time channel"]:
        """Return what is added to the sequence."""
        maps = self._gated(x)
        if padding is not None:
            maps = maps.masked_fill(padding.unsqueeze(1), 0.0)
        if self.past is not None:
            maps = functional.pad(maps, (self.past, 0))
        return self._of_maps(maps, x.shape[1])

    def step(
        self,
        x: Float[Tensor, "batch time channel"],
        state: Float[Tensor, "batch width past"] | None,
    ) -> tuple[Float[Tensor, "batch time channel"], Float[Tensor, "batch width past"]]:
        """Return what is added to the next frames, and the gated frames that the next ones see."""
        maps, past = self._gated(x), self.past or 0
        if state is None:
            state = maps.new_zeros(*maps.shape[:2], past)
        maps = torch.cat((state, maps), dim=2)
        return self._of_maps(maps, x.shape[1]), maps[..., maps.shape[2] - past :].clone()

    def _gated(self, x: Tensor) -> Tensor:
        return functional.glu(self.expand(self.norm(x).mT), dim=1)

    def _of_maps(self, maps: Tensor, time: int) -> Tensor:
        maps = self.depthwise(maps)[..., :time]  # an even kernel makes one frame too many
        output: Tensor = self.reduce(functional.silu(self.batch_norm(maps))).mT
        return output
