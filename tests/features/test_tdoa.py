"""Delays are found between samples, as published ones and as a plane wave makes them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from references.plane_waves import array_recording, delayed
from seldkit.arrays import ArrayGeometry
from seldkit.features import STFT, TDOA, FeatureExtractor, peak_place
from seldkit.geometry import unit_vector
from transforms import assert_compiles_and_exports

quick = settings(max_examples=20)
RATE = 24000
TETRAHEDRON = ArrayGeometry.tetrahedron()


def test_delays_of_pyroomacoustics(golden: Callable[[str], Path]) -> None:
    arrays = np.load(golden("others/gcc_phat_pra.npz"))
    waveforms = torch.from_numpy(np.stack((arrays["x1"], arrays["x2"])))
    delays = TDOA(20)(torch.fft.rfft(waveforms, n=2048)[None])[0, 0, :, 0]
    published = -torch.from_numpy(arrays["tdoa_samples_interp8"])  # theirs are of the first
    torch.testing.assert_close(delays, published, rtol=0, atol=0.5 / 8)
    true = torch.from_numpy(arrays["true_lag_x2_behind_x1"])
    torch.testing.assert_close(delays, true, rtol=0, atol=0.06)


@quick
@given(st.floats(-7, 7))
def test_delays_between_samples_are_exact(delay: float) -> None:
    sound = torch.randn(511, dtype=torch.float64)  # odd: no bin at half the sampling rate
    late = delayed(sound, torch.tensor([0.0, delay], dtype=torch.float64))
    spectrum = torch.fft.rfft(late)[None, :, None]
    found = TDOA(9, n_fft=511)(spectrum).flatten()
    torch.testing.assert_close(found, found.new_tensor([delay]), rtol=0, atol=1e-3)
    coarse = TDOA(9, interpolation=1, n_fft=511)(spectrum).flatten()
    assert abs(coarse - delay) < 0.25  # whitened peaks are narrower than parabolas


@quick
@given(st.floats(-180, 180), st.floats(-90, 90))
def test_a_plane_wave_has_the_delays_of_its_direction(azimuth: float, elevation: float) -> None:
    direction = unit_vector(torch.tensor(azimuth, dtype=torch.float64), elevation)
    sound = torch.randn(4096, dtype=torch.float64)
    waveform = array_recording(TETRAHEDRON, sound, direction, sample_rate=RATE)
    stft = STFT(n_fft=1024, hop_length=512, sample_rate=RATE)
    part = TDOA(TETRAHEDRON.max_lag(RATE) + 1)
    found = FeatureExtractor(stft, [part])(waveform[None])[0, :, 1:-1, 0].median(dim=1).values
    delays = RATE * TETRAHEDRON.delays(direction)
    expected = torch.stack([delays[n] - delays[m] for m, n in TETRAHEDRON.pairs])
    torch.testing.assert_close(found, expected, rtol=0, atol=0.05)


def test_places_of_peaks() -> None:
    lag = torch.arange(9.0, dtype=torch.float64)
    tops = torch.tensor([0.0, 0.3, 4.0, 4.49, 7.9, 8.0])
    found = peak_place(-(lag - tops[:, None]).square())
    torch.testing.assert_close(
        found, tops.double().where((tops > 0.5) & (tops < 7.5), tops.round().double())
    )
    assert peak_place(torch.zeros(2, 5)).tolist() == [0, 0]
    assert peak_place(torch.tensor([0.0, 1.0, 1.0, 0.0])) == 1.5
    bent = torch.randn(4, 7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(peak_place, (bent,))


def test_it_turns_and_streams() -> None:
    # Mirrored ends would be symmetric: their correlations have two equal peaks.
    stft = STFT(n_fft=64, hop_length=32, sample_rate=RATE, pad_mode="constant")
    extractor = FeatureExtractor(stft, [TDOA(6)])
    waveform = torch.randn(1, 4, 640, dtype=torch.float64)
    delays = extractor(waveform)
    assert delays.shape == (1, 6, 21, 1)
    for matrix, permutation in TETRAHEDRON.swaps():
        turned = extractor.turn(delays, matrix, array=TETRAHEDRON)
        torch.testing.assert_close(turned, extractor(waveform[:, permutation]))
    stream = extractor.stream()
    chunks = [stream.push(chunk) for chunk in waveform[0].split(70, dim=1)]
    torch.testing.assert_close(torch.cat([*chunks, stream.flush()], dim=1), delays[0])


@pytest.mark.transforms
def test_compiles_and_exports() -> None:
    assert_compiles_and_exports(TDOA(4, n_fft=32), torch.randn(2, 3, 5, 17, dtype=torch.complex64))


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="max_lag must be at least 1, got 0"):
        TDOA(0)
    settings: Any = {"interpolation": 0}
    with pytest.raises(ValueError, match="interpolation must be at least 1, got 0"):
        TDOA(4, **settings)
    with pytest.raises(
        ValueError, match=r"correlation must be \(\.\.\., lag\), got shape \(2, 0\)"
    ):
        peak_place(torch.zeros(2, 0))
    with pytest.raises(TypeError, match="correlation must hold floats"):
        peak_place(torch.zeros(2, dtype=torch.int64))
