"""Matching one set of tracks, sources or instances to another."""

from itertools import permutations

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from seldkit._typing import Float, Int

MAX_EXHAUSTIVE = 6
"""Up to this many rows and columns every matching is tried; beyond, the Hungarian method runs."""


def best_permutation(
    cost: Float[Tensor, "*axes track track"],
) -> tuple[Float[Tensor, "*axes"], Int[Tensor, "*axes track"]]:
    """Return the cheapest one-to-one matching of predicted to target tracks.

    Up to six tracks every permutation is tried at once, as a table look-up that compiles and runs
    on any device; beyond, the Hungarian method runs on the CPU. Gradients flow through the chosen
    costs alone.

    Args:
        cost: `cost[..., i, j]` is the cost of matching prediction `i` to target `j`.

    Returns:
        The mean cost per track of the best matching, and the target index of each prediction.
        Of equally cheap permutations the exhaustive search takes the first in lexical order.

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
        One column per row, each column at most once; on ties the first matching in lexical order.

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
    if cols > MAX_EXHAUSTIVE:
        return _hungarian(cost)
    matchings = list(permutations(range(cols), rows))
    table = torch.tensor(matchings, dtype=torch.int64, device=cost.device)
    totals = cost.detach()[..., torch.arange(rows, device=cost.device), table].sum(dim=-1)
    return table[totals.argmin(dim=-1)]


def _hungarian(cost: Tensor) -> Tensor:
    matrices = cost.detach().cpu().double().numpy()
    index = np.empty(matrices.shape[:-1], dtype=np.int64)
    for place in np.ndindex(matrices.shape[:-2]):
        index[place] = linear_sum_assignment(matrices[place])[1]
    return torch.from_numpy(index).to(cost.device)
