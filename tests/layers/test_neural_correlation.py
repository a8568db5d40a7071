"""Neural correlations: whitened lags of every pair, silence, gradients."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seldkit.layers import NeuralCorrelation
from transforms import assert_compiles_and_exports

SIZES: dict[str, Any] = {
    "channels": 3,
    "out_channels": 2,
    "max_lag": 4,
    "frame_length": 64,
    "sample_rate": 8000,
}


@settings(max_examples=10)
@given(st.integers(1, 2), st.integers(2, 4), st.integers(1, 4), st.integers(0, 5))
def test_any_size(batch: int, microphones: int, time: int, max_lag: int) -> None:
    layer = NeuralCorrelation(**SIZES | {"max_lag": max(max_lag, 1)}).eval()
    lags = layer(torch.randn(batch, microphones, time, 64))
    pairs = microphones * (microphones - 1) // 2
    assert lags.shape == (batch, pairs, 2, time, 2 * max(max_lag, 1) + 1)


def test_correlations_are_those_of_the_formula_and_peak_at_the_delay() -> None:
    layer = NeuralCorrelation(**SIZES)
    sound = torch.randn(1, 1, 1, 1, 60)
    x = torch.zeros(1, 3, 1, 1, 64)
    for microphone, delay in enumerate((0, 3, 1)):
        x[:, microphone : microphone + 1, ..., delay : delay + 60] = sound
    found = layer._correlations(x)
    spectrum = torch.fft.rfft(x, n=128)
    for place, (m, n) in enumerate([(0, 1), (0, 2), (1, 2)]):
        cross = spectrum[:, m] * spectrum[:, n].conj()
        lags = torch.fft.irfft(cross / (cross.abs() + 0.001), n=128)
        wanted = torch.cat((lags[..., -4:], lags[..., :5]), dim=-1)
        torch.testing.assert_close(found[:, place], wanted, rtol=1e-4, atol=1e-5)
    peaks = found.argmax(dim=-1).flatten() - 4
    assert peaks.tolist() == [-3, -1, 2]


def test_exchanged_microphones_mirror_the_lags() -> None:
    layer, x = NeuralCorrelation(**SIZES), torch.randn(1, 2, 2, 3, 64)
    torch.testing.assert_close(layer._correlations(x.flip(1)), layer._correlations(x).flip(-1))


def test_silence_has_finite_gradients() -> None:
    layer, x = NeuralCorrelation(**SIZES), torch.zeros(1, 2, 3, 64, requires_grad=True)
    output = layer(x)
    output.square().sum().backward()
    assert output.isfinite().all()
    assert x.grad is not None
    assert x.grad.isfinite().all()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in layer.parameters())


def test_it_starts_anew() -> None:
    layer = NeuralCorrelation(**SIZES)
    with torch.no_grad():
        for p in layer.parameters():
            p.fill_(7)
    layer.reset_parameters()
    assert all(bool((p != 7).all()) for p in layer.parameters())


@pytest.mark.transforms
def test_compiles_and_exports() -> None:
    assert_compiles_and_exports(NeuralCorrelation(**SIZES).eval(), torch.randn(1, 2, 3, 64))


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="max_lag must be at most frame_length=64, got 65"):
        NeuralCorrelation(**SIZES | {"max_lag": 65})
    layer = NeuralCorrelation(**SIZES)
    with pytest.raises(ValueError, match="frames must have at least two channels, got shape"):
        layer(torch.zeros(1, 1, 3, 64))
    with pytest.raises(ValueError, match=r"frames must be \(batch, channel, time, sample=64\)"):
        layer(torch.zeros(1, 2, 3, 63))


def test_tables_are_filled_after_a_start_without_memory() -> None:
    with torch.device("meta"):
        layer = NeuralCorrelation(channels=2, out_channels=2, frame_length=16)
    layer = layer.to_empty(device="cpu")
    layer.reset_parameters()
    torch.testing.assert_close(
        layer.cosine, NeuralCorrelation(channels=2, out_channels=2, frame_length=16).cosine
    )
