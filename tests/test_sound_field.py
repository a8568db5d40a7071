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
from seldkit.pipeline import EventStream, Pipeline, builder, predict_files
from seldkit.pipeline.sound_field import SoundFieldWatch
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


def told_by(stream: EventStream, waveform: Tensor, size: int) -> int:
    """Return with which chunk a stream warns."""
    for number, chunk in enumerate(waveform.split(size, dim=1)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            stream.push(chunk)
        if caught:
            assert "the signal is not first-order ambisonics" in str(caught[0].message)
            return number
    return -1


@pytest.mark.parametrize("size", [RATE // 10, 7001, 9 * RATE])
def test_a_stream_tells_within_four_seconds_of_sound(size: int) -> None:
    silence, noise = torch.zeros(4, 4 * RATE), diffuse_noise(4 * RATE)
    other = 0.1 * torch.randn(1, 5 * RATE).expand(4, -1)
    system = pipeline()
    stream = system.stream()
    late = torch.cat((silence, other), dim=1)
    assert told_by(stream, late, size) == (8 * RATE - 1) // size
    assert told_by(stream, late, size) == -1, "it is told once"
    stream.reset()
    assert told_by(stream, torch.cat((silence, noise, other), dim=1), size) == -1
    stream.reset()
    assert told_by(stream, late, size) == (8 * RATE - 1) // size
    assert told_by(system.stream(check=None), late, size) == -1


def test_the_end_of_a_stream_tells_what_is_left() -> None:
    other = 0.1 * torch.randn(1, RATE).expand(4, -1)
    stream = pipeline().stream()
    stream.push(other)
    with pytest.warns(RecordingWarning, match="the signal is not"):
        stream.flush()


def test_a_stream_may_refuse() -> None:
    other = 0.1 * torch.randn(1, 4 * RATE).expand(4, -1)
    stream = pipeline().stream(check="raise")
    stream.push(other[:, :-1])
    for _ in range(2):
        with pytest.raises(ValueError, match="the signal is not first-order ambisonics"):
            stream.push(other[:, -1:])
    with pytest.raises(ValueError, match="the signal is not first-order ambisonics"):
        stream.flush()
    stream.reset()
    stream.push(diffuse_noise(5 * RATE))
    stream.flush()


def test_a_watch_holds_four_seconds_at_most() -> None:
    watch = SoundFieldWatch(presets.ein_seld(sample_rate=RATE, hop_length=200, num_mels=8), "warn")
    for _ in range(100):
        watch.push(torch.zeros(4, 1000))
        assert sum(held.shape[1] for held in watch._held) < 4 * RATE
    watch.push(diffuse_noise(8 * RATE))
    assert watch._held == []


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
    with pytest.raises(ValueError, match="check must be one of 'warn', 'raise', None, got 'no'"):
        pipeline().stream(check="no")  # type: ignore[arg-type]
