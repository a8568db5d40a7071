"""A balancer of a run that was stopped and goes on."""

import re
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from losses.balancing.balancers import BALANCERS, losses, trace
from seldkit.data import load_checkpoint, save_checkpoint
from seldkit.losses import FixedWeights, LossScaleBalancer, UncertaintyWeights

PAIRS = [(1.0 / (n + 1), 2.0 + (7 * n) % 5 / 4) for n in range(14)]


@pytest.mark.parametrize("kind", BALANCERS)
@pytest.mark.parametrize("stop", [0, 1, 7])
def test_a_resumed_run_goes_on_as_if_not_stopped(kind: str, stop: int, tmp_path: Path) -> None:
    whole = trace(BALANCERS[kind](), PAIRS)
    first, second, third = (BALANCERS[kind]() for _ in range(3))
    assert trace(first, PAIRS[:stop]) == whole[:stop]
    save_checkpoint(tmp_path / "last.safetensors", epoch=1, balancer=first)
    load_checkpoint(tmp_path / "last.safetensors", balancer=second)
    if state := first.state_dict():
        save_file(state, tmp_path / "state.safetensors")
        third.load_state_dict(load_file(tmp_path / "state.safetensors"))
    assert trace(second, PAIRS[stop:]) == whole[stop:]
    assert trace(third, PAIRS[stop:]) == whole[stop:]
    if kind != "grad_norm":  # a copy alone would leave the shared layer behind
        assert trace(deepcopy(first), PAIRS[stop:]) == whole[stop:]


def test_the_keys_of_the_state_are_these() -> None:
    records = {"running_mean", "running_steps", "num_records", "last_means", "_extra_state"}
    expected = {
        "fixed": {"_extra_state"},
        "running": records | {"last_total"},
        "periods": records | {"last_total"},
        "dynamic": records,
        "random": {"calls", "_extra_state"},
        "uncertainty": {"log_variance", "_extra_state"},
        "grad_norm": {"weight", "initial", "_extra_state"},
    }
    assert {kind: set(make().state_dict()) for kind, make in BALANCERS.items()} == expected


@pytest.mark.parametrize("kind", BALANCERS)
def test_a_state_is_whole_before_the_first_call(kind: str) -> None:
    balancer = BALANCERS[kind]()
    fresh = {name: x.shape for name, x in balancer.state_dict().items()}
    assert all(0 not in shape for shape in fresh.values())
    trace(balancer, PAIRS)
    assert {name: x.shape for name, x in balancer.state_dict().items()} == fresh


def test_a_state_is_taken_up_inside_a_larger_module() -> None:
    first, second = LossScaleBalancer(record=2), LossScaleBalancer(record=2)
    whole = trace(LossScaleBalancer(record=2), PAIRS)
    trace(first, PAIRS[:5])
    state = torch.nn.ModuleDict({"balancer": first}).state_dict()
    torch.nn.ModuleDict({"balancer": second}).load_state_dict(state)
    assert trace(second, PAIRS[5:]) == whole[5:]


def test_an_earlier_state_takes_a_later_one_back() -> None:
    balancer = LossScaleBalancer()
    fresh = deepcopy(balancer.state_dict())
    whole = trace(balancer, PAIRS)
    balancer.load_state_dict(fresh)
    assert trace(balancer, PAIRS) == whole


@pytest.mark.messages
def test_a_state_of_other_tasks_is_refused() -> None:
    state = LossScaleBalancer(tasks=("sed", "distance")).state_dict()
    message = "state must be of ['doa', 'sed'], got that of ['distance', 'sed']"
    with pytest.raises(KeyError, match=re.escape(message)):
        LossScaleBalancer().load_state_dict(state)
    state = LossScaleBalancer(tasks=("sed", "doa", "distance")).state_dict()
    with pytest.raises(KeyError, match="state must be of"):
        LossScaleBalancer().load_state_dict(state)
    with pytest.raises(KeyError, match="state must be of"):
        UncertaintyWeights(("a", "b")).load_state_dict(UncertaintyWeights().state_dict())


@pytest.mark.messages
def test_a_state_without_its_records_is_refused() -> None:
    balancer = LossScaleBalancer()
    trace(balancer, PAIRS)
    state = balancer.state_dict()
    del state["last_means"]
    with pytest.raises(RuntimeError, match=r'Missing key.*"last_means"'):
        LossScaleBalancer().load_state_dict(state)


def test_fixed_weights_are_those_given_not_those_saved() -> None:
    balancer = FixedWeights(sed=1.0, doa=3.0)
    balancer.load_state_dict(FixedWeights().state_dict())
    assert balancer(losses(1.0, 1.0)) == 4
