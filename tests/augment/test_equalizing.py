"""Random filters change levels alike in all channels and leave what tells direction alone."""

from typing import Any

import pytest
import torch
from torch import Tensor

from augment.estimates import array_waves, by_intensity, foa_waves, lags_by_gcc, lags_of, sphere
from seldkit.augment import equalize
from seldkit.features import STFT, FeatureExtractor, IntensityVector, LogMel, MelFilterBank, presets
from seldkit.geometry import angle_deg


def filtered(features: Tensor, **settings: Any) -> Tensor:
    """Return the features alone."""
    labels = torch.zeros(len(features), 1)
    found, same = equalize(features, labels, **settings)
    assert same is labels
    return found


def test_level_differences_between_channels_and_frames_stay() -> None:
    features = torch.randn(3, 7, 11, 64)
    found = filtered(features)
    torch.testing.assert_close(
        found[:, :4].diff(dim=1), features[:, :4].diff(dim=1), atol=1e-5, rtol=0
    )
    torch.testing.assert_close(
        found[:, :4].diff(dim=2), features[:, :4].diff(dim=2), atol=1e-5, rtol=0
    )
    torch.testing.assert_close(found[:, 4:], features[:, 4:])


def test_each_clip_has_a_curve_of_its_own_with_the_stated_spread() -> None:
    curve = filtered(torch.zeros(4000, 4, 1, 8), tilt_db=3.0, gain_db=4.0)
    torch.testing.assert_close(curve.std(dim=0), torch.full((4, 1, 8), 5.0), atol=0.3, rtol=0)


def test_some_clips_stay_as_they_are() -> None:
    for shape in ((400, 4, 3, 16), (400, 4, 30)):
        x = torch.randn(shape)
        stays = torch.isclose(filtered(x, p=0.3), x, atol=1e-5).flatten(1).all(dim=1)
        assert 0.6 < stays.float().mean() < 0.8


def test_a_gain_raises_the_energy_of_sound_by_its_decibels() -> None:
    waveform = torch.randn(5, 4, 2400, dtype=torch.float64)
    found = filtered(waveform, tilt_db=0.0, gain_db=6.0)
    rise = (found.square().sum(dim=(1, 2)) / waveform.square().sum(dim=(1, 2))).sqrt()
    torch.testing.assert_close(found, waveform * rise.reshape(-1, 1, 1))
    assert 1 < (20 * rise.log10()).std() < 12


@pytest.mark.parametrize("name", ["ein_seld", "dcase2023_foa", "salsa_lite", "yamnet"])
def test_features_of_louder_sound_are_louder_features(name: str) -> None:
    """Gains alone, drawn alike: the way round by the waveform ends at the same features."""
    extractor = getattr(presets, name)()
    waveform = 0.1 * torch.randn(4, extractor.in_channels, 24000)
    waveform[:, :, 12000:] = 0
    draw = [torch.Generator().manual_seed(2) for _ in range(2)]
    settings: dict[str, Any] = {"tilt_db": 0.0, "gain_db": 5.0}
    louder = filtered(waveform, generator=draw[0], **settings)
    features = extractor(waveform)
    found = filtered(features, extractor=extractor, generator=draw[1], **settings)
    levels = [meaning.per_db > 0 for meaning in extractor.meanings]
    cues = [not level for level in levels]
    torch.testing.assert_close(found[:, cues], features[:, cues], atol=1e-5, rtol=0)
    wanted, middle = extractor(louder), features.shape[2] // 2
    for clear in (slice(0, middle - 3), slice(middle + 3, None)):  # sound, and silence
        both = (x[:, levels][:, :, clear] for x in (found, wanted))
        torch.testing.assert_close(*both, atol=0.05, rtol=0)
    assert (found - features).abs().amax() > 0.5


def test_a_filtered_wave_comes_from_where_it_came() -> None:
    generator = torch.Generator().manual_seed(0)
    directions = sphere(5, generator)
    foa = filtered(foa_waves(directions, 480, generator), tilt_db=9.0)
    assert angle_deg(by_intensity(foa), directions).max() < 1e-5
    heard = filtered(array_waves(directions, 480, generator), tilt_db=6.0)
    assert (lags_by_gcc(heard) - lags_of(directions)).abs().max() <= 1 / 16


def test_waveforms_and_levels_get_the_same_curve() -> None:
    """White noise over one long frame: what the filter did to the bins is the curve over mel."""
    waveform = torch.randn(1, 1, 48000, dtype=torch.float64)
    draw = [torch.Generator().manual_seed(4) for _ in range(2)]
    found = filtered(waveform, generator=draw[0])
    rise = 20 * (torch.fft.rfft(found).abs() / torch.fft.rfft(waveform).abs()).log10()[0, 0]
    curve = filtered(torch.zeros(1, 4, 1, 8), generator=draw[1])[0, 0, 0]
    mel = torch.linspace(0, 1, 8, dtype=torch.float64)
    hertz = 700 * ((1 + 12000 / 700) ** mel - 1)  # HTK's scale, to half of 24 kHz
    torch.testing.assert_close(rise[(hertz * 2).round().long()], curve.double(), atol=0.02, rtol=0)


def test_silence_stays_and_nothing_falls_below_it() -> None:
    extractor = presets.ein_seld()
    features = extractor(torch.cat((torch.zeros(3, 4, 9600), 1e-4 * torch.randn(3, 4, 9600)), 2))
    found = filtered(features, extractor=extractor, gain_db=20.0)
    assert found[:, :4].amin() == -100
    torch.testing.assert_close(found[:, :, :10], features[:, :, :10])
    torch.testing.assert_close(found[:, 4:], features[:, 4:])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_every_precision_is_kept_and_rounded_once(dtype: torch.dtype) -> None:
    features = (10 * torch.randn(2, 7, 5, 16)).to(dtype)
    with torch.autocast("cpu", torch.bfloat16):
        found = filtered(features, generator=torch.Generator().manual_seed(1))
    wanted = filtered(features.double(), generator=torch.Generator().manual_seed(1))
    assert found.dtype == dtype
    torch.testing.assert_close(found, wanted.to(dtype), rtol=torch.finfo(dtype).eps, atol=1e-6)
    assert torch.equal(found[:, 4:], features[:, 4:])


@pytest.mark.messages
def test_wrong_arguments_are_named() -> None:
    with pytest.raises(
        ValueError, match="extractor must be given for fewer than 4 channels, got 3"
    ):
        filtered(torch.zeros(1, 3, 3, 16))
    with pytest.raises(TypeError, match="features must hold floats"):
        filtered(torch.zeros(1, 4, 3, 16).int())
    with pytest.raises(TypeError, match=r"num_nodes must be an integer, got 8\.0"):
        filtered(torch.zeros(1, 4, 3, 16), num_nodes=8.0)
    with pytest.raises(ValueError, match="num_nodes must be at least 2, got 1"):
        filtered(torch.zeros(1, 7, 3, 16), num_nodes=1)
    with pytest.raises(ValueError, match=r"features must be \(batch, channel, time, freq\)"):
        filtered(torch.zeros(7, 16))
    mel = MelFilterBank(16)
    plain = FeatureExtractor(
        STFT(n_fft=256, hop_length=64, sample_rate=24000),
        [LogMel(mel), IntensityVector(mel, norm=None)],
    )
    with pytest.raises(ValueError, match="features must be levels, or not know the level, to be"):
        filtered(torch.zeros(1, 7, 3, 16), extractor=plain)
