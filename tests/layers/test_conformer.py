"""The Conformer block equals the published one; its parts follow the formula."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from seldkit.compat._conformer import conformer_rules, is_sinusoid_table
from seldkit.compat._rules import to_ours
from seldkit.layers import ConformerBlock, RelativePositionAttention
from transforms import assert_compiles_and_exports

PSELDNETS: dict[str, Any] = {"num_heads": 8, "positions": "shift", "scale": "model"}
WIDE: dict[str, Any] = {
    "conv_expansion": 2,
    "positions": "shaw",
    "qkv_bias": False,
    "depthwise_bias": True,
}
OF_ATTENTION = ("num_heads", "positions", "scale", "qkv_bias", "max_distance")
VARIANTS: list[dict[str, Any]] = [{}, PSELDNETS, WIDE]


def conformer(channels: int, **arguments: Any) -> ConformerBlock:
    """Return a block of an attention of these settings."""
    given = {name: arguments.pop(name) for name in OF_ATTENTION if name in arguments}
    shared = {key: x for key, x in arguments.items() if key in ("dtype", "dropout")}
    attention = RelativePositionAttention(channels, **{"dropout": 0.1} | given | shared)
    return ConformerBlock(channels, attention=attention, **arguments)


def block(channels: int = 8, **arguments: Any) -> ConformerBlock:
    """Return a block of double precision, with statistics and biases that are not 0 or 1."""
    sizes: dict[str, Any] = {"num_heads": 2, "kernel_size": 5, "max_distance": 3}
    module = conformer(channels, **(sizes | arguments), dtype=torch.float64)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)
    for statistic in module.convolution.batch_norm.buffers():
        if statistic.is_floating_point():
            nn.init.uniform_(statistic, 0.5, 2.0)
    return module.eval()


def sequence(*shape: int) -> Tensor:
    """Return noise."""
    return torch.randn(shape, dtype=torch.float64)


def test_two_blocks_equal_the_published_ones(golden: Callable[[str], Path]) -> None:
    weights = load_file(golden("einv2/conformer_d32_l2.safetensors"))
    arrays = np.load(golden("einv2/conformer_d32_l2_io.npz"))
    x, y = (torch.from_numpy(arrays[name]) for name in ("x", "y"))
    blocks = nn.Sequential(*(conformer(32, **PSELDNETS) for _ in range(2))).eval()
    rules = conformer_rules("published", "ours")
    tensors = {name: x for name, x in weights.items() if not is_sinusoid_table(name)}
    names = {name: str(to_ours(rules, f"published.{name}")) for name in tensors}
    blocks.load_state_dict({names[k].removeprefix("ours."): x for k, x in tensors.items()})
    with torch.no_grad():
        torch.testing.assert_close(blocks(x), y, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        ({}, 1_588_736),
        (PSELDNETS, 1_588_736),
        (WIDE, 1_793_600),
        (WIDE | {"num_heads": 8, "kernel_size": 7, "feedforward": 2}, 1_223_200),
    ],
)
def test_sizes_of_the_published_forms(arguments: dict[str, Any], count: int) -> None:
    with torch.device("meta"):
        module = conformer(256, **arguments)
    assert sum(p.numel() for p in module.parameters()) == count


@pytest.mark.parametrize("kernel_size", [1, 4, 5])
@pytest.mark.parametrize("arguments", [{}, {"conv_expansion": 3, "depthwise_bias": True}])
def test_the_formula_by_hand(arguments: dict[str, Any], kernel_size: int) -> None:
    module = block(kernel_size=kernel_size, feedforward=3, **arguments)
    x = sequence(2, 6, 8)

    def feedforward(step: Any, x: Tensor) -> Tensor:
        inner = step.norm(x) @ step.expand.weight.T + step.expand.bias
        inner = inner * inner.sigmoid()
        output: Tensor = inner @ step.reduce.weight.T + step.reduce.bias
        return output

    def convolution(step: Any, x: Tensor) -> Tensor:
        inner = step.norm(x) @ step.expand.weight[..., 0].T + step.expand.bias
        inner, gate = inner.chunk(2, dim=-1)
        inner = inner * gate.sigmoid()
        padded = functional.pad(inner, (0, 0, kernel_size // 2, kernel_size))
        kernel = step.depthwise.weight[:, 0]
        inner = sum(padded[:, lag : lag + 6] * kernel[:, lag] for lag in range(kernel_size))
        inner = inner if step.depthwise.bias is None else inner + step.depthwise.bias
        norm = step.batch_norm
        inner = (inner - norm.running_mean) / (norm.running_var + norm.eps).sqrt()
        inner = inner * norm.weight + norm.bias
        inner = inner * inner.sigmoid()
        output: Tensor = inner @ step.reduce.weight[..., 0].T + step.reduce.bias
        return output

    with torch.no_grad():
        expected = x + feedforward(module.feedforward1, x) / 2
        expected = expected + module.attention(module.attention_norm(expected))
        expected = expected + convolution(module.convolution, expected)
        expected = module.norm(expected + feedforward(module.feedforward2, expected) / 2)
        torch.testing.assert_close(module(x), expected)


@settings(max_examples=15)
@given(st.integers(1, 8), st.integers(0, 4), st.integers(0, 4), st.sampled_from(VARIANTS))
def test_padding_changes_nothing(
    time: int, before: int, after: int, arguments: dict[str, Any]
) -> None:
    module, x = block(**arguments), sequence(2, time, 8)
    longer = sequence(2, before + time + after, 8)
    longer[:, before : before + time] = x
    padding = torch.ones(longer.shape[:2], dtype=torch.bool)
    padding[:, before : before + time] = False
    with torch.no_grad():
        inside = module(longer, padding)[:, before : before + time]
        torch.testing.assert_close(inside, module(x))


@pytest.mark.parametrize("arguments", VARIANTS)
@pytest.mark.parametrize("shape", [(1, 2), (2, 1), (1, 9), (3, 4)])
def test_training_reaches_every_parameter(
    arguments: dict[str, Any], shape: tuple[int, int]
) -> None:
    module = conformer(8, **({"num_heads": 2} | arguments)).train()
    x = torch.randn(*shape, 8)
    given_x = x.clone()
    module(x).square().mul(torch.randn(8)).sum().backward()
    assert torch.equal(x, given_x)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())


def test_dropout_falls_on_every_step_in_training() -> None:
    module, x = ConformerBlock(8, dropout=0.5), torch.randn(4, 6, 8)
    module.convolution.batch_norm.eval()
    assert not torch.equal(module(x), module(x))
    module.eval()
    assert torch.equal(module(x), module(x))
    module.train()
    module.dropout.p = 1.0  # nothing is left but the input
    torch.testing.assert_close(module(x), module.norm(x))


@pytest.mark.parametrize("arguments", VARIANTS)
def test_gradients(arguments: dict[str, Any]) -> None:
    module = block(4, **(arguments | {"num_heads": 2, "kernel_size": 3, "feedforward": 1}))
    assert torch.autograd.gradcheck(module, sequence(1, 3, 4).requires_grad_())


@pytest.mark.parametrize("arguments", VARIANTS)
def test_half_precision(arguments: dict[str, Any]) -> None:
    module, x = conformer(16, **arguments), torch.randn(2, 9, 16)
    with torch.autocast("cpu", torch.bfloat16):
        y = module(x)
        y.square().sum().backward()
    assert y.isfinite().all()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())


@pytest.mark.transforms
@pytest.mark.parametrize("arguments", VARIANTS)
def test_it_compiles_and_exports(arguments: dict[str, Any]) -> None:
    module = conformer(16, kernel_size=4, **arguments).eval()
    assert_compiles_and_exports(module, torch.randn(1, 5, 16))


def test_names_and_repr() -> None:
    module = ConformerBlock(8)
    steps = {
        f"{step}.{layer}.{kind}"
        for step, layers in (
            ("feedforward1", ("norm", "expand", "reduce")),
            ("feedforward2", ("norm", "expand", "reduce")),
            ("attention", ("query", "key", "value", "output")),
            ("convolution", ("norm", "expand", "batch_norm", "reduce")),
        )
        for layer in layers
        for kind in ("weight", "bias")
    }
    statistics = {"running_mean", "running_var", "num_batches_tracked"}
    assert set(module.state_dict()) == steps | {
        *(f"convolution.batch_norm.{name}" for name in statistics),
        *(f"attention.{n}" for n in ("position.weight", "content_bias", "position_bias")),
        *(f"{norm}.{kind}" for norm in ("attention_norm", "norm") for kind in ("weight", "bias")),
        "convolution.depthwise.weight",
    }
    assert "8, kernel_size=31, feedforward=4, conv_expansion=1" in repr(module)
    meta = ConformerBlock(8, device=torch.device("meta"), dtype=torch.float64)
    assert all(p.is_meta and p.dtype == torch.float64 for p in meta.parameters())


def test_parameters_are_drawn_again() -> None:
    given: Any = nn.Linear(8, 8)
    for attention in (None, given):
        module = ConformerBlock(8, attention=attention, depthwise_bias=True)
        for parameter in module.parameters():
            nn.init.constant_(parameter, 7.0)
        module.reset_parameters()
        kept = {id(parameter) for parameter in given.parameters()}
        assert all((p != 7.0).all() for p in module.parameters() if id(p) not in kept)
    assert (given.weight == 7.0).all()


def test_any_module_may_be_the_attention() -> None:
    module, x = ConformerBlock(8, attention=nn.Sequential()).eval(), torch.randn(2, 5, 8)
    plain = ConformerBlock(8, attention=nn.Identity()).eval()
    plain.load_state_dict(module.state_dict())
    assert torch.equal(module(x), plain(x))
    assert not torch.equal(ConformerBlock(8).eval()(x), module(x))


@pytest.mark.messages
def test_messages() -> None:
    for name in ("kernel_size", "feedforward", "conv_expansion"):
        with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
            ConformerBlock(8, **{name: 0})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="channels must be a multiple of 4 heads, got 6"):
        ConformerBlock(6)
    with pytest.raises(ValueError, match=r"dropout must be in \[0, 1\), got 1"):
        ConformerBlock(8, dropout=1)
    with pytest.raises(ValueError, match=r"x must be \(batch, time, channel=8\), got shape"):
        ConformerBlock(8)(torch.zeros(1, 8, 5))
    with pytest.raises(ValueError, match=r"padding must be \(batch=2, time=5\), got shape"):
        ConformerBlock(8)(torch.zeros(2, 5, 8), torch.zeros(5, 2, dtype=torch.bool))
