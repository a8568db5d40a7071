"""Which prediction belongs to which reference, cell by cell.

A cell is a place where references and predictions meet: a class in a frame, or a frame alone. The
cells are numbered; each row of the events stands in one of them.
"""

from collections.abc import Callable
from functools import cache
from itertools import permutations
from math import perm
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from seldkit._typing import Float, Int

Cost = Callable[[Tensor, Tensor], Tensor]
"""From row numbers of references and as many of predictions to the cost of each pair."""


MAX_LISTED = 24
"""Up to so many matchings of a cell are listed."""

FEW = 32
"""Fewer cells than these are matched one by one."""

SLACK = 1e-9
"""By how much a matching must be the cheapest, for costs of about 1: far more than rounding."""


class Cells(NamedTuple):
    """The rows of some events, gathered by cell.

    Attributes:
        size: Number of rows in each cell, `[cell]`.
        start: Where each cell begins in `order`, `[cell]`.
        order: Row numbers, cell after cell, rows of one cell in their own order, `[row]`.
        position: Place of each row among the rows of its cell, from 0, `[row]`.
    """

    size: Int[Tensor, " cell"]
    start: Int[Tensor, " cell"]
    order: Int[Tensor, " row"]
    position: Int[Tensor, " row"]


class Pairs(NamedTuple):
    """Matched rows, in the order of their cells.

    Attributes:
        reference: Row number of the reference, `[pair]`.
        prediction: Row number of the prediction, `[pair]`.
        cost: Cost of the pair, `[pair]`.
    """

    reference: Int[Tensor, " pair"]
    prediction: Int[Tensor, " pair"]
    cost: Float[Tensor, " pair"]


def gather_cells(cell: Int[Tensor, " row"], num_cells: int) -> Cells:
    """Gather rows by the number of their cell; rows beyond the last cell belong to none.

    Examples:
        >>> cells = gather_cells(torch.tensor([1, 0, 1, 9]), num_cells=3)
        >>> cells.size, cells.position[:3]
        (tensor([1, 2, 0]), tensor([0, 0, 1]))
    """
    cell = cell.clamp(max=num_cells)  # one more cell for all the rows outside
    size = cell.bincount(minlength=num_cells + 1)
    start = size.cumsum(0) - size
    order = cell.argsort(stable=True)
    position = torch.empty_like(order)
    position[order] = torch.arange(len(order)) - start[cell[order]]
    return Cells(size[:-1], start[:-1], order, position)


def pair_cells(
    reference: Cells, prediction: Cells
) -> tuple[Int[Tensor, " pair"], Int[Tensor, " pair"]]:
    """Return the row numbers of every reference with every prediction of its cell.

    Pairs stand cell after cell, row by row.
    """
    row, col, *_ = _all_pairs(reference, prediction)
    return row, col


def match_cells(reference: Cells, prediction: Cells, cost: Cost) -> Pairs:
    """Match references to predictions within each cell, so that the sum of costs is smallest.

    Of a cell with more rows on one side than on the other, the surplus stays without a pair.
    """
    row, col, shape, first = _all_pairs(reference, prediction)
    costs = cost(row, col)
    # Cells with equally many rows and columns are matched together.
    matched = [first.new_empty(0)]
    base = len(prediction.order) + 1
    for alike in shape.unique().tolist():
        num_rows, num_cols = divmod(alike, base)
        start = first[shape == alike].unsqueeze(1)
        if num_rows == num_cols == 1:
            matched.append(start.flatten())
            continue
        matrices = costs[start + torch.arange(num_rows * num_cols)]
        best = _cheapest(matrices.reshape(-1, num_rows, num_cols))
        matched.append((start + best).flatten())
    pairs = torch.cat(matched).sort().values
    return Pairs(row[pairs], col[pairs], costs[pairs])


def _all_pairs(reference: Cells, prediction: Cells) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return rows and columns of all pairs; of each cell its shape, as one number, and start."""
    shared = ((reference.size > 0) & (prediction.size > 0)).nonzero().squeeze(1)
    rows, cols = reference.size[shared], prediction.size[shared]
    first = (rows * cols).cumsum(0) - rows * cols
    cell = torch.arange(len(shared)).repeat_interleave(rows * cols)
    place, width = torch.arange(len(cell)) - first[cell], cols[cell]
    line = place // width
    row = reference.order[reference.start[shared][cell] + line]
    col = prediction.order[prediction.start[shared][cell] + place - line * width]
    return row, col, rows * (len(prediction.order) + 1) + cols, first


def _cheapest(cost: Float[Tensor, "cell row col"]) -> Int[Tensor, "cell pair"]:
    """Return where, in each flattened matrix, the pairs of the cheapest matching stand.

    Matchings often cost the same (sources at one elevation), and published scores depend on which
    of them scipy takes: so scipy takes it unless one of few is the cheapest beyond rounding.
    """
    _, rows, cols = cost.shape
    flat = cost.flatten(1)
    if min(rows, cols) == 1:  # the first of the smallest, as scipy
        return flat.argmin(dim=1, keepdim=True)
    if len(cost) < FEW or perm(max(rows, cols), min(rows, cols)) > MAX_LISTED:
        return _as_scipy(cost)
    listed = _matchings(rows, cols)
    least, which = flat[:, listed].sum(dim=2).topk(2, dim=1, largest=False)
    slack = SLACK * (1 + flat.abs().amax(dim=1))
    unsure = (~(least[:, 1] - least[:, 0] > slack)).nonzero().squeeze(1)  # nan is unsure, too
    best = listed[which[:, 0]]
    best[unsure] = _as_scipy(cost[unsure])
    return best


def _as_scipy(cost: Float[Tensor, "cell row col"]) -> Int[Tensor, "cell pair"]:
    from scipy.optimize import linear_sum_assignment

    matrices = cost.numpy()
    pairs = np.array([linear_sum_assignment(matrix) for matrix in matrices], dtype=np.int64)
    row, col = torch.from_numpy(pairs.reshape(-1, 2, min(cost.shape[1:]))).unbind(dim=1)
    return row * cost.shape[2] + col


@cache
@torch.inference_mode(mode=False)  # it may be needed in a training afterwards
def _matchings(rows: int, cols: int) -> Int[Tensor, "matching pair"]:
    """Return where in a flattened matrix the pairs of every matching stand, row by row."""
    if rows <= cols:
        pairs = [[*enumerate(taken)] for taken in permutations(range(cols), rows)]
    else:
        taken_rows = permutations(range(rows), cols)
        pairs = [sorted(zip(taken, range(cols), strict=True)) for taken in taken_rows]
    return torch.tensor([[row * cols + col for row, col in matching] for matching in pairs])
