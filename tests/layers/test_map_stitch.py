"""Stitches between maps that differ in channels and size."""

import pytest
import torch
from torch import nn

from seldkit.layers import CrossStitch, MapStitch
from transforms import assert_compiles_and_exports


def test_maps_of_one_size_are_mixed_as_by_a_cross_stitch() -> None:
    stitch, plain = MapStitch(3, 3, own=0.8), CrossStitch(3, own=0.8)
    for conv in (stitch.a_to_b, stitch.b_to_a):
        conv.weight.data = torch.eye(3)[..., None, None]
        assert conv.bias is not None
        conv.bias.data.zero_()
    a, b = torch.randn(2, 2, 3, 5, 4)
    for ours, wanted in zip(stitch(a, b), plain(a, b), strict=True):
        torch.testing.assert_close(ours, wanted)


def test_constants_are_stretched_and_projected() -> None:
    stitch = MapStitch(2, 1)
    stitch.b_to_a.weight.data = torch.tensor([1.0, 3.0]).reshape(2, 1, 1, 1)
    stitch.a_to_b.weight.data = torch.tensor([1.0, 1.0]).reshape(1, 2, 1, 1)
    for conv in (stitch.a_to_b, stitch.b_to_a):
        assert conv.bias is not None
        conv.bias.data.zero_()
    a, b = torch.full((1, 2, 4, 3), 10.0), torch.full((1, 1, 7, 2), 20.0)
    mixed_a, mixed_b = stitch(a, b)
    torch.testing.assert_close(mixed_a[0, :, 0, 0], torch.tensor([9.0 + 2.0, 9.0 + 6.0]))
    torch.testing.assert_close(mixed_b, torch.full((1, 1, 7, 2), 18.0 + 2.0))
    assert mixed_a.shape == a.shape


def test_gradients_and_half_precision() -> None:
    stitch = MapStitch(2, 3)
    a, b = torch.randn(1, 2, 6, 5), torch.randn(1, 3, 3, 8)
    kept = a.clone(), b.clone()
    sum(x.square().sum() for x in stitch(a, b)).backward()
    assert torch.equal(a, kept[0])
    assert torch.equal(b, kept[1])
    assert all(p.grad is not None and p.grad.any() for p in stitch.parameters())
    with torch.autocast("cpu", torch.bfloat16):
        assert all(x.isfinite().all() for x in stitch(a, b))


@pytest.mark.transforms
def test_compiles_and_exports() -> None:
    assert_compiles_and_exports(MapStitch(2, 3), torch.randn(1, 2, 6, 5), torch.randn(1, 3, 3, 8))


def test_start_values_names_and_settings() -> None:
    stitch = MapStitch(2, 3, own=0.7)
    torch.testing.assert_close(stitch.weight_a[0], torch.tensor([0.7, 0.3]))
    torch.testing.assert_close(stitch.weight_b[0], torch.tensor([0.3, 0.7]))
    convs = [f"{name}.{part}" for name in ("a_to_b", "b_to_a") for part in ("bias", "weight")]
    assert sorted(stitch.state_dict()) == [*convs, "weight_a", "weight_b"]
    assert "2, 3, own=0.7" in repr(stitch)
    assert isinstance(MapStitch(2, 3, device=torch.device("meta")).a_to_b, nn.Conv2d)


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="channels_b must be at least 1, got 0"):
        MapStitch(2, 0)
    with pytest.raises(ValueError, match=r"a must be \(batch, channel=2, time, freq\), got"):
        MapStitch(2, 3)(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4))
    with pytest.raises(ValueError, match=r"b must be \(batch=1, channel=3, time, freq\), got"):
        MapStitch(2, 3)(torch.zeros(1, 2, 4, 4), torch.zeros(2, 3, 4, 4))
