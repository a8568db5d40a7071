"""The presets of log-mel kind equal the published extractors."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from references.log_mel import unit_intensity_features
from seldkit._builders import built_by
from seldkit.features import FeatureExtractor, IntensityVector, LogMel, presets

Golden = Callable[[str], Path]
EIN_SELD = "einv2/features_einseld_24k_hop600_mel256.npz"
PSELDNETS = "einv2/features_pseldnets_24k_hop240_mel64.npz"
PANNS = "at2seld/cnn14_frontend_s11.npz"
both_precisions = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
each_dcase = pytest.mark.parametrize(
    "preset", [presets.dcase2020_foa, presets.dcase2021_foa, presets.dcase2023_foa]
)


def close(features: Tensor, expected: np.ndarray, *, level: float, intensity: float) -> None:
    """Compare four channels in decibels and three of intensity."""
    features = features.double()
    wanted = torch.from_numpy(expected).double()
    torch.testing.assert_close(features[:4], wanted[:4], rtol=0, atol=level)
    torch.testing.assert_close(features[4:], wanted[4:], rtol=0, atol=intensity)


def mel_table(extractor: FeatureExtractor) -> Tensor:
    """Return the mel filters of an extractor whose first part is a log-mel spectrogram."""
    level = extractor.parts[0]
    assert isinstance(level, LogMel)
    return level.mel.weight


@both_precisions
@pytest.mark.parametrize("clip", ["noise", "plane"])
@pytest.mark.parametrize(
    ("preset", "file"), [(presets.ein_seld, EIN_SELD), (presets.pseldnets, PSELDNETS)]
)
def test_ein_seld_and_pseldnets(
    golden: Golden, preset: Any, file: str, clip: str, dtype: torch.dtype
) -> None:
    arrays = np.load(golden(file))
    waveform = torch.from_numpy(arrays[f"wave_{clip}"]).to(dtype).unsqueeze(0)
    features = preset()(waveform)[0]
    assert features.dtype == dtype
    close(features, arrays[f"feat_{clip}"], level=2e-3, intensity=1e-5)


@both_precisions
@pytest.mark.parametrize(
    ("preset", "file"), [(presets.ein_seld, EIN_SELD), (presets.pseldnets, PSELDNETS)]
)
def test_silence_of_ein_seld_and_pseldnets(
    golden: Golden, preset: Any, file: str, dtype: torch.dtype
) -> None:
    features = preset()(torch.zeros(1, 4, 12000, dtype=dtype))[0]
    assert (features[:4] == -100).all()
    assert (features[4:] == 0).all()
    close(features, np.load(golden(file))["feat_silence"], level=1e-5, intensity=0)


def test_tables_of_ein_seld_and_pseldnets(golden: Golden) -> None:
    arrays, extractor = np.load(golden(EIN_SELD)), presets.ein_seld()
    np.testing.assert_allclose(mel_table(extractor), arrays["melW"], rtol=0, atol=1e-7)
    np.testing.assert_allclose(extractor.stft.window, arrays["window"], rtol=0, atol=1e-7)
    assert extractor(torch.zeros(1, 4, 96000)).shape == (1, 7, 161, 256)
    table = mel_table(presets.pseldnets())
    np.testing.assert_allclose(table, np.load(golden(PSELDNETS))["melW"], rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    ("extractor", "settings"),
    [
        (presets.ein_seld(), {"hop_length": 600, "num_mels": 256}),
        (presets.dcase2022_task3(), {"hop_length": 300, "num_mels": 128}),
        (presets.l3das22_task2(), {"sample_rate": 32000, "hop_length": 400, "num_mels": 128}),
        (presets.pseldnets(), {"hop_length": 240, "num_mels": 64, "htk": True}),
        (
            presets.pseldnets(sample_rate=32000, hop_length=320),
            {"sample_rate": 32000, "hop_length": 320, "num_mels": 64, "htk": True},
        ),
    ],
)
def test_the_family_of_ein_seld_equals_its_formulas(
    extractor: FeatureExtractor, settings: dict[str, Any]
) -> None:
    settings = {"sample_rate": 24000, "htk": False} | settings
    assert extractor.sample_rate == settings["sample_rate"]
    assert extractor.frame_rate == settings["sample_rate"] / settings["hop_length"]
    waveform = torch.randn(4, 9600, dtype=torch.float64)
    expected = unit_intensity_features(waveform.numpy(), **settings)
    close(extractor(waveform.unsqueeze(0))[0], expected, level=1e-8, intensity=1e-10)


@pytest.mark.parametrize(
    ("preset", "seconds", "frames"),
    [
        (presets.dcase2022_task3, 5, 401),
        (presets.l3das22_task2, 5, 401),
        (presets.pseldnets, 10, 1001),
    ],
)
def test_frames_of_a_published_chunk(preset: Any, seconds: int, frames: int) -> None:
    extractor = preset()
    assert extractor.stft.num_frames(seconds * extractor.sample_rate) == frames


def test_both_microphones_of_l3das22_as_its_page_says() -> None:
    extractor, waveform = presets.l3das22_task2(), torch.randn(8, 4000)
    features = extractor(waveform.unflatten(0, (2, 4))).flatten(0, 1)
    assert features.shape == (14, 11, 128)
    torch.testing.assert_close(features[7:], extractor(waveform[None, 4:])[0])


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


def test_dcase2023_foa_of_noise(golden: Golden) -> None:
    samples = np.load(golden("dcase/features_input.npz"))["noise_int16"]
    waveform = torch.from_numpy(samples.T / 32768).unsqueeze(0)
    expected = np.load(golden("dcase/features_b2023.npz"))["b2023_foa_b"]  # each tenth frame
    expected = expected.reshape(len(expected), 7, 64).transpose(1, 0, 2)
    close(presets.dcase2023_foa()(waveform)[0, :, ::10], expected, level=1e-4, intensity=1e-6)


@both_precisions
def test_dcase2020_and_2021_foa(golden: Golden, dtype: torch.dtype) -> None:
    arrays, waveform = np.load(golden("dcase/features_other.npz")), dcase_clip(golden, dtype)
    pair = (arrays["b2020_foa_logmel_a"], arrays["b2020_foa_iv_a"])  # mel by mel
    expected = np.concatenate([part.reshape(250, 64, -1) for part in pair], axis=2)
    features = presets.dcase2020_foa()(waveform)[0]
    close(features, expected.transpose(2, 0, 1), level=1e-4, intensity=2e-6)
    pair = (arrays["b2021_foa_logmel_a"], arrays["b2021_foa_iv_a"])  # channel by channel
    expected = np.concatenate([part.reshape(250, -1, 64) for part in pair], axis=1)
    features = presets.dcase2021_foa()(waveform)[0]
    close(features, expected.transpose(1, 0, 2), level=1e-4, intensity=1e-6)


def test_tables_of_dcase2023_foa(golden: Golden) -> None:
    arrays, extractor = np.load(golden("dcase/features_b2023.npz")), presets.dcase2023_foa()
    spectrum = extractor.stft(dcase_clip(golden, torch.float64))[0, :, :5]
    expected = arrays["b2023_stft_foa_a_first5frames"].transpose(2, 0, 1)
    np.testing.assert_allclose(spectrum, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(mel_table(extractor), arrays["b2023_melfb"], rtol=0, atol=1e-7)


@each_dcase
def test_without_top_db_dcase_features_stream(preset: Any) -> None:
    waveform = torch.randn(4, 9600) * torch.logspace(0, -6, 9600)
    whole, streamable = preset(), preset(top_db=None)
    levels = whole(waveform[None])[0, :4], streamable(waveform[None])[0, :4]
    loudest = levels[1].amax(dim=(1, 2), keepdim=True)
    torch.testing.assert_close(levels[0], levels[1].maximum(loudest - 80))
    assert (levels[0] > levels[1]).any()
    stream = streamable.stream()
    streamed = [stream.push(chunk) for chunk in waveform.split(700, dim=1)]
    features = torch.cat([*streamed, stream.flush()], dim=1)
    torch.testing.assert_close(features, streamable(waveform[None])[0], rtol=0, atol=1e-4)


@both_precisions
def test_panns(golden: Golden, dtype: torch.dtype) -> None:
    arrays, extractor = np.load(golden(PANNS)), presets.panns()
    waveform = torch.from_numpy(arrays["waveform"]).to(dtype)
    features = extractor(waveform.reshape(1, 1, -1))[0, 0]
    assert features.dtype == dtype
    np.testing.assert_allclose(features, arrays["logmel"], rtol=0, atol=2e-3)
    np.testing.assert_allclose(mel_table(extractor), arrays["melW"], rtol=0, atol=1e-7)
    assert (extractor(torch.zeros(1, 1, 3200, dtype=dtype)) == -100).all()


@pytest.mark.parametrize(
    ("sample_rate", "n_fft", "hop", "fmax"),
    [(32000, 1024, 320, 14000), (16000, 512, 160, 8000), (8000, 256, 80, 4000)],
)
def test_panns_of_every_rate_by_librosa(sample_rate: Any, n_fft: int, hop: int, fmax: int) -> None:
    librosa = pytest.importorskip("librosa")
    extractor = presets.panns(sample_rate=sample_rate)
    waveform = 0.1 * torch.randn(1, 1, sample_rate, dtype=torch.float64)
    table = librosa.filters.mel(
        sr=sample_rate, n_fft=n_fft, n_mels=64, fmin=50, fmax=fmax, dtype=np.float64
    )
    spectrum = librosa.stft(
        waveform[0, 0].numpy(), n_fft=n_fft, hop_length=hop, window="hann", pad_mode="reflect"
    )
    expected = librosa.power_to_db(table @ np.abs(spectrum) ** 2, amin=1e-10, top_db=None).T
    np.testing.assert_allclose(extractor(waveform)[0, 0], expected, rtol=0, atol=1e-9)
    assert (extractor.sample_rate, extractor.frame_rate, extractor.num_bins) == (
        sample_rate,
        100.0,
        64,
    )
    assert built_by(extractor) == ("panns", {"sample_rate": sample_rate})


def test_presets_remember_their_arguments() -> None:
    smaller = presets.ein_seld(num_mels=64, fmin=50.0)
    assert smaller.num_bins == 64
    assert built_by(smaller) == ("ein_seld", {"num_mels": 64, "fmin": 50.0})
    assert built_by(presets.pseldnets(hop_length=320)) == ("pseldnets", {"hop_length": 320})
    assert built_by(presets.dcase2023_foa(top_db=None)) == ("dcase2023_foa", {"top_db": None})
    for preset in (presets.dcase2022_task3, presets.l3das22_task2, presets.panns):
        assert built_by(preset()) == (preset.__name__, {})


def test_the_order_of_the_intensity() -> None:
    orders = {"dcase2020_foa": "xyz", "dcase2021_foa": "xyz", "dcase2023_foa": "yzx"}
    for name, order in orders.items():
        intensity = getattr(presets, name)().parts[1]
        assert isinstance(intensity, IntensityVector)
        assert intensity.axes == order


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match=r"waveform must have at least 480 samples .*, got 479"):
        presets.dcase2023_foa()(torch.zeros(1, 4, 479))
    with pytest.raises(ValueError, match=r"waveform must be \(batch, channel=1, sample\), got"):
        presets.panns()(torch.zeros(1, 4, 32000))
    with pytest.raises(ValueError, match="sample_rate must be one of 32000, 16000, 8000, got 441"):
        presets.panns(sample_rate=44100)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"LogMel\(.*top_db=80\.0.* needs the whole clip"):
        presets.dcase2020_foa().stream()
