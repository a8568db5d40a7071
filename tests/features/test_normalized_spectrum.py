"""Spectra over their running mean: the mean is the recursion's, and loudness does not matter."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seldkit.arrays import ArrayGeometry
from seldkit.features import STFT, FeatureExtractor, NormalizedSpectrum, presets
from seldkit.features.running_mean import RunningMean


def recursion(values: Tensor, memory: int) -> Tensor:
    """Return the running mean, frame by frame as it is defined."""
    mean, means = torch.zeros(len(values), dtype=values.dtype), []
    for t, value in enumerate(values.unbind(dim=1), start=1):
        keep = min((t - 1) / (t + 1), (memory - 1) / (memory + 1))
        mean = keep * mean + (1 - keep) * value
        means.append(mean)
    return torch.stack(means, dim=1)


@settings(max_examples=40)
@given(st.integers(2, 12), st.lists(st.integers(0, 150), min_size=1, max_size=4))
def test_the_running_mean_is_that_of_the_recursion(memory: int, runs: list[int]) -> None:
    values = torch.rand(2, sum(runs) + 1, dtype=torch.float64)
    mean = RunningMean(memory)
    found = torch.cat([mean.push(run) for run in values.split([*runs, 1], dim=1)], dim=1)
    torch.testing.assert_close(found, recursion(values, memory), rtol=1e-10, atol=1e-12)
    low = RunningMean(memory).push(values.float())
    torch.testing.assert_close(low.double(), recursion(values, memory), rtol=1e-4, atol=1e-6)


def test_up_to_its_memory_frame_k_weighs_k() -> None:
    values = torch.tensor([[4.0, 1.0, 7.0]], dtype=torch.float64)
    wanted = torch.tensor([[4.0, (4 + 2) / 3, (4 + 2 + 21) / 6]], dtype=torch.float64)
    torch.testing.assert_close(RunningMean(100).push(values), wanted)


@settings(max_examples=20)
@given(st.floats(0.01, 100), st.sampled_from(["level_and_phase", "real_and_imaginary"]))
def test_loudness_does_not_matter_and_frames_see_none_later(gain: float, encoding: Any) -> None:
    part = NormalizedSpectrum(encoding, memory=3, bins=(1, 6))
    spectrum = torch.randn(2, 3, 9, 8, dtype=torch.complex128)
    features = part(spectrum)
    assert features.shape == (2, 6, 9, 5)
    torch.testing.assert_close(part(gain * spectrum), features)
    torch.testing.assert_close(part(spectrum[:, :, :4]), features[:, :, :4])


def test_both_encodings_hold_the_same() -> None:
    spectrum = torch.randn(1, 2, 6, 5, dtype=torch.complex128)
    level, phase = NormalizedSpectrum()(spectrum).chunk(2, dim=1)
    real, imag = NormalizedSpectrum("real_and_imaginary", memory=256)(spectrum).chunk(2, dim=1)
    torch.testing.assert_close(torch.polar(10**level, phase), torch.complex(real, imag))
    torch.testing.assert_close(phase, spectrum.angle())


@pytest.mark.parametrize("encoding", ["level_and_phase", "real_and_imaginary"])
def test_silence_gives_finite_features_and_gradients(encoding: Any) -> None:
    part = NormalizedSpectrum(encoding, memory=4)
    spectrum = torch.zeros(1, 2, 5, 3, dtype=torch.complex64).requires_grad_()
    features = part(spectrum)
    assert features.isfinite().all()
    features.sum().backward()
    assert spectrum.grad is not None
    assert spectrum.grad.isfinite().all()


def test_a_turn_exchanges_microphones() -> None:
    array = ArrayGeometry.circle(4, 0.05)
    extractor = FeatureExtractor(
        STFT(n_fft=32, hop_length=16, sample_rate=16000), [NormalizedSpectrum()]
    )
    waveform, swap = torch.randn(1, 4, 160), array.swaps()[3]
    turned = extractor.turn(extractor(waveform), swap.matrix, array=array)
    torch.testing.assert_close(turned, extractor(waveform[:, swap.permutation]))
    mirror = torch.diag(torch.tensor([1, -1, 1]))
    with pytest.raises(ValueError, match="NormalizedSpectrum cannot be turned so: a channel would"):
        extractor.turn(extractor(waveform), mirror, array="foa")


def test_presets_are_those_of_the_published_networks() -> None:
    waveform = torch.randn(1, 2, 16000)
    for preset in (presets.srp_dnn, presets.ipdnet):
        features = preset()(waveform)
        assert features.shape == (1, 4, 63, 256)
        assert preset(4, hop_length=320).num_channels == 8
    assert preset(4, hop_length=320).frame_rate == 50


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="encoding must be one of 'level_and_phase', 'real_and_im"):
        NormalizedSpectrum("phase")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="memory must be at least 2 frames, got 1"):
        NormalizedSpectrum(memory=1)
    with pytest.raises(ValueError, match="floor must be positive, got 0"):
        NormalizedSpectrum(floor=0)
    with pytest.raises(ValueError, match=r"bins must end by 17, as there are so many for n_fft=32"):
        FeatureExtractor(STFT(n_fft=32, hop_length=16), [NormalizedSpectrum(bins=(1, 18))])
    with pytest.raises(RuntimeError, match="NormalizedStream must be given a frame before its"):
        NormalizedSpectrum().stream().flush()
