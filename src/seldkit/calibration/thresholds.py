"""Thresholds chosen on validation data."""

from collections.abc import Sequence
from math import inf, isfinite
from typing import Literal

from torch import Tensor

from seldkit._checks import check_choice, check_count, check_number
from seldkit._typing import Float
from seldkit.calibration._places import Target
from seldkit.calibration.f1 import GRID, f1_curve
from seldkit.calibration.search import Score, search_thresholds


def choose_thresholds(
    scores: Float[Tensor, "*axes cls"],
    target: Target,
    *,
    objective: Literal["f1"] | Score = "f1",
    grid: Sequence[float] | Float[Tensor, " threshold"] = GRID,
    per_class: bool = True,
    fallback: float = 0.5,
    min_positives: int = 1,
    lower_is_better: bool = False,
) -> Float[Tensor, "*cls"]:
    """Choose the threshold of each class, or one for all, on validation data.

    An event is there where a score is greater than its threshold, compared in float64, as in the
    formats, which take the thresholds as they are. Choose on validation data, keep the thresholds
    with the model, and score the test data once.

    Args:
        scores: Probabilities, or lengths of ACCDOA vectors, `(..., cls)`. Of several tracks take
            the largest score; leave out padding with a mask: `scores[mask]`.
        target: Whether each class is active there: 0 or 1, of the same shape.
        objective: `"f1"`, the F1 score of each class, or of all counts together (micro) for one
            threshold. Or a function from thresholds to a number, such as the SELD score of the
            events they lead to. It takes `[cls]`, or a single number if not `per_class`, and the
            search starts from the thresholds of `"f1"`; see
            [`search_thresholds`][seldkit.calibration.search_thresholds].
        grid: Thresholds to try, 0.05, 0.10, ... 0.95 unless said. Of equally good ones the lowest
            is taken.
        per_class: Whether each class gets a threshold of its own.
        fallback: Threshold of classes without support, about which the data say nothing.
        min_positives: In how many places a class must be active to have support; for one threshold,
            all classes together.
        lower_is_better: Whether a function's smallest value is best, as of the SELD score.

    Returns:
        One threshold for each class, `[cls]`, or a single number; float64 on the CPU.

    Raises:
        TypeError: If `min_positives` is no integer, or `fallback` no number.
        ValueError: If shapes differ or there is no place, a score or threshold is not finite, a
            target is neither 0 nor 1, `min_positives` is below 1, or the objective is unknown.

    Examples:
        Class 1 never sounds:

        >>> import torch
        >>> scores = torch.tensor([[0.9, 0.3], [0.6, 0.2], [0.4, 0.8], [0.1, 0.1]])
        >>> target = torch.tensor([[1, 0], [1, 0], [0, 0], [0, 0]])
        >>> choose_thresholds(scores, target)
        tensor([0.4500, 0.5000], dtype=torch.float64)
        >>> choose_thresholds(scores, target, per_class=False)
        tensor(0.4500, dtype=torch.float64)
    """
    if not callable(objective):
        check_choice("objective", objective, ("f1",))
    check_count(min_positives=min_positives)
    check_number(fallback=fallback)
    if not isfinite(fallback):
        raise ValueError(f"fallback must be finite, got {fallback}")
    curve = f1_curve(scores, target, grid=grid)
    if per_class:
        supported, f1 = curve.num_positives >= min_positives, curve.per_class
    else:
        supported, f1 = curve.num_positives.sum() >= min_positives, curve.micro
    first_best = curve.thresholds[f1.nan_to_num(-inf).argmax(dim=0)]
    thresholds = first_best.where(supported, fallback)
    if not callable(objective) or not supported.any():
        return thresholds
    return search_thresholds(
        objective,
        thresholds,
        grid=grid,
        classes=supported.nonzero().squeeze(1).tolist() if per_class else None,
        lower_is_better=lower_is_better,
    )
