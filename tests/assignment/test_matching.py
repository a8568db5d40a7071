"""The cheapest matching is the one that trying everything, or Hungarian, finds."""

from itertools import permutations
from math import factorial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from seldkit.assignment import best_permutation, cheapest_matching
from seldkit.assignment.matching import FEW, MAX_EXHAUSTIVE

SEEDS = st.integers(0, 2**32 - 1)
quick = settings(max_examples=40)


def random_cost(seed: int, *shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def hungarian_total(cost: Tensor) -> float:
    matrix = cost.numpy()
    return float(matrix[linear_sum_assignment(matrix)].sum())


@quick
@given(SEEDS, st.integers(1, MAX_EXHAUSTIVE + 2))
def test_the_best_permutation_costs_what_hungarian_says(seed: int, tracks: int) -> None:
    cost = random_cost(seed, 2, 3, tracks, tracks)
    best, index = best_permutation(cost)
    wanted = [hungarian_total(matrix) / tracks for matrix in cost.flatten(0, 1)]
    torch.testing.assert_close(best, torch.tensor(wanted, dtype=torch.float64).reshape(2, 3))
    torch.testing.assert_close(index.sort(dim=-1).values, torch.arange(tracks).expand(2, 3, -1))
    chosen = cost.gather(-1, index.unsqueeze(-1)).squeeze(-1)
    torch.testing.assert_close(best, chosen.mean(dim=-1))


@quick
@given(SEEDS, st.integers(0, 4), st.integers(0, 4))
def test_a_rectangle_is_matched_as_by_hand(seed: int, rows: int, more: int) -> None:
    cost = random_cost(seed, rows, rows + more)
    every = list(permutations(range(rows + more), rows))
    totals = [sum(float(cost[i, j]) for i, j in enumerate(columns)) for columns in every]
    assert cheapest_matching(cost).tolist() == list(every[int(np.argmin(totals))])


@quick
@given(SEEDS, st.integers(2, 5))
def test_the_order_of_tracks_does_not_matter(seed: int, tracks: int) -> None:
    cost = random_cost(seed, 4, tracks, tracks)
    order = torch.randperm(tracks)
    best, index = best_permutation(cost)
    shuffled, shuffled_index = best_permutation(cost[:, order])
    torch.testing.assert_close(shuffled, best)
    assert torch.equal(shuffled_index, index[:, order])


@pytest.mark.parametrize("tracks", [1, 2, 3, 6])
def test_ties_go_to_the_first_permutation(tracks: int) -> None:
    _, index = best_permutation(torch.ones(2, tracks, tracks))
    assert torch.equal(index, torch.arange(tracks).expand(2, -1))


def test_a_tie_between_two_of_three_is_broken_in_lexical_order() -> None:
    cost = torch.tensor([[9.0, 1.0, 1.0], [9.0, 1.0, 1.0], [0.0, 9.0, 9.0]])
    assert best_permutation(cost)[1].tolist() == [1, 2, 0]


@pytest.mark.parametrize("tracks", [2, 3, 4, 5])
def test_many_matrices_are_matched_as_few_are(tracks: int) -> None:
    cost = (4 * random_cost(6, FEW // factorial(tracks) + 1, tracks, tracks)).floor()  # they tie
    index = cheapest_matching(cost)
    assert torch.equal(index, torch.cat([cheapest_matching(few) for few in cost.split(300)]))


@pytest.mark.parametrize("tracks", [3, MAX_EXHAUSTIVE + 1])
def test_gradients_flow_through_the_chosen_costs_alone(tracks: int) -> None:
    cost = random_cost(0, 5, tracks, tracks).requires_grad_()
    best, index = best_permutation(cost)
    best.sum().backward()
    chosen = torch.nn.functional.one_hot(index, tracks) / tracks
    torch.testing.assert_close(cost.grad, chosen.double())


@pytest.mark.parametrize("shape", [(0, 2, 2), (0, 7, 7), (7, 7), (3, 0, 2), (0, 0), (2, 0, 9)])
def test_any_number_of_matrices_and_rows_will_do(shape: tuple[int, ...]) -> None:
    index = cheapest_matching(torch.zeros(shape))
    assert index.shape == shape[:-1]
    assert index.dtype == torch.int64


@pytest.mark.parametrize("tracks", [2, MAX_EXHAUSTIVE, MAX_EXHAUSTIVE + 1, 12])
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_undefined_costs_are_avoided(tracks: int, value: float) -> None:
    cost = random_cost(3, tracks, tracks)
    cheapest = best_permutation(cost)[1]
    banned = torch.nn.functional.one_hot(cheapest, tracks).bool()
    broken = cost.masked_fill(banned, value)
    best, index = best_permutation(broken)
    assert best.isfinite()
    beyond, wanted = best_permutation(cost.masked_fill(banned, 1e6))
    torch.testing.assert_close(best, beyond)
    assert torch.equal(index, wanted)


@pytest.mark.parametrize("tracks", [1, MAX_EXHAUSTIVE, MAX_EXHAUSTIVE + 1, 12])
@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("where", ["row", "column", "all"])
def test_where_there_is_no_way_around_them_they_show(tracks: int, value: float, where: str) -> None:
    cost = random_cost(4, 3, tracks, tracks)
    cost[1, 0 if where != "column" else slice(None), slice(None) if where != "column" else 0] = (
        value
    )
    if where == "all":
        cost[1] = value
    cost.requires_grad_()
    best, index = best_permutation(cost)
    assert best.isfinite().tolist() == [True, False, True]
    assert torch.equal(index.sort(dim=-1).values, torch.arange(tracks).expand(3, -1))
    (gradient,) = torch.autograd.grad((2 * best).square().sum(), cost)
    assert not gradient[1].isfinite().all()
    torch.testing.assert_close(best[::2], best_permutation(cost[::2])[0])


@pytest.mark.messages  # of another kind than is declared
def test_whole_numbers_are_costs_too() -> None:
    for tracks in (3, MAX_EXHAUSTIVE + 1):
        cost = (100 * random_cost(5, tracks, tracks)).long()
        assert torch.equal(cheapest_matching(cost), cheapest_matching(cost.double()))


@pytest.mark.messages
@pytest.mark.parametrize("shape", [(3,), (2, 3), (4, 3, 2)])
def test_only_squares_have_permutations(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"cost must be \(\.\.\., track, track\), got shape"):
        best_permutation(torch.zeros(shape))


@pytest.mark.messages
@pytest.mark.parametrize("shape", [(3,), (4, 3, 2)])
def test_every_row_needs_a_column(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="no more rows than columns, got shape"):
        cheapest_matching(torch.zeros(shape))


@pytest.mark.transforms
def test_compiles_whole() -> None:
    compiled = torch.compile(best_permutation, fullgraph=True, backend="eager")
    cost = torch.rand(2, 3, 3)
    torch.testing.assert_close(compiled(cost), best_permutation(cost))
