"""Thresholds for a score that only the whole chain of decoding and scoring can tell."""

from collections.abc import Callable, Sequence
from itertools import chain, repeat
from math import inf, isnan

import torch
from torch import Tensor

from seldkit._checks import check_count, check_finite, integer
from seldkit._typing import Float
from seldkit.calibration._places import grid_of
from seldkit.calibration.f1 import GRID

Score = Callable[[Tensor], float]


def search_thresholds(
    score: Score,
    start: Float[Tensor, "*cls"] | float,
    *,
    grid: Sequence[float] | Float[Tensor, " threshold"] = GRID,
    classes: Sequence[int] | None = None,
    max_rounds: int = 3,
    lower_is_better: bool = False,
) -> Float[Tensor, "*cls"]:
    """Search the thresholds with the best score, class by class.

    One class after the other takes the best threshold of the grid while the others stand still,
    until no class has anything to gain. The score never gets worse than that of the start, and no
    other threshold of one class makes the result better, unless `max_rounds` cut the search short.
    Where classes do not influence one another, as in the macro F-score of ACCDOA by frames, one
    round finds the best of all combinations. A round asks for the score about
    `len(classes) * len(grid)` times.

    Args:
        score: From thresholds, of the shape of `start` in float64, to a number. nan counts as
            worst.
        start: Thresholds to start from, `[cls]`, or a single number for one threshold on which all
            classes agree.
        grid: Thresholds to try, 0.05, 0.10, ... 0.95 unless said, and next to them the one a class
            has. Of equally good ones the lowest is taken.
        classes: Which to search, in this order; all unless said. The others stay as they are.
        max_rounds: After how many rounds to stop in any case.
        lower_is_better: Whether the smallest score is best, as of the SELD score.

    Returns:
        The thresholds, of the shape of `start`; float64 on the CPU.

    Raises:
        TypeError: If a class or `max_rounds` is no integer.
        ValueError: If `start` has more than one axis, a threshold is not finite, a class is not
            below `len(start)`, or `max_rounds` is not positive.

    Examples:
        >>> import torch
        >>> def score(thresholds):  # best at 0.2 and 0.7, or close to it
        ...     return -float((thresholds - torch.tensor([0.2, 0.71])).abs().sum())
        >>> search_thresholds(score, torch.tensor([0.5, 0.5]))
        tensor([0.2000, 0.7000], dtype=torch.float64)
    """
    start = torch.as_tensor(start, dtype=torch.float64)
    if start.ndim > 1:
        raise ValueError(f"start must be one threshold or (cls,), got shape {tuple(start.shape)}")
    check_finite("start", start)
    check_count(max_rounds=max_rounds)
    candidates = grid_of(grid).tolist()
    best = start.detach().cpu().clone()
    flat = best.view(-1)
    given = range(len(flat)) if classes is None else classes
    order = tuple(dict.fromkeys(integer("classes", place) for place in given))
    for place in order:
        if not 0 <= place < len(flat):
            raise ValueError(f"classes must be below {len(flat)}, got {place}")

    def goodness() -> float:
        value = float(score(best.clone()))
        if isnan(value):
            return -inf
        return -value if lower_is_better else value

    reached = goodness()
    settled_since = None  # this class was searched, and no other has moved after it
    for place in chain.from_iterable(repeat(order, max_rounds)):
        if place == settled_since:
            break
        own = flat[place].item()
        found = {own: reached}
        for candidate in candidates:
            if candidate not in found:
                flat[place] = candidate
                found[candidate] = goodness()
        reached = max(found.values())
        flat[place] = own if reached == -inf else _lowest(found, reached)
        if flat[place] != own or settled_since is None:
            settled_since = place
    return best


def _lowest(found: dict[float, float], value: float) -> float:
    return min(threshold for threshold, reached in found.items() if reached == value)
