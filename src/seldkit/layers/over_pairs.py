"""One network for each pair of microphones, the same for all."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from seldkit._checks import check_count, check_shape
from seldkit._pairs import check_pairs, pairs_among, pairs_with_first
from seldkit._settings import Shown
from seldkit._typing import Float
from seldkit.layers.streaming import State, StepSize, step_size, stream_step


class OverPairs(Shown):
    """Reads the features of each pair of microphones by one network that all pairs share.

    So the network learns what a pair tells, and works for any array. Features come in groups, each
    of a channel for every microphone: all levels, then all phases, say. A pair `(m, n)` is given
    those of `m` and `n`, group by group. Pairs are read side by side, as if they were a batch.

    It streams if the network does.

    Shape:
        - Input: `(batch, num_groups * num_microphones, time, freq)`.
        - The network: `(batch, num_groups * 2, time, freq)` to `(batch, ...)`.
        - Output: `(batch, pair, ...)`.

    Args:
        network: What reads the features of a pair.
        num_microphones: Number of microphones.
        num_groups: Channels of features for each microphone.
        pairs: Pairs `(m, n)` of microphones; by default the first with each other one.

    Raises:
        TypeError: If a number is no integer.
        ValueError: If there are fewer than two microphones or no group, or a pair is not of two of
            the microphones.

    Examples:
        >>> layer = OverPairs(nn.Identity(), 3, num_groups=2)
        >>> features = torch.tensor([1.0, 2.0, 3.0, 10.0, 20.0, 30.0]).reshape(1, 6, 1, 1)
        >>> layer(features).flatten(2)
        tensor([[[ 1.,  2., 10., 20.],
                 [ 1.,  3., 10., 30.]]])
    """

    channel: Tensor

    def __init__(
        self,
        network: nn.Module,
        num_microphones: int,
        *,
        num_groups: int = 1,
        pairs: Sequence[Sequence[int]] | None = None,
    ) -> None:
        super().__init__()
        check_count(num_microphones=num_microphones, num_groups=num_groups)
        self.network = network
        self.num_microphones, self.num_groups = int(num_microphones), int(num_groups)
        self.pairs = pairs_among(self.num_microphones, check_pairs(pairs), pairs_with_first)
        group = torch.arange(self.num_groups) * self.num_microphones
        channel = torch.tensor(self.pairs).unsqueeze(1) + group.unsqueeze(1)
        self.register_buffer("channel", channel.flatten(), persistent=False)

    def forward(
        self, features: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch pair *axes"]:
        """Return what the network makes of each pair."""
        result: Tensor = self.network(self._pairs_of(features))
        return self._apart(result)

    @property
    def step_size(self) -> StepSize:
        """That of the network, or `ValueError` if it cannot stream."""
        return step_size(self.network)

    def step(
        self, features: Float[Tensor, "batch channel time freq"], state: Any = None
    ) -> tuple[Float[Tensor, "batch pair *axes"], State]:
        """Return what the network makes of the next frames, and its state for each pair."""
        if state is not None:
            state = _each(lambda x: x.flatten(0, 1), state)
        result, state = stream_step(self.network, self._pairs_of(features), state)
        return self._apart(result), _each(self._apart, state)

    def _pairs_of(self, features: Tensor) -> Float[Tensor, "rows channel time freq"]:
        channels = self.num_groups * self.num_microphones
        check_shape("features", features, "batch channel time freq", channel=channels)
        gathered = features.index_select(1, self.channel)
        shape = gathered.shape
        return gathered.reshape(shape[0] * len(self.pairs), 2 * self.num_groups, *shape[2:])

    def _apart(self, rows: Tensor) -> Tensor:
        return rows.reshape(-1, len(self.pairs), *rows.shape[1:])


def _each(change: Any, state: State) -> State:
    """Return a state of the same form with each tensor changed."""
    if isinstance(state, Tensor):
        changed: Tensor = change(state)
        return changed
    return tuple(_each(change, part) for part in state)
