"""Recurrent layers."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.layers.gru import GatedRecurrentUnit
from seldkit.layers.streaming import State, StepSize

Merge = Literal["product", "concat", "sum"]


class MinimalGatedUnit(Shown):
    r"""A recurrent layer with one gate, which forgets and admits at once.

    With the input $x$ and the last state $h$

    $$f = \sigma(W_f [h, x] + b_f), \quad \tilde h = \tanh(W_h [f h, x] + b_h), \quad
    h' = (1 - f) h + f \tilde h.$$

    It has two thirds of the weights of a GRU. Pieces of a sequence, each begun with the last state
    of the one before, give what the whole gives.

    Source: Zhou et al., "Minimal gated unit for recurrent neural networks", International Journal
    of Automation and Computing, 2016.

    Shape:
        - Inputs: `(batch, time, in_channels)`, and the state before it `(batch, channels)`.
        - Outputs: the states `(batch, time, channels)`, and the last of them `(batch, channels)`.

    Args:
        in_channels: Channels of the input.
        channels: Channels of the state.

    Attributes:
        weight_input: Columns of $W_f$ (first half of the rows) and $W_h$ that read $x$.
        weight_state: Columns that read the state, likewise.
        bias: $b_f$ and $b_h$.

    Examples:
        >>> unit = MinimalGatedUnit(8, 4)
        >>> states, last = unit(torch.zeros(2, 5, 8))
        >>> states.shape, last.shape
        (torch.Size([2, 5, 4]), torch.Size([2, 4]))
        >>> more, last = unit(torch.zeros(2, 3, 8), last)
    """

    @plain_settings()
    def __init__(
        self,
        in_channels: int,
        channels: int,
        *,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.in_channels, self.channels = in_channels, channels

        def parameter(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(2 * channels, *shape, device=device, dtype=dtype))

        self.weight_input, self.weight_state = parameter(in_channels), parameter(channels)
        self.bias = parameter()
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters uniformly from ±1 / √channels, as a GRU's."""
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(self.channels**-0.5), self.channels**-0.5)

    def forward(
        self,
        x: Float[Tensor, "batch time channel"],
        h0: Float[Tensor, "batch state"] | None = None,
    ) -> tuple[Float[Tensor, "batch time state"], Float[Tensor, "batch state"]]:
        """Return the state after every frame, and the last one; without `h0`, begin from zeros."""
        check_shape("x", x, "batch time+ channel", channel=self.in_channels)
        inputs = functional.linear(x, self.weight_input, self.bias).chunk(2, dim=-1)
        forget_weight, new_weight = self.weight_state.chunk(2)
        if h0 is None:
            state = inputs[0].new_zeros(x.shape[0], self.channels)
        else:
            check_shape("h0", h0, "batch channel", batch=x.shape[0], channel=self.channels)
            state = h0
        states = []
        for forget_input, new_input in zip(*(part.unbind(1) for part in inputs), strict=True):
            forget = torch.sigmoid(forget_input + functional.linear(state, forget_weight))
            new = torch.tanh(new_input + functional.linear(forget * state, new_weight))
            state = (1 - forget) * state + forget * new
            states.append(state)
        return torch.stack(states, dim=1), state

    @property
    def step_size(self) -> StepSize:
        """A step takes any number of frames."""
        return StepSize()

    def step(
        self,
        x: Float[Tensor, "batch time channel"],
        state: Float[Tensor, "batch state"] | None = None,
    ) -> tuple[Float[Tensor, "batch time state"], State]:
        """Return the state after every frame, and the last one."""
        return self(x, state)  # type: ignore[no-any-return]


class BidirectionalGRU(Shown):
    """Bidirectional GRU layers whose forward and backward halves are merged, as in SELDnet.

    The defaults are the recurrent part of the DCASE baselines from 2022 on: two layers, then the
    hyperbolic tangent, then the product of the halves. Those before, from 2019, are
    `merge_every=True, tanh=False`.

    `torch.compile` takes it whole, frame after frame, and long for long sequences. To leave the
    kernels of `nn.GRU` as they are: `stack.forward = torch.compiler.disable(stack.forward)`.

    Source: Adavanne et al., "Sound event localization and detection of overlapping sources using
    convolutional recurrent neural networks", IEEE JSTSP 2019.

    Shape:
        - Input: `(batch, time, in_channels)`.
        - Output: `(batch, time, channels)`, for `"concat"` `(batch, time, 2 * channels)`.

    Args:
        in_channels: Channels of the input.
        channels: Channels of each direction.
        num_layers: Number of layers.
        merge: How the halves become one: their product or sum, or both side by side.
        merge_every: Merge after every layer, so that the next one reads the merged sequence, and
            not only at the end.
        tanh: Whether halves pass the hyperbolic tangent before they are merged.
        dropout: Dropout between the layers.

    Attributes:
        out_channels: Channels of the output.

    Examples:
        >>> BidirectionalGRU(64, 128)(torch.zeros(2, 50, 64)).shape
        torch.Size([2, 50, 128])
    """

    @plain_settings()
    def __init__(
        self,
        in_channels: int,
        channels: int,
        num_layers: int = 2,
        *,
        merge: Merge = "product",
        merge_every: bool = False,
        tanh: bool = True,
        dropout: float = 0.0,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.in_channels, self.channels, self.num_layers = in_channels, channels, num_layers
        self.merge, self.merge_every, self.tanh = merge, merge_every, tanh
        self.out_channels = 2 * channels if merge == "concat" else channels
        widths = [in_channels] + [self.out_channels] * (num_layers - 1 if merge_every else 0)
        depth = 1 if merge_every else num_layers
        self.gru = nn.ModuleList(
            GatedRecurrentUnit(width, channels, depth, dropout=dropout, device=device, dtype=dtype)
            for width in widths
        )
        self.dropout = nn.Dropout(dropout)

    def reset_parameters(self) -> None:
        """Draw all parameters uniformly from ±1 / √channels."""
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(self.channels**-0.5), self.channels**-0.5)

    def forward(self, x: Float[Tensor, "batch time channel"]) -> Float[Tensor, "batch time out"]:
        """Return the merged sequence of the last layer."""
        check_shape("x", x, "batch time+ channel", channel=self.in_channels)
        for i, gru in enumerate(self.gru):
            x = self._merge(gru(self.dropout(x) if i else x))
        return x

    def _merge(self, x: Float[Tensor, "batch time both"]) -> Float[Tensor, "batch time out"]:
        """Make one of both halves."""
        x = x.tanh() if self.tanh else x
        if self.merge == "concat":
            return x
        forward, backward = x.chunk(2, dim=-1)
        return forward * backward if self.merge == "product" else forward + backward
