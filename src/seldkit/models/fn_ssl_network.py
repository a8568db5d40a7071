"""FN-SSL: the phases of the direct sound of one source, bin by bin."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from seldkit._builders import builder
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.layers import FullNarrowBand, OverPairs, State, StepSize
from seldkit.layers.streaming import step_size, stream_step


class FNSSL(Shown):
    """Full-band and narrow-band LSTMs for each pair of microphones, ended in phases or classes.

    Shape:
        - Input: `(batch, 2 * num_microphones, time, freq)`: real parts of all microphones, then
          imaginary parts.
        - Output: `(batch, frame, pair, part=2, freq)`: cosines and sines, see
          [`DirectPathPhase`][seldkit.formats.DirectPathPhase]; with a classifier its logits,
          `(batch, frame, pair, direction)`.

    Args:
        min_frames: The fewest frames of features that make a frame of output.
        pairs: Reads the features of each pair and returns its phases.
        classifier: From all cosines, then all sines, to logits; None for the phases.
    """

    @plain_settings()
    def __init__(
        self, *, min_frames: int = 1, pairs: OverPairs, classifier: nn.Linear | None = None
    ) -> None:
        super().__init__()
        self.min_frames = min_frames
        self.pairs = pairs
        self.classifier = classifier

    def forward(
        self, features: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch frame pair *rest"]:
        """Return the phases of the direct sound, or the logits of its directions."""
        if features.ndim == 4 and features.shape[2] < self.min_frames:
            shape = tuple(features.shape)
            raise ValueError(f"features must have at least {self.min_frames} frames, got {shape}")
        return self._ended(self.pairs(features))

    @property
    def step_size(self) -> StepSize:
        """Frames that a step takes and makes, or `ValueError` if it is not causal."""
        return step_size(self.pairs)

    def step(
        self, features: Float[Tensor, "batch channel time freq"], state: Any = None
    ) -> tuple[Float[Tensor, "batch frame pair *rest"], State]:
        """Return the output of the next frames and the state behind them."""
        x, state = stream_step(self.pairs, features, state)
        return self._ended(x), state

    def _ended(self, x: Float[Tensor, "batch pair frame part freq"]) -> Tensor:
        phases = x.transpose(1, 2)
        if self.classifier is None:
            return phases
        if 2 * phases.shape[-1] != self.classifier.in_features:
            raise ValueError(
                f"features must have {self.classifier.in_features // 2} bins for the classifier,"
                f" got {phases.shape[-1]}"
            )
        logits: Tensor = self.classifier(phases.flatten(3))
        return logits


class FullNarrowStack(nn.Module):
    """Full-band and narrow-band blocks with skips, then a mean over time and a layer for each bin.

    Shape:
        - Input: `(batch, channel, time, freq)`.
        - Output: `(batch, frame, part=2, freq)`, in ±1.

    Args:
        blocks: The first joins the input by `"concat"`, the others the narrow band before by
            `"add"`.
        pool_time: Frames that are averaged into one.
    """

    def __init__(self, blocks: Sequence[FullNarrowBand], pool_time: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.pool = nn.AvgPool2d((pool_time, 1))
        self.output = nn.Linear(blocks[-1].channels, 2)

    def forward(
        self, x: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch frame part freq"]:
        """Return the phases of each bin."""
        x = x.permute(0, 2, 3, 1)
        first, *others = self.blocks
        narrow, full = first(x, x)
        for block in others:
            narrow, full = block(narrow + full, narrow)
        return self._ended(narrow)

    @property
    def step_size(self) -> StepSize:
        """Frames that a step takes and makes, or `ValueError` if a block is not causal."""
        size = StepSize()
        for block in self.blocks:
            size = size.then(step_size(block))
        return size.then(step_size(self.pool))

    def step(
        self, x: Float[Tensor, "batch channel time freq"], state: Any = None
    ) -> tuple[Float[Tensor, "batch frame part freq"], State]:
        """Return the phases of the next frames and the state behind them."""
        narrow = inputs = x.permute(0, 2, 3, 1)
        states = []
        full: Tensor | None = None
        for block, past in zip(self.blocks, state or [None] * len(self.blocks), strict=True):
            assert isinstance(block, FullNarrowBand)
            inputs = inputs if full is None else narrow + full
            narrow, full, after = block.step(inputs, narrow, past)
            states.append(after)
        return self._ended(narrow), tuple(states)

    def _ended(self, narrow: Tensor) -> Tensor:
        mean = self.pool(narrow.permute(0, 3, 1, 2))
        phases: Tensor = self.output(mean.permute(0, 2, 3, 1)).tanh()
        return phases.transpose(2, 3)


@builder
@plain_settings(from_zero=["pairs"])
def fn_ssl(
    num_microphones: int = 2,
    *,
    pairs: Sequence[Sequence[int]] | None = None,
    num_bins: int = 256,
    width: int = 256,
    num_blocks: int = 3,
    pool_time: int = 12,
    num_directions: int | None = None,
    causal: bool = True,
    dropout: float = 0.2,
) -> FNSSL:
    """Build FN-SSL, which hears the direct sound of one source with each pair of microphones.

    LSTMs along frequency and along time, in turns, bring the spectra of a pair to the phase
    difference that the direct sound alone would have, and to zero in silence. Targets and
    directions are those of [`DirectPathPhase`][seldkit.formats.DirectPathPhase] with
    `max_sources=1`. Pairs share all weights. The network streams if it is causal.

    Features are [`presets.ipdnet`][seldkit.features.presets.ipdnet], the loss is
    [`direct_path_loss`][seldkit.losses.direct_path_loss].

    Args:
        num_microphones: Number of microphones.
        pairs: Pairs `(m, n)` of microphones; by default the first with each other one.
        num_bins: Bins of the features, where there is a layer behind the phases; without it any
            number will do.
        width: Channels of each LSTM, of both directions together.
        num_blocks: Number of [`FullNarrowBand`][seldkit.layers.FullNarrowBand] blocks.
        pool_time: Frames of features that are averaged into one of the output.
        num_directions: Classes of a layer behind the phases, such as the published 180 azimuths of
            a line of two microphones; None for the phases.
        causal: Whether LSTMs along time read forward alone; the published "online" form.
        dropout: Dropout behind the LSTMs.

    Raises:
        ValueError: If a number is out of range, or a pair is not of two of the microphones.

    Source: Wang et al., "FN-SSL: Full-band and narrow-band fusion for sound source localization",
    Interspeech 2023. Sizes are those of the published code, and numbers of parameters equal its
    own; how the skips run is our reading of them: the first narrow band is given the input, later
    ones add that before, and later full bands add the full band before. So is where frames are
    averaged: before the last layer.

    Examples:
        >>> [sum(p.numel() for p in fn_ssl(causal=causal).parameters()) for causal in (True, False)]
        [2511362, 2118146]
        >>> import torch
        >>> fn_ssl(4, width=8, num_bins=16)(torch.zeros(1, 8, 24, 16)).shape
        torch.Size([1, 2, 3, 2, 16])
    """
    channels = 4
    first = FullNarrowBand(channels, width, channels, causal=causal, dropout=dropout)
    others = [
        FullNarrowBand(width, width, width, join="add", causal=causal, dropout=dropout)
        for _ in range(num_blocks - 1)
    ]
    stack = FullNarrowStack([first, *others], pool_time)
    return FNSSL(
        min_frames=pool_time,
        pairs=OverPairs(stack, num_microphones, num_groups=2, pairs=pairs),
        classifier=None if num_directions is None else nn.Linear(2 * num_bins, num_directions),
    )
