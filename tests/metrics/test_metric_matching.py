"""Gathering rows by cell and matching them there."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from seldkit.metrics.matching import FEW, Pairs, gather_cells, match_cells, pair_cells

NUM_CELLS = 9

SEED = st.integers(0, 2**32 - 1)


def match(reference: list[tuple[int, float]], prediction: list[tuple[int, float]]) -> Pairs:
    """Match rows of cell and value by the difference of the values."""
    (cell_a, a), (cell_b, b) = (
        torch.tensor(rows).reshape(-1, 2).unbind(dim=1) for rows in (reference, prediction)
    )
    references, predictions = (gather_cells(cell.long(), NUM_CELLS) for cell in (cell_a, cell_b))
    return match_cells(references, predictions, lambda row, col: (a[row] - b[col]).abs())


def numbers(pairs: Pairs) -> list[tuple[int, int]]:
    """Return the row numbers of each pair."""
    return list(zip(pairs.reference.tolist(), pairs.prediction.tolist(), strict=True))


def assert_matches_as_scipy(
    cell_a: Tensor, cell_b: Tensor, costs: Tensor, num_cells: int = NUM_CELLS
) -> None:
    """Match rows of any cost, cell by cell, at once and with scipy."""
    references, predictions = (gather_cells(cell, num_cells) for cell in (cell_a, cell_b))
    pairs = match_cells(references, predictions, lambda row, col: costs[row, col])
    expected = []
    for cell in range(num_cells):
        rows, cols = ((side == cell).nonzero().squeeze(1) for side in (cell_a, cell_b))
        matched = linear_sum_assignment(costs[rows][:, cols].numpy())
        expected += [(int(rows[i]), int(cols[j])) for i, j in zip(*matched, strict=True)]
    assert numbers(pairs) == expected
    assert torch.equal(pairs.cost, costs[pairs.reference, pairs.prediction])


def test_rows_keep_their_order_within_a_cell() -> None:
    cells = gather_cells(torch.tensor([2, 0, 2, 1, 2]), num_cells=4)
    assert cells.size.tolist() == [1, 1, 3, 0]
    assert cells.order[cells.start[2] :].tolist() == [0, 2, 4]
    assert cells.position.tolist() == [0, 0, 1, 0, 2]


def test_rows_beyond_the_last_cell_belong_to_none() -> None:
    assert gather_cells(torch.tensor([4, 10**12, 3]), num_cells=4).size.tolist() == [0, 0, 0, 1]
    assert numbers(match([(NUM_CELLS, 1.0), (1, 1.0)], [(NUM_CELLS, 1.0), (1, 2.0)])) == [(1, 1)]


def test_no_rows_and_no_cells_are_no_cells() -> None:
    assert gather_cells(torch.tensor([], dtype=torch.int64), num_cells=2).size.tolist() == [0, 0]
    assert gather_cells(torch.tensor([0, 3]), num_cells=0).size.tolist() == []


def test_only_rows_of_one_cell_meet() -> None:
    pairs = match([(0, 1.0), (1, 5.0), (3, 0.0)], [(3, 4.0), (1, 6.0), (2, 1.0)])
    assert numbers(pairs) == [(1, 1), (2, 0)]
    assert pairs.cost.tolist() == [1.0, 4.0]


def test_the_surplus_of_either_side_stays_alone() -> None:
    assert numbers(match([(0, 1.0), (0, 5.0), (0, 9.0)], [(0, 8.0), (0, 1.0)])) == [(0, 1), (2, 0)]
    assert numbers(match([(0, 8.0)], [(0, 1.0), (0, 5.0), (0, 9.0)])) == [(0, 2)]
    assert numbers(match([(0, 1.0), (0, 5.0), (0, 9.0)], [(0, 8.0)])) == [(2, 0)]


def test_a_cell_may_hold_many_rows() -> None:
    rows = [(0, float(value)) for value in range(9)]
    assert match(rows, rows[::-1]).cost.sum() == 0


def test_nothing_in_common_makes_no_pairs() -> None:
    for nowhere in ([(1, 1.0)], []):
        assert [len(column) for column in match([(0, 1.0)], nowhere)] == [0, 0, 0]


def test_all_pairs_of_a_cell_stand_row_by_row() -> None:
    references = gather_cells(torch.tensor([2, 0, 2, 7]), NUM_CELLS)
    predictions = gather_cells(torch.tensor([2, 7, 2, 2]), NUM_CELLS)
    row, col = pair_cells(references, predictions)
    assert row.tolist() == [0, 0, 0, 2, 2, 2, 3]
    assert col.tolist() == [0, 2, 3, 0, 2, 3, 1]


@settings(max_examples=100)
@given(seed=SEED, rows=st.integers(0, 40), cols=st.integers(0, 40), levels=st.integers(1, 9))
def test_ties_are_broken_as_scipy_breaks_them(seed: int, rows: int, cols: int, levels: int) -> None:
    # Tenths add up to sums that differ in the last bit.
    random = np.random.default_rng(seed)
    cell_a, cell_b = (torch.from_numpy(random.integers(0, NUM_CELLS, n)) for n in (rows, cols))
    costs = torch.from_numpy(random.integers(0, levels, (rows, cols)) / 10)
    assert_matches_as_scipy(cell_a, cell_b, costs)


@settings(max_examples=100)
@given(seed=SEED, rows=st.integers(1, 7), cols=st.integers(1, 7))
def test_the_matching_is_the_cheapest(seed: int, rows: int, cols: int) -> None:
    # All cells have one shape here, and are matched together.
    random = np.random.default_rng(seed)
    cell_a, cell_b = (torch.arange(NUM_CELLS).repeat_interleave(n) for n in (rows, cols))
    costs = torch.from_numpy(random.uniform(0, 180, (len(cell_a), len(cell_b))))
    assert_matches_as_scipy(cell_a, cell_b, costs)


@settings(max_examples=100)
@given(seed=SEED, rows=st.integers(2, 5), cols=st.integers(2, 5), levels=st.integers(2, 1000))
def test_many_cells_are_matched_as_scipy_does(seed: int, rows: int, cols: int, levels: int) -> None:
    # Of some the cheapest matching is listed, others have several that cost the same.
    random = np.random.default_rng(seed)
    num_cells = 2 * FEW
    cell_a, cell_b = (torch.arange(num_cells).repeat_interleave(n) for n in (rows, cols))
    costs = torch.from_numpy(random.integers(0, levels, (len(cell_a), len(cell_b))) / 10)
    assert_matches_as_scipy(cell_a, cell_b, costs, num_cells)
