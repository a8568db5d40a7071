"""The tracks of a target in another order."""

from typing import TypeVar

import torch
from torch import Tensor

from seldkit._typing import Bool, Float, Int
from seldkit.assignment import cheapest_matching
from seldkit.losses._reduce import spread
from seldkit.outputs import SELDOutput, apply, combine

Target = TypeVar("Target", SELDOutput, Tensor)


def moved(target: Target, index: Int[Tensor, "batch time track"]) -> Target:
    """Return the target with the track of this index at each place."""
    tracks = index.shape[2]
    first = torch.arange(0, index.numel(), tracks, device=index.device)
    # Tracks of all frames counted through: rows are fast to move whole.
    rows = (index.reshape(-1, tracks) + first.unsqueeze(1)).flatten()
    return apply(lambda x: x.flatten(0, 2).index_select(0, rows).view(x.shape), target)


def in_cheapest_order(target: Target, cost: Float[Tensor, "batch span track track"]) -> Target:
    """Return the target with tracks in the order that costs least, by frames or by clips."""
    if cost.shape[3] == 2:
        more = cost[..., 0] - cost[..., 1]  # what a predicted track costs more with the first
        return either(target, flipped(target), more[..., 0] > more[..., 1])
    x = target if isinstance(target, Tensor) else target.activity
    return moved(target, cheapest_matching(cost).expand(x.shape[:3]))


def flipped(target: Target) -> Target:
    """Return the target with its two tracks exchanged."""
    return apply(lambda y: y.roll(1, 2), target)


def either(target: Target, other: Target, where: Bool[Tensor, "batch span"]) -> Target:
    """Return the target, and another one in some frames or clips."""

    def chosen(pair: list[Tensor]) -> Tensor:
        y, z = pair
        return torch.lerp(y, z, spread(where.to(y.dtype), y))  # exact, and faster than `where`

    return combine(chosen, (target, other))
