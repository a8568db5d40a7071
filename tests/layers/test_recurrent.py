"""Recurrent layers, against their recursion written out."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from seldkit.layers import BidirectionalGRU, MinimalGatedUnit
from transforms import assert_compiles_and_exports

MERGES = ["product", "concat", "sum"]
VARIANTS: list[dict[str, Any]] = [
    {},
    {"merge_every": True, "tanh": False},
    {"merge": "concat", "tanh": False, "num_layers": 1},
]


def merged(x: Tensor, merge: str) -> Tensor:
    """Return both halves as one."""
    forward, backward = x[..., : x.shape[-1] // 2], x[..., x.shape[-1] // 2 :]
    return {"product": forward * backward, "sum": forward + backward, "concat": x}[merge]


def test_the_minimal_gated_unit_by_hand() -> None:
    unit, x = MinimalGatedUnit(3, 4, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64)
    h0 = torch.randn(4, dtype=torch.float64)
    forget_x, new_x = unit.weight_input[:4], unit.weight_input[4:]
    forget_h, new_h = unit.weight_state[:4], unit.weight_state[4:]
    h, expected = h0, []
    for frame in x:
        f = torch.sigmoid(forget_h @ h + forget_x @ frame + unit.bias[:4])
        new = torch.tanh(new_h @ (f * h) + new_x @ frame + unit.bias[4:])
        h = (1 - f) * h + f * new
        expected.append(h)
    states, last = unit(x.unsqueeze(0), h0.unsqueeze(0))
    torch.testing.assert_close(states[0], torch.stack(expected))
    assert torch.equal(last[0], states[0, -1])
    zeros = torch.zeros(1, 4, dtype=torch.float64)
    assert torch.equal(unit(x.unsqueeze(0))[0], unit(x.unsqueeze(0), zeros)[0])


@settings(max_examples=20)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=5), st.integers(1, 3))
def test_pieces_give_what_the_whole_gives(pieces: list[int], batch: int) -> None:
    unit = MinimalGatedUnit(3, 4, dtype=torch.float64)
    x = torch.randn(batch, sum(pieces), 3, dtype=torch.float64)
    state, found = None, []
    with torch.no_grad():
        for piece in x.split(pieces, dim=1):
            states, state = unit(piece, state)
            found.append(states)
        whole, last = unit(x)
    torch.testing.assert_close(torch.cat(found, dim=1), whole)
    torch.testing.assert_close(state, last)


def test_the_minimal_gated_unit_has_two_thirds_of_a_gru() -> None:
    sizes = [sum(p.numel() for p in m(128, 128).parameters()) for m in (MinimalGatedUnit, nn.GRU)]
    assert sizes == [65_792, 99_072]


def test_gradients_of_the_minimal_gated_unit() -> None:
    unit = MinimalGatedUnit(2, 3, dtype=torch.float64)
    x, h0 = torch.randn(2, 3, 2, dtype=torch.float64), torch.randn(2, 3, dtype=torch.float64)
    names = [name for name, _ in unit.named_parameters()]
    assert names == ["weight_input", "weight_state", "bias"]

    def run(x: Tensor, h0: Tensor, *weights: Tensor) -> tuple[Tensor, Tensor]:
        states, last = torch.func.functional_call(
            unit, dict(zip(names, weights, strict=True)), (x, h0)
        )
        return states, last

    inputs = (x.requires_grad_(), h0.requires_grad_(), *unit.parameters())
    assert torch.autograd.gradcheck(run, inputs)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("tanh", [True, False])
@pytest.mark.parametrize("merge", MERGES)
def test_the_stack_is_a_gru_whose_halves_are_merged(merge: Any, tanh: bool, dropout: float) -> None:
    stack = BidirectionalGRU(5, 4, 3, merge=merge, tanh=tanh, dropout=dropout).eval()
    gru = nn.GRU(5, 4, 3, batch_first=True, bidirectional=True)
    gru.load_state_dict({k.removeprefix("gru.0."): v for k, v in stack.state_dict().items()})
    x = torch.randn(2, 7, 5)
    both = gru(x)[0]
    expected = merged(both.tanh() if tanh else both, merge)
    torch.testing.assert_close(stack(x), expected)
    assert expected.shape == (2, 7, stack.out_channels)


@pytest.mark.parametrize("tanh", [True, False])
@pytest.mark.parametrize("merge", MERGES)
def test_every_layer_is_merged_if_asked(merge: Any, tanh: bool) -> None:
    stack = BidirectionalGRU(5, 4, 3, merge=merge, merge_every=True, tanh=tanh, dropout=0.3).eval()
    x = torch.randn(2, 7, 5)
    expected = x
    for i in range(3):
        gru = nn.GRU(expected.shape[2], 4, batch_first=True, bidirectional=True)
        weights = stack.gru[i].state_dict()
        gru.load_state_dict(weights)
        both = gru(expected)[0]
        expected = merged(both.tanh() if tanh else both, merge)
    torch.testing.assert_close(stack(x), expected)


@settings(max_examples=10)
@given(st.sampled_from(["product", "sum"]), st.booleans(), st.integers(1, 6))
def test_exchanged_directions_read_backwards(merge: Any, merge_every: bool, time: int) -> None:
    stack = BidirectionalGRU(3, 4, 1, merge=merge, merge_every=merge_every)
    swapped = BidirectionalGRU(3, 4, 1, merge=merge, merge_every=merge_every)
    weights = stack.state_dict()
    for name in weights:
        other = name.removesuffix("_reverse") if "_reverse" in name else f"{name}_reverse"
        swapped.state_dict()[other].copy_(weights[name])
    x = torch.randn(2, time, 3)
    torch.testing.assert_close(swapped(x.flip(1)).flip(1), stack(x))


@pytest.mark.parametrize("merge_every", [True, False])
def test_dropout_falls_between_layers_in_training(merge_every: bool) -> None:
    x = torch.randn(2, 7, 5)
    stack = BidirectionalGRU(5, 4, 2, merge_every=merge_every, dropout=0.5)
    assert not torch.equal(stack(x), stack(x))
    assert torch.equal(stack.eval()(x), stack(x))
    alone = BidirectionalGRU(5, 4, 1, merge_every=merge_every, dropout=0.5)
    assert torch.equal(alone(x), alone(x))


@pytest.mark.parametrize("arguments", VARIANTS)
def test_gradients_of_the_stack(arguments: dict[str, Any]) -> None:
    stack = BidirectionalGRU(2, 2, **arguments, dtype=torch.float64)
    names = [name for name, _ in stack.named_parameters()]

    def run(x: Tensor, *weights: Tensor) -> Tensor:
        output: Tensor = torch.func.functional_call(
            stack, dict(zip(names, weights, strict=True)), x
        )
        return output

    x = torch.randn(1, 3, 2, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(run, (x, *stack.parameters()))
    stack(x).sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in stack.parameters())


@pytest.mark.parametrize("module", [MinimalGatedUnit(5, 4), BidirectionalGRU(5, 4)])
def test_half_precision(module: nn.Module) -> None:
    linear = nn.Linear(6, 5)
    with torch.autocast("cpu", torch.bfloat16):
        for x in (torch.randn(1, 7, 5), linear(torch.randn(1, 7, 6))):
            y = module(x)
            y = y if isinstance(y, Tensor) else y[0]
            assert y.isfinite().all()
            y.float().sum().backward()


@pytest.mark.transforms
@pytest.mark.parametrize("arguments", VARIANTS)
def test_the_stack_compiles_and_exports(arguments: dict[str, Any]) -> None:
    assert_compiles_and_exports(BidirectionalGRU(5, 4, **arguments).eval(), torch.randn(2, 3, 5))


@pytest.mark.transforms
def test_the_minimal_gated_unit_compiles_and_exports() -> None:
    unit, x = MinimalGatedUnit(5, 4), torch.randn(2, 3, 5)
    assert_compiles_and_exports(unit, x)
    assert_compiles_and_exports(unit, x, torch.randn(2, 4))


def test_names_start_values_and_repr() -> None:
    stack = BidirectionalGRU(5, 4, merge_every=True)
    kinds = [f"{part}_{of}_l0" for part in ("weight", "bias") for of in ("ih", "hh")]
    assert set(stack.state_dict()) == {
        f"gru.{layer}.{kind}{way}" for layer in (0, 1) for kind in kinds for way in ("", "_reverse")
    }
    for module in (stack, MinimalGatedUnit(5, 4)):
        for parameter in module.parameters():
            nn.init.constant_(parameter, 7.0)
        module.reset_parameters()
        assert all(parameter.abs().max() <= 0.5 for parameter in module.parameters())
    assert "5, 4, 2, merge='product', merge_every=True, tanh=True" in repr(stack)
    assert repr(MinimalGatedUnit(5, 4)) == "MinimalGatedUnit(5, 4)"
    for kind in (MinimalGatedUnit, BidirectionalGRU):
        meta = kind(3, 4, device=torch.device("meta"), dtype=torch.float64)
        assert all(p.is_meta and p.dtype == torch.float64 for p in meta.parameters())


@pytest.mark.messages
def test_messages() -> None:
    for kind in (MinimalGatedUnit, BidirectionalGRU):
        with pytest.raises(ValueError, match="in_channels must be at least 1, got 0"):
            kind(0, 4)
        with pytest.raises(ValueError, match="channels must be at least 1, got -1"):
            kind(3, -1)
        with pytest.raises(ValueError, match=r"x must be \(batch, time, channel=3\), got shape"):
            kind(3, 4)(torch.zeros(1, 3, 5))
        with pytest.raises(ValueError, match="x must not be empty along time, got"):
            kind(3, 4)(torch.zeros(1, 0, 3))
    with pytest.raises(ValueError, match=r"h0 must be \(batch=1, channel=4\), got shape \(1, 3\)"):
        MinimalGatedUnit(3, 4)(torch.zeros(1, 2, 3), torch.zeros(1, 3))
    with pytest.raises(ValueError, match="num_layers must be at least 1, got 0"):
        BidirectionalGRU(3, 4, 0)
    with pytest.raises(ValueError, match="merge must be one of 'product', 'concat', 'sum', got"):
        BidirectionalGRU(3, 4, merge="mul")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"dropout must be in \[0, 1\), got 1"):
        BidirectionalGRU(3, 4, dropout=1)
