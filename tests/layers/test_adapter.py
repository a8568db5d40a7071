"""Adapters: nothing at first, then what two thin layers add, behind or beside a layer."""

from copy import deepcopy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from seldkit.layers import Adapter
from seldkit.layers.adapter import AdapterBehind, AdapterBeside, add_adapter
from seldkit.layers.turning import Settled, turn, turn_back


@given(st.integers(1, 9), st.floats(0.01, 2.0), st.sampled_from([0.1, 2.0, None]))
def test_a_new_adapter_adds_nothing(channels: int, ratio: float, scale: float | None) -> None:
    adapter = Adapter(channels, ratio=ratio, scale=scale)
    assert not adapter(torch.randn(2, 3, channels)).any()
    inner = max(1, round(ratio * channels))
    learned = 2 * channels * inner + inner + channels + (scale is None)
    assert sum(p.numel() for p in adapter.parameters()) == learned


def test_it_adds_the_formula() -> None:
    adapter = Adapter(4, scale=0.25).double()
    for parameter in adapter.parameters():
        nn.init.normal_(parameter)
    x = torch.randn(3, 4, dtype=torch.float64)
    inner = functional.gelu(x @ adapter.down.weight.T + adapter.down.bias)
    wanted = 0.25 * (inner @ adapter.up.weight.T + adapter.up.bias)
    torch.testing.assert_close(adapter(x), wanted)
    assert torch.autograd.gradcheck(adapter, (x.requires_grad_(),))


def test_a_learned_scale_starts_at_one() -> None:
    adapter, fixed = Adapter(4, scale=None), Adapter(4, scale=1.0)
    nn.init.normal_(adapter.up.weight)
    fixed.load_state_dict(adapter.state_dict(), strict=False)
    x = torch.randn(3, 4)
    torch.testing.assert_close(adapter(x), fixed(x))
    adapter(x).sum().backward()
    assert adapter.learned_scale.grad is not None


def test_it_stands_behind_a_layer_whose_names_stay() -> None:
    layer = nn.Linear(3, 4).double()
    plain, names = deepcopy(layer), set(layer.state_dict())
    add_adapter(layer, AdapterBehind, 4, scale=1.0)
    adapter = layer.get_submodule("adapter")
    nn.init.normal_(adapter.get_parameter("up.weight"))
    x = torch.randn(2, 3, dtype=torch.float64)
    torch.testing.assert_close(layer(x), plain(x) + adapter(plain(x)))
    assert names < set(layer.state_dict())
    assert isinstance(layer, nn.Linear)
    turn_back(layer)
    assert repr(layer) == repr(plain)
    assert set(layer.state_dict()) == names


def test_beside_a_step_it_reads_what_is_normed() -> None:
    step = nn.Sequential(nn.LayerNorm(4), nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 4))
    plain = deepcopy(step)
    add_adapter(step, AdapterBeside, 4)
    adapter = step.get_submodule("adapter")
    nn.init.normal_(adapter.get_parameter("up.weight"))
    x = torch.randn(2, 4)
    torch.testing.assert_close(step(x), plain(x) + adapter(plain[0](x)))


def test_a_settled_norm_keeps_its_statistics() -> None:
    norm = nn.BatchNorm2d(3)
    turn(norm, Settled)
    norm.train()
    assert not norm.training
    norm(5 + torch.randn(2, 3, 4, 4))
    assert not norm.running_mean.any()  # type: ignore[union-attr]
    turn_back(norm)
    assert nn.Sequential(norm).train()[0].training


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match=r"ratio must be positive, got 0\.0"):
        Adapter(4, ratio=0.0)
    with pytest.raises(ValueError, match="channels must be at least 1, got 0"):
        Adapter(0)
