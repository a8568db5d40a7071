"""Losses of tracks, as their formulas are written down: every permutation, every frame in turn."""

from itertools import permutations

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional

from seldkit import SELDOutput


def plain_sliding_pit_loss(preds: Tensor, target: Tensor, *, window: int) -> Tensor:
    """Return the squared error where each frame takes the order that is best around it."""
    every = [target[:, :, list(order)] for order in permutations(range(target.shape[2]))]
    errors = torch.stack([(preds - x).square().mean(dim=(2, 3)) for x in every])
    half = window // 2
    padded = functional.pad(errors.detach(), (half, half))
    around = padded.unfold(-1, window, 1).sum(dim=-1)
    return errors.gather(0, around.argmin(dim=0, keepdim=True)).mean()


def plain_dmot_loss(preds: SELDOutput, target: SELDOutput) -> tuple[Tensor, Tensor, Tensor]:
    """Return motp, mota and the loss of the activity, each frame matched by the Hungarian method.

    Every track is matched to those that are there, and pairs of a frame are gone through by hand.
    """
    far: list[Tensor] = []
    switches = present = missed = 0
    wanted = torch.zeros_like(preds.activity)
    for clip, frames in enumerate(preds.direction):
        last: dict[int, int] = {}
        for frame, tracks in enumerate(frames):
            there = target.activity[clip, frame, :, 0].nonzero().flatten()
            unit = functional.normalize(tracks, dim=-1)
            distance = torch.cdist(unit, target.direction[clip, frame, there])
            rows, cols = linear_sum_assignment(distance.detach().numpy())
            now = dict(zip(there[cols].tolist(), rows.tolist(), strict=True))
            switches += sum(now[j] != last.get(j, now[j]) for j in now)
            far += [distance[i, j] for i, j in zip(rows, cols, strict=True)]
            wanted[clip, frame, rows] = 1
            present += len(there)
            missed += len(there) - len(rows)
            last = now
    motp = torch.stack(far).mean() if far else 0 * preds.direction.sum()
    mota = motp.new_tensor((missed + switches) / max(present, 1))
    return motp, mota, functional.binary_cross_entropy_with_logits(preds.activity, wanted)
