"""Gathering rows by cell and matching them there."""

import torch
from torch import Tensor

from seldkit.metrics.matching import Pairs, gather_cells, match_cells


def match(reference: list[tuple[int, float]], prediction: list[tuple[int, float]]) -> Pairs:
    """Match rows of cell and value by the difference of the values."""
    a, b = torch.tensor(reference), torch.tensor(prediction)

    def cost(row: Tensor, col: Tensor) -> Tensor:
        return (a[row, 1] - b[col, 1]).abs()

    return match_cells(gather_cells(a[:, 0].long(), 9), gather_cells(b[:, 0].long(), 9), cost)


def test_rows_keep_their_order_within_a_cell() -> None:
    cells = gather_cells(torch.tensor([2, 0, 2, 1, 2]), num_cells=4)
    assert cells.size.tolist() == [1, 1, 3, 0]
    assert cells.order[cells.start[2] :].tolist() == [0, 2, 4]
    assert cells.position.tolist() == [0, 0, 1, 0, 2]


def test_rows_beyond_the_last_cell_belong_to_none() -> None:
    assert gather_cells(torch.tensor([4, 10**12, 3]), num_cells=4).size.tolist() == [0, 0, 0, 1]


def test_only_rows_of_one_cell_meet() -> None:
    pairs = match([(0, 1.0), (1, 5.0), (3, 0.0)], [(3, 4.0), (1, 6.0), (2, 1.0)])
    assert pairs.reference.tolist() == [1, 2]
    assert pairs.prediction.tolist() == [1, 0]
    assert pairs.cost.tolist() == [1.0, 4.0]


def test_the_surplus_of_either_side_stays_alone() -> None:
    pairs = match([(0, 1.0), (0, 5.0), (0, 9.0)], [(0, 8.0), (0, 1.0)])
    assert list(zip(*(column.tolist() for column in pairs[:2]), strict=True)) == [(0, 1), (2, 0)]
    pairs = match([(0, 8.0)], [(0, 1.0), (0, 5.0), (0, 9.0)])
    assert list(zip(*(column.tolist() for column in pairs[:2]), strict=True)) == [(0, 2)]


def test_a_cell_may_hold_many_rows() -> None:
    rows = [(0, float(value)) for value in range(9)]
    assert match(rows, rows[::-1]).cost.sum() == 0


def test_nothing_in_common_makes_no_pairs() -> None:
    pairs = match([(0, 1.0)], [(1, 1.0)])
    assert [len(column) for column in pairs] == [0, 0, 0]
