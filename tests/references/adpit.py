"""ADPIT as it is written down: thirteen padded candidates, and every arrangement in turn.

Slow and meant to be read: oracles for tests and the yardstick of `benchmarks/losses.py`.
"""

from collections.abc import Sequence
from itertools import permutations, product

import torch
from torch import Tensor
from torch.nn import functional


def six_rows(target: Tensor) -> Tensor:
    """Return the published label `(batch, time, row=6, entry, cls)` of three tracks.

    The rows are A0 | B0, B1 | C0, C1, C2, for classes with one, two and three sources, and the
    first entry is the activity.
    """
    places = target.transpose(3, 4)
    active = (places != 0).any(dim=3)
    order = (~active).byte().sort(dim=2, stable=True).indices  # the active places first
    places = places.gather(2, order.unsqueeze(3).expand_as(places))
    count = active.sum(dim=2, keepdim=True).unsqueeze(3)
    groups = []
    for number in (1, 2, 3):
        chosen = count == number
        vectors = torch.where(chosen, places[:, :, :number], 0)
        groups.append(torch.cat((chosen.expand_as(vectors[:, :, :, :1]), vectors), dim=3))
    return torch.cat(groups, dim=2)


def flat(tensor: Tensor) -> Tensor:
    """Return `(batch, time, track, cls, axis)` in the published order, `(batch, time, ..., cls)`.

    The middle axis counts track by track through the axis.
    """
    return tensor.transpose(3, 4).flatten(2, 3).contiguous()


def padded_adpit_loss(preds: Tensor, label: Tensor) -> Tensor:
    """Return the mean of the cheapest of thirteen candidates, as the published code has it.

    A candidate of one group is padded with the first candidates of the other two, so that no
    class compares with an arrangement of zeros that it does not have.

    Source: Shimada et al., "Multi-ACCDOA: localizing and detecting overlapping sounds from the
    same class with auxiliary duplicating permutation invariant training", ICASSP 2022.

    Args:
        preds: `(batch, time, track and axis, cls)` with three tracks.
        label: `(batch, time, row=6, entry, cls)`, the first entry the activity.
    """
    rows = label[:, :, :, :1] * label[:, :, :, 1:]
    arrangements: list[list[tuple[int, ...]]] = [
        [(0, 0, 0)],
        [m for m in product((1, 2), repeat=3) if set(m) == {1, 2}],
        list(permutations((3, 4, 5))),
    ]
    candidates = [[rows[:, :, m].flatten(2, 3) for m in group] for group in arrangements]
    losses = []
    for own, group in enumerate(candidates):
        first, second = (other[0] for k, other in enumerate(candidates) if k != own)
        padding = first + second
        for candidate in group:
            error = functional.mse_loss(preds, candidate + padding, reduction="none")
            losses.append(error.mean(dim=2))
    best = torch.stack(losses).min(dim=0).indices
    chosen = torch.stack([loss * (best == k) for k, loss in enumerate(losses)])
    return chosen.sum(dim=0).mean()


def every_arrangement_loss(
    preds: Tensor,
    target: Tensor,
    *,
    onscreen: bool = False,
    axis_weights: Sequence[float] | None = None,
    relative_distance: bool = False,
) -> Tensor:
    """Return the mean over cells of the best of all arrangements, for any number of tracks.

    Args:
        preds: `(batch, time, track, cls, axis)`.
        target: The same shape.
        onscreen: Whether the last entry is a logit.
        axis_weights: Factors of the squared errors, by default 1.
        relative_distance: Whether that of the distance is divided by the distance and 0.001.
    """
    tracks, entries = preds.shape[2], preds.shape[4] - onscreen
    factors = preds.new_tensor([1.0] * entries if axis_weights is None else axis_weights)
    cells = zip(*(x.transpose(2, 3).flatten(0, 2) for x in (preds, target)), strict=True)
    losses = []
    for found, wanted in cells:
        sources = wanted[(wanted[:, :entries] != 0).any(dim=1)]
        if len(sources) == 0:
            sources = torch.zeros_like(wanted[:1])
        every = range(len(sources))
        maps = [m for m in product(every, repeat=tracks) if set(m) == set(every)]
        arranged = sources[torch.tensor(maps)]
        squares = (found - arranged)[..., :entries].square()
        if relative_distance:
            far = arranged[..., entries - 1]
            scale = torch.where(far > 0, 1 / (far + 0.001), 1)
            squares = torch.cat((squares[..., :-1], (squares[..., -1] * scale)[..., None]), dim=-1)
        errors = (factors * squares).mean(dim=(1, 2))
        best = errors.argmin()
        losses.append(errors[best])
        if onscreen:
            losses[-1] = losses[-1] + functional.binary_cross_entropy_with_logits(
                found[:, -1], arranged[best, :, -1]
            )
    return torch.stack(losses).mean()
