"""A recurrent layer whose state is a set: tracks that take what is theirs of a set of inputs."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.layers.dot_product import attend
from seldkit.layers.streaming import State, StepSize

Keys = Literal["union", "inputs"]


class PermutationInvariantCell(Shown):
    r"""One step of tracks, which attend to a set of inputs and change by what they find.

    With the state $h_i$ of each track and what multi-head attention brings it, $c_i$,

    $$\tilde h_i = \tanh(W^h c_i), \quad z_i = \sigma(W^z [c_i, h_i]), \quad
    h'_i = (1 - z_i) h_i + z_i \tilde h_i.$$

    The order of the inputs makes no difference, and permuted tracks give the same, permuted. It has
    as many weights for any number of tracks and inputs.

    Source: Diaz-Guerra et al., "Permutation invariant recurrent neural networks for sound source
    tracking applications", Forum Acusticum 2023 (arXiv 2306.08510). There is no public code. From
    its abstract are the two sets, the attention, $\tilde h$ and $h'$. Our reading: the states are
    queries; $z$ is made of both; and `keys`. That no gate and no bias stands between $c$ and
    $\tilde h$ is taken from the formulas as they are.

    Shape:
        - Inputs: `(batch, input, channel)`, and the state `(batch, track, channel)`.
        - Output: the next state `(batch, track, channel)`.

    Args:
        channels: Channels of inputs and states, a multiple of `num_heads`.
        num_heads: Attention heads.
        keys: What a track may attend to: the `"union"` of inputs and states, so that it finds
            something when no input is its own, or the `"inputs"` alone.

    Examples:
        >>> cell = PermutationInvariantCell(128)
        >>> cell(torch.zeros(8, 3, 128), torch.zeros(8, 2, 128)).shape
        torch.Size([8, 2, 128])
        >>> sum(p.numel() for p in cell.parameters())
        115200
    """

    @plain_settings()
    def __init__(
        self,
        channels: int,
        *,
        num_heads: int = 4,
        keys: Keys = "union",
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if channels % num_heads:
            raise ValueError(f"channels must be a multiple of {num_heads} heads, got {channels}")
        self.channels, self.num_heads, self.keys = channels, num_heads, keys

        def linear(in_channels: int = channels, bias: bool = True) -> nn.Linear:
            return nn.Linear(in_channels, channels, bias=bias, device=device, dtype=dtype)

        self.query, self.key, self.value, self.output = (linear() for _ in range(4))
        self.candidate, self.update = linear(bias=False), linear(2 * channels, bias=False)

    def reset_parameters(self) -> None:
        """Draw all parameters anew, as torch draws those of linear layers."""
        for layer in self.children():
            layer.reset_parameters()  # type: ignore[operator]

    def forward(
        self,
        x: Float[Tensor, "batch input channel"],
        state: Float[Tensor, "batch track channel"],
    ) -> Float[Tensor, "batch track channel"]:
        """Return the next state of every track."""
        check_shape("x", x, "batch input channel", channel=self.channels)
        check_shape("state", state, "batch track channel", batch=x.shape[0], channel=self.channels)
        if not x.shape[1]:
            raise ValueError(f"x must hold at least one input, got shape {tuple(x.shape)}")
        return self._next(self._seen(x), state, *self._weights())

    def _seen(self, x: Float[Tensor, "*axes input channel"]) -> Float[Tensor, "*axes input both"]:
        """Return keys and values of inputs, side by side, which do not depend on the state."""
        return torch.cat((self.key(x), self.value(x)), dim=-1)

    def _weights(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the weights and biases of what is made of states, and of what is brought."""
        width = self.channels
        of_state = (self.query.weight, self.key.weight, self.value.weight)
        biases = (self.query.bias, self.key.bias, self.value.bias)
        weight = torch.cat((*of_state, self.update.weight[:, width:]))
        bias = functional.pad(torch.cat(biases), (0, width))
        return weight, bias, torch.cat((self.candidate.weight, self.update.weight[:, :width]))

    def _next(
        self,
        seen: Float[Tensor, "batch input both"],
        state: Float[Tensor, "batch track channel"],
        of_state: Float[Tensor, "four channel"],
        bias: Float[Tensor, " four"],
        of_brought: Float[Tensor, "two channel"],
    ) -> Float[Tensor, "batch track channel"]:
        """Return what `forward` does, of what is the same in all steps and was made before."""
        query, *own, update = functional.linear(state, of_state, bias).chunk(4, dim=-1)
        keys_values = seen.chunk(2, dim=-1)
        if self.keys == "union":
            pairs = zip(keys_values, own, strict=True)
            keys_values = tuple(torch.cat(pair, dim=1) for pair in pairs)
        attended = attend(*(self._split(part) for part in (query, *keys_values)))
        brought = self.output(attended.transpose(1, 2).flatten(2))
        candidate, more = functional.linear(brought, of_brought).chunk(2, dim=-1)
        gate = torch.sigmoid(more + update)
        return (1 - gate) * state + gate * torch.tanh(candidate)

    def _split(
        self, x: Float[Tensor, "batch place channel"]
    ) -> Float[Tensor, "batch head place c"]:
        heads: Tensor = x.unflatten(-1, (self.num_heads, -1))
        return heads.transpose(1, 2)


class PermutationInvariantRNN(Shown):
    r"""Tracks through time: a recurrent layer whose inputs and states are sets.

    In every frame a [`PermutationInvariantCell`][seldkit.layers.PermutationInvariantCell] takes the
    next set of inputs, such as embeddings of what a localizer sees, in any order. A track keeps its
    place in the state, so an identity is never chosen anew. Equal states would stay equal for ever:
    the first ones are learned, and different. A linear layer that all tracks share makes vectors of
    them, and [`vector_pit_loss`][seldkit.losses.vector_pit_loss] with `per="window"` trains them.

    Pieces of a sequence, each begun with the last state of the one before, give what the whole
    gives.

    Source: as the cell. That the first states are learned is our reading: the paper's abstract
    leaves them open.

    Shape:
        - Inputs: `(batch, time, input, channel)`, any number of inputs, and the state before them
          `(batch, track, channel)`.
        - Outputs: the states `(batch, time, track, channel)`, and the last of them.

    Args:
        channels: Channels of inputs and states, a multiple of `num_heads`.
        num_tracks: Number of tracks, where no state is given.
        num_heads: Attention heads.
        keys: What a track may attend to: the `"union"` of inputs and states, or the `"inputs"`.

    Attributes:
        start: The learned states before the first frame, `[track, channel]`.

    Examples:
        >>> layer = PermutationInvariantRNN(32, num_tracks=2)
        >>> states, last = layer(torch.zeros(8, 50, 3, 32))
        >>> states.shape, last.shape
        (torch.Size([8, 50, 2, 32]), torch.Size([8, 2, 32]))
    """

    @plain_settings()
    def __init__(
        self,
        channels: int,
        num_tracks: int,
        *,
        num_heads: int = 4,
        keys: Keys = "union",
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.channels, self.num_tracks = channels, num_tracks
        self.num_heads, self.keys = num_heads, keys
        self.cell = PermutationInvariantCell(
            channels, num_heads=num_heads, keys=keys, device=device, dtype=dtype
        )
        start = torch.empty(num_tracks, channels, device=device, dtype=dtype)
        self.start = nn.Parameter(start)
        nn.init.uniform_(self.start, -1, 1)

    def reset_parameters(self) -> None:
        """Draw the cell anew, and the first states uniformly from ±1, where all states lie."""
        self.cell.reset_parameters()
        nn.init.uniform_(self.start, -1, 1)

    def forward(
        self,
        x: Float[Tensor, "batch time input channel"],
        h0: Float[Tensor, "batch track channel"] | None = None,
    ) -> tuple[Float[Tensor, "batch time track channel"], Float[Tensor, "batch track channel"]]:
        """Return the states after every frame, and the last ones; without `h0`, begin as learned.

        Raises:
            ValueError: If there are no frames or inputs, or the state does not fit them.
        """
        check_shape("x", x, "batch time input channel", channel=self.channels)
        if not x.shape[1] or not x.shape[2]:
            raise ValueError(f"x must have frames and inputs, got shape {tuple(x.shape)}")
        if h0 is None:
            state = self.start.expand(x.shape[0], -1, -1)
        else:
            check_shape("h0", h0, "batch track channel", batch=x.shape[0], channel=self.channels)
            state = h0
        weights, states = self.cell._weights(), []
        for frame in self.cell._seen(x).unbind(1):
            state = self.cell._next(frame, state, *weights)
            states.append(state)
        return torch.stack(states, dim=1), state

    @property
    def step_size(self) -> StepSize:
        """A step takes any number of frames."""
        return StepSize()

    def step(
        self,
        x: Float[Tensor, "batch time input channel"],
        state: Float[Tensor, "batch track channel"] | None = None,
    ) -> tuple[Float[Tensor, "batch time track channel"], State]:
        """Return the states after every frame, and how far the last ones are from the first."""
        states, last = self(x, None if state is None else self.start + state)
        return states, last - self.start
