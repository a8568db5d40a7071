"""Matching one set of tracks, sources or instances to another."""

from functools import reduce
from itertools import combinations, permutations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from seldkit._typing import Float, Int

MAX_EXHAUSTIVE = 8
"""Up to this many rows and columns every matching counts; beyond, the Hungarian method runs."""

MAX_LISTED = 5
"""Up to this many, all permutations are listed."""

FEW = 2**16
"""Fewer sums than these take their time by the number of steps, more by the bytes that move."""


def best_permutation(
    cost: Float[Tensor, "*axes track track"],
) -> tuple[Float[Tensor, "*axes"], Int[Tensor, "*axes track"]]:
    """Return the cheapest one-to-one matching of predicted to target tracks.

    Up to eight tracks every permutation counts, in steps that compile and run on any device;
    beyond, the Hungarian method runs on the CPU. Gradients flow through the chosen costs alone.

    Args:
        cost: `cost[..., i, j]` is the cost of matching prediction `i` to target `j`.

    Returns:
        The mean cost per track of the best matching, and the target index of each prediction.
        Of equally cheap permutations the exhaustive search takes the first in lexical order. A
        cost of nan counts as infinite; where every permutation has one, the mean is nan.

    Raises:
        ValueError: If the last two axes differ.

    Examples:
        >>> cost = torch.tensor([[5.0, 1.0], [2.0, 5.0]])
        >>> best_permutation(cost)
        (tensor(1.5000), tensor([1, 0]))
    """
    if cost.ndim < 2 or cost.shape[-1] != cost.shape[-2]:
        raise ValueError(f"cost must be (..., track, track), got shape {tuple(cost.shape)}")
    index = cheapest_matching(cost)
    return cost.gather(-1, index.unsqueeze(-1)).squeeze(-1).mean(dim=-1), index


def cheapest_matching(cost: Float[Tensor, "*axes row col"]) -> Int[Tensor, "*axes row"]:
    """Return the column matched to each row, so that the sum of the costs is smallest.

    Args:
        cost: `cost[..., row, col]`, at least as many columns as rows.

    Returns:
        One column per row, each column at most once; up to eight columns, on ties the first
        matching in lexical order. A cost of nan counts as infinite, so it is taken only where there
        is no way around it; a row that has no other may leave the others' costs out of account.

    Raises:
        ValueError: If there are fewer than two axes, or more rows than columns.

    Examples:
        >>> cheapest_matching(torch.tensor([[3.0, 1.0, 2.0], [9.0, 0.0, 9.0]]))
        tensor([2, 1])
    """
    if cost.ndim < 2 or cost.shape[-2] > cost.shape[-1]:
        raise ValueError(
            "cost must be (..., row, col) with no more rows than columns,"
            f" got shape {tuple(cost.shape)}"
        )
    rows, cols = cost.shape[-2:]
    if rows == 0:
        return torch.empty(cost.shape[:-1], dtype=torch.int64, device=cost.device)
    if cols > MAX_EXHAUSTIVE:
        return _hungarian(cost)
    cost = _known(cost.detach())
    if rows < cols:  # rows of zeros make it square; being last, they settle no tie of the others
        cost = functional.pad(cost, (0, 0, 0, cols - rows))
    if cols <= MAX_LISTED:
        index = _first_cheapest(cost.reshape(-1, cols * cols).T, cols)
    else:
        index = cheapest_columns(cost.reshape(-1, cols, cols).movedim(0, -1).contiguous()).T
    index = index.reshape(cost.shape[:-1])
    return index if rows == cols else index[..., :rows]


def _known(cost: Tensor) -> Tensor:
    """Return costs without nan and infinity: so high, or low, that they outweigh all others."""
    cost = cost if cost.dtype in (torch.float32, torch.float64) else cost.double()
    beyond = torch.finfo(cost.dtype).max / (2 * MAX_EXHAUSTIVE)
    return cost.nan_to_num(nan=beyond, posinf=beyond, neginf=-beyond)


def cheapest_columns(cells: Float[Tensor, "row row cell"]) -> Int[Tensor, "row cell"]:
    """Return what `cheapest_matching` does of finite costs, in runs of cells: fast sums."""
    size = len(cells)
    if size > MAX_EXHAUSTIVE:
        return _hungarian(cells.movedim(-1, 0)).movedim(-1, 0)
    if size > MAX_LISTED:
        return _of_all_sets(cells)
    return _first_cheapest(cells.flatten(0, 1), size).T


def _first_cheapest(places: Float[Tensor, "place cell"], size: int) -> Int[Tensor, "cell row"]:
    """Return the first of the cheapest of all permutations; places are all columns of each row."""
    listed = torch.tensor(list(permutations(range(size))), device=places.device)
    if places.device.type == "cpu":
        chosen = torch.eye(size, dtype=places.dtype).index_select(0, listed.flatten())
        sums = chosen.view(len(listed), -1).mm(places)
    else:  # there products may be rounded more than sums
        columns = zip(places.unflatten(0, (size, size)), listed.T, strict=True)
        sums = reduce(torch.add, [row.index_select(0, column) for row, column in columns])
    return listed.index_select(0, _first_smallest(sums))


def _first_smallest(sums: Float[Tensor, "number cell"]) -> Int[Tensor, " cell"]:
    """Return which number is the smallest in each cell, the first of equal ones."""
    if torch.compiler.is_compiling() or sums.numel() < FEW:
        return sums.min(dim=0).indices
    # The same by a maximum of bytes: `min` and its index are many times slower.
    count = len(sums)
    left = torch.arange(count, 0, -1, device=sums.device, dtype=torch.uint8).unsqueeze(1)
    first = ((sums == sums.amin(dim=0)) * left).amax(dim=0)
    return (count - first.clamp_(min=1)).int()  # nan is equal to none


def _of_all_sets(cells: Float[Tensor, "row row cell"]) -> Int[Tensor, "row cell"]:
    r"""Return the first cheapest permutation in lexical order, without a list of all.

    What the last rows cost depends on the set of columns that is left to them, not on its order,
    so it is computed once for each set: with $n$ rows $n 2^{n-1}$ sums in place of $n \cdot n!$
    (Held and Karp 1962, Bellman 1962, for the travelling salesman).
    """
    size = len(cells)
    best = torch.zeros_like(cells[:1, 0])
    code = torch.zeros_like(best, dtype=torch.int32)  # three bits for the column of each row
    for row, tables in zip(reversed(range(size)), _column_sets(size), strict=True):
        taken, left = (torch.tensor(table, device=cells.device) for table in tables)
        options = [
            (
                cells[row].index_select(0, column) + best.index_select(0, rest),
                code.index_select(0, rest) + (column << 3 * row).int().unsqueeze(1),
            )
            for column, rest in zip(taken, left, strict=True)
        ]
        best, code = reduce(_cheaper, options)
    return torch.stack([code[0] >> 3 * row & 7 for row in range(size)]).long()


def _cheaper(first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Return the smaller sums, on ties the first, and their codes, without a slow `where`."""
    (sums, codes), (others, other_codes) = first, second
    return torch.minimum(sums, others), codes + (others < sums) * (other_codes - codes)


def _column_sets(size: int) -> list[tuple[list[list[int]], list[list[int]]]]:
    """Return for sets of 1, 2, ... columns which one may be taken, and which set is then left.

    Both tables have a row for each choice and a column for each set.
    """
    tables = []
    smaller: dict[tuple[int, ...], int] = {(): 0}
    for count in range(1, size + 1):
        sets = list(combinations(range(size), count))
        taken = [[s[k] for s in sets] for k in range(count)]
        left = [[smaller[s[:k] + s[k + 1 :]] for s in sets] for k in range(count)]
        tables.append((taken, left))
        smaller = {s: i for i, s in enumerate(sets)}
    return tables


def _hungarian(cost: Tensor) -> Tensor:
    from scipy.optimize import linear_sum_assignment

    matrices = cost.detach().cpu().double().numpy()
    index = np.empty(matrices.shape[:-1], dtype=np.int64)
    for place in np.ndindex(matrices.shape[:-2]):
        index[place] = linear_sum_assignment(_finite(matrices[place]))[1]
    return torch.from_numpy(index).to(cost.device)


def _finite(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return costs that order matchings as these do, nan and infinity outweighing all others."""
    known = np.isfinite(matrix)
    if known.all():
        return matrix
    scaled = matrix / max(np.abs(matrix[known]).max(initial=0.0), 1.0)
    beyond = 4.0 * matrix.shape[1]
    finite: NDArray[np.float64] = np.nan_to_num(scaled, nan=beyond, posinf=beyond, neginf=-beyond)
    return finite
