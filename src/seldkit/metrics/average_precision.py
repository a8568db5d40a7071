"""Average precision of detections, as the COCO evaluation computes it."""

import numpy as np
import torch
from torch import Tensor

from seldkit._typing import Bool, Float, Int

IOU_THRESHOLDS = torch.from_numpy(np.linspace(0.5, 0.95, 10))
"""How much of their union two masks must share: 0.50 to 0.95."""

RECALLS = torch.from_numpy(np.linspace(0.0, 1.0, 101))
"""Where the precision is read."""

MAX_DETECTIONS = 100
"""The best detections of a class in a frame count, the others do not."""


def greedy_hits(
    iou: Float[Tensor, "group detection reference"],
) -> Bool[Tensor, "threshold group detection"]:
    """Return which detections find a reference, taken in order: the best first.

    Each takes, of the references that none before it has taken, the one whose mask shares most
    with its own, the last of several, if it shares at least the threshold.

    Args:
        iou: Shares of their union, detections from the surest down; negative where there is none.

    Examples:
        >>> greedy_hits(torch.tensor([[[0.9, 0.6], [0.7, 0.0]]]).double())[[0, 3, 9], 0].tolist()
        [[True, False], [True, False], [False, False]]
    """
    groups, detections, references = iou.shape
    least = IOU_THRESHOLDS.clamp(max=1 - 1e-10).reshape(-1, 1)
    hits = torch.zeros(len(IOU_THRESHOLDS), groups, detections, dtype=torch.bool)
    if not references:
        return hits
    free = torch.ones(len(IOU_THRESHOLDS), groups, references, dtype=torch.bool)
    for rank in range(detections):
        share = iou[:, rank].where(free, -1.0).flip(-1)  # the last of several is then the first
        best, place = share.max(dim=-1)
        hit = best >= least
        hits[..., rank] = hit
        place = (references - 1 - place).unsqueeze(-1)
        free.scatter_(-1, place, free.gather(-1, place) & ~hit.unsqueeze(-1))
    return hits


def average_precision(
    score: Float[Tensor, " detection"],
    hits: Bool[Tensor, "threshold detection"],
    positives: int,
) -> Float[Tensor, " threshold"]:
    r"""Return the mean precision at 101 recalls, for each threshold.

    Detections are taken from the surest down, those of one score in their order. The precision at
    a recall is the greatest that is reached at it or at any higher one, and 0 where none is.

    Args:
        score: How sure each detection is.
        hits: Which of them are right.
        positives: How many references there are.

    Returns:
        A number in 0..1 for each threshold; nan without references.

    Examples:
        >>> score, right = torch.tensor([0.9, 0.8, 0.7]), torch.tensor([[True, False, True]])
        >>> average_precision(score, right, positives=2).round(decimals=4)  # 1 up to 0.5, then 2/3
        tensor([0.8350], dtype=torch.float64)
    """
    if not positives:
        return torch.full((len(hits),), torch.nan, dtype=torch.float64)
    if not len(score):
        return torch.zeros(len(hits), dtype=torch.float64)
    right = hits[:, score.argsort(descending=True, stable=True)].double()
    true, false = right.cumsum(dim=1), (1 - right).cumsum(dim=1)
    precision = true / (true + false + np.spacing(1))
    highest = precision.flip(1).cummax(dim=1).values.flip(1)
    recalls = RECALLS.expand(len(hits), -1).contiguous()
    place = torch.searchsorted((true / positives).contiguous(), recalls)
    reached = torch.cat((highest, highest.new_zeros(len(hits), 1)), dim=1)
    return reached.gather(1, place).mean(dim=1)


def by_surest(
    group: Int[Tensor, " detection"], score: Float[Tensor, " detection"]
) -> Int[Tensor, " detection"]:
    """Return the order of detections: group by group, in each from the surest down."""
    order = score.argsort(descending=True, stable=True)
    return order[group[order].argsort(stable=True)]
