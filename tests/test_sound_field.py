"""A pipeline tells where a recording is not the ambisonics that its features make sense of."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seldkit.ambisonics import RecordingWarning
from seldkit.features import FeatureExtractor, presets
from seldkit.formats import ACCDOA
from seldkit.io import read_audio, write_audio
from seldkit.pipeline import Pipeline, builder, predict_files
from sound_fields import diffuse_noise

Find = Callable[[str], Path]
RATE = 16000


@builder
class Still(nn.Module):
    """Hears nothing, at a label frame to so many of the features."""

    def __init__(self, frames: int) -> None:
        super().__init__()
        self.frames = frames

    def forward(self, features: Tensor) -> Tensor:
        """Return silence."""
        return features.new_zeros(len(features), features.shape[2] // self.frames, 3, 3)


OWN = {"Still": Still}


def pipeline(extractor: FeatureExtractor | None = None) -> Pipeline:
    if extractor is None:
        extractor = presets.ein_seld(sample_rate=RATE, hop_length=200, num_mels=8)
    return Pipeline(extractor, Still(round(extractor.frame_rate / 10)), ACCDOA(3))


@pytest.mark.messages
def test_a_real_array_is_told_with_what_helps(data: Find) -> None:
    path = data("multi_ssl/a180e20_150cm.flac")
    told = rf"{path} is not first-order ambisonics .* have 3\.\d times .* ambisonics\.encode"
    waveform, _ = read_audio(path)
    with pytest.warns(RecordingWarning, match=told):
        assert pipeline().predict(path).num_frames == 58
    with pytest.warns(RecordingWarning, match="audio is not first-order ambisonics"):
        pipeline().scan(waveform, RATE)
    for call in (pipeline().predict, pipeline().scan):
        with pytest.raises(ValueError, match="audio is not first-order ambisonics"):
            call(waveform, RATE, check="raise")
        call(waveform, RATE, check=None)


def test_real_ambisonics_passes(data: Find) -> None:
    for path in data("foa/recordings").glob("*.flac"):
        pipeline().predict(path, check="raise")


def test_files_are_checked_one_by_one(tmp_path: Path) -> None:
    files = [tmp_path / "foa.wav", tmp_path / "array.wav"]
    write_audio(files[0], diffuse_noise(RATE), RATE)
    write_audio(files[1], 0.1 * torch.randn(1, RATE).expand(4, -1), RATE)
    pipeline().save(tmp_path / "pipeline")
    for system in (pipeline(), tmp_path / "pipeline"):
        with pytest.warns(RecordingWarning, match=str(files[1])) as told:
            assert len(list(predict_files(system, files, builders=OWN))) == 2
        assert len(told) == 1
        found = predict_files(system, files, builders=OWN, check="raise")
        next(found)
        with pytest.raises(ValueError, match=r"array\.wav is not first-order"):
            next(found)
        assert len(list(predict_files(system, files, builders=OWN, check=None))) == 2


@pytest.mark.parametrize("extractor", [presets.dcase2023_mic(), presets.salsa_lite()])
def test_features_of_microphones_take_microphones(extractor: FeatureExtractor) -> None:
    rate = extractor.sample_rate
    noise = 0.1 * torch.randn(4, rate)
    assert pipeline(extractor).predict(noise, rate, check="raise").num_frames == 10


@pytest.mark.parametrize("extractor", [presets.salsa_foa(), presets.dcase2023_foa()])
def test_features_of_ambisonics_do_not(extractor: FeatureExtractor) -> None:
    rate = extractor.sample_rate
    with pytest.raises(ValueError, match=r"audio is not first-order ambisonics .*FuMa \(2\)"):
        pipeline(extractor).predict(0.1 * torch.randn(4, rate), rate, check="raise")


def test_the_first_sound_decides() -> None:
    silence, noise = torch.zeros(4, 2**18), diffuse_noise(2**18)
    other = 0.1 * torch.randn(1, 2**18).expand(4, -1)
    with pytest.warns(RecordingWarning) as told:
        pipeline().predict(torch.cat((silence, other, other), dim=1), RATE)
    assert len(told) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pipeline().predict(torch.cat((silence, noise, other), dim=1), RATE)
        pipeline().predict(silence, RATE)


@pytest.mark.messages
@pytest.mark.parametrize(
    ("channels", "told"),
    [
        (1, "cannot be made of fewer.*pipeline.name_recording"),
        (2, "cannot be made of fewer.*presets.dcase2025_stereo.*pipeline.name_recording"),
        (9, "the first four of higher-order ambisonics.*ambisonics.encode"),
    ],
)
def test_other_numbers_of_channels_are_told_with_what_can_be_done(
    channels: int, told: str, tmp_path: Path
) -> None:
    waveform: Any = torch.zeros(channels, RATE)
    write_audio(tmp_path / "a.wav", waveform, RATE)
    for given in ((waveform, RATE), (tmp_path / "a.wav",)):
        with pytest.raises(ValueError, match=told):
            pipeline().predict(*given)
    with pytest.raises(ValueError, match="check must be one of 'warn', 'raise', None, got 'no'"):
        pipeline().predict(torch.zeros(4, RATE), RATE, check="no")  # type: ignore[arg-type]
