"""Matchings as tables of weights, exact or smooth, of one form: costs in, weights out."""

from math import inf, isnan

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._checks import check_count, check_floating, check_number, check_positive
from seldkit._typing import Bool, Float
from seldkit.assignment.matching import cheapest_matching

COOLING = 0.7
"""Part of the iterations in which the temperature falls to what was asked for."""


def exact_assignment(
    cost: Float[Tensor, "*axes row col"], *, limit: float = inf
) -> Float[Tensor, "*axes row col"]:
    r"""Return the cheapest matching as a table: 1 where row and column are matched, else 0.

    Costs above the limit count as much as the limit and are not matched: it is the matching with
    the smallest $\sum \min(c, l)$ over as many pairs as there can be. The table is a constant; what
    is learned by it is learned through the costs it is multiplied with.

    Args:
        cost: Of matching rows to columns, any number of each.
        limit: The largest cost at which a pair is matched.

    Returns:
        A table of the shape and kind of the costs. Each row and each column has at most one 1, and
        as many as there can be without a limit. A cost of nan or infinity is never matched.

    Raises:
        TypeError: If the costs are no floats, or the limit is no number.
        ValueError: If there are fewer than two axes, or the limit is nan.

    Examples:
        >>> exact_assignment(torch.tensor([[3.0, 1.0], [0.5, 9.0]]))
        tensor([[0., 1.],
                [1., 0.]])
        >>> exact_assignment(torch.tensor([[3.0, 1.0], [0.5, 9.0]]), limit=0.75)
        tensor([[0., 0.],
                [1., 0.]])
    """
    known = _check(cost, limit)
    if cost.numel() == 0:
        return cost.clone()
    near = _cut(cost.detach(), known, limit)
    wide = near.mT if near.shape[-2] > near.shape[-1] else near
    chosen = functional.one_hot(cheapest_matching(wide), wide.shape[-1])
    chosen = chosen.mT if near.shape[-2] > near.shape[-1] else chosen
    return chosen.to(cost.dtype) * known


def sinkhorn_assignment(
    cost: Float[Tensor, "*axes row col"],
    *,
    temperature: float = 0.05,
    iterations: int = 50,
    limit: float = inf,
) -> Float[Tensor, "*axes row col"]:
    r"""Return the matching that trades its cost for entropy: smooth, and differentiable in costs.

    With the temperature $\tau$ it is the table $P$ with sums of 1 in every row and column that has
    the least $\sum P c + \tau \sum P \log P$. It has the form $e^{(f_i + g_j - c_{ij}) / \tau}$, so
    rows and columns are divided by their sums in turn, in logarithms. As $\tau$ falls it becomes
    [`exact_assignment`][seldkit.assignment.exact_assignment], where one matching alone is the
    cheapest. The colder it is, the more iterations it needs; so the first of them are warm, from
    the span of the costs down to $\tau$.

    Source: Sinkhorn and Knopp, Pacific Journal of Mathematics 1967; Cuturi, "Sinkhorn distances",
    NIPS 2013. The warm start is known as scaling of epsilon; its course is ours.

    Args:
        cost: Of matching rows to columns, any number of each. What is too many of one kind goes to
            places without cost that are not returned, as in the exact matching.
        temperature: In the unit of the costs, greater than 0.
        iterations: How often rows and columns are divided by their sums.
        limit: As in [`exact_assignment`][seldkit.assignment.exact_assignment]: a higher cost counts
            as much, and the weight of its pair becomes 0 in the end.

    Returns:
        Weights in 0..1, in float32 at least. Of a square, columns sum to 1 and rows nearly so; of
        what there is more of, each sums to 1 at most. Pairs beyond the limit are taken out of these
        sums. A cost of nan or infinity is beyond every limit.

    Raises:
        TypeError: If the costs are no floats, or a setting is no number.
        ValueError: If there are fewer than two axes, or a setting is out of range.

    Examples:
        >>> cost = torch.tensor([[3.0, 1.0], [0.5, 9.0]])
        >>> sinkhorn_assignment(cost).round(decimals=3)
        tensor([[0., 1.],
                [1., 0.]])
        >>> sinkhorn_assignment(cost, temperature=5.0).round(decimals=3)
        tensor([[0.2590, 0.7410],
                [0.7410, 0.2590]])
    """
    check_positive(temperature=temperature)
    check_count(iterations=iterations)
    known = _check(cost, limit)
    if cost.numel() == 0:
        return cost.clone()
    cost = cost if cost.dtype == torch.float64 else cost.float()
    cost = _cut(cost, known, limit)
    cost = cost - cost.detach().amax(dim=(-2, -1), keepdim=True)
    warmth = (-cost.detach().amin(dim=(-2, -1), keepdim=True) / temperature).clamp(min=1)
    rows, cols = cost.shape[-2:]
    size = max(rows, cols)
    scores = functional.pad(-cost, (0, size - cols, 0, size - rows))
    for step in range(iterations):
        left = max(0.0, 1 - (step + 1) / (COOLING * iterations))
        heat = temperature * warmth**left
        for axis in (-1, -2):
            scores = scores - heat * (scores / heat).logsumexp(dim=axis, keepdim=True)
    weights = (scores / temperature).exp()[..., :rows, :cols]
    return weights * known


def _check(cost: Tensor, limit: float) -> Bool[Tensor, "*axes row col"]:
    """Return which pairs may be matched; raise unless there are costs and a limit."""
    check_floating(cost=cost)
    check_number(limit=limit)
    if isnan(limit):
        raise ValueError("limit must be a number, got nan")
    if cost.ndim < 2:
        raise ValueError(f"cost must be (..., row, col), got shape {tuple(cost.shape)}")
    return (cost <= limit) & cost.isfinite()


def _cut(
    cost: Float[Tensor, "*axes row col"], known: Bool[Tensor, "*axes row col"], limit: float
) -> Float[Tensor, "*axes row col"]:
    """Return the costs with the limit, or what outweighs all others, where none may be matched."""
    if limit < inf:
        return torch.where(known, cost, limit)
    values = cost.detach()
    high = torch.where(known, values, -inf).amax(dim=(-2, -1), keepdim=True)
    low = torch.where(known, values, inf).amin(dim=(-2, -1), keepdim=True)
    beyond = high + max(cost.shape[-2:]) * (high - low) + 1
    return torch.where(known, cost, torch.where(high > -inf, beyond, 0))
