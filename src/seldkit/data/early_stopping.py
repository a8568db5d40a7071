"""When to stop: after so many scores that are no better."""

import math
from collections.abc import Mapping
from typing import Any

from seldkit._checks import check_count, check_number


class EarlyStopping:
    """The best score of a run so far, and whether it is time to stop.

    As a part of checkpoints it lets a run that goes on compare with the best of all its epochs. In
    several processes each must be given the same score, because all have to stop at once:
    [`map_over_processes`][seldkit.data.map_over_processes] sees to it.

    Args:
        patience: After how many scores in a row that are no better to stop; never if None.
        higher: Whether higher scores are better.

    Attributes:
        best: The best score; None before the first. nan is worse than anything.
        stale: Number of scores since the best.

    Raises:
        ValueError: If the patience is not at least 1.

    Examples:
        >>> stopping = EarlyStopping(patience=2)
        >>> [stopping.update(score) for score in (0.2, 0.5, 0.4, 0.5)]
        [True, True, False, False]
        >>> stopping.best, stopping.stop
        (0.5, True)
    """

    def __init__(self, patience: int | None = None, *, higher: bool = True) -> None:
        if patience is not None:
            check_count(patience=patience)
        self.patience, self.higher = patience, higher
        self.best: float | None = None
        self.stale = 0

    @property
    def stop(self) -> bool:
        """Whether patience has run out."""
        return self.patience is not None and self.stale >= self.patience

    def update(self, score: float) -> bool:
        """Count a score; return whether it is the best so far, as the first always is."""
        check_number(score=score)
        if better := self._is_better(float(score)):
            self.best, self.stale = float(score), 0
        else:
            self.stale += 1
        return better

    def _is_better(self, score: float) -> bool:
        if self.best is None or math.isnan(self.best):
            return self.best is None or not math.isnan(score)
        return score > self.best if self.higher else score < self.best

    def state_dict(self) -> dict[str, Any]:
        """Return the best score and the number since."""
        return {"best": self.best, "stale": self.stale}

    def load_state_dict(self, state_dict: Mapping[str, Any], /) -> None:
        """Take up the best score and the number since."""
        self.best, self.stale = state_dict["best"], state_dict["stale"]
