"""Front-ends of spatial encoders equal their formulas, written out frame by frame."""

from typing import Any

import librosa
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from seldkit.features import presets

RATE = 32000
Doubles = NDArray[np.float64]


def spectra(waveform: Doubles) -> NDArray[np.complex128]:
    """Return spectra `[channel, freq, time]` by another program."""
    return librosa.stft(waveform, n_fft=1024, hop_length=320, pad_mode="reflect").astype("c16")


def bands(*, fmax: float | None = None, slaney: bool = True) -> Doubles:
    """Return mel filters by another program: Slaney's, or plain ones of HTK."""
    sizes: dict[str, Any] = {"sr": RATE, "n_fft": 1024, "n_mels": 128, "fmin": 50.0, "fmax": fmax}
    kind: dict[str, Any] = {} if slaney else {"htk": True, "norm": None}
    filters: Doubles = librosa.filters.mel(**sizes, **kind, dtype=np.float64)
    return filters


def test_spatial_ast_by_librosa() -> None:
    waveform = np.random.default_rng(0).standard_normal((2, 6400))
    left, right = spectra(waveform)
    mel = bands(fmax=14000)
    levels = [10 * np.log10(np.maximum(mel @ np.abs(x), 1e-10)) for x in (left, right)]
    phase = np.angle(right) - np.angle(left)
    wanted = np.stack([*levels, mel @ np.cos(phase), mel @ np.sin(phase)]).swapaxes(1, 2)
    found = presets.spatial_ast()(torch.from_numpy(waveform)[None])[0]
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_gram_by_librosa() -> None:
    waveform = np.random.default_rng(1).standard_normal((4, 6400))
    channels = spectra(waveform)
    mel = bands(slaney=False)
    levels = np.log(mel @ np.abs(channels) ** 2 + 1e-6)
    energy = (np.abs(channels) ** 2).sum(axis=0) + 1e-6
    flow = 2 * (channels[:1].conj() * channels[1:]).real / energy
    wanted = np.concatenate((levels, mel @ flow)).swapaxes(1, 2)
    found = presets.gram()(torch.from_numpy(waveform)[None])[0]
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_gram_of_silence_is_its_offset() -> None:
    features = presets.gram(sample_rate=16000)(torch.zeros(1, 4, 16000))
    torch.testing.assert_close(features[:, :4].unique(), torch.tensor([1e-6]).log())
    assert features[:, 4:].count_nonzero() == 0


@pytest.mark.messages
def test_what_is_wrong_is_told() -> None:
    with pytest.raises(ValueError, match="sample_rate must be a multiple of 100, got 11025"):
        presets.gram(sample_rate=11025)
