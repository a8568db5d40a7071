"""Cross-modal attentive fusion equals the published layer."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from seldkit.layers import CMAF
from transforms import assert_compiles_and_exports

PUBLISHED = {
    "MHSA": "own_attention",
    "MHCA": "cross_attention",
    "linear1": "expand",
    "linear2": "reduce",
}


def test_it_equals_the_published_layer(golden: Callable[[str], Path]) -> None:
    tensors = {}
    for key, value in np.load(golden("recent/cmaf_layer.npz")).items():
        name = key.removeprefix("w:")
        for theirs, ours in PUBLISHED.items():
            name = name.replace(theirs, ours)
        tensors[name] = torch.from_numpy(value)
    a, b, y = (tensors.pop(name) for name in "aby")
    layer = CMAF(16, num_heads=4).eval()
    layer.load_state_dict(tensors)
    with torch.no_grad():
        torch.testing.assert_close(layer(a, b), y, rtol=0, atol=1e-5)


def test_the_order_of_both_sequences_counts() -> None:
    layer, x, other = CMAF(8, num_heads=2).eval(), torch.randn(2, 5, 8), torch.randn(2, 3, 8)
    y = layer(x, other)
    assert y.shape == (2, 5, 8)
    assert not torch.allclose(layer(x.flip(1), other).flip(1), y)
    assert not torch.allclose(layer(x, other.flip(1)), y)
    assert layer(torch.randn(1, 300, 8), torch.randn(1, 250, 8)).isfinite().all()


def test_training_reaches_every_parameter() -> None:
    layer = CMAF(8, num_heads=2, feedforward=4)
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(torch.randn(2, 5, 8), torch.randn(2, 3, 8))
    y.float().mul(torch.randn(8)).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in layer.parameters())
    assert "8, num_heads=2, feedforward=4" in repr(layer)


@pytest.mark.transforms
def test_compiles_and_exports() -> None:
    layer = CMAF(8, num_heads=2, dropout=0.0)
    assert_compiles_and_exports(layer, torch.randn(2, 5, 8), torch.randn(2, 3, 8))


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="channels must be a multiple of 8 heads, got 12"):
        CMAF(12)
    with pytest.raises(ValueError, match="channels must be even, got 9"):
        CMAF(9, num_heads=3)
    with pytest.raises(ValueError, match=r"other must be \(batch=2, time, channel=8\), got shape"):
        CMAF(8)(torch.zeros(2, 5, 8), torch.zeros(1, 5, 8))
