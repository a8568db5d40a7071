"""The presets equal the published extractors."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from seldkit._builders import built_by
from seldkit.features import LogMel, presets

Golden = Callable[[str], Path]
EIN_SELD = "einv2/features_einseld_24k_hop600_mel256.npz"
both_precisions = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])


def close(features: Tensor, expected: np.ndarray, *, level: float, intensity: float) -> None:
    """Compare four channels in decibels and three of intensity."""
    features = features.double()
    wanted = torch.from_numpy(expected).double()
    torch.testing.assert_close(features[:4], wanted[:4], rtol=0, atol=level)
    torch.testing.assert_close(features[4:], wanted[4:], rtol=0, atol=intensity)


@both_precisions
@pytest.mark.parametrize("clip", ["noise", "plane"])
def test_ein_seld(golden: Golden, clip: str, dtype: torch.dtype) -> None:
    arrays = np.load(golden(EIN_SELD))
    waveform = torch.from_numpy(arrays[f"wave_{clip}"]).to(dtype).unsqueeze(0)
    features = presets.ein_seld()(waveform)[0]
    assert features.dtype == dtype
    close(features, arrays[f"feat_{clip}"], level=2e-3, intensity=1e-5)


@both_precisions
def test_ein_seld_of_silence(golden: Golden, dtype: torch.dtype) -> None:
    features = presets.ein_seld()(torch.zeros(1, 4, 12000, dtype=dtype))[0]
    assert (features[:4] == -100).all()
    assert (features[4:] == 0).all()
    close(features, np.load(golden(EIN_SELD))["feat_silence"], level=1e-5, intensity=0)


def test_tables_of_ein_seld(golden: Golden) -> None:
    arrays, extractor = np.load(golden(EIN_SELD)), presets.ein_seld()
    level = extractor.parts[0]
    assert isinstance(level, LogMel)
    np.testing.assert_allclose(level.mel.weight, arrays["melW"], rtol=0, atol=1e-7)
    np.testing.assert_allclose(extractor.stft.window, arrays["window"], rtol=0, atol=1e-7)
    assert extractor(torch.zeros(1, 4, 96000)).shape == (1, 7, 161, 256)


def dcase_clip(golden: Golden, dtype: torch.dtype) -> Tensor:
    """Return the FOA clip of the DCASE goldens."""
    samples = np.load(golden("dcase/features_input.npz"))["foa_int16"]
    return torch.from_numpy(samples.T.copy()).to(dtype).unsqueeze(0) / 32768


@both_precisions
@pytest.mark.parametrize(("name", "silent"), [("b2023_foa_a", 0), ("b2023_foa_c", 24000)])
def test_dcase2023_foa(golden: Golden, name: str, silent: int, dtype: torch.dtype) -> None:
    waveform = dcase_clip(golden, dtype)
    waveform[..., :silent] = 0
    expected = np.load(golden("dcase/features_b2023.npz"))[name]  # frames of channel after channel
    expected = expected.reshape(len(expected), 7, 64).transpose(1, 0, 2)
    features = presets.dcase2023_foa()(waveform)[0]
    close(features, expected, level=1e-4, intensity=1e-6)


def test_tables_of_dcase2023_foa(golden: Golden) -> None:
    arrays, extractor = np.load(golden("dcase/features_b2023.npz")), presets.dcase2023_foa()
    spectrum = extractor.stft(dcase_clip(golden, torch.float64))[0, :, :5]
    expected = arrays["b2023_stft_foa_a_first5frames"].transpose(2, 0, 1)
    np.testing.assert_allclose(spectrum, expected, rtol=0, atol=1e-12)
    level = extractor.parts[0]
    assert isinstance(level, LogMel)
    np.testing.assert_allclose(level.mel.weight, arrays["b2023_melfb"], rtol=0, atol=1e-7)


def test_presets_remember_their_arguments() -> None:
    smaller = presets.ein_seld(num_mels=64, fmin=50.0)
    assert smaller.num_bins == 64
    assert built_by(smaller) == ("ein_seld", {"num_mels": 64, "fmin": 50.0})
    assert built_by(presets.dcase2023_foa()) == ("dcase2023_foa", {})


@pytest.mark.messages
def test_a_clip_without_a_frame_is_refused() -> None:
    with pytest.raises(ValueError, match=r"waveform must have at least 480 samples .*, got 479"):
        presets.dcase2023_foa()(torch.zeros(1, 4, 479))
