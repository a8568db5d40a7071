"""Temperatures are the minimum of the likelihood's loss, and probabilities mean what they say."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from seldkit.calibration import expected_calibration_error, fit_temperature

SEEDS = st.integers(0, 2**32 - 1)
QUICK = settings(max_examples=12)


def loss(logits: Tensor, target: Tensor, temperature: Tensor | float = 1.0) -> Tensor:
    """Return the mean negative log-likelihood of each class."""
    scaled = (logits / temperature).double()
    return functional.binary_cross_entropy_with_logits(
        scaled, target.double(), reduction="none"
    ).mean(dim=0)


def overconfident(seed: int, factor: float) -> tuple[Tensor, Tensor]:
    """Return logits that are too large by a factor, or too small, and what comes of them."""
    generator = torch.Generator().manual_seed(seed)
    true = 2 * torch.randn(200, 3, generator=generator, dtype=torch.float64) - 1
    return true * factor, torch.rand(200, 3, generator=generator).lt(true.sigmoid()).long()


@QUICK
@given(SEEDS, st.floats(0.1, 10))
def test_the_temperature_of_true_probabilities_comes_back(seed: int, factor: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    true = 2 * torch.randn(100, 3, generator=generator, dtype=torch.float64)
    factors = torch.tensor([factor, 1.0, 1 / factor], dtype=torch.float64)
    temperature = fit_temperature(true * factors, true.sigmoid(), per_class=True)
    torch.testing.assert_close(temperature, factors, atol=0, rtol=1e-7)
    common = fit_temperature(true * factor, true.sigmoid())
    torch.testing.assert_close(common, factors[0], atol=0, rtol=1e-7)


@QUICK
@given(SEEDS, st.floats(0.2, 5), st.booleans())
def test_it_is_the_minimum(seed: int, factor: float, per_class: bool) -> None:
    logits, target = overconfident(seed, factor)
    temperature = fit_temperature(logits, target, per_class=per_class)
    assert temperature.shape == ((3,) if per_class else ())

    def reached(scale: float) -> Tensor:
        each = loss(logits, target, temperature * scale)
        return each if per_class else each.mean()

    for scale in (0.99, 1.01):
        assert (reached(1.0) < reached(scale)).all()


@QUICK
@given(
    SEEDS,
    st.sampled_from([torch.float32, torch.float64, torch.bfloat16]),
    st.sampled_from([1e-6, 0.01, 1.0, 100.0]),
)
def test_the_likelihood_never_gets_worse(seed: int, dtype: torch.dtype, size: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = (size * torch.randn(5, 4, generator=generator)).to(dtype)
    target = torch.randint(2, (5, 4), generator=generator)
    temperature = fit_temperature(logits, target, per_class=True)
    assert temperature.dtype == dtype
    exact = logits.double()
    assert (loss(exact, target, temperature.double()) <= loss(exact, target)).all()
    common = fit_temperature(logits, target).double()
    assert loss(exact.reshape(-1), target.reshape(-1), common) <= loss(
        exact.reshape(-1), target.reshape(-1)
    )


@QUICK
@given(SEEDS, st.floats(0.5, 2))
def test_larger_logits_take_a_higher_temperature(seed: int, factor: float) -> None:
    logits, target = overconfident(seed, 1.5)
    scaled = fit_temperature(logits * factor, target)
    torch.testing.assert_close(scaled, fit_temperature(logits, target) * factor, atol=0, rtol=1e-6)


def test_all_classes_together_are_one() -> None:
    logits, target = overconfident(0, 3.0)
    common = fit_temperature(logits, target)
    each = fit_temperature(logits.reshape(-1, 1), target.reshape(-1, 1), per_class=True)
    assert torch.equal(common, each.squeeze(0))
    assert torch.equal(
        common, fit_temperature(logits.reshape(10, 20, 3), target.reshape(10, 20, 3))
    )


def test_bounds_hold_and_classes_that_tell_nothing_keep_one() -> None:
    logits = torch.tensor([[2.0, 2.0, -1.0, 1.0, 0.0], [-2.0, -2.0, -3.0, 2.0, 0.0]])
    target = torch.tensor([[1, 0, 0, 1, 1], [0, 1, 0, 1, 0]])
    temperature = fit_temperature(logits, target, per_class=True, bounds=(0.1, 10.0))
    assert temperature.tolist() == pytest.approx([0.1, 10.0, 1.0, 1.0, 1.0])


def test_calibration_gets_better() -> None:
    logits, target = overconfident(1, 4.0)
    temperature = fit_temperature(logits, target)
    before = expected_calibration_error(logits.sigmoid(), target)
    assert expected_calibration_error((logits / temperature).sigmoid(), target) < before / 2


def error_in_a_loop(p: Tensor, y: Tensor, num_bins: int) -> float:
    total = 0.0
    for i in range(num_bins):
        inside = (p > i / num_bins) & (p <= (i + 1) / num_bins) | (p == 0 if i == 0 else p < 0)
        if inside.any():
            total += float((p[inside].mean() - y[inside].double().mean()).abs() * inside.sum())
    return total / len(p)


@QUICK
@given(SEEDS, st.integers(1, 20))
def test_the_calibration_error_is_its_definition(seed: int, num_bins: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    p = torch.randint(41, (30, 2), generator=generator, dtype=torch.float64) / 40
    y = torch.randint(2, (30, 2), generator=generator)
    each = expected_calibration_error(p, y, num_bins=num_bins, per_class=True)
    assert each.tolist() == pytest.approx(
        [error_in_a_loop(p[:, i], y[:, i], num_bins) for i in range(2)], abs=1e-12
    )
    together = expected_calibration_error(p, y, num_bins=num_bins)
    assert together.item() == pytest.approx(
        error_in_a_loop(p.flatten(), y.flatten(), num_bins), abs=1e-12
    )


@pytest.mark.parametrize("side", [0.0, 1.0])
def test_certainty_is_right_or_wrong(side: float) -> None:
    p = torch.full((4, 1), side)
    assert expected_calibration_error(p, p) == 0
    assert expected_calibration_error(p, 1 - p) == 1


@pytest.mark.messages
@pytest.mark.parametrize("bounds", [(0.0, 2.0), (2.0, 3.0), (0.1, 0.5), (float("nan"), 2.0)])
def test_bounds_that_make_no_sense_are_told(bounds: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="bounds must be positive with 1 between them, got"):
        fit_temperature(torch.ones(2, 1), torch.ones(2, 1), bounds=bounds)


@pytest.mark.messages
def test_what_is_wrong_with_probabilities_is_told() -> None:
    one = torch.ones(2, 1)
    with pytest.raises(ValueError, match=r"target must lie in 0\.\.1, got 2"):
        fit_temperature(one, 2 * one)
    with pytest.raises(TypeError, match=r"logits must hold floats, got torch\.int64"):
        fit_temperature(torch.tensor([[4], [-4]]), one)
    with pytest.raises(ValueError, match="logits must be finite"):
        fit_temperature(one * torch.inf, one)
    with pytest.raises(ValueError, match=r"probability must lie in 0\.\.1, got 1.5"):
        expected_calibration_error(one * 1.5, one)
    with pytest.raises(ValueError, match="num_bins must be at least 1, got 0"):
        expected_calibration_error(one, one, num_bins=0)
