"""Fixed, random, averaged and learned weights."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from losses.balancing.balancers import SHARED, losses
from seldkit.losses import (
    DynamicWeightAverage,
    FixedWeights,
    GradNorm,
    LossScaleBalancer,
    RandomWeights,
    TaskLosses,
    UncertaintyWeights,
)
from seldkit.losses.balancing.random import split_mix, standard_normals

TASKS = ("a", "b", "c")


@pytest.fixture
def alternatives(golden: Callable[[str], Path]) -> dict[str, Tensor]:
    with np.load(golden("roam/mtl_alternatives.npz")) as file:
        return {name: torch.from_numpy(file[name]) for name in file}


def named(row: Tensor) -> dict[str, Tensor]:
    return dict(zip(TASKS, row.unbind(), strict=True))


def test_fixed_weights_are_a_weighted_sum() -> None:
    one = torch.tensor(1.0)
    assert FixedWeights()(TaskLosses(one, 3 * one)) == 2
    balancer = FixedWeights(sed=1.0, doa=None, distance=0.0)
    assert balancer({"sed": one, "distance": 5 * one}) == 1
    assert balancer({"sed": one, "doa": one, "distance": 5 * one}) == 1
    assert balancer.weights == {"distance": 0.0, "sed": 1.0}
    assert repr(balancer) == "FixedWeights(sed=1.0, doa=None, distance=0.0)"


@pytest.mark.messages
def test_wrong_fixed_weights_are_named() -> None:
    with pytest.raises(
        ValueError, match=r"weights must be finite and at least 0, got \{'doa': -1.0"
    ):
        FixedWeights(doa=-1.0)
    with pytest.raises(ValueError, match=r"got \{'distance': inf\}"):
        FixedWeights(distance=float("inf"))
    with pytest.raises(ValueError, match=r"got \{'sed': None, 'doa': None\}"):
        FixedWeights(sed=None, doa=None)


def test_fixed_weights_follow_the_precision_of_the_losses() -> None:
    balancer = FixedWeights(sed=0.1, doa=0.1)
    for dtype in (torch.float32, torch.float64, torch.float32):
        one = torch.tensor(1.0, dtype=dtype)
        assert balancer(TaskLosses(one, one)).dtype == dtype
        assert balancer.weights["sed"] == torch.tensor(0.1, dtype=dtype).item()


def test_dynamic_weights_are_those_of_the_formula(alternatives: dict[str, Tensor]) -> None:
    balancer = DynamicWeightAverage(TASKS)
    for row, expected in zip(alternatives["losses"], alternatives["dwa_T2"], strict=True):
        torch.testing.assert_close(balancer(named(row)), (row * expected).sum(), rtol=1e-10, atol=0)
        assert list(balancer.weights.values()) == pytest.approx(expected.tolist(), rel=1e-10)


def test_dynamic_weights_follow_the_means_of_records(alternatives: dict[str, Tensor]) -> None:
    short, long = DynamicWeightAverage(TASKS), DynamicWeightAverage(TASKS, record=2)
    for row in alternatives["losses"]:
        short(named(row))
        for factor in (0.5, 1.5):
            long(named(factor * row))
            assert long.weights == pytest.approx(short.weights)


@pytest.mark.messages
def test_wrong_settings_of_dynamic_weights_are_named() -> None:
    with pytest.raises(ValueError, match="temperature must be positive, got 0"):
        DynamicWeightAverage(temperature=0)
    for record in ("running", 0):
        with pytest.raises(ValueError, match="record must be a positive integer, got"):
            DynamicWeightAverage(record=record)  # type: ignore[arg-type]
    shown = "DynamicWeightAverage(('doa', 'sed'), temperature=2.0, record=1)"
    assert repr(DynamicWeightAverage()) == shown


def test_random_numbers_are_those_of_splitmix64() -> None:
    first = [x % 2**64 for x in split_mix(0, torch.arange(3)).tolist()]
    assert first == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert split_mix(2**64 + 5, torch.arange(3)).equal(split_mix(5, torch.arange(3)))


def test_random_numbers_are_standard_normal() -> None:
    x = torch.stack([standard_normals(3, torch.tensor(call), 40) for call in range(1000)])
    assert x.mean().abs() < 0.02
    assert abs(x.std() - 1) < 0.02
    assert abs((x**4).mean() - 3) < 0.1
    for other in (x[:, 1:] * x[:, :-1], x[1:] * x[:-1], x[:, 20:] * x[:, :20]):
        assert other.mean().abs() < 0.025
    assert len(x.unique()) > 39_000


def test_random_weights_are_a_function_of_seed_and_call() -> None:
    one, same, other = RandomWeights(), RandomWeights(), RandomWeights(seed=-1)
    seen = set()
    for _ in range(5):
        for balancer in (one, same, other):
            balancer(losses(1.0, 1.0))
        assert one.weights == same.weights != other.weights
        assert sum(one.weights.values()) == pytest.approx(1)
        seen.add(one.weights["sed"])
    assert len(seen) == 5
    one.eval()(losses(1.0, 1.0))
    evaluated = one.weights
    one.train()(losses(1.0, 1.0))
    assert one.weights == evaluated
    assert repr(other) == "RandomWeights(('doa', 'sed'), seed=-1)"


def test_uncertainty_weights_are_those_of_the_formula(alternatives: dict[str, Tensor]) -> None:
    for half in (True, False):
        balancer = UncertaintyWeights(TASKS, half=half).double()
        with torch.no_grad():
            balancer.log_variance.copy_(alternatives["uw_logvar"])
        expected = alternatives["uw_total_half" if half else "uw_total_nohalf"]
        scale = 1 if half else 2
        for step, row in enumerate(alternatives["losses"]):
            balancer.zero_grad()
            total = balancer(named(row))
            total.backward()
            torch.testing.assert_close(total.detach(), expected[step], rtol=1e-10, atol=0)
            torch.testing.assert_close(
                balancer.log_variance.grad,
                scale * alternatives["uw_grad_half"][step],
                rtol=1e-10,
                atol=1e-14,
            )


def test_the_loss_of_a_classification_has_twice_the_weight() -> None:
    plain, told = UncertaintyWeights(), UncertaintyWeights(classification=("sed",))
    one = torch.tensor(1.0)
    assert told(TaskLosses(one, one)) == plain(TaskLosses(2 * one, one))
    assert told.weights["sed"] == 2 * told.weights["doa"]
    assert repr(told).startswith("UncertaintyWeights(('doa', 'sed'), initial=-0.5, half=True, ")
    with pytest.raises(ValueError, match=r"classification must be among \['doa', 'sed'\], got \['"):
        UncertaintyWeights(classification=("music",))


def test_gradients_of_uncertainty_weights_are_exact() -> None:
    balancer = UncertaintyWeights().double()

    def total(sed: Tensor, doa: Tensor, log_variance: Tensor) -> Tensor:
        result: Tensor = torch.func.functional_call(
            balancer, {"log_variance": log_variance}, (TaskLosses(sed, doa),)
        )
        return result

    inputs = [torch.rand(shape, dtype=torch.float64, requires_grad=True) for shape in ((), (), (2))]
    assert torch.autograd.gradcheck(total, inputs)


def test_uncertainty_settles_where_the_variance_is_the_loss() -> None:
    balancer = UncertaintyWeights()
    optimizer = torch.optim.SGD(balancer.parameters(), lr=0.5)
    for _ in range(100):
        optimizer.zero_grad()
        balancer(TaskLosses(torch.tensor(2.0), torch.tensor(0.1))).backward()
        optimizer.step()
    doa, sed = balancer.log_variance.exp().tolist()
    assert (sed, doa) == pytest.approx((2.0, 0.1), rel=1e-3)


def test_gradient_normalisation_is_that_of_the_formula(alternatives: dict[str, Tensor]) -> None:
    shared = nn.Parameter(torch.zeros(3, dtype=torch.float64))
    weights = alternatives["gradnorm_w"]
    balancer = GradNorm(shared, TASKS, exponent=alternatives["gradnorm_alpha"].item()).double()
    # Losses of given values whose gradients have given norms.
    balancer(named(alternatives["gradnorm_L0"] + shared))
    with torch.no_grad():
        balancer.weight.copy_(weights)
    for step, row in enumerate(alternatives["gradnorm_Lt"]):
        balancer.zero_grad()
        total = balancer(named(row + alternatives["gradnorm_gradnorms"][step] * shared))
        total.backward()
        gap = total.detach() - (weights * row).sum()
        torch.testing.assert_close(gap, alternatives["gradnorm_loss"][step], rtol=1e-10, atol=0)
        torch.testing.assert_close(
            balancer.weight.grad, alternatives["gradnorm_dw"][step], rtol=1e-10, atol=0
        )


def test_gradient_normalisation_trains_the_network_with_the_sum_alone() -> None:
    shared, other = (nn.Parameter(torch.randn(3, 3)) for _ in range(2))
    balancer = GradNorm([shared, other])
    assert list(balancer.parameters()) == [balancer.weight]
    hidden = torch.randn(4, 3) @ shared @ other
    sed, doa = hidden.square().mean(), hidden.abs().mean()
    balancer({"sed": sed, "doa": doa}).backward(retain_graph=True)
    expected = torch.autograd.grad(sed + doa, [shared, other])
    torch.testing.assert_close((shared.grad, other.grad), expected)


def test_weights_of_gradient_normalisation_stay_positive_with_the_sum_of_tasks() -> None:
    balancer = GradNorm(SHARED)
    with torch.no_grad():
        balancer.weight.copy_(torch.tensor([-1.0, 3.0]))
    balancer(losses(1.0, 1.0))
    assert balancer.weights == pytest.approx({"doa": 0.0, "sed": 2.0}, abs=1e-6)
    assert (balancer.weight > 0).all()
    with torch.no_grad():
        balancer.weight.copy_(torch.tensor([3.0, 1.0]))
    assert balancer.eval()(losses(1.0, 3.0)).item() == pytest.approx(0.5 + 1.5 * 3)
    assert balancer.weight.tolist() == [3, 1]


def test_gradient_normalisation_waits_for_the_first_losses() -> None:
    balancer = GradNorm(SHARED)
    for pair in ((0.0, 2.0), (float("nan"), 1.0)):
        balancer.zero_grad()
        balancer(losses(*pair)).backward()
        assert balancer.weight.grad is not None
        assert not balancer.weight.grad.any()
    balancer(losses(5.0, 1.0)).backward()
    assert balancer.initial.tolist() == [2, 5]
    assert balancer.weight.grad is not None
    assert balancer.weight.grad.any()


@pytest.mark.messages
def test_wrong_use_of_gradient_normalisation_is_named() -> None:
    with pytest.raises(ValueError, match="parameters must be those of a shared layer, got none"):
        GradNorm(iter(()))
    balancer, one = GradNorm(SHARED), torch.tensor(1.0)
    message = "every loss must depend on the parameters in training mode, got 'doa'"
    for stranger in (one, nn.Parameter(torch.ones(()))):
        with pytest.raises(ValueError, match=message):
            balancer({"sed": SHARED * one, "doa": stranger})
    assert repr(balancer) == "GradNorm(('doa', 'sed'), exponent=1.5)"


@pytest.mark.messages
def test_settings_are_numbers_of_python_or_numpy() -> None:
    one: Any = np.int64(3)
    for balancer in (LossScaleBalancer(record=one), DynamicWeightAverage(record=one)):
        assert balancer.record == 3
        assert "record=3" in repr(balancer)
    assert repr(RandomWeights(seed=one)) == "RandomWeights(('doa', 'sed'), seed=3)"
    half: Any = np.float32(0.5)
    one_each = {"sed": torch.ones(()), "doa": torch.ones(())}
    assert FixedWeights(sed=half, doa=2)(one_each) == 2.5
    yes: Any = True
    wrong: list[tuple[Callable[[], object], str]] = [
        (lambda: FixedWeights(sed=yes), "sed must be a number, got True"),
        (lambda: LossScaleBalancer({"sed": yes}), "priority of 'sed' must be a number, got True"),
        (lambda: LossScaleBalancer(exponent=yes), "exponent must be a number, got True"),
        (lambda: DynamicWeightAverage(temperature=yes), "temperature must be a number, got True"),
        (lambda: GradNorm(SHARED, exponent=yes), "exponent must be a number, got True"),
        (lambda: RandomWeights(seed=yes), "seed must be an integer, got True"),
        (lambda: UncertaintyWeights(initial=yes), "initial must be a number, got True"),
    ]
    for make, message in wrong:
        with pytest.raises(TypeError, match=message):
            make()
