"""Steps of post-processing that are kept with a trained system: settings, and a call.

Each takes an output without the batch axis, class-wise, track-wise, ACCDOA or multi-ACCDOA, and
returns one of its kind.
"""

from dataclasses import KW_ONLY, dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._checks import check_choice
from seldkit._typing import Bool, Float
from seldkit.outputs import Output, SELDOutput
from seldkit.postprocess._base import KeptStep, StepOnActive, factor_of, largest
from seldkit.postprocess._scores import (
    CERTAIN,
    decided,
    has_tracks,
    hold,
    scores_of,
    strongest,
    with_lengths,
    with_vectors,
)
from seldkit.postprocess._time import Setting, check_window, reach_of
from seldkit.postprocess.link import check_memory, link_tracks
from seldkit.postprocess.median import median_filter
from seldkit.postprocess.runs import drop_short, fill_gaps, hysteresis
from seldkit.postprocess.tracks import smooth_tracks


@dataclass(frozen=True)
class LinkTracks(KeptStep):
    """[`link_tracks`][seldkit.postprocess.link_tracks] as a step.

    Args:
        memory: How much of its event a silent track still holds one frame later, 0 to 1.
        planar: Whether vectors are `x, y[, distance][, onscreen]`, as of a planar format.
    """

    _: KW_ONLY
    memory: float = 0.9
    planar: bool = False

    def __post_init__(self) -> None:
        check_memory(self.memory)
        self._keep_numbers("memory")

    @property
    def lookahead(self) -> int:
        """Zero frames: a track is what it was."""
        return 0

    def __call__(self, output: Output) -> Output:
        """Return an output whose events keep their tracks."""
        return link_tracks(output, memory=self.memory, planar=self.planar)


@dataclass(frozen=True)
class MedianFilter(KeptStep):
    """[`median_filter`][seldkit.postprocess.median_filter] of the scores as a step.

    Args:
        window: How many frames to look at, odd.
        edge: What lies beyond the clip: its `"nearest"` frame again, or `"zero"`.
        planar: Whether vectors are `x, y[, distance][, onscreen]`, as of a planar format.
    """

    window: int
    _: KW_ONLY
    edge: Literal["nearest", "zero"] = "nearest"
    planar: bool = False

    def __post_init__(self) -> None:
        check_window(self.window)
        check_choice("edge", self.edge, ("nearest", "zero"))
        self._keep_counts("window")

    def _reach(self) -> int:
        return self.window // 2

    def __call__(self, output: Output) -> Output:
        """Return an output whose probabilities, or lengths of vectors, are filtered."""
        if not isinstance(output, SELDOutput):
            scores = scores_of(output, self.planar)
            filtered = median_filter(scores, self.window, dim=0, edge=self.edge)
            return with_lengths(hold(output, scores <= 0, scores > 0), filtered, self.planar)
        scores_of(output, self.planar)
        logits, half = output.activity.clamp(-CERTAIN, CERTAIN), self.window // 2
        if self.edge == "zero":  # of the probability
            silence = (0, 0) * (logits.ndim - 1) + (half, half)
            logits = functional.pad(logits, silence, value=-CERTAIN)
        filtered = median_filter(logits, self.window, dim=0)
        if self.edge == "zero":
            filtered = filtered[half : half + len(output.activity)]
        return output._replace(activity=filtered)


@dataclass(frozen=True)
class Hysteresis(KeptStep):
    """[`hysteresis`][seldkit.postprocess.hysteresis] as a step.

    Args:
        high: What a sound must exceed in one of its frames: a probability or a length of vectors,
            one for all classes or one for each.
        low: What it must exceed in all of them; `high` unless said.
        planar: Whether vectors are `x, y[, distance][, onscreen]`, as of a planar format.
    """

    high: Setting
    low: Setting | None = None
    _: KW_ONLY
    planar: bool = False

    def __post_init__(self) -> None:
        self._keep_numbers("high", *([] if self.low is None else ["low"]))

    def _reach(self) -> int | None:
        return 0 if self.low in (None, self.high) else None

    def __call__(self, output: Output) -> Output:
        """Return an output that decodes to what hysteresis finds."""
        scores = scores_of(output, self.planar)
        low = self.high if self.low is None else self.low
        active = hysteresis(scores, low=low, high=self.high, dim=0)
        return decided(output, active, factor_of(scores, self.high), planar=self.planar)


@dataclass(frozen=True)
class FillGaps(StepOnActive):
    """[`fill_gaps`][seldkit.postprocess.fill_gaps] as a step.

    Args:
        max_frames: Length of the longest gap to fill, one for all classes or one for each.
        threshold: What an active place exceeds, one for all classes or one for each; that of the
            format.
        planar: Whether vectors are `x, y[, distance][, onscreen]`, as of a planar format.
    """

    max_frames: Setting
    _: KW_ONLY
    threshold: Setting = 0.5
    planar: bool = False

    def _reach(self) -> int:
        return largest(self.max_frames)

    def __call__(self, output: Output) -> Output:
        """Return an output that decodes to events without gaps.

        In a gap direction and distance are those of the last frame before it.
        """
        known = self._active(output)
        active = fill_gaps(known, self.max_frames, dim=0)
        factor = known.double()  # what sounds goes first
        if has_tracks(output):
            active = strongest(factor, active)
        return decided(hold(output, active & ~known, known), active, factor, planar=self.planar)


@dataclass(frozen=True)
class DropShort(StepOnActive):
    """[`drop_short`][seldkit.postprocess.drop_short] as a step.

    Args:
        min_frames: Length of the shortest event to keep, one for all classes or one for each.
        threshold: What an active place exceeds, one for all classes or one for each; that of the
            format.
        planar: Whether vectors are `x, y[, distance][, onscreen]`, as of a planar format.
    """

    min_frames: Setting
    _: KW_ONLY
    threshold: Setting = 0.5
    planar: bool = False

    def _reach(self) -> int:
        return max(largest(self.min_frames) - 1, 0)

    def __call__(self, output: Output) -> Output:
        """Return an output that decodes to no event of fewer frames."""
        active = drop_short(self._active(output), self.min_frames, dim=0)
        return decided(output, active, active.double(), planar=self.planar)


@dataclass(frozen=True)
class SmoothTracks(StepOnActive):
    """[`smooth_tracks`][seldkit.postprocess.smooth_tracks] as a step.

    Args:
        window: How many frames to look at, odd unless causal; fewer at the ends of an event.
        threshold: What an active place exceeds, one for all classes or one for each; that of the
            format.
        planar: Whether vectors are `x, y[, distance][, onscreen]`, as of a planar format.
        causal: Whether these are the frame and those before it: then nothing waits for later sound.
    """

    window: int
    _: KW_ONLY
    threshold: Setting = 0.5
    planar: bool = False
    causal: bool = False

    def __post_init__(self) -> None:
        reach_of(self.window, self.causal)
        super().__post_init__()

    @property
    def lookback(self) -> int:
        """Frames of the window before a frame."""
        return reach_of(self.window, self.causal)[0]

    @property
    def lookahead(self) -> int:
        """Frames of the window behind a frame."""
        return reach_of(self.window, self.causal)[1]

    def __call__(self, output: Output) -> Output:
        """Return an output with smooth directions; lengths, activity and distances stay."""
        active = self._active(output)
        if isinstance(output, Tensor):
            vector = output[..., : 2 if self.planar else 3].detach().double()
            return with_vectors(output, self._smooth(vector, active))
        direction = output.direction.detach().double()
        if direction.ndim == active.ndim + 1:
            smooth = self._smooth(direction, active)
        else:  # one direction for all classes of a track: each class is smoothed by itself
            each = self._smooth(direction.unsqueeze(-2).expand(*active.shape, 3), active)
            one = (each * active.unsqueeze(-1)).sum(dim=-2)
            smooth = one.where(active.any(dim=-1, keepdim=True), direction)
        return output._replace(direction=smooth.to(output.direction))

    def _smooth(
        self, vector: Float[Tensor, "*places axis"], active: Bool[Tensor, "*places"]
    ) -> Float[Tensor, "*places axis"]:
        """Return smooth directions at the old lengths; what is not active stays."""
        axes = vector.shape[-1]
        whole = functional.pad(vector, (0, 3 - axes))
        smooth = smooth_tracks(whole, active, self.window, causal=self.causal, dim=0)[..., :axes]
        length = torch.linalg.vector_norm(vector, dim=-1, keepdim=True)
        smooth = smooth * length.where(length > 0, 1)
        kept: Tensor = smooth.where(active.unsqueeze(-1), vector)
        return kept
