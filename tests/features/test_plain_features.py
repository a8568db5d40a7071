"""What the benchmark compares with: the plain ways give the published numbers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seldkit.features import presets

Golden = Callable[[str], Path]


@pytest.fixture(scope="module")
def plain() -> Any:
    """Return the module of plain features."""
    return pytest.importorskip("references.librosa_features")


def audio(golden: Golden, name: str) -> np.ndarray:
    """Return one of the clips of five seconds, `channel sample`."""
    samples: np.ndarray = np.load(golden("dcase/features_input.npz"))[name]
    return samples.T / 32768


@pytest.mark.parametrize(
    ("way", "clip", "name"),
    [
        ("log_mel_intensity", "foa_int16", "b2023_foa_a"),
        ("log_mel_gcc", "mic_int16", "b2023_mic_gcc_a"),
    ],
)
def test_features_of_the_baseline(
    golden: Golden, plain: Any, way: str, clip: str, name: str
) -> None:
    expected = np.load(golden("dcase/features_b2023.npz"))[name]
    expected = expected.reshape(len(expected), -1, 64).transpose(1, 0, 2)
    features = getattr(plain, way)(audio(golden, clip))
    np.testing.assert_allclose(features, expected, rtol=0, atol=1e-4)


def test_stereo(golden: Golden, plain: Any) -> None:
    arrays = np.load(golden("dcase/features_other.npz"))
    features = plain.log_mel_stereo(arrays["b2025_stereo_in"])
    np.testing.assert_allclose(features, arrays["b2025_stereo_logmel"], rtol=0, atol=1e-4)


def test_salsa_lite(golden: Golden, plain: Any) -> None:
    expected = np.load(golden("dcase/features_salsa.npz"))["salsa_lite_a"]
    features = plain.salsa_lite(audio(golden, "mic_int16"))
    np.testing.assert_allclose(features, expected, rtol=0, atol=1e-4)


def test_salsa_and_the_preset(golden: Golden, plain: Any) -> None:
    waveform = audio(golden, "foa_int16")[:, :24000]
    features = plain.salsa_foa(waveform)
    preset = presets.salsa_foa()(torch.from_numpy(waveform).unsqueeze(0))[0].numpy()
    np.testing.assert_allclose(features[:4, :-1], preset[:4, :-1], rtol=0, atol=1e-4)
    assert (np.abs(features[4:] - preset[4:]) > 1e-3).mean() < 1e-3
    assert (features[4:] != 0).mean() > 0.5


@pytest.mark.parametrize("clip", ["noise", "plane"])
@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("EINSELDFrontEnd", "features_einseld_24k_hop600_mel256.npz"),
        ("PSELDNetsFrontEnd", "features_pseldnets_24k_hop240_mel64.npz"),
    ],
)
def test_front_ends_of_networks(golden: Golden, name: str, file: str, clip: str) -> None:
    plain, arrays = (
        pytest.importorskip("references.torch_features"),
        np.load(golden(f"einv2/{file}")),
    )
    waveform = torch.from_numpy(arrays[f"wave_{clip}"]).unsqueeze(0)
    features, expected = getattr(plain, name)()(waveform)[0].numpy(), arrays[f"feat_{clip}"]
    np.testing.assert_allclose(features[:4], expected[:4], rtol=0, atol=2e-3)
    np.testing.assert_allclose(features[4:], expected[4:], rtol=0, atol=1e-5)
