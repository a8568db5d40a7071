"""Unfolded local embedding: channels of a patch attend to one another, at any length."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from seldkit.layers import UnfoldedChannelAttention
from transforms import assert_compiles_and_exports

quick = settings(max_examples=20)


@quick
@given(st.integers(1, 2), st.integers(1, 9), st.integers(1, 7), st.integers(1, 4))
def test_any_size(batch: int, time: int, bins: int, patch_bins: int) -> None:
    layer = UnfoldedChannelAttention(3, bins, patch=(4, patch_bins), num_heads=2).eval()
    x = torch.randn(batch, 3, time, bins)
    assert layer(x).shape == x.shape


def test_whole_patches_are_those_of_unfold_and_fold() -> None:
    layer, x = (
        UnfoldedChannelAttention(3, 4, patch=(5, 2), num_heads=2).eval(),
        torch.randn(2, 3, 10, 4),
    )
    patches = functional.unfold(x, (5, 2), stride=(5, 2)).unflatten(1, (3, 10))  # b c place patch
    attended = layer.across.attend(patches.permute(0, 3, 1, 2)).permute(0, 2, 3, 1).flatten(1, 2)
    whole = x + functional.fold(attended, (10, 4), (5, 2), stride=(5, 2))
    wanted = functional.layer_norm(whole.permute(0, 2, 3, 1), (4, 3)).permute(0, 3, 1, 2)
    torch.testing.assert_close(layer(x), wanted)


def test_patches_are_apart_and_cut_ones_are_filled_with_zeros() -> None:
    layer, x = (
        UnfoldedChannelAttention(3, 3, patch=(4, 2), num_heads=2).eval(),
        torch.randn(1, 3, 10, 3),
    )
    filled = functional.pad(x, (0, 0, 0, 2))
    torch.testing.assert_close(layer(x), layer(filled)[:, :, :10])
    torch.testing.assert_close(layer(x)[:, :, :4], layer(x[:, :, :4]))


@quick
@given(st.permutations(range(3)))
def test_channels_have_no_order(order: list[int]) -> None:
    layer, x = (
        UnfoldedChannelAttention(3, 4, patch=(2, 2), num_heads=2).eval(),
        torch.randn(1, 3, 4, 4),
    )
    torch.testing.assert_close(layer(x[:, order]), layer(x)[:, order], rtol=1e-4, atol=1e-5)


def test_gradients() -> None:
    layer = UnfoldedChannelAttention(2, 2, patch=(2, 1), num_heads=1).eval().double()
    x = torch.randn(1, 2, 3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, (x,))


def test_it_starts_anew() -> None:
    layer = UnfoldedChannelAttention(2, 2, patch=(2, 1), num_heads=1)
    with torch.no_grad():
        for p in layer.parameters():
            p.fill_(7)
    layer.reset_parameters()
    assert all(bool((p != 7).all()) for p in layer.parameters())


@pytest.mark.transforms
def test_compiles_and_exports() -> None:
    layer = UnfoldedChannelAttention(3, 3, patch=(4, 2), num_heads=2).eval()
    assert_compiles_and_exports(layer, torch.randn(2, 3, 10, 3))


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match=r"patch must hold a multiple of 8 places, .* got 3 x 4"):
        UnfoldedChannelAttention(4, 4, patch=(3, 4))
    with pytest.raises(ValueError, match=r"patch must be frames and bins, got \(8,\)"):
        UnfoldedChannelAttention(4, 4, patch=(8,))
    with pytest.raises(ValueError, match=r"x must be \(batch, channel=4, time, freq=4\), got"):
        UnfoldedChannelAttention(4, 4)(torch.zeros(1, 4, 5, 3))
