"""Which prediction a reference is taken to be, frame by frame: the rule of CLEAR MOT."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seldkit._typing import Bool, Float, Int

_BEYOND = 1e6  # more than any sum of angles


def associate(
    cell: Int[Tensor, " pair"],
    reference: Int[Tensor, " pair"],
    prediction: Int[Tensor, " pair"],
    cost: Float[Tensor, " pair"],
) -> Bool[Tensor, " pair"]:
    """Return which of the pairs that are near enough belong together.

    A pair stays together if each was the other's last match. Of what is left in a frame, as many
    as possible are matched, at the smallest sum of costs.

    Only where the pairs of a frame differ from those of the frame before does anything change, so
    that only there is looked: between, what was matched stays so, and all else has no partner.

    Args:
        cell: Number of the frame of each pair, rising.
        reference: Track of the reference.
        prediction: Track of the prediction.
        cost: What a pair costs.

    Examples:
        >>> cell = torch.tensor([0, 1, 1, 2])
        >>> reference, prediction = torch.tensor([[0, 0, 0, 0], [0, 0, 1, 1]])
        >>> associate(cell, reference, prediction, torch.tensor([5.0, 5.0, 1.0, 1.0]))
        tensor([ True,  True, False,  True])
    """
    if not len(cell):
        return torch.zeros(0, dtype=torch.bool)
    order = torch.from_numpy(np.lexsort([x.numpy() for x in (prediction, reference, cell)]))
    cell, reference, prediction, cost = (x[order] for x in (cell, reference, prediction, cost))
    _, index, size = cell.unique_consecutive(return_inverse=True, return_counts=True)
    start = size.cumsum(0) - size
    head = _differs(index, start, size, reference, prediction)

    chosen = np.zeros(len(cell), dtype=bool)
    last: tuple[dict[int, int], dict[int, int]] = ({}, {})
    columns = [x.numpy() for x in (reference, prediction, cost)]
    for first, count in zip(start[head].tolist(), size[head].tolist(), strict=True):
        rows, cols, costs = (x[first : first + count] for x in columns)
        picked = _match(rows.tolist(), cols.tolist(), costs, *last)
        chosen[first + np.array(picked, dtype=int)] = True
        for k in picked:
            last[0][int(rows[k])], last[1][int(cols[k])] = int(cols[k]), int(rows[k])

    # What is so in the first frame of a run is so in all of it.
    number = torch.arange(len(size)).masked_fill(~head, 0).cummax(dim=0).values[index]
    place = torch.arange(len(cell)) - start[index]
    found = torch.empty(len(cell), dtype=torch.bool)
    found[order] = torch.from_numpy(chosen)[start[number] + place]
    return found


def _differs(
    index: Int[Tensor, " pair"],
    start: Int[Tensor, " cell"],
    size: Int[Tensor, " cell"],
    reference: Int[Tensor, " pair"],
    prediction: Int[Tensor, " pair"],
) -> Bool[Tensor, " cell"]:
    """Return in which frames the pairs are not those of the frame before."""
    before = (index - 1).clamp(min=0)
    place = torch.arange(len(index)) - start[index]
    other = (start[before] + place).clamp(max=len(index) - 1)
    off = (reference != reference[other]) | (prediction != prediction[other])
    differs = torch.zeros_like(size).index_add_(0, index, off.long()) > 0
    differs |= size != torch.cat((size[:1], size[:-1]))
    differs[0] = True
    return differs


def _match(
    rows: list[int],
    cols: list[int],
    costs: NDArray[np.float64],
    last_col: dict[int, int],
    last_row: dict[int, int],
) -> list[int]:
    """Return which of the pairs of a frame belong together."""
    pairs = list(enumerate(zip(rows, cols, strict=True)))
    kept = [k for k, (i, j) in pairs if last_col.get(i) == j and last_row.get(j) == i]
    row_taken, col_taken = {rows[k] for k in kept}, {cols[k] for k in kept}
    rest = [k for k, (i, j) in pairs if i not in row_taken and j not in col_taken]
    if len(rest) < 2:
        return kept + rest
    from scipy.optimize import linear_sum_assignment

    _, row = np.unique([rows[k] for k in rest], return_inverse=True)
    _, col = np.unique([cols[k] for k in rest], return_inverse=True)
    matrix = np.full((row.max() + 1, col.max() + 1), _BEYOND)
    number = np.full(matrix.shape, -1)
    matrix[row, col], number[row, col] = costs[rest], rest
    picked = number[linear_sum_assignment(matrix)]
    return [*kept, *picked[picked >= 0].tolist()]
