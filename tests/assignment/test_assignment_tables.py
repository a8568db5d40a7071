"""Tables of weights: the exact ones are matchings, the smooth ones tend to them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seldkit.assignment import best_permutation, exact_assignment, sinkhorn_assignment

SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.integers(1, 5)
quick = settings(max_examples=25)
BOTH = [exact_assignment, sinkhorn_assignment]


def random_cost(seed: int, *shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def clear_cost(seed: int, rows: int, cols: int) -> Tensor:
    """Return costs of which one matching is cheaper than every other by 0.3 at least."""
    order = torch.randperm(max(rows, cols), generator=torch.Generator().manual_seed(seed))
    gain = torch.nn.functional.one_hot(order)[:rows, :cols]
    return random_cost(seed, rows, cols) * 0.05 + 0.5 * (1 - gain)


@pytest.mark.parametrize("size", ["2x2", "3x3", "4x4", "5x5", "3x5", "5x3", "1x4", "8x8", "12x7"])
def test_the_exact_table_is_that_of_scipy(size: str, golden: Callable[[str], Path]) -> None:
    with np.load(golden("others/hungarian.npz")) as stored:
        cost, row, col, total = (
            torch.from_numpy(stored[f"{kind}_{size}"]) for kind in ("cost", "row", "col", "total")
        )
    wanted = torch.zeros_like(cost)
    wanted[torch.arange(len(cost))[:, None], row, col] = 1
    table = exact_assignment(cost)
    assert torch.equal(table, wanted)
    torch.testing.assert_close((table * cost).sum(dim=(1, 2)), total, rtol=1e-8, atol=0)


@quick
@given(SEEDS, SIZES, SIZES)
def test_a_matching_has_one_partner_for_each(seed: int, rows: int, cols: int) -> None:
    table = exact_assignment(random_cost(seed, 3, rows, cols))
    assert set(table.unique().tolist()) <= {0.0, 1.0}
    for axis in (1, 2):
        assert table.sum(dim=axis).max() <= 1
    assert torch.equal(table.sum(dim=(1, 2)), torch.full((3,), min(rows, cols)).double())


@quick
@given(SEEDS, SIZES)
def test_the_exact_table_is_the_best_permutation(seed: int, tracks: int) -> None:
    cost = random_cost(seed, 4, tracks, tracks)
    best, index = best_permutation(cost)
    table = exact_assignment(cost)
    assert torch.equal(table.argmax(dim=-1), index)
    torch.testing.assert_close((table * cost).sum(dim=(1, 2)) / tracks, best)


@quick
@given(SEEDS, SIZES, SIZES)
def test_what_is_beyond_the_limit_settles_nothing(seed: int, rows: int, cols: int) -> None:
    # An absent column: far from every row, but not equally far. The others are matched as alone.
    cost = random_cost(seed, 2, rows, cols)
    absent = 10 + random_cost(seed + 1, 2, rows, 1)
    table = exact_assignment(torch.cat((cost, absent), dim=-1), limit=4.0)
    assert not table[..., -1].any()
    assert torch.equal(table[..., :-1], exact_assignment(cost))


def test_a_limit_parts_what_is_too_far() -> None:
    cost = torch.tensor([[0.1, 0.9], [0.9, 0.8]])
    assert exact_assignment(cost, limit=0.5).tolist() == [[1, 0], [0, 0]]
    assert exact_assignment(cost, limit=0.05).tolist() == [[0, 0], [0, 0]]
    for value in (torch.nan, torch.inf, -torch.inf):
        cost[0, 0] = value
        assert exact_assignment(cost).tolist() == [[0, 1], [1, 0]]
        cost[0, 1] = value
        assert exact_assignment(cost).tolist() == [[0, 0], [0, 1]]
        cost[1] = value
        assert exact_assignment(cost).tolist() == [[0, 0], [0, 0]]
        cost = torch.tensor([[0.1, 0.9], [0.9, 0.8]])


@quick
@given(SEEDS, SIZES, st.sampled_from([1.0, 0.1, 0.03]))
def test_smooth_tables_are_doubly_stochastic(seed: int, tracks: int, temperature: float) -> None:
    cost = random_cost(seed, 3, tracks, tracks)
    table = sinkhorn_assignment(cost, temperature=temperature, iterations=300)
    ones = torch.ones(3, tracks, dtype=torch.float64)
    torch.testing.assert_close(table.sum(dim=1), ones)
    torch.testing.assert_close(table.sum(dim=2), ones, rtol=0, atol=0.03)
    assert table.min() >= 0


@quick
@given(SEEDS, SIZES, SIZES)
def test_cold_tables_are_exact(seed: int, rows: int, cols: int) -> None:
    cost = clear_cost(seed, rows, cols)
    exact = exact_assignment(cost)
    gaps = [
        float((sinkhorn_assignment(cost, temperature=t) - exact).abs().max())
        for t in (1.0, 0.1, 0.03)
    ]
    assert gaps[0] >= gaps[1] >= gaps[2]
    assert gaps[2] < 2e-3


def test_two_by_two_by_hand() -> None:
    # Both permutations weighed by exp(-cost / temperature), their product of sums being 1.
    cost = torch.tensor([[0.0, 1.0], [2.0, 0.5]], dtype=torch.float64)
    gap = (cost[0, 0] + cost[1, 1] - cost[0, 1] - cost[1, 0]) / 0.5
    weight = torch.sigmoid(-gap / 2)
    found = sinkhorn_assignment(cost, temperature=0.5, iterations=200)
    torch.testing.assert_close(
        found, torch.stack((weight, 1 - weight, 1 - weight, weight)).view(2, 2)
    )


@quick
@given(SEEDS, SIZES, SIZES)
def test_order_and_offsets_do_not_matter(seed: int, rows: int, cols: int) -> None:
    cost = random_cost(seed, rows, cols)
    order = torch.randperm(rows, generator=torch.Generator().manual_seed(seed))
    for assign in BOTH:
        table = assign(cost)
        torch.testing.assert_close(assign(cost[order]), table[order])
        torch.testing.assert_close(assign(cost + 3), table)


def test_gradients() -> None:
    cost = random_cost(1, 2, 2, 3).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x: sinkhorn_assignment(x, temperature=0.2, iterations=10, limit=0.9), (cost,)
    )
    (gradient,) = torch.autograd.grad(sinkhorn_assignment(cost)[:, 0, 0].sum(), cost)
    assert (gradient[:, 0, 0] < 0).all(), "dearer is matched less"
    assert not exact_assignment(cost).requires_grad


@pytest.mark.parametrize("assign", BOTH)
@pytest.mark.parametrize("shape", [(0, 2, 2), (3, 0, 2), (3, 2, 0), (0, 0)])
def test_any_number_will_do(assign: Any, shape: tuple[int, ...]) -> None:
    assert assign(torch.zeros(shape)).shape == shape


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_precision(dtype: torch.dtype) -> None:
    cost = random_cost(2, 3, 3).to(dtype)
    assert exact_assignment(cost).dtype == dtype
    smooth = sinkhorn_assignment(cost)
    assert smooth.dtype == (dtype if dtype == torch.float64 else torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(sinkhorn_assignment(cost), smooth)


@pytest.mark.transforms
@pytest.mark.parametrize("assign", BOTH)
def test_assignments_compile_whole(assign: Any) -> None:
    torch.compiler.reset()
    compiled: Any = torch.compile(assign, fullgraph=True, backend="eager")
    cost = torch.rand(2, 3, 4)
    torch.testing.assert_close(compiled(cost), assign(cost))


@pytest.mark.messages
def test_messages() -> None:
    for assign in BOTH:
        with pytest.raises(ValueError, match=r"cost must be \(\.\.\., row, col\), got shape"):
            assign(torch.zeros(3))
        with pytest.raises(TypeError, match=r"cost must hold floats, got torch\.int64"):
            assign(torch.zeros(2, 2, dtype=torch.int64))
        with pytest.raises(TypeError, match="limit must be a number, got True"):
            assign(torch.zeros(2, 2), limit=True)
        with pytest.raises(ValueError, match="limit must be a number, got nan"):
            assign(torch.zeros(2, 2), limit=torch.nan)
    with pytest.raises(ValueError, match="temperature must be positive, got 0"):
        sinkhorn_assignment(torch.zeros(2, 2), temperature=0)
    with pytest.raises(ValueError, match="iterations must be at least 1, got 0"):
        sinkhorn_assignment(torch.zeros(2, 2), iterations=0)
