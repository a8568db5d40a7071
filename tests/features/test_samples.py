"""Frames of the waveform: what goes in comes out, and follows when the array is turned."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seldkit._builders import built_by
from seldkit.features import STFT, FeatureExtractor, Samples, presets


@settings(max_examples=15)
@given(st.integers(1, 2), st.integers(1, 3), st.integers(8, 60), st.integers(1, 8))
def test_frames_are_the_samples(batch: int, channels: int, samples: int, length: int) -> None:
    extractor = presets.ngcc_phat(num_microphones=channels, frame_length=length, sample_rate=8000)
    waveform = torch.randn(batch, channels, samples, dtype=torch.float64)
    frames = samples // length
    wanted = waveform[..., : frames * length].unflatten(2, (frames, length))
    torch.testing.assert_close(extractor(waveform), wanted)


def test_the_preset() -> None:
    extractor = presets.ngcc_phat()
    assert (extractor.num_channels, extractor.num_bins, extractor.frame_rate) == (4, 480, 50.0)
    assert built_by(extractor) == ("ngcc_phat", {})
    assert not extractor.state_dict()
    assert {meaning.bins for meaning in extractor.meanings} == {"sample"}
    assert {meaning.per_db for meaning in extractor.meanings} == {None}


def test_it_streams() -> None:
    extractor = presets.ngcc_phat(num_microphones=2, frame_length=16, sample_rate=8000)
    waveform, stream = torch.randn(2, 100), None
    stream = extractor.stream()
    parts = [stream.push(chunk) for chunk in waveform.split(23, dim=1)]
    found = torch.cat([*parts, stream.flush()], dim=1)
    torch.testing.assert_close(found, extractor(waveform.unsqueeze(0))[0], rtol=0, atol=1e-5)


def test_with_a_window_the_samples_are_windowed() -> None:
    stft = STFT(n_fft=16, hop_length=8, sample_rate=8000)
    extractor = FeatureExtractor(stft, [Samples()], in_channels=1)
    frames = extractor(torch.ones(1, 1, 64))
    torch.testing.assert_close(frames[0, 0, 3], torch.hann_window(16), rtol=0, atol=1e-6)


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="taper must be one of 'hann', 'none', got 'kaiser'"):
        STFT(n_fft=16, hop_length=8, taper="kaiser")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="frame_length must be at least 1, got 0"):
        presets.ngcc_phat(frame_length=0)
    part = Samples()
    FeatureExtractor(STFT(n_fft=4, hop_length=4, sample_rate=8), [part], in_channels=1)
    with pytest.raises(ValueError, match="n_fft must be one in the transform and all parts, got 8"):
        FeatureExtractor(STFT(n_fft=8, hop_length=8, sample_rate=8), [part], in_channels=1)
