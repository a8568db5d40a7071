"""Peaks of maps: the greatest values among their neighbours, apart from each other."""

from typing import NamedTuple

import torch
from torch import Tensor

from seldkit._typing import Bool, Float, Int


class Peaks(NamedTuple):
    """The peaks of maps, the highest first.

    Attributes:
        point: Which point of the grid it is, `int64 [..., peak]`; -1 where there is none.
        value: What the map is there; nan where there is none.
        direction: Its unit vector, `[..., peak, axis]`; nan where there is none.
    """

    point: Int[Tensor, "*axes peak"]
    value: Float[Tensor, "*axes peak"]
    direction: Float[Tensor, "*axes peak axis=3"]


def local_maxima(
    values: Float[Tensor, "*axes point"],
    neighbours: Int[Tensor, "point neighbour"],
    first: Int[Tensor, " point"],
) -> Bool[Tensor, "*axes point"]:
    """Return where no neighbour is greater; of equal ones the first is it."""
    number = torch.arange(len(first), device=values.device)
    found = (first == number).expand(values.shape).clone()
    for column in neighbours.unbind(dim=1):
        other = values.index_select(-1, column)
        found &= (values > other) | ((values == other) & (column >= number))
    return found


def highest_apart(
    values: Float[Tensor, "*axes point"],
    candidates: Bool[Tensor, "*axes point"],
    directions: Float[Tensor, "point axis=3"],
    max_peaks: int,
    cosine: float,
) -> Peaks:
    """Return the highest candidates of which no two are nearer than an angle of that cosine.

    Directions are in float64, which autocast leaves as it is: close to a border others would not
    tell.
    """
    left = values.masked_fill(~candidates, -torch.inf)
    found = []
    for _ in range(max_peaks):
        index = left.argmax(dim=-1, keepdim=True)
        height = left.gather(-1, index)
        found.append(index.where(height > -torch.inf, -1))
        near = directions[index.squeeze(-1)] @ directions.mT > cosine
        near = near.scatter(-1, index, True)  # itself, whatever rounding makes of its product
        left = left.masked_fill(near, -torch.inf)
    index = torch.cat(found, dim=-1)
    there = index >= 0
    value = values.gather(-1, index.clamp(min=0)).where(there, torch.nan)
    direction = directions[index.clamp(min=0)].where(there.unsqueeze(-1), torch.nan)
    return Peaks(index, value, direction.to(values.dtype))
