"""Divided attention: what attends to what, and the order of planes and bins."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seldkit.layers import DividedChannelAttention, SpectroTemporalAttention
from seldkit.layers.divided_attention import BinsAsPlanes, planes_as_bins
from transforms import assert_compiles_and_exports

quick = settings(max_examples=20)


def reached(layer: torch.nn.Module, x: Tensor, place: tuple[int, int, int]) -> Tensor:
    """Return which entries change with one channel, frame and bin of the first item."""
    other = x.clone()
    other[(0, *place)] += 1
    with torch.no_grad():
        changed: Tensor = (layer(x) - layer(other)).abs() > 1e-7
    return changed


@quick
@given(st.integers(1, 2), st.integers(1, 9), st.integers(1, 5), st.integers(1, 3))
def test_any_size(batch: int, time: int, bins: int, planes: int) -> None:
    x = torch.randn(batch, 4 * planes, time, bins)
    divided = SpectroTemporalAttention(4, bins, num_planes=planes, num_heads=2).eval()
    across = DividedChannelAttention(4, bins, num_planes=planes, num_heads=2).eval()
    assert divided(x).shape == across(x).shape == x.shape


@quick
@given(st.permutations(range(5)))
def test_the_order_of_frames_does_not_matter(order: list[int]) -> None:
    layer, x = SpectroTemporalAttention(4, 3, num_heads=2).eval(), torch.randn(1, 4, 5, 3)
    torch.testing.assert_close(layer(x[:, :, order]), layer(x)[:, :, order], rtol=1e-4, atol=1e-5)


def test_one_step_after_the_other_by_hand() -> None:
    layer, x = SpectroTemporalAttention(4, 3, num_heads=1).eval(), torch.randn(1, 4, 5, 3)
    maps = x[0].permute(1, 2, 0)  # time freq channel
    for step, axis in ((layer.spectral, 1), (layer.temporal, 0)):
        query, key, value = (
            maps @ w.T for w in step.attention.in_proj_weight.chunk(3)
        )  # biases are zero at the start
        if axis == 0:
            query, key, value = (z.transpose(0, 1) for z in (query, key, value))
        attended = (query @ key.mT / 2).softmax(dim=-1) @ value @ step.attention.out_proj.weight.T
        maps = maps + (attended.transpose(0, 1) if axis == 0 else attended)
        maps = (maps - maps.mean((1, 2), True)) / (
            maps.var((1, 2), False, keepdim=True) + 1e-5
        ).sqrt()
    torch.testing.assert_close(layer(x)[0], maps.permute(2, 0, 1), rtol=1e-4, atol=1e-5)


def test_planes_meet_in_their_own_place_alone() -> None:
    layer, x = DividedChannelAttention(4, 3, num_planes=2, num_heads=2), torch.randn(2, 8, 5, 3)
    seen = reached(layer.eval(), x, (1, 2, 1))
    assert seen[0, :, 2].all()  # the norm is over the frame
    assert not seen[0, :, [0, 1, 3, 4]].any()
    assert not seen[1].any()


def test_equal_planes_stay_equal() -> None:
    plane = torch.randn(1, 4, 5, 3)
    x = torch.cat((plane, plane), dim=1)
    for layer in (
        DividedChannelAttention(4, 3, num_planes=2, num_heads=2),
        SpectroTemporalAttention(4, 3, num_planes=2, num_heads=2),
    ):
        first, second = layer.eval()(x).chunk(2, dim=1)
        torch.testing.assert_close(first, second)


def test_the_legacy_order_is_another_reading_of_the_same_numbers() -> None:
    x = torch.arange(2 * 3 * 2.0).reshape(1, 4, 1, 3)  # plane 2, channel 2, bin 3
    mixed = planes_as_bins(x, 2)
    flat = x.unflatten(1, (2, 2))[0, :, :, 0].permute(0, 2, 1).flatten()  # plane, bin, channel
    again = mixed.unflatten(1, (2, 2))[0, :, :, 0].permute(2, 0, 1).flatten()  # bin first
    assert torch.equal(flat, again)
    assert not torch.equal(x, mixed)
    assert torch.equal(BinsAsPlanes(2)(mixed), x)
    assert torch.equal(planes_as_bins(x, 1), x)


@pytest.mark.parametrize("legacy", [False, True])
def test_gradients(legacy: bool) -> None:
    channel = DividedChannelAttention(2, 2, num_planes=2, num_heads=1, legacy_order=legacy).eval()
    divided = SpectroTemporalAttention(2, 2, num_planes=2, num_heads=1).eval()
    layer = torch.nn.Sequential(channel, divided).double()
    x = torch.randn(1, 4, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, (x,))
    layer(x).square().sum().backward()
    assert all(p.grad is not None for p in layer.parameters())


def test_it_starts_anew() -> None:
    divided = SpectroTemporalAttention(4, 3, num_heads=2)
    for layer in (divided, DividedChannelAttention(4, 3, num_planes=2, num_heads=2)):
        with torch.no_grad():
            for p in layer.parameters():
                p.fill_(7)
        layer.reset_parameters()
        assert all(bool((p != 7).all()) for p in layer.parameters())


@pytest.mark.transforms
def test_compiles_and_exports() -> None:
    channel = DividedChannelAttention(4, 3, num_planes=2, num_heads=2, legacy_order=True)
    layer = torch.nn.Sequential(channel, SpectroTemporalAttention(4, 3, num_planes=2, num_heads=2))
    assert_compiles_and_exports(layer.eval(), torch.randn(2, 8, 5, 3))


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="channels must be a multiple of 3 heads, got 4"):
        SpectroTemporalAttention(4, 3, num_heads=3)
    with pytest.raises(ValueError, match=r"x must be \(batch, channel=8, time, freq=3\), got"):
        DividedChannelAttention(4, 3, num_planes=2, num_heads=2)(torch.zeros(1, 4, 5, 3))
    with pytest.raises(ValueError, match=r"x must be \(batch, channel=4, time, freq=3\), got"):
        SpectroTemporalAttention(4, 3, num_heads=2)(torch.zeros(1, 4, 5, 2))
