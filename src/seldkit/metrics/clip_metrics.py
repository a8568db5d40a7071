"""What metrics have in common, whatever they count: sums of each clip."""

from collections.abc import Mapping
from typing import ClassVar, Protocol, runtime_checkable

from torch import Tensor

from seldkit.metrics.counts import Counts


@runtime_checkable
class Alike(Protocol):
    """What has settings."""

    alike: ClassVar[tuple[str, ...]]
    """What must be the same wherever clips are put together: names of attributes."""


@runtime_checkable
class ClipMetrics(Alike, Protocol):
    """Counts of clip after clip, from which scores are computed."""

    @property
    def num_clips(self) -> int:
        """Number of clips so far."""
        ...

    def reset(self) -> None:
        """Forget every clip."""
        ...

    def counts(self) -> Counts:
        """Return the counts of each clip, in the order of the updates."""
        ...

    def add_counts(self, counts: Counts) -> None:
        """Add clips that an accumulator of the same settings has counted."""
        ...

    def score(self, counts: Counts) -> Mapping[str, Tensor]:
        """Return the scores that counts have, by name."""
        ...


def check_alike(mine: Alike, other: object) -> None:
    """Raise unless other metrics are of one kind and have the same settings.

    Raises:
        TypeError: If they are of another kind.
        ValueError: If a setting differs.
    """
    kind = type(mine).__name__
    if type(other) is not type(mine):
        raise TypeError(f"other must be {kind}, got {type(other).__name__}")
    for name in mine.alike:
        here, there = getattr(mine, name), getattr(other, name)
        if here != there:
            raise ValueError(f"other.{name} must be {here!r} as here, got {there!r}")
