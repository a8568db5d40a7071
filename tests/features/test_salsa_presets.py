"""The SALSA family equals the published extractors."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from seldkit._builders import built_by
from seldkit.features import FeatureExtractor, presets

Golden = Callable[[str], Path]
both_precisions = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])


def clip(golden: Golden, name: str, dtype: torch.dtype) -> Tensor:
    """Return the FOA or MIC clip of the DCASE goldens."""
    samples = np.load(golden("dcase/features_input.npz"))[f"{name}_int16"]
    return torch.from_numpy(samples.T.copy()).to(dtype).unsqueeze(0) / 32768


def check_levels(features: Tensor, expected: Tensor) -> None:
    """Compare spectrograms: the published ones round bins that are 90 dB below the others."""
    difference = (features[:4].double() - expected[:4].double()).abs()
    assert difference.max() < 0.03
    assert (difference > 1e-3).double().mean() < 1e-3


@both_precisions
@pytest.mark.parametrize(
    ("preset", "audio"), [(presets.salsa_foa, "foa"), (presets.salsa_mic, "mic")]
)
def test_salsa(
    golden: Golden, preset: Callable[[], FeatureExtractor], audio: str, dtype: torch.dtype
) -> None:
    expected = torch.from_numpy(np.load(golden("dcase/features_salsa.npz"))[f"salsa_{audio}_a"])
    features = preset()(clip(golden, audio, dtype))[0]
    assert features.dtype == dtype
    assert features.shape == expected.shape
    check_levels(features, expected)
    passed, wanted = (features[4:] != 0).any(dim=0), (expected[4:] != 0).any(dim=0)
    assert (passed != wanted).double().mean() < 1e-4  # tests are hard, sums are rounded
    both = (passed == wanted).expand(3, -1, -1)
    torch.testing.assert_close(features[4:][both].float(), expected[4:][both], rtol=0, atol=1e-5)


@both_precisions
@pytest.mark.parametrize("name", ["salsa_lite", "salsa_ipd"])
def test_salsa_lite(golden: Golden, name: str, dtype: torch.dtype) -> None:
    expected = torch.from_numpy(np.load(golden("dcase/features_salsa.npz"))[f"{name}_a"])
    features = getattr(presets, name)()(clip(golden, "mic", dtype))[0]
    assert features.dtype == dtype
    assert features.shape == expected.shape
    check_levels(features, expected)
    # The first frame is mirrored, so that its spectrum is real: π and -π are one phase.
    phase, wanted = features[4:, 1:].float(), expected[4:, 1:]
    torch.testing.assert_close(phase, wanted, rtol=0, atol=1e-4)
    first, wanted = features[4:, 0].float(), expected[4:, 0]
    torch.testing.assert_close(first.abs(), wanted.abs(), rtol=0, atol=1e-4)


@both_precisions
def test_dcase2023_salsa_lite(golden: Golden, dtype: torch.dtype) -> None:
    expected = np.load(golden("dcase/features_b2023.npz"))["b2023_mic_salsalite_a"]
    expected = torch.from_numpy(expected).unflatten(1, (7, 382)).movedim(1, 0)
    features = presets.dcase2023_salsa_lite()(clip(golden, "mic", dtype))[0].float()
    torch.testing.assert_close(features[:4], expected[:4], rtol=0, atol=2e-3)
    torch.testing.assert_close(features[4:], expected[4:], rtol=0, atol=1e-5)


def test_sizes_and_settings() -> None:
    assert presets.salsa_foa()(torch.randn(1, 4, 24000)).shape == (1, 7, 81, 200)
    smaller = presets.salsa_mic(tracking=False, n_fft=256, hop_length=150, fmax_doa=2000.0)
    assert smaller(torch.randn(1, 4, 2400)).shape == (1, 7, 17, 100)
    assert (smaller.num_channels, smaller.num_bins, smaller.frame_rate) == (7, 100, 160.0)
    arguments = {"tracking": False, "n_fft": 256, "hop_length": 150, "fmax_doa": 2000.0}
    assert built_by(smaller) == ("salsa_mic", arguments)


def test_without_tracking_every_bin_has_a_vector() -> None:
    for preset in (presets.salsa_foa, presets.salsa_mic):
        extractor = preset(tracking=False)
        vectors = extractor(torch.randn(1, 4, 4800))[:, 4:]
        stop = 191 if preset is presets.salsa_foa else 84
        assert (vectors[..., :stop] != 0).all()
        assert (vectors[..., stop:] == 0).all()
