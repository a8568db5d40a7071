"""The tracks of a target in another order."""

from typing import TypeVar

import torch
from torch import Tensor

from seldkit._typing import Bool, Float, Int
from seldkit.assignment import cheapest_matching
from seldkit.losses._reduce import spread
from seldkit.outputs import SELDOutput, apply

Target = TypeVar("Target", SELDOutput, Tensor)


def moved(target: Target, index: Int[Tensor, "batch time track"]) -> Target:
    """Return the target with the track of this index at each place."""
    tracks = index.shape[2]
    first = torch.arange(0, index.numel(), tracks, device=index.device)
    # Tracks of all frames counted through: rows are fast to move whole.
    rows = (index.reshape(-1, tracks) + first.unsqueeze(1)).flatten()
    return apply(lambda x: x.flatten(0, 2).index_select(0, rows).view(x.shape), target)


def in_cheapest_order(
    target: SELDOutput, cost: Float[Tensor, "batch time track track"]
) -> SELDOutput:
    """Return the target with the tracks of each frame in the order that costs least."""
    if cost.shape[3] != 2:
        return moved(target, cheapest_matching(cost))
    more = cost[..., 0] - cost[..., 1]  # what a predicted track costs more with the first
    return exchanged(target, exchanges(target), more[..., 0] > more[..., 1])


def exchanges(target: SELDOutput) -> SELDOutput:
    """Return by how much each entry would change if the two tracks were exchanged."""
    return target.map(lambda y: y.roll(1, 2).sub_(y))


def exchanged(
    target: SELDOutput, changes: SELDOutput, where: Bool[Tensor, "batch time"]
) -> SELDOutput:
    """Return the target with these changes in some frames."""
    weight = where.to(target.direction.dtype)

    def sum_of(y: Tensor, change: Tensor) -> Tensor:
        return torch.addcmul(y, spread(weight, y), change)

    distance = None
    if target.distance is not None and changes.distance is not None:
        distance = sum_of(target.distance, changes.distance)
    return SELDOutput(
        sum_of(target.activity, changes.activity),
        sum_of(target.direction, changes.direction),
        distance,
    )
