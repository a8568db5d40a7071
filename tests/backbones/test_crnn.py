"""The convolutional encoder of PSELDNets."""

from typing import Any

import pytest
import torch

from seldkit.backbones import CRNN, crnn
from transforms import assert_compiles_and_exports


def small(**arguments: Any) -> CRNN:
    """Return an encoder of few weights."""
    sizes: dict[str, Any] = {"widths": (4, 8), "pool_time": (2, 3), "pool_freq": (2, 4)}
    return crnn(3, **({"num_bins": 8, "num_heads": 2} | sizes | arguments))


@pytest.mark.parametrize("temporal", ["conformer", "gru"])
@pytest.mark.parametrize(("batch", "frames"), [(1, 12), (2, 37)])
def test_shapes_and_gradients(temporal: str, batch: int, frames: int) -> None:
    encoder, x = small(temporal=temporal, num_layers=2), torch.randn(batch, 3, frames, 8)
    before = x.clone()
    y = encoder(x)
    y.square().sum().backward()
    assert y.shape == (batch, encoder.out_channels, frames // encoder.frames_per_step, 1)
    assert torch.equal(x, before)
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


@pytest.mark.transforms
def test_it_compiles_and_exports() -> None:
    assert_compiles_and_exports(small(temporal="gru").eval(), torch.randn(1, 3, 12, 8))


@pytest.mark.messages
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temporal": "lstm"}, "temporal must be one of .*, got 'lstm'"),
        ({"widths": (4,)}, "must have one length, got 1, 2 and 2"),
        ({"widths": (4, 7), "temporal": "gru"}, "must be a multiple of 2 for 'gru', got 7"),
        ({"num_layers": 0}, "num_layers must be at least 1, got 0"),
    ],
)
def test_messages(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**arguments)
