"""Autocorrelation, and direct beside reverberant sound: published numbers and what must hold."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seldkit.features import (
    STFT,
    Autocorrelation,
    DirectReverberant,
    FeatureExtractor,
    LogMel,
    MelFilterBank,
    RealSpectrum,
    direct_sound,
)

MEL = MelFilterBank(8, n_fft=64, sample_rate=8000)


def published(golden: Callable[[str], Path], *names: str) -> list[Tensor]:
    arrays = np.load(golden("recent/distance_features.npz"))
    return [torch.from_numpy(arrays[name]) for name in names]


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.complex128)


def spectrum_of(waveform: Tensor, n_fft: int) -> Tensor:
    """Return the spectrum of symmetric windows, as the published features have them."""
    window = torch.hann_window(n_fft, periodic=False, dtype=torch.float64)
    transform = torch.stft(
        waveform.double(), n_fft, 150, window=window, pad_mode="reflect", return_complex=True
    )
    return transform.mT[None, None]


def test_the_autocorrelation_is_the_published_one(golden: Callable[[str], Path]) -> None:
    waveform, wanted, full = published(golden, "w", "stpacc", "stpacc_full")
    spectrum = spectrum_of(waveform, 1024)[:, :, :-1]
    lags = Autocorrelation(512, 512)(spectrum)[0, 0]
    torch.testing.assert_close(lags, full, rtol=0, atol=1e-12)
    bins = Autocorrelation(resample="fft")(spectrum)[0, 0]
    torch.testing.assert_close(bins, wanted, rtol=0, atol=1e-12)
    means = Autocorrelation()(spectrum)[0, 0]
    torch.testing.assert_close(means, full.unflatten(1, (64, 8)).mean(dim=2))


def test_the_ratio_is_the_published_one(golden: Callable[[str], Path]) -> None:
    direct, reverberant, wanted = published(golden, "direct", "reverb", "drr_logmel")
    part = DirectReverberant(MelFilterBank(64, n_fft=512, sample_rate=24000), floor=1e-100)
    spectra = (x.to(torch.complex128)[None, None] for x in (direct, reverberant))
    ratio = part.of_parts(*spectra)[0, 2, :160]
    torch.testing.assert_close(ratio, wanted.double(), rtol=0, atol=2e-4)


@settings(max_examples=20)
@given(st.integers(3, 20), st.integers(20, 60), st.floats(0.3, 0.8))
def test_an_echo_stands_at_its_delay(at: int, delay: int, gain: float) -> None:
    sound = torch.zeros(256, dtype=torch.float64)
    sound[at], sound[at + delay] = 1.0, gain
    part = Autocorrelation(64, 64, smoothing=1)
    lags = part(torch.fft.rfft(sound).reshape(1, 1, 1, -1)).flatten()
    assert lags.argsort(descending=True)[:2].tolist() == [0, delay]
    assert lags[0] == 1
    torch.testing.assert_close(lags[delay].item(), (gain / (1 + gain**2)) ** 2)


@pytest.mark.parametrize("settings", [{}, {"smoothing": 5, "resample": "fft"}, {"channels": None}])
def test_levels_do_not_matter_and_silence_is_zeros(settings: dict[str, Any]) -> None:
    part = Autocorrelation(16, 8, **settings)
    spectrum = noise(2, 4, 3, 33)
    features = part(spectrum)
    assert features.shape == (2, part.num_channels(4), 3, 8)
    torch.testing.assert_close(part(0.01 * spectrum), features)
    assert not part(torch.zeros_like(spectrum)).any()
    assert part(torch.zeros_like(spectrum)).isfinite().all()


def test_it_sits_beside_log_mel_and_streams() -> None:
    stft = STFT(n_fft=64, hop_length=16, sample_rate=8000)
    extractor = FeatureExtractor(stft, [LogMel(MelFilterBank(8)), Autocorrelation(32, 8)])
    assert (extractor.num_channels, extractor.num_bins) == (5, 8)
    waveform = torch.randn(4, 400)
    whole = extractor(waveform[None])[0]
    stream = extractor.stream()
    parts = [stream.push(piece) for piece in waveform.split(37, dim=1)]
    streamed = torch.cat([*parts, stream.flush()], dim=1)
    torch.testing.assert_close(streamed, whole, rtol=0, atol=1e-5)


@pytest.mark.transforms  # a real spectrum is no tensor
def test_without_complex_numbers_it_is_the_same() -> None:
    part, spectrum = Autocorrelation(33, 11, channels=None), noise(1, 2, 3, 33)
    real: Any = RealSpectrum(spectrum.real, spectrum.imag)
    torch.testing.assert_close(part(real), part(spectrum))


@pytest.mark.transforms
def test_an_extractor_of_it_is_exported() -> None:
    stft = STFT(n_fft=64, hop_length=16, sample_rate=8000)
    extractor = FeatureExtractor(stft, [Autocorrelation(32, 8)])
    waveform = torch.randn(1, 4, 400)
    program = torch.export.export(extractor.for_export(), (waveform,)).module()
    torch.testing.assert_close(program(waveform), extractor(waveform), rtol=0, atol=1e-4)


def test_features_turn_with_the_sound_field() -> None:
    stft = STFT(n_fft=64, hop_length=16, sample_rate=8000)
    matrix = torch.tensor([[0, -1, 0], [1, 0, 0], [0, 0, 1]])
    parts = [Autocorrelation(32, 8, channels=None), DirectReverberant(MelFilterBank(8), taps=2)]
    extractor = FeatureExtractor(stft, parts)
    waveform = torch.randn(1, 4, 400, dtype=torch.float64)
    w, y, z, x = waveform.unbind(dim=1)
    turned = torch.stack((w, x, z, -y), dim=1)  # to the left by 90 degrees
    features = extractor.turn(extractor(waveform), matrix, array="foa")
    torch.testing.assert_close(features, extractor(turned))
    alone = FeatureExtractor(stft, [Autocorrelation(32, 8, channels=[3])])
    with pytest.raises(ValueError, match=r"it reads channels \[3\], and \[1\] would be needed"):
        alone.turn(alone(waveform), matrix, array="foa")


def test_reverberation_is_taken_out() -> None:
    sound = noise(400, 2) * (torch.rand(400, 1) > 0.5)
    late = torch.zeros_like(sound)
    for lag in range(3, 9):
        late[lag:] += 0.5 * 0.8**lag * sound[:-lag]
    direct = direct_sound(sound + late, taps=12, delay=3)
    error = (direct - sound).abs().square().mean()
    assert error < 0.1 * late.abs().square().mean()
    torch.testing.assert_close(direct[:3], (sound + late)[:3])
    features = DirectReverberant(MEL, taps=6, delay=3)(noise(2, 4, 50, 33))
    assert features.shape == (2, 3, 50, 8)
    assert features.isfinite().all()


@settings(max_examples=10)
@given(st.integers(1, 30), st.floats(1e-3, 1e3))
def test_any_length_and_level(frames: int, gain: float) -> None:
    x = noise(frames, 3)
    x[:, 1] = 0.0
    direct = direct_sound(x, taps=5, delay=2)
    assert direct.isfinite().all()
    assert not direct[:, 1].any()
    if frames > 12:
        louder = direct_sound(gain * x, taps=5, delay=2)
        torch.testing.assert_close(louder, gain * direct, rtol=1e-4, atol=1e-4 * gain)


def test_it_needs_the_whole_clip() -> None:
    stft = STFT(n_fft=64, hop_length=16, sample_rate=8000)
    extractor = FeatureExtractor(stft, [DirectReverberant(MelFilterBank(8), taps=3)])
    features = extractor(torch.randn(2, 4, 800))
    assert features.shape == (2, 3, 51, 8)
    assert features.dtype == torch.float32
    with pytest.raises(ValueError, match="needs the whole clip, so it cannot stream"):
        extractor.stream()
    assert [meaning.per_db for meaning in extractor.meanings] == [1.0, 1.0, 0.0]
    assert "taps=3, delay=5, iterations=5" in repr(extractor)


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="num_bins must divide num_lags=512, got 60"):
        Autocorrelation(512, 60)
    with pytest.raises(ValueError, match="num_lags must be at most 33 for n_fft=64, got 64"):
        Autocorrelation(64, 8)(noise(1, 1, 2, 33))
    with pytest.raises(ValueError, match="smoothing must be 1 or at least 3, got 2"):
        Autocorrelation(smoothing=2)
    with pytest.raises(ValueError, match=r"channels must be different and from 0, got \(0, 0\)"):
        Autocorrelation(channels=[0, 0])
    with pytest.raises(ValueError, match="channels must be below 2, as there are, got 3"):
        Autocorrelation(16, 8, channels=[3])(noise(1, 2, 2, 33))
    with pytest.raises(ValueError, match="resample must be one of 'mean', 'fft', got 'sinc'"):
        Autocorrelation(resample="sinc")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"spectrum must be complex, got torch.float32"):
        direct_sound(torch.zeros(3, 4))
    with pytest.raises(ValueError, match="taps must be at least 1, got 0"):
        DirectReverberant(MEL, taps=0)
    real: Any = RealSpectrum(torch.zeros(1, 4, 2, 33), torch.zeros(1, 4, 2, 33))
    with pytest.raises(TypeError, match="spectrum must be complex for DirectReverberant, got a R"):
        DirectReverberant(MEL)(real)
