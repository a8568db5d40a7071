"""Residual blocks: what they compute, with and without attention."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from seldkit.layers import MultiScaleChannelAttention, ResidualBlock, SqueezeExcite
from transforms import assert_compiles_and_exports

quick = settings(max_examples=20)


def block_of(kind: str, inputs: int = 4, outputs: int = 6) -> ResidualBlock:
    """Return a block with an attention by its name, or without."""
    attention: dict[str, nn.Module | None] = {
        "none": None,
        "squeeze_excite": SqueezeExcite(outputs, reduction=2),
        "multi_scale": MultiScaleChannelAttention(outputs, reduction=2, norm="group"),
    }
    return ResidualBlock(inputs, outputs, attention=attention[kind])


def normalised(x: Tensor, norm: nn.BatchNorm2d) -> Tensor:
    """Return a map after batch norm in evaluation."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    return (x - norm.running_mean[:, None, None]) * scale[:, None, None] + norm.bias[:, None, None]


@quick
@given(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9))
def test_time_and_frequency_keep_their_lengths(batch: int, time: int, freq: int) -> None:
    x = torch.randn(batch, 4, time, freq)
    assert ResidualBlock(4, 6).eval()(x).shape == (batch, 6, time, freq)
    assert ResidualBlock(4, 4).eval()(x).shape == x.shape


@pytest.mark.parametrize("outputs", [4, 6])
def test_it_is_the_formula(outputs: int) -> None:
    block, x = ResidualBlock(4, outputs), torch.randn(2, 4, 5, 7)
    block(x)  # so that the statistics are not those of the start
    block.eval()
    y = normalised(functional.conv2d(x, block.conv1.weight, padding=1), block.norm1).relu()
    y = normalised(functional.conv2d(y, block.conv2.weight, padding=1), block.norm2)
    shortcut = x
    if outputs != 4:
        assert isinstance(block.shortcut, nn.Sequential)
        conv, norm = block.shortcut
        assert isinstance(conv, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        shortcut = normalised(torch.einsum("oi,bitf->botf", conv.weight[:, :, 0, 0], x), norm)
    torch.testing.assert_close(block(x), (y + shortcut).relu(), rtol=1e-4, atol=1e-5)


def test_attention_acts_before_the_shortcut() -> None:
    class Silence(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return 0 * x

    x = torch.randn(2, 4, 5, 7)
    block = ResidualBlock(4, 4, attention=Silence())
    torch.testing.assert_close(block(x), x.relu())


@pytest.mark.parametrize("kind", ["none", "squeeze_excite", "multi_scale"])
def test_gradients_reach_every_parameter(kind: str) -> None:
    block = block_of(kind)
    x = torch.randn(1, 4, 5, 7, requires_grad=True)
    before = x.detach().clone()
    block(x).square().sum().backward()
    assert torch.equal(x.detach(), before)
    for name, parameter in block.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0 or name.endswith("bias"), name


def test_names_are_pinned() -> None:
    names = {
        f"{part}.{kind}"
        for part in ("norm1", "norm2", "shortcut.1")
        for kind in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    } | {"conv1.weight", "conv2.weight", "shortcut.0.weight"}
    assert set(ResidualBlock(4, 6).state_dict()) == names
    same = {name for name in names if not name.startswith("shortcut")}
    assert set(ResidualBlock(4, 4).state_dict()) == same
    added = set(block_of("squeeze_excite").state_dict()) - names
    assert added == {
        f"attention.{part}.{kind}" for part in ("squeeze", "excite") for kind in ("weight", "bias")
    }


def test_start_values_device_and_type() -> None:
    block = ResidualBlock(4, 400)
    assert float(block.conv2.weight.detach().std()) == pytest.approx((2 / 3600) ** 0.5, rel=0.02)
    assert (block.norm2.weight == 1).all()
    attention = SqueezeExcite(6)
    kept = attention.squeeze.weight.detach().clone()
    ResidualBlock(4, 6, attention=attention).reset_parameters()
    assert torch.equal(attention.squeeze.weight, kept)
    block = ResidualBlock(4, 6, dtype=torch.float64, device=torch.device("meta"))
    assert all(p.is_meta and p.dtype == torch.float64 for p in block.parameters())
    assert "ResidualBlock(\n  4, 6\n" in repr(block)


@pytest.mark.parametrize("kind", ["none", "squeeze_excite", "multi_scale"])
def test_autocast(kind: str) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        y = block_of(kind)(torch.randn(2, 4, 5, 7))
        y.float().square().sum().backward()
    assert y.isfinite().all()


@pytest.mark.transforms
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kind", ["none", "squeeze_excite", "multi_scale"])
def test_compiles_and_exports(kind: str, training: bool) -> None:
    assert_compiles_and_exports(block_of(kind).train(training), torch.randn(2, 4, 5, 7))


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="in_channels must be at least 1, got 0"):
        ResidualBlock(0, 4)
    with pytest.raises(ValueError, match="out_channels must be at least 1, got -1"):
        ResidualBlock(4, -1)
    with pytest.raises(ValueError, match=r"x must be \(batch, channel=4, time, freq\), got shape"):
        ResidualBlock(4, 4)(torch.zeros(1, 3, 5, 7))
    with pytest.raises(ValueError, match=r"x must be \(batch, channel=4, time, freq\), got shape"):
        ResidualBlock(4, 4)(torch.zeros(4, 5, 7))
