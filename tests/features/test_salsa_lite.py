"""SALSA-Lite shows the paths to the microphones, frame by frame."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seldkit.arrays import ArrayGeometry
from seldkit.features import STFT, FeatureExtractor, SALSALite, presets
from seldkit.geometry import unit_vector

quick = settings(max_examples=25)
PUBLISHED: dict[str, Any] = {"n_fft": 512, "sample_rate": 24000}
frequency = torch.arange(257, dtype=torch.float64) * 24000 / 512


@quick
@given(st.floats(-180, 180), st.floats(-90, 90))
def test_a_far_source_gives_the_paths_to_the_microphones(azimuth: float, elevation: float) -> None:
    array = ArrayGeometry.tetrahedron()
    direction = unit_vector(torch.tensor(azimuth, dtype=torch.float64), elevation)
    delay = array.delays(direction)
    turns = torch.outer(delay, frequency)
    wave = torch.exp(-2j * math.pi * turns).unsqueeze(1)
    spectrum = (wave * torch.randn(9, 257, dtype=torch.complex128)).unsqueeze(0)
    features = SALSALite(**PUBLISHED)(spectrum)
    positions = array.positions
    path = (positions[1:] - positions[0]) @ direction
    torch.testing.assert_close(features[0, 4:, :, :42], path[:, None, None].expand(-1, 9, 42))
    assert (features[0, 4:, :, 42:] == 0).all()
    phases = SALSALite("ipd", **PUBLISHED)(spectrum)[0, 4:, :, :42]
    torch.testing.assert_close(phases, path[:, None, None] / 343 * frequency[1:43] * 2 + 0 * phases)


@quick
@given(st.lists(st.integers(1, 2000), min_size=1, max_size=6))
def test_it_streams(sizes: list[int]) -> None:
    extractor = presets.salsa_lite()
    waveform = torch.randn(4, 600 + sum(sizes))
    stream = extractor.stream()
    parts = [stream.push(chunk) for chunk in waveform.split([600, *sizes], dim=1)]
    features = torch.cat([*parts, stream.flush()], dim=1)
    torch.testing.assert_close(features, extractor(waveform.unsqueeze(0))[0], atol=1e-4, rtol=1e-4)


def test_silence_and_its_gradient() -> None:
    spectrum = torch.zeros(1, 4, 3, 257, dtype=torch.complex64, requires_grad=True)
    features = SALSALite(**PUBLISHED)(spectrum)
    assert (features[:, :4] == -100).all()
    assert (features[:, 4:] == 0).all()
    features.sum().backward()
    assert spectrum.grad is not None
    assert spectrum.grad.isfinite().all()


@pytest.mark.parametrize("form", ["path", "ipd"])
def test_gradients(form: str) -> None:
    lite = SALSALite(form, n_fft=32, sample_rate=24000, fmax_doa=4000.0)  # type: ignore[arg-type]
    spectrum = torch.randn(1, 3, 2, 17, dtype=torch.complex128, requires_grad=True)
    assert torch.autograd.gradcheck(lite, (spectrum,))


def test_any_number_of_microphones() -> None:
    extractor = FeatureExtractor(
        STFT(n_fft=512, hop_length=300, sample_rate=24000), [SALSALite()], in_channels=6
    )
    assert extractor(torch.randn(2, 6, 3000)).shape == (2, 11, 11, 191)
    assert extractor.num_channels == 11
    assert "'path', n_fft=512" in repr(extractor)


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="encoding must be one of 'path', 'ipd', got 'phase'"):
        SALSALite("phase")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="must hold, got 50, 10000 and 9000"):
        SALSALite(fmax_doa=10000.0)
    with pytest.raises(ValueError, match=r"spectrum must be \(batch, channel, time, freq=257\)"):
        SALSALite(**PUBLISHED)(torch.zeros(1, 4, 3, 129, dtype=torch.complex64))
    with pytest.raises(ValueError, match="at least 2 channels, got 1"):
        SALSALite().num_channels(1)
