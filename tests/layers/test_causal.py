"""Causal convolutions: no frame sees a later one."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from seldkit.layers import (
    CausalConv1d,
    CausalConv2d,
    CausalConv3d,
    CausalDoubleConv,
    DoubleConv,
)
from transforms import assert_compiles_and_exports


@settings(max_examples=25)
@given(
    st.integers(1, 4),
    st.sampled_from([1, 3, 5]),
    st.integers(1, 3),
    st.integers(0, 8),
    st.booleans(),
)
def test_no_frame_sees_a_later_one(
    kernel: int, bins: int, dilation: int, frame: int, bias: bool
) -> None:
    conv = CausalConv2d(2, 3, kernel, bins, dilation_time=dilation, bias=bias).double()
    x = torch.randn(2, 2, 9, 4, dtype=torch.float64)
    output = conv(x)
    assert output.shape == (2, 3, 9, 4)
    later = x.clone()
    later[:, :, frame + 1 :] = torch.nan
    seen = conv(later)[:, :, : frame + 1]
    torch.testing.assert_close(seen, output[:, :, : frame + 1])
    earlier = x.clone()
    earlier[:, :, frame] += 1.0
    changed = (conv(earlier) != output).movedim(2, 0).flatten(1).any(dim=1)
    reached = [frame + n * dilation for n in range(kernel) if frame + n * dilation < 9]
    assert changed.nonzero().flatten().tolist() == reached


def test_it_is_a_convolution_moved_to_the_past() -> None:
    conv, x = CausalConv2d(2, 3), torch.randn(1, 2, 6, 5)
    centred = functional.conv2d(x, conv.weight, conv.bias, padding=1)
    torch.testing.assert_close(conv(x)[:, :, 1:], centred[:, :, :-1])
    assert conv.past == 2
    assert "kernel_size=(3, 3)" in repr(conv)


@settings(max_examples=25)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(0, 8), st.booleans())
def test_sequences_and_pictures_see_no_later_frame(
    kernel: int, dilation: int, frame: int, bias: bool
) -> None:
    for conv, shape, time in (
        (CausalConv1d(2, 3, kernel, dilation_time=dilation, bias=bias), (2, 9, 2), 1),
        (CausalConv3d(2, 3, kernel, 2, 3, dilation_time=dilation, bias=bias), (1, 2, 9, 4, 5), 2),
    ):
        x = torch.randn(shape, dtype=torch.float64)
        earlier = x.clone()
        earlier.select(time, frame).add_(1.0)
        output = conv.double()(x)
        assert output.shape == ((2, 9, 3) if time == 1 else (1, 3, 9, 3, 3))
        changed = (conv(earlier) != output).movedim(time, 0).flatten(1).any(dim=1)
        reached = [frame + n * dilation for n in range(kernel) if frame + n * dilation < 9]
        assert changed.nonzero().flatten().tolist() == reached


def test_a_map_of_one_bin_is_a_sequence_and_a_picture() -> None:
    flat = CausalConv2d(2, 3, 3, 1, dilation_time=2)
    sequence, pictures = CausalConv1d(2, 3, 3, dilation_time=2), CausalConv3d(2, 3, 3, 1, 1)
    pictures.dilation = (2, 1, 1)
    pictures.past = 4
    for conv, shape in ((sequence, (3, 2, 3)), (pictures, (3, 2, 3, 1, 1))):
        conv.load_state_dict({"weight": flat.weight.reshape(shape), "bias": flat.bias})
    x = torch.randn(1, 2, 7, 1)
    wanted = flat(x)
    torch.testing.assert_close(sequence(x[..., 0].mT).mT, wanted[..., 0])
    torch.testing.assert_close(pictures(x.unsqueeze(4)), wanted.unsqueeze(4))


@settings(max_examples=25)
@given(st.integers(1, 3), st.integers(1, 6))
def test_no_mean_sees_a_later_frame(pool: int, steps: int) -> None:
    block = CausalDoubleConv(2, 3, mid_channels=4, pool_time=pool, pool_freq=2).eval()
    x = torch.randn(2, 2, 7 * pool - 1, 4)
    output = block(x)
    assert output.shape == (2, 3, (7 * pool - 1) // pool, 2)
    later = x.clone()
    later[:, :, steps * pool :] = torch.nan
    torch.testing.assert_close(block(later)[:, :, :steps], output[:, :, :steps])


def test_weights_are_those_of_a_double_convolution() -> None:
    causal, centred = CausalDoubleConv(2, 3, pool_freq=2), DoubleConv(2, 3, pool_freq=2)
    causal.load_state_dict(centred.state_dict())
    x = functional.pad(torch.randn(1, 2, 3, 4), (0, 0, 2, 4))
    # Each of two convolutions comes a frame later; zeros before the clip are not batch-normed.
    torch.testing.assert_close(causal.eval()(x)[:, :, 4:], centred.eval()(x)[:, :, 2:-2])


@pytest.mark.transforms
@pytest.mark.parametrize("training", [True, False])
def test_compiles_and_exports(training: bool) -> None:
    block = CausalDoubleConv(2, 3, pool_time=2).train(training)
    assert_compiles_and_exports(block, torch.randn(2, 2, 6, 4))


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="kernel_freq must be odd, got 4"):
        CausalConv2d(2, 3, 3, 4)
    with pytest.raises(ValueError, match=r"x must be \(batch, channel=2, time, freq\), got shape"):
        CausalConv2d(2, 3)(torch.zeros(1, 3, 4, 4))
    with pytest.raises(ValueError, match=r"x must be \(batch, channel=2, time, freq\), got shape"):
        CausalDoubleConv(2, 3)(torch.zeros(1, 3, 4, 4))
    with pytest.raises(ValueError, match=r"x must be \(batch, time, channel=2\), got shape"):
        CausalConv1d(2, 3)(torch.zeros(1, 2, 4))
    with pytest.raises(ValueError, match=r"x must be \(batch, channel=2, time, row, column\)"):
        CausalConv3d(2, 3)(torch.zeros(1, 3, 4, 4, 4))
