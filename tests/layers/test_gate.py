"""The softmax gate equals its formula, and keeps between its streams."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seldkit.layers import SoftmaxGate, softmax_gate
from transforms import assert_compiles_and_exports

each_kind = pytest.mark.parametrize("logits", ["self", "learned", "scalar"])


def arrays(golden: Callable[[str], Path]) -> dict[str, Tensor]:
    """Return the reference numbers."""
    path = golden("roam/softmax_gate.npz")
    return {name: torch.from_numpy(array) for name, array in np.load(path).items()}


def streams(*shape: int) -> Tensor:
    """Return noise."""
    return torch.randn(*shape, dtype=torch.float64)


def test_the_gate_equals_the_golden_one(golden: Callable[[str], Path]) -> None:
    wanted = arrays(golden)
    for gate in (softmax_gate, SoftmaxGate(), SoftmaxGate(logits="learned", dtype=torch.float64)):
        torch.testing.assert_close(gate(wanted["streams"]), wanted["out_self"], rtol=0, atol=1e-12)
    out = softmax_gate(wanted["streams"], wanted["logits"])
    torch.testing.assert_close(out, wanted["out_logits"], rtol=0, atol=1e-12)


def test_the_weights_equal_the_golden_ones(golden: Callable[[str], Path]) -> None:
    wanted = arrays(golden)
    for i in range(2):  # a stream of ones beside one of zeros shows the weight of the first
        shown = torch.zeros_like(wanted["streams"])
        shown[:, i] = 1
        for kind, logits in (("self", wanted["streams"]), ("logits", wanted["logits"])):
            weights = wanted[f"weights_{kind}"][:, i]
            torch.testing.assert_close(softmax_gate(shown, logits), weights, rtol=0, atol=1e-12)


@settings(max_examples=25)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 9), st.integers(0, 99))
def test_the_gate_keeps_between_its_streams(number: int, batch: int, time: int, seed: int) -> None:
    torch.manual_seed(seed)
    x = streams(batch, number, time, 5)
    mean = softmax_gate(x)
    assert mean.shape == (batch, time, 5)
    assert (mean <= x.amax(dim=1) + 1e-12).all()
    assert (mean >= x.mean(dim=1) - 1e-12).all()  # the larger weighs more
    torch.testing.assert_close(softmax_gate(x.flip(dims=[1])), mean)
    torch.testing.assert_close(softmax_gate(x, torch.zeros_like(x)), x.mean(dim=1))


def test_how_the_kinds_begin() -> None:
    x = streams(2, 3, 5, 4)
    gates = {
        kind: SoftmaxGate(logits=kind, num_streams=3, dtype=torch.float64)
        for kind in ("self", "learned", "scalar")
    }
    torch.testing.assert_close(gates["self"](x), softmax_gate(x))
    torch.testing.assert_close(gates["learned"](x), softmax_gate(x))
    torch.testing.assert_close(gates["scalar"](x), x.mean(dim=1))


def test_what_the_parameters_mean() -> None:
    x, gate = streams(1, 2, 5, 4), SoftmaxGate(logits="scalar", dtype=torch.float64)
    with torch.no_grad():
        gate.bias.copy_(torch.tensor([3.0, 1.0]).log())
    torch.testing.assert_close(gate(x), 0.75 * x[:, 0] + 0.25 * x[:, 1])
    gate = SoftmaxGate(logits="learned", dtype=torch.float64)
    with torch.no_grad():
        gate.weight[0, 1] = 2.0  # the first stream counts where the second is large
        gate.bias[1] = -1.0
    logits = torch.stack((x[:, 0] + 2 * x[:, 1], x[:, 1] - 1), dim=1)
    torch.testing.assert_close(gate(x), softmax_gate(x, logits))


@each_kind
def test_gradients_reach_all(logits: Any) -> None:
    gate = SoftmaxGate(logits=logits, dtype=torch.float64)
    x = streams(2, 2, 3, 4).requires_grad_()
    assert torch.autograd.gradcheck(gate, (x,))
    gate(x).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in gate.parameters())
    names = {"self": [], "learned": ["bias", "weight"], "scalar": ["bias"]}
    assert sorted(gate.state_dict()) == names[logits]


@each_kind
def test_autocast_and_reset(logits: Any) -> None:
    gate, x = SoftmaxGate(logits=logits), torch.randn(1, 2, 5, 4)
    begun = gate(x)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.allclose(gate(x).float(), begun, atol=0.05)
    with torch.no_grad():
        for parameter in gate.parameters():
            parameter.add_(torch.randn_like(parameter))
    gate.reset_parameters()
    assert torch.equal(gate(x), begun)
    assert f"logits={logits!r}, num_streams=2" in repr(gate)


@pytest.mark.transforms
@each_kind
def test_compiles_and_exports(logits: Any) -> None:
    assert_compiles_and_exports(SoftmaxGate(logits=logits), torch.randn(2, 2, 5, 4))


@pytest.mark.messages
def test_messages() -> None:
    wrong: Any = "none"
    with pytest.raises(ValueError, match="logits must be one of 'self', 'learned', 'scalar', got"):
        SoftmaxGate(logits=wrong)
    with pytest.raises(ValueError, match="num_streams must be at least 1, got 0"):
        SoftmaxGate(num_streams=0)
    with pytest.raises(ValueError, match=r"streams must be \(batch, stream=2, time, freq\), got"):
        SoftmaxGate()(torch.zeros(1, 3, 5, 4))
    with pytest.raises(ValueError, match="streams and logits must have the same shape, got"):
        softmax_gate(torch.zeros(1, 2, 5, 4), torch.zeros(1, 2, 1, 1))
