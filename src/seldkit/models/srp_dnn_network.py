"""SRP-DNN: the phases that the direct sound of each pair of microphones would have alone."""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Any

from torch import Tensor, nn

from seldkit._builders import builder
from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.layers import CausalDoubleConv, GatedRecurrentUnit, OverPairs, State, StepSize
from seldkit.layers.conv import bins_after
from seldkit.layers.streaming import step_size, stream_step


class SRPDNN(Shown):
    """Convolutions and a GRU for each pair of microphones, ended by phases of the direct sound.

    Shape:
        - Input: `(batch, 2 * num_microphones, time, freq=num_bins)`: the levels of all microphones,
          then their phases.
        - Output: `(batch, frame, pair, part=2, freq=num_bins)`: cosines and sines, see
          [`DirectPathPhase`][seldkit.formats.DirectPathPhase].

    Args:
        num_bins: Bins of the features.
        min_frames: The fewest frames of features that make a frame of output.
        max_sources: What outputs are scaled by: as many phases as sound at once are summed.
        pairs: Reads the features of each pair: maps in, `(batch, pair, frame, both)` out, with the
            cosines of all bins, then their sines, in ±1.
    """

    @plain_settings()
    def __init__(
        self, *, num_bins: int, min_frames: int = 1, max_sources: int = 2, pairs: OverPairs
    ) -> None:
        super().__init__()
        self.num_bins, self.min_frames, self.max_sources = num_bins, min_frames, max_sources
        self.pairs = pairs

    def forward(
        self, features: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch frame pair part freq"]:
        """Return the phases of the direct sounds, summed over the sources."""
        self._check(features)
        if features.shape[2] < self.min_frames:
            shape = tuple(features.shape)
            raise ValueError(f"features must have at least {self.min_frames} frames, got {shape}")
        return self._ended(self.pairs(features))

    @property
    def step_size(self) -> StepSize:
        """Frames of features that a step takes, and frames of output that it makes."""
        return step_size(self.pairs)

    def step(
        self, features: Float[Tensor, "batch channel time freq"], state: Any = None
    ) -> tuple[Float[Tensor, "batch frame pair part freq"], State]:
        """Return the phases of the next frames and the state behind them."""
        self._check(features)
        x, state = stream_step(self.pairs, features, state)
        return self._ended(x), state

    def _check(self, features: Tensor) -> None:
        sizes = {"channel": 2 * self.pairs.num_microphones, "freq": self.num_bins}
        check_shape("features", features, "batch channel time freq", **sizes)

    def _ended(self, x: Tensor) -> Tensor:
        batch, pair, frame, _ = x.shape
        phases = x.transpose(1, 2).reshape(batch, frame, pair, 2, self.num_bins)
        return phases * self.max_sources


class PairSequence(nn.Module):
    """A trunk of convolutions, and what reads its channels and bins as a sequence.

    Shape:
        - Input: `(batch, channel, time, freq)`.
        - Output: `(batch, frame, out)`.

    Args:
        trunk: Takes and returns a map.
        sequence: Takes and returns a sequence.
    """

    def __init__(self, trunk: nn.Module, sequence: nn.Module) -> None:
        super().__init__()
        self.trunk, self.sequence = trunk, sequence

    def forward(
        self, x: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch frame out"]:
        """Return the sequence."""
        result: Tensor = self.sequence(self.trunk(x).transpose(1, 2).flatten(2))
        return result

    @property
    def step_size(self) -> StepSize:
        """Frames that a step takes and makes, or `ValueError` if a part cannot stream."""
        return step_size(self.trunk).then(step_size(self.sequence))

    def step(
        self, x: Float[Tensor, "batch channel time freq"], state: Any = None
    ) -> tuple[Float[Tensor, "batch frame out"], State]:
        """Return the sequence of the next frames and the state behind them."""
        of_trunk, of_sequence = state or (None, None)
        x, of_trunk = stream_step(self.trunk, x, of_trunk)
        x, of_sequence = stream_step(self.sequence, x.transpose(1, 2).flatten(2), of_sequence)
        return x, (of_trunk, of_sequence)


@builder
@plain_settings(from_zero=["pairs"])
def srp_dnn(
    num_microphones: int = 2,
    *,
    pairs: Sequence[Sequence[int]] | None = None,
    num_bins: int = 256,
    widths: Sequence[int] = (64, 64, 64, 64, 64),
    pool_time: Sequence[int] = (1, 1, 2, 2, 3),
    pool_freq: Sequence[int] = (4, 2, 2, 2, 2),
    rnn_channels: int = 256,
    max_sources: int = 2,
) -> SRPDNN:
    """Build SRP-DNN, which hears the direct sound of each pair of microphones through the echoes.

    Causal convolutions and a forward GRU turn the noisy levels and phases of a pair into the phase
    differences that its direct sounds alone would have, weighted by their activity and summed over
    the sources. [`DirectPathPhase`][seldkit.formats.DirectPathPhase] makes such targets and finds
    the directions in what the network returns. Pairs share all weights, so one network serves any
    array, also one that it was not trained for. A frame of output sees its own feature frames and
    those before; it streams.

    Features are [`presets.srp_dnn`][seldkit.features.presets.srp_dnn], the loss is
    [`direct_path_loss`][seldkit.losses.direct_path_loss], and
    [`compat.srp_dnn.convert`][seldkit.compat.srp_dnn.convert] reads the published weights.

    Args:
        num_microphones: Number of microphones.
        pairs: Pairs `(m, n)` of microphones; by default the first with each other one, as
            published.
        num_bins: Bins of the features.
        widths: Channels of each [`CausalDoubleConv`][seldkit.layers.CausalDoubleConv].
        pool_time: Frames of which each block keeps the greatest. Their product is the feature
            frames of a frame of output: 12, so 192 ms with the published features.
        pool_freq: Bins of which each block keeps the greatest.
        rnn_channels: Channels of the GRU.
        max_sources: The most sources at once: outputs lie within plus and minus that.

    Raises:
        ValueError: If a number is out of range, the widths and poolings differ in length, bins are
            fewer than are pooled, or a pair is not of two of the microphones.

    Source: Yang et al., "SRP-DNN: Learning direct-path phase difference for multiple moving sound
    source localization", ICASSP 2022, section 3; sizes of the published code.

    Examples:
        >>> import torch
        >>> model = srp_dnn(4)
        >>> sum(p.numel() for p in model.parameters())
        861696
        >>> model(torch.zeros(1, 8, 24, 256)).shape
        torch.Size([1, 2, 3, 2, 256])
    """
    bins = bins_after(num_bins, widths, pool_time, pool_freq)
    stages = zip(pairwise([4, *widths]), pool_time, pool_freq, strict=True)
    trunk = nn.Sequential(
        *(
            nn.Sequential(
                OrderedDict(conv=CausalDoubleConv(*pair), pool=nn.MaxPool2d((time, freq)))
            )
            for pair, time, freq in stages
        )
    )
    sequence = OrderedDict(
        recurrent=GatedRecurrentUnit(widths[-1] * bins, rnn_channels, bidirectional=False),
        output=nn.Linear(rnn_channels, 2 * num_bins),
        tanh=nn.Tanh(),
    )
    return SRPDNN(
        num_bins=num_bins,
        min_frames=prod(pool_time),
        max_sources=max_sources,
        pairs=OverPairs(
            PairSequence(trunk, nn.Sequential(sequence)), num_microphones, num_groups=2, pairs=pairs
        ),
    )
