"""What all steps of post-processing have in common: settings that are kept, and a reach."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from math import isnan

import torch
from torch import Tensor

from seldkit._checks import integer, plain_numbers
from seldkit._typing import Bool, Float
from seldkit.outputs import SELDOutput
from seldkit.postprocess._scores import has_tracks, scores_of, strongest
from seldkit.postprocess._time import Setting


@dataclass(frozen=True)
class KeptStep:
    """Settings are kept as plain numbers, which can be compared and written as JSON."""

    @property
    def lookback(self) -> int | None:
        """Frames before a frame that the step reads; None without end."""
        return self._reach()

    @property
    def lookahead(self) -> int | None:
        """Frames behind a frame that the step reads; None without end."""
        return self._reach()

    def _reach(self) -> int | None:
        """Return how many frames it reads on either side."""
        return None

    def _keep_numbers(self, *names: str) -> None:
        for name in names:
            kept = plain_numbers(name, getattr(self, name))
            if any(isnan(x) for x in (kept if isinstance(kept, tuple) else (kept,))):
                raise ValueError(f"{name} must not be nan, got {kept}")
            object.__setattr__(self, name, kept)

    def _keep_counts(self, *names: str) -> None:
        for name in names:
            value = getattr(self, name)
            value = value.tolist() if hasattr(value, "tolist") else value
            several = isinstance(value, Sequence) and not isinstance(value, str)
            kept = tuple(integer(name, n) for n in value) if several else integer(name, value)
            if min(kept) < 0 if isinstance(kept, tuple) else kept < 0:
                raise ValueError(f"{name} must not be negative, got {value}")
            object.__setattr__(self, name, kept)


class StepOnActive(KeptStep):
    """A step on what is active, whose first setting is a number of frames."""

    threshold: Setting
    planar: bool

    def __post_init__(self) -> None:
        self._keep_counts(fields(self)[0].name)
        self._keep_numbers("threshold")

    def _active(self, output: SELDOutput | Tensor) -> Bool[Tensor, "*places"]:
        """Return what a format with these thresholds decodes: of a track at most one class."""
        scores = scores_of(output, self.planar)
        active = scores > threshold_tensor(self.threshold, scores)
        factor = factor_of(scores, self.threshold)
        return strongest(factor, active) if has_tracks(output) else active


def largest(setting: Setting) -> int:
    """Return a number of frames, or the largest of one for each class."""
    return int(torch.as_tensor(setting).max())


def threshold_tensor(setting: Setting, scores: Tensor) -> Float[Tensor, "*cls"]:
    """Return a threshold, or one for each class, beside the scores."""
    threshold = torch.as_tensor(setting, dtype=torch.float64, device=scores.device)
    if threshold.ndim and threshold.shape != scores.shape[-1:]:
        raise ValueError(
            f"threshold must be one number or {scores.shape[-1]}, got {threshold.numel()}"
        )
    return threshold


def factor_of(scores: Float[Tensor, "*places"], setting: Setting) -> Float[Tensor, "*places"]:
    """Return by what factor scores exceed a threshold."""
    return scores / threshold_tensor(setting, scores).clamp(min=1e-12)
