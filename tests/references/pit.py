"""Permutation-invariant training as it is written down: the loss of every permutation, in turn.

Slow and meant to be read: an oracle for tests and the yardstick of `benchmarks/losses.py`.
"""

from collections.abc import Callable
from itertools import permutations
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from seldkit import SELDOutput


def plain_pit_loss(
    preds: SELDOutput,
    target: SELDOutput,
    *,
    per: Literal["frame", "clip"] = "frame",
    selection: tuple[float, float] = (1.0, 1.0),
) -> tuple[Tensor, Tensor]:
    """Return the losses of SED and DOA under the best of all permutations of the target."""
    sed_losses, doa_losses = [], []
    for order in permutations(range(preds.activity.shape[2])):
        activity, direction = target.activity[:, :, order], target.direction[:, :, order]
        sed = functional.binary_cross_entropy_with_logits(
            preds.activity, activity, reduction="none"
        ).mean(dim=(2, 3))
        doa = functional.mse_loss(preds.direction, direction, reduction="none").mean(dim=(2, 3))
        if per == "clip":
            sed, doa = sed.mean(dim=1), doa.mean(dim=1)
        sed_losses.append(sed)
        doa_losses.append(doa)
    sed, doa = torch.stack(sed_losses), torch.stack(doa_losses)
    best = (selection[0] * sed + selection[1] * doa).argmin(dim=0, keepdim=True)
    return sed.gather(0, best).mean(), doa.gather(0, best).mean()


def plain_flip_pit_loss(preds: SELDOutput, target: SELDOutput) -> tuple[Tensor, Tensor]:
    """Return the same of two tracks, held against the target as it is and flipped.

    Source: Cao et al., "An improved event-independent network for polyphonic sound event
    localization and detection", ICASSP 2021, whose network has two tracks.
    """
    orders = [target, target.map(lambda x: x.flip(2))]
    sed = [
        functional.binary_cross_entropy_with_logits(
            preds.activity, order.activity, reduction="none"
        ).mean(dim=(2, 3))
        for order in orders
    ]
    doa = [
        functional.mse_loss(preds.direction, order.direction, reduction="none").mean(dim=(2, 3))
        for order in orders
    ]
    straight = sed[0] + doa[0] <= sed[1] + doa[1]
    flipped = ~straight
    return (
        (sed[0] * straight + sed[1] * flipped).mean(),
        (doa[0] * straight + doa[1] * flipped).mean(),
    )


def plain_pairwise_pit_loss(preds: SELDOutput, target: SELDOutput) -> Tensor:
    """Return the sum of both losses: of every pair of tracks, then of every permutation of these.

    So torchmetrics writes its `permutation_invariant_training` of any metric, here of frames.
    """
    tracks = range(preds.activity.shape[2])
    pairs = [[_pair_loss(preds, target, i, j) for i in tracks] for j in tracks]
    matrix = torch.stack([torch.stack(row, dim=-1) for row in pairs], dim=-2)  # ... target preds
    orders = torch.tensor(list(permutations(tracks)))  # order track
    index = orders.T.expand(*matrix.shape[:2], -1, -1)
    return matrix.gather(3, index).mean(dim=2).min(dim=2).values.mean()


def _pair_loss(preds: SELDOutput, target: SELDOutput, i: int, j: int) -> Tensor:
    """Return the loss of predicted track `i` and track `j` of the target, `(batch, time)`."""
    sed = functional.binary_cross_entropy_with_logits(
        preds.activity[:, :, i], target.activity[:, :, j], reduction="none"
    )
    doa = functional.mse_loss(preds.direction[:, :, i], target.direction[:, :, j], reduction="none")
    return sed.mean(dim=2) + doa.mean(dim=2)


DIRECTION: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": lambda a, b: ((a - b) ** 2).mean(-1),
    "l1": lambda a, b: (a - b).abs().mean(-1),
    "cosine": lambda a, b: 1 - functional.cosine_similarity(a, b, dim=-1),
    "angular": lambda a, b: functional.cosine_similarity(a, b, dim=-1).acos(),
}
DISTANCE: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": lambda a, b: (a - b) ** 2,
    "mae": lambda a, b: (a - b).abs(),
    "mspe": lambda a, b: ((a - b) / b) ** 2,
    "mape": lambda a, b: (a - b).abs() / b,
}


def plain_pit_sums(
    preds: SELDOutput,
    target: SELDOutput,
    *,
    window: int,
    selection: tuple[float, ...],
    direction: str,
    inactive_weight: float,
    distance: str | None,
) -> list[Tensor]:
    """Return what each task loses under the best permutation within a window around each frame.

    Sums over tracks and frames: of the means over classes (BCE), of the direction errors under the
    weights of their places, and of the distance errors of active places.
    """
    active = target.activity > 0 if preds.direction.ndim == 5 else target.activity.amax(-1) > 0
    every = []
    for order in permutations(range(preds.activity.shape[2])):
        bce = functional.binary_cross_entropy_with_logits(
            preds.activity, target.activity[:, :, order], reduction="none"
        )
        sums = [bce.mean(-1).sum(2)]
        errors = DIRECTION[direction](preds.direction, target.direction[:, :, order])
        weight = torch.where(active[:, :, order], 1.0, inactive_weight)
        whole = 1 + inactive_weight * (errors.shape[-1] - 1) if errors.ndim == 4 else 1
        sums.append((errors * weight).flatten(2).sum(2) / whole)
        if distance is not None:
            assert preds.distance is not None
            assert target.distance is not None
            far = DISTANCE[distance](preds.distance, target.distance[:, :, order])
            sums.append(far.where(active[:, :, order], 0).flatten(2).sum(2))
        every.append(torch.stack(sums))
    costs = torch.stack(every)  # permutation task batch time
    chosen = torch.zeros_like(costs[0])
    for clip in range(costs.shape[2]):
        for frame in range(costs.shape[3]):
            around = costs[:, :, clip, max(0, frame - window // 2) : frame + window // 2 + 1]
            weights = torch.tensor(selection, dtype=costs.dtype)
            best = (around.sum(-1)[:, : len(selection)] @ weights).argmin()
            chosen[:, clip, frame] = costs[best, :, clip, frame]
    return list(chosen.sum(dim=(1, 2)))
