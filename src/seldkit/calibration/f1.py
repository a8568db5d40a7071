"""The F1 score as a function of the threshold."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from seldkit._typing import Float, Int
from seldkit.calibration._places import Target, grid_of, places

GRID = tuple(step / 20 for step in range(1, 20))
"""0.05, 0.10, ... 0.95."""


class F1Curve(NamedTuple):
    """F1 scores at each of several thresholds; nan where nothing is active and nothing found.

    Attributes:
        thresholds: The thresholds in rising order, `[threshold]`.
        per_class: F1 of each class, 0 to 1, `[threshold, cls]`.
        micro: F1 of the counts of all classes together, `[threshold]`.
        num_positives: In how many places each class is active, `[cls]`.
    """

    thresholds: Float[Tensor, " threshold"]
    per_class: Float[Tensor, "threshold cls"]
    micro: Float[Tensor, " threshold"]
    num_positives: Int[Tensor, " cls"]


def f1_curve(
    scores: Float[Tensor, "*axes cls"],
    target: Target,
    *,
    grid: Sequence[float] | Float[Tensor, " threshold"] = GRID,
) -> F1Curve:
    r"""Return the F1 score of `scores > threshold` at every threshold of a grid.

    $$F_1 = \frac{2\, TP}{2\, TP + FP + FN}$$

    counts places, such as frames, and asks for no direction. One pass sorts the scores into the
    grid's intervals, so that a fine grid costs no more than a coarse one: `grid=scores.unique()`
    tells all that thresholds can tell but how it is when everything is active, for which one below
    the least score stands.

    Args:
        scores: Probabilities or vector lengths, `(..., cls)`.
        target: 0 or 1 (or bool), of the same shape.
        grid: Thresholds to try, in any order.

    Raises:
        ValueError: If shapes differ or there is no place, a score or threshold is not finite, or a
            target is neither 0 nor 1.

    Examples:
        >>> scores = torch.tensor([[0.9], [0.6], [0.4], [0.1]])
        >>> target = torch.tensor([[1], [1], [0], [0]])
        >>> f1_curve(scores, target, grid=[0.3, 0.5, 0.7]).micro.round(decimals=3)
        tensor([0.8000, 1.0000, 0.6670], dtype=torch.float64)
    """
    scores, active = places("scores", scores, target)
    thresholds = grid_of(grid)
    num_classes, num_bins = scores.shape[1], len(thresholds) + 1
    num_exceeded = torch.bucketize(scores, thresholds)  # thresholds < score
    kind = torch.arange(num_classes) * 2 + active.long()
    histogram = (
        (kind * num_bins + num_exceeded).flatten().bincount(minlength=2 * num_classes * num_bins)
    )
    more = histogram.reshape(num_classes, 2, num_bins).flip(-1).cumsum(-1).flip(-1).double()
    false_positives, hits = more[..., 1:].unbind(dim=1)
    positives = more[:, 1, :1]
    predicted = hits + false_positives
    return F1Curve(
        thresholds,
        (2 * hits / (predicted + positives)).T,
        2 * hits.sum(dim=0) / (predicted + positives).sum(dim=0),
        positives.squeeze(1).long(),
    )
