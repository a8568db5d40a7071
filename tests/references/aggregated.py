"""The aggregated losses as they are written down: whole vectors, and every permutation in turn.

Slow and meant to be read: an oracle for tests and a yardstick for `benchmarks/losses.py`.
"""

from itertools import permutations

import torch
from torch import Tensor

from seldkit import SELDOutput


def plain_vectors(preds: SELDOutput, target: SELDOutput) -> tuple[Tensor, Tensor]:
    """Return activity times direction, `batch time track cls axis`, predicted and wanted."""
    length = preds.direction.norm(dim=-1, keepdim=True).clamp(min=1e-12)
    direction = preds.direction / length
    return (
        preds.activity.sigmoid().unsqueeze(-1) * direction.unsqueeze(-2),
        target.activity.unsqueeze(-1) * target.direction.unsqueeze(-2),
    )


def plain_aggregated_pit_loss(
    preds: SELDOutput, target: SELDOutput, *, error: str = "mse"
) -> Tensor:
    """Return AGG1: in each frame the smallest of the errors of all permutations."""
    found, wanted = plain_vectors(preds, target)
    losses = [
        _error(found, wanted[:, :, order], error).mean(dim=(2, 3, 4))
        for order in permutations(range(found.shape[2]))
    ]
    return torch.stack(losses).amin(dim=0).mean()


def plain_aggregated_sum_loss(
    preds: SELDOutput, target: SELDOutput, *, error: str = "mse"
) -> Tensor:
    """Return AGG2: the error of the sums over tracks."""
    found, wanted = plain_vectors(preds, target)
    return _error(found.sum(dim=2), wanted.sum(dim=2), error).mean()


def _error(preds: Tensor, target: Tensor, error: str) -> Tensor:
    difference = preds - target
    return difference.square() if error == "mse" else difference.abs()
