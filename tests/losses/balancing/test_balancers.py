"""What holds for every balancer."""

import re
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from losses.balancing.balancers import BALANCERS, SHARED, losses, trace
from seldkit.losses import (
    Balancer,
    DynamicWeightAverage,
    FixedWeights,
    GradNorm,
    LossScaleBalancer,
    RandomWeights,
    UncertaintyWeights,
)

PAIRS = [(1.0, 2.0), (0.7, 1.9), (0.6, 1.5), (0.9, 1.2), (0.4, 1.1), (0.3, 1.3), (0.2, 0.9)]


class Renamed(NamedTuple):
    """Losses by other names."""

    activity: Tensor
    direction: Tensor


@pytest.fixture(params=BALANCERS)
def balancer(request: pytest.FixtureRequest) -> Balancer:
    return BALANCERS[request.param]()


def test_there_are_no_weights_before_the_first_call(balancer: Balancer) -> None:
    assert balancer.weights == {}


def test_the_losses_get_exactly_the_weights_as_gradients(balancer: Balancer) -> None:
    trace(balancer, PAIRS)
    leaves = {name: torch.tensor(x, requires_grad=True) for name, x in (("sed", 0.5), ("doa", 2.0))}
    balancer({name: leaf * SHARED for name, leaf in leaves.items()}).backward()
    gradients = {name: leaf.grad.item() for name, leaf in leaves.items() if leaf.grad is not None}
    assert gradients == pytest.approx(balancer.weights, rel=1e-6)


@pytest.mark.parametrize("kind", BALANCERS)
def test_the_order_of_a_mapping_does_not_matter(kind: str) -> None:
    one, other = BALANCERS[kind](), BALANCERS[kind]()
    for pair in PAIRS:
        assert one(losses(*pair)) == other(dict(reversed(losses(*pair).items())))
        assert one.weights == other.weights
    assert list(one.weights) == list(other.weights) == ["doa", "sed"]


@pytest.mark.messages
def test_wrong_losses_are_named(balancer: Balancer) -> None:
    balancer(losses(1.0, 1.0))
    one = torch.tensor(1.0)
    message = "losses must be of ['doa', 'sed'], got ['activity', 'direction']"
    with pytest.raises(KeyError, match=re.escape(message)):
        balancer(Renamed(one, one))
    with pytest.raises(KeyError, match=re.escape("got ['sed']")):
        balancer({"sed": one})
    with pytest.raises(ValueError, match=re.escape("got shapes {'doa': (2,)}")):
        balancer({"sed": one, "doa": torch.ones(2)})
    with pytest.raises(ValueError, match="losses must be scalars, at least one"):
        balancer({})
    with pytest.raises(TypeError, match=r"losses must be tensors, got \{'sed': <class 'float'>\}"):
        balancer({"sed": 1.0, "doa": one})
    with pytest.raises(TypeError, match="losses must be a mapping or a NamedTuple"):
        balancer([one, one])


def test_a_loss_that_is_not_finite_leaves_no_trace(balancer: Balancer) -> None:
    expected = trace(balancer, PAIRS[:4])
    balancer(losses(*PAIRS[4]))
    state = {name: x.clone() for name, x in balancer.state_dict().items() if name != "calls"}
    for wrong in (float("nan"), float("inf")):
        balancer.zero_grad()
        total = balancer(losses(1.0, wrong))
        assert not total.isfinite()
        total.backward()
        assert all(torch.equal(x, state[n]) for n, x in balancer.state_dict().items() if n in state)
        assert all(not p.grad.any() for p in balancer.parameters() if p.grad is not None)
    assert all(row[0] < 1e3 for row in expected)


def test_a_loss_of_zero_leaves_finite_weights(balancer: Balancer) -> None:
    pairs = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), *PAIRS, (0.0, 1.0), (0.0, 0.0), *PAIRS]
    assert (torch.tensor(trace(balancer, pairs)).abs() < 1e3).all()


def test_half_precision_gives_a_total_in_float32(balancer: Balancer) -> None:
    rough = {name: loss.bfloat16() for name, loss in losses(1.0, 2.0).items()}
    expected = balancer.eval()(losses(1.0, 2.0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        total = balancer(rough)
    dtype = torch.float64 if list(balancer.parameters()) else torch.float32
    assert total.dtype in {torch.float32, dtype}
    torch.testing.assert_close(total, expected.to(total.dtype), rtol=1e-6, atol=0)


def test_validation_in_inference_mode_may_come_first(balancer: Balancer) -> None:
    balancer.eval()
    with torch.inference_mode():
        balancer(losses(1.0, 2.0))
    assert len(trace(balancer.train(), PAIRS)) == len(PAIRS)


@pytest.mark.transforms
@pytest.mark.parametrize("kind", ["fixed", "periods", "dynamic", "random", "uncertainty"])
def test_it_compiles_whole(kind: str) -> None:
    torch.compiler.reset()
    compiled, plain = BALANCERS[kind](), BALANCERS[kind]()

    @torch.compile(fullgraph=True, backend="aot_eager")
    def step(x: Tensor) -> Tensor:
        total: Tensor = compiled({"sed": x[0].square(), "doa": x[1].square()})
        return total

    for pair in PAIRS:
        x, y = (torch.tensor(pair, requires_grad=True) for _ in range(2))
        total, expected = step(x), plain({"sed": y[0].square(), "doa": y[1].square()})
        total.backward()
        expected.backward()
        torch.testing.assert_close((total, x.grad), (expected, y.grad))
        assert compiled.weights == pytest.approx(plain.weights)


@pytest.mark.messages
def test_tasks_must_be_different_names() -> None:
    for tasks in ((), ("sed", "sed"), "sed"):
        for make in (UncertaintyWeights, RandomWeights, DynamicWeightAverage, LossScaleBalancer):
            with pytest.raises(ValueError, match="tasks must be different names, at least one, go"):
                make(tasks=tasks)
    with pytest.raises(ValueError, match=r"tasks must be those of priorities, \['a'\], got \('b'"):
        LossScaleBalancer({"a": 1.0}, tasks=("b",))
    assert LossScaleBalancer({"a": 1.0}, tasks=("a",)).tasks == ("a",)


def test_a_network_trains_with_any(balancer: Balancer) -> None:
    network = nn.Linear(3, 2, dtype=torch.float64)
    x = torch.randn(32, 3, dtype=torch.float64)
    y = torch.stack([x.sum(dim=1), 50 * x[:, 0]], dim=1)
    if isinstance(balancer, GradNorm):
        balancer = GradNorm(network.parameters())
    optimizer = torch.optim.Adam([*network.parameters(), *balancer.parameters()], lr=0.1)

    def task_losses() -> dict[str, Tensor]:
        sed, doa = (network(x) - y).square().mean(dim=0).unbind()
        return {"sed": sed, "doa": doa}

    first = task_losses()
    for _ in range(60):
        optimizer.zero_grad()
        balancer(task_losses()).backward()
        optimizer.step()
    assert all(loss < 0.9 * first[name] for name, loss in task_losses().items())


def test_names_are_given_and_sorted() -> None:
    assert LossScaleBalancer({"b": 1.0, "a": 2.0}).tasks == ("a", "b")
    for kind in (LossScaleBalancer, DynamicWeightAverage, RandomWeights, UncertaintyWeights):
        assert kind().tasks == ("doa", "sed")
        assert kind(tasks=("z", "y")).tasks == ("y", "z")
        assert kind(tasks=["a", "c", "b"]).eval()(dict.fromkeys("abc", torch.tensor(1.0))) > 0
    assert GradNorm(SHARED, ("z", "y")).tasks == ("y", "z")
    assert FixedWeights(distance=1.0).tasks == ("distance", "doa", "sed")
