"""Sequence models by name: each reads any length and learns; Mamba's are as published."""

from typing import Any

import pytest
import torch
from torch import nn

from seldkit.layers import AsymmetricBiMamba, AsymmetricDecoder, step_size, temporal_encoder

MAMBAS = ("mamba", "bimamba", "conbimamba", "asymmetric")


def encoder(kind: Any, channels: int = 8, **settings: Any) -> nn.Module:
    return temporal_encoder(kind, channels, **({"num_layers": 1, "num_heads": 2} | settings))


@pytest.mark.parametrize("kind", ["transformer", "conformer", "gru", "none", *MAMBAS])
@pytest.mark.parametrize(("batch", "time"), [(2, 1), (1, 7)])
def test_every_kind_keeps_the_shape_and_learns(kind: str, batch: int, time: int) -> None:
    module, x = encoder(kind, num_layers=2, dropout=0.0), torch.randn(batch, time, 8)
    y = module(x)
    assert y.shape == x.shape
    (y * torch.randn(8)).sum().backward() if kind != "none" else None
    assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())


@pytest.mark.parametrize(("kind", "ahead"), [("mamba", False), ("bimamba", True)])
def test_what_reads_ahead(kind: str, ahead: bool) -> None:
    module, x = encoder(kind).eval(), torch.randn(1, 9, 8)
    later = torch.cat((x[:, :8], x[:, 8:] + 1), dim=1)
    assert torch.equal(module(x)[:, :8], module(later)[:, :8]) != ahead
    if ahead:
        with pytest.raises(ValueError, match="cannot stream"):
            step_size(module)


def test_sizes_of_the_published_stack() -> None:
    with torch.device("meta"):
        module = encoder("bimamba", 512, num_layers=2, num_heads=8)
    assert sum(p.numel() for p in module.parameters()) == 6_881_472


def test_the_asymmetric_layer_takes_two_orders() -> None:
    layer, x = AsymmetricBiMamba(3, 8, head_channels=8).eval(), torch.randn(2, 3, 5, 4)
    assert layer(x).shape == (2, 8, 5, 4)
    with torch.no_grad():
        nn.init.zeros_(layer.join.weight)
        nn.init.zeros_(layer.join.bias)  # type: ignore[arg-type]
        layer.join.weight[:, :8, 0, 0] = torch.eye(8)
        first = layer(x)
        layer.join.weight[:, :8, 0, 0] = 0
        layer.join.weight[:, 8:, 0, 0] = torch.eye(8)
        second = layer(x)
        # With time and frequency swapped, the paths change places.
        other = AsymmetricBiMamba(3, 8, head_channels=8).eval()
        other.load_state_dict(layer.state_dict())
        for a, b in (("freq", "time"), ("time", "freq")):
            other.time_first[a].load_state_dict(layer.freq_first[b].state_dict())
        torch.testing.assert_close(other(x.mT).mT, first)
    assert not torch.allclose(first, second)


def test_the_decoder_holds_each_bin_for_its_channels() -> None:
    module, x = AsymmetricDecoder(12, width=4, num_bins=3).eval(), torch.randn(2, 5, 12)
    added = (module(x) - x).unflatten(2, (3, 4))
    torch.testing.assert_close(added, added[..., :1].expand(added.shape), rtol=0, atol=1e-5)
    wanted = nn.functional.adaptive_avg_pool2d(added[..., 0], (5, 12))
    torch.testing.assert_close(added.flatten(2), wanted, rtol=0, atol=1e-5)
    assert AsymmetricDecoder(96).num_bins == 32
    assert "96, num_layers=2, width=32, num_bins=32" in repr(AsymmetricDecoder(96))


@pytest.mark.transforms
def test_an_asymmetric_decoder_is_exported() -> None:
    module, x = AsymmetricDecoder(8, width=4, num_bins=4, num_layers=1).eval(), torch.randn(2, 5, 8)
    program = torch.export.export(module, (x,)).module()
    torch.testing.assert_close(program(x), module(x))


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="multiple of 3 for 'bimamba', got 8"):
        encoder("bimamba", num_heads=3)
    with pytest.raises(ValueError, match="feedforward must be a multiple of 8 for Conformer"):
        encoder("conbimamba", feedforward=9)
    with pytest.raises(ValueError, match="num_bins must divide the 12 channels, got 5"):
        AsymmetricDecoder(12, num_bins=5)
    with pytest.raises(ValueError, match=r"x must be \(batch, channel=3, time, freq\), got shape"):
        AsymmetricBiMamba(3, 16)(torch.zeros(1, 4, 5, 6))
    with pytest.raises(ValueError, match=r"x must be \(batch, time, channel=12\), got shape"):
        AsymmetricDecoder(12)(torch.zeros(1, 12, 5))
