"""Sinc filters: bands that pass, symmetry, and the published start."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seldkit.layers import SincFilters
from transforms import assert_compiles_and_exports


def test_the_published_filters(golden: Callable[[str], Path]) -> None:
    with np.load(golden("recent/sinc_filters.npz")) as file:
        filters, low, band = (torch.from_numpy(file[n]) for n in ("filters", "low", "band"))
    layer = SincFilters(32, 479, sample_rate=24000)
    torch.testing.assert_close(layer.low, low.flatten(), rtol=0, atol=1e-3)
    torch.testing.assert_close(layer.band, band.flatten(), rtol=0, atol=1e-3)
    torch.testing.assert_close(layer.filters(), filters[:, 0], rtol=0, atol=1e-5)


def test_a_filter_passes_its_band() -> None:
    layer = SincFilters(1, 479, sample_rate=24000)
    with torch.no_grad():
        layer.low.fill_(2950)
        layer.band.fill_(950)  # 3000 to 4000 Hz
        response = torch.fft.rfft(layer.filters()[0], n=24000).abs()
    inside, outside = response[3200:3801], torch.cat((response[:2800], response[4200:]))
    assert inside.min() > 5 * outside.max()


@settings(max_examples=15)
@given(st.integers(1, 4), st.integers(1, 20), st.integers(-7, 7))
def test_a_shift_of_the_waveform_shifts_the_bands(channels: int, half: int, shift: int) -> None:
    layer, x = SincFilters(channels, 2 * half + 1, sample_rate=8000), torch.randn(2, 1, 40)
    torch.testing.assert_close(layer(x.roll(shift, 2)), layer(x).roll(shift, 2))
    filters = layer.filters()
    torch.testing.assert_close(filters, filters.flip(1))
    assert (filters[:, half] == 1).all()


def test_gradients() -> None:
    layer = SincFilters(2, 5, sample_rate=8000, dtype=torch.float64)
    x = torch.randn(1, 1, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, (x,))
    layer(x).square().sum().backward()
    assert layer.low.grad is not None
    assert layer.band.grad is not None
    assert layer.low.grad.abs().sum() > 0


@pytest.mark.transforms
def test_compiles_and_exports() -> None:
    layer = SincFilters(2, 5, sample_rate=8000)
    assert_compiles_and_exports(layer, torch.randn(2, 1, 20))


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="kernel_size must be odd, got 4"):
        SincFilters(2, 4, sample_rate=8000)
    with pytest.raises(ValueError, match=r"x must have at least 4 samples, got shape \(1, 1, 3\)"):
        SincFilters(2, 9, sample_rate=8000)(torch.zeros(1, 1, 3))
    with pytest.raises(ValueError, match=r"x must be \(batch, channel=1, sample\), got shape"):
        SincFilters(2, 9, sample_rate=8000)(torch.zeros(1, 2, 30))
