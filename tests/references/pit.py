"""Permutation-invariant training as it is written down: the loss of every permutation, in turn.

Slow and meant to be read: an oracle for tests and the yardstick of `benchmarks/losses.py`.
"""

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
