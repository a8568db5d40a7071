"""A learning rate in three stages: its corners, its shape, and what it refuses."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seldkit.data import tri_stage

shares = st.floats(0, 0.5)
rates = st.floats(0.001, 1)


@given(st.integers(1, 1000), shares, shares, rates, rates)
def test_it_rises_stays_and_falls(
    num_steps: int, warmup: float, hold: float, first: float, last: float
) -> None:
    options = {"warmup": warmup, "hold": hold, "first": first, "last": last}
    values = [tri_stage(step, num_steps, **options) for step in range(num_steps + 3)]
    assert all(min(first, last) - 1e-12 <= x <= 1 for x in values)
    top = max(range(len(values)), key=values.__getitem__)
    assert all(a <= b + 1e-12 for a, b in pairwise(values[: top + 1]))
    assert all(a >= b - 1e-12 for a, b in pairwise(values[top:]))
    assert values[-1] == values[-2] == (last if warmup + hold < 1 else values[-1])


def test_the_published_corners() -> None:
    assert tri_stage(0, 100_000) == 0.01
    assert tri_stage(10_000, 100_000) == tri_stage(70_000, 100_000) == 1
    assert tri_stage(5_000, 100_000) == pytest.approx((0.01 + 1) / 2)
    assert tri_stage(85_000, 100_000) == pytest.approx(math.sqrt(0.05))
    assert tri_stage(100_000, 100_000) == tri_stage(200_000, 100_000) == 0.05


def test_the_exponential_has_one_ratio() -> None:
    values = [tri_stage(step, 100, warmup=0, hold=0, last=0.1) for step in range(101)]
    ratios = [b / a for a, b in pairwise(values)]
    assert max(ratios) - min(ratios) < 1e-12


def test_it_drives_an_optimizer() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: tri_stage(step, 10))
    rates = []
    for _ in range(10):
        optimizer.step()
        scheduler.step()
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([2 * tri_stage(step, 10) for step in range(1, 11)])


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="step must be at least 0, got -1"):
        tri_stage(-1, 10)
    with pytest.raises(ValueError, match="num_steps must be at least 1, got 0"):
        tri_stage(0, 0)
    with pytest.raises(ValueError, match=r"at most 1 together, got 0.5 and 0.6"):
        tri_stage(0, 10, warmup=0.5)
    with pytest.raises(ValueError, match=r"at most 1 together, got nan and 0.6"):
        tri_stage(0, 10, warmup=float("nan"))
    with pytest.raises(TypeError, match=r"step must be an integer, got 0.5"):
        tri_stage(0.5, 10)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"first and last must be in \(0, 1\], got 2 and 0.05"):
        tri_stage(0, 10, first=2)
    with pytest.raises(ValueError, match="last must be positive, got 0"):
        tri_stage(0, 10, last=0)
