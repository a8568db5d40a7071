"""What all metrics of tracks have in common: sums that are kept clip by clip."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from seldkit.events import Events
from seldkit.metrics.clip_metrics import check_alike
from seldkit.metrics.counts import Counts, concatenate
from seldkit.metrics.tracking.clip import TrackClip, lay_clip


class TrackMetrics(ABC):
    """Counts of clip after clip, from which scores are computed.

    Give it one clip a call. What is counted of each clip is kept, so that
    [`jackknife`][seldkit.metrics.jackknife] and [`gather`][seldkit.metrics.gather] read it.
    """

    alike: ClassVar[tuple[str, ...]]
    """What must be the same wherever counts are put together: arguments, in their order."""

    _names: ClassVar[tuple[str, ...]]
    """What is counted of a clip."""

    def reset(self) -> None:
        """Forget every clip."""
        self._counted: list[Counts] = []

    def update(self, prediction: Events, reference: Events) -> None:
        """Take in one clip, all of its rows.

        Args:
            prediction: What a system found. A track is what has one source and one label.
            reference: What there is, in frames of the same length.

        Raises:
            TypeError: If either is not `Events`.
            ValueError: If their frames differ in length, or a track has two rows in one frame.
        """
        counts = self._count(lay_clip(prediction, reference))
        by_clip = {
            name: torch.as_tensor(value, dtype=torch.float64).reshape(1)
            for name, value in zip(self._names, counts, strict=True)
        }
        self._counted.append(Counts({}, by_clip))

    def merge(self, other: "TrackMetrics") -> None:
        """Add the clips of another accumulator, such as another process's.

        Raises:
            TypeError: If `other` is of another kind.
            ValueError: If one of its settings differs.
        """
        check_alike(self, other)
        self.add_counts(other.counts())

    def add_counts(self, counts: Counts) -> None:
        """Add clips that an accumulator of the same settings has counted."""
        self._counted.append(counts)

    def counts(self) -> Counts:
        """Return the counts of each clip, in the order of the updates: `[clip]` by name."""
        nothing = Counts({}, {name: torch.zeros(0, dtype=torch.float64) for name in self._names})
        self._counted = [concatenate([nothing, *self._counted])]
        return self._counted[0]

    @property
    def num_clips(self) -> int:
        """Number of clips so far."""
        return sum(len(counts.overall[self._names[0]]) for counts in self._counted)

    @abstractmethod
    def score(self, counts: Counts) -> Mapping[str, Tensor]:
        """Return the scores that counts have, by name: of the shape of the counts."""

    @abstractmethod
    def _count(self, clip: TrackClip) -> tuple[Tensor | float, ...]:
        """Return what is counted of a clip, in the order of the names."""

    def _scores(self) -> dict[str, float]:
        """Return the scores of all clips so far."""
        if not self.num_clips:
            raise ValueError("compute needs at least one clip, got none: call update first")
        return {name: float(score) for name, score in self.score(self.counts().total()).items()}

    def __repr__(self) -> str:
        shown = {name: getattr(self, name) for name in self.alike} | {"clips": self.num_clips}
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in shown.items())})"
