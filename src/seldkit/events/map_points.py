"""Points of energy maps, which lie row by row: the strongest, and those of some rows."""

import torch
from torch import Tensor

from seldkit._typing import Bool, Float, Int
from seldkit.events.columns import number_within


def strongest_points(
    row: Int[Tensor, " point"], energy: Float[Tensor, " point"], num_rows: int
) -> Int[Tensor, " map"]:
    """Return which point of each row is the strongest, the first of several; -1 if none has any."""
    best = energy.new_zeros(num_rows).scatter_reduce_(0, row, energy, "amax")
    is_best = (energy == best[row]) & (energy > 0)
    number = torch.arange(len(row)).where(is_best, len(row))
    first = torch.full((num_rows,), len(row)).scatter_reduce_(0, row, number, "amin")
    return first.where(first < len(row), -1)


def strong_points(
    row: Int[Tensor, " point"],
    energy: Float[Tensor, " point"],
    num_rows: int,
    count: int,
    least: float,
) -> Bool[Tensor, " point"]:
    """Return which points are among so many strongest of their row, and not far below the first.

    Args:
        row: To which row each point belongs.
        energy: How strong it is.
        num_rows: How many rows there are.
        count: How many of a row are kept at most; of equal ones the first.
        least: Which share of the strongest one of its row a point must have.
    """
    order = energy.argsort(descending=True, stable=True)
    rank = torch.empty_like(row).index_put_((order,), number_within(row[order]))
    top = energy.new_zeros(num_rows).scatter_reduce_(0, row, energy, "amax")
    return (rank < count) & (energy >= least * top[row])


def points_of_rows(
    row: Int[Tensor, " point"], num_rows: int, picked: Int[Tensor, " row"]
) -> tuple[Int[Tensor, " kept"], Int[Tensor, " kept"]]:
    """Return the points of some rows, in their order: to which of these each belongs, and which.

    Examples:
        >>> points_of_rows(torch.tensor([0, 0, 1]), 2, torch.tensor([1, 0]))
        (tensor([0, 1, 1]), tensor([2, 0, 1]))
    """
    count = torch.bincount(row, minlength=num_rows)
    first, many = (count.cumsum(0) - count)[picked], count[picked]
    new = torch.repeat_interleave(torch.arange(len(picked)), many)
    within = torch.arange(len(new)) - (many.cumsum(0) - many)[new]
    return new, first[new] + within
