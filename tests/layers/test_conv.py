"""Convolution blocks: shapes, pooling and start values."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from seldkit.layers import DoubleConv


@settings(max_examples=25)
@given(st.integers(3, 9), st.integers(3, 9), st.integers(1, 3), st.integers(1, 3))
def test_pooling_drops_the_remainder(time: int, freq: int, pool_time: int, pool_freq: int) -> None:
    block = DoubleConv(2, 5, pool_time=pool_time, pool_freq=pool_freq).eval()
    whole = DoubleConv(2, 5).eval()
    whole.load_state_dict(block.state_dict())
    x = torch.randn(2, 2, time, freq)
    pooled, expected = block(x), whole(x)
    assert pooled.shape == (2, 5, time // pool_time, freq // pool_freq)
    first = expected[:, :, :pool_time, :pool_freq].mean(dim=(2, 3))
    torch.testing.assert_close(pooled[:, :, 0, 0], first)


def test_it_is_convolution_norm_and_relu_twice() -> None:
    block, x = DoubleConv(2, 3, pool_time=2), torch.randn(2, 2, 4, 5)
    expected = x
    for conv in (block.conv1, block.conv2):
        expected = functional.conv2d(expected, conv.weight, padding=1)
        norm = block.norm1 if conv is block.conv1 else block.norm2
        mean = expected.mean(dim=(0, 2, 3), keepdim=True)
        variance = expected.var(dim=(0, 2, 3), correction=0, keepdim=True)
        scaled = (expected - mean) / (variance + 1e-5).sqrt()
        expected = (scaled * norm.weight[:, None, None] + norm.bias[:, None, None]).relu()
    torch.testing.assert_close(block(x), functional.avg_pool2d(expected, (2, 1)))


def test_start_values() -> None:
    block = DoubleConv(40, 50)
    bound = (6 / (40 * 9)) ** 0.5
    assert block.conv1.bias is None
    assert 0.95 * bound < block.conv1.weight.abs().max() <= bound
    assert 0.9 < block.norm1.weight.mean() < 1.1
    assert (block.norm1.bias == 0).all()
    assert 0.01 < block.norm2.weight.std() < 0.03


def test_repr_device_and_type() -> None:
    block = DoubleConv(2, 3, pool_time=2, dtype=torch.float64, device=torch.device("meta"))
    assert "pool_time=2, pool_freq=1" in repr(block)
    assert all(p.is_meta and p.dtype == torch.float64 for p in block.parameters())
    assert isinstance(block, nn.Module)


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="in_channels must be at least 1, got 0"):
        DoubleConv(0, 3)
    with pytest.raises(ValueError, match="out_channels must be at least 1, got -2"):
        DoubleConv(2, -2)
    with pytest.raises(ValueError, match="pool_time must be at least 1, got 0"):
        DoubleConv(2, 3, pool_time=0)
    with pytest.raises(ValueError, match="pool_freq must be at least 1, got 0"):
        DoubleConv(2, 3, pool_freq=0)
    with pytest.raises(ValueError, match=r"x must be \(batch, channel=2, time, freq\), got shape"):
        DoubleConv(2, 3)(torch.zeros(1, 3, 4, 4))
    block = DoubleConv(2, 3, pool_time=4, pool_freq=2)
    message = r"x must have at least \(4, 2\) frames and bins, got \(1, 2, 3, 2\)"
    with pytest.raises(ValueError, match=message):
        block(torch.zeros(1, 2, 3, 2))
    with pytest.raises(ValueError, match="x must have at least"):
        block(torch.zeros(1, 2, 4, 1))
