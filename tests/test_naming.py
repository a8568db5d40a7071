"""Sounds get the names that a tagging network gives them, each heard from its direction."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from seldkit.ambisonics import plane_wave
from seldkit.backbones import YAMNet
from seldkit.compat import yamnet as published
from seldkit.events import Events
from seldkit.geometry import unit_vector
from seldkit.io import read_audio, write_audio
from seldkit.pipeline import NamedStretch, name_recording, name_spans
from seldkit.pipeline.excerpts import Excerpts
from taggers import NAMES, Loudness

Find = Callable[[str], Path]
RATE = 16000


@pytest.fixture(scope="module")
def weights() -> tuple[YAMNet, list[str]]:
    try:
        return published.load()
    except ModuleNotFoundError as error:
        pytest.skip(str(error))


def direction(azimuth: float) -> Tensor:
    return unit_vector(torch.tensor(azimuth), 0.0)


def test_two_sounds_at_once_get_their_own_names(
    data: Find, weights: tuple[YAMNet, list[str]], tmp_path: Path
) -> None:
    tagger, names = weights
    speech, rain = (
        read_audio(sorted(data(f"events/{cls}").glob("*.ogg"))[0], sample_rate=24000)[0][0, :48000]
        for cls in ("speech", "rain")
    )
    speech, rain = (sound / sound.square().mean().sqrt() for sound in (speech, rain))
    waveform = plane_wave(speech, direction(90.0)) + plane_wave(rain, direction(-60.0))
    waveform = 0.5 * waveform / waveform.abs().max()
    events = Events.from_degrees(
        [*range(20)] * 2, [0] * 20 + [1] * 20, [90.0] * 20 + [-60.0] * 20, [0.0] * 40
    )
    write_audio(tmp_path / "both.wav", waveform, 24000)
    found = name_spans(events, waveform, 24000, tagger=tagger, names=names)
    assert [one.span.label for one in found] == [0, 1]
    assert found[0].names[0] == "Speech"
    assert "Rain" in found[1].names
    assert sorted(found[0].scores, reverse=True) == list(found[0].scores)
    again = name_spans(events, tmp_path / "both.wav", tagger=tagger, names=names, most=1)
    assert [one.names[0] for one in again] == [one.names[0] for one in found]


def test_a_beam_looks_to_each_sound_while_it_lasts() -> None:
    left, back = 0.1 * torch.randn(2, 3 * RATE)
    waveform = plane_wave(left, direction(90.0)) + plane_wave(back, direction(180.0))
    events = Events.from_degrees([10, 11, 12, 13] + [20] * 2, [0] * 6, [90] * 6, [0] * 6)
    tagger = Loudness().train()
    found = name_spans(events, waveform, RATE, tagger=tagger, names=NAMES, most=2)
    assert tagger.training
    assert [set(one.names) for one in found] == [set(NAMES)] * 3
    alone = name_spans(
        events, plane_wave(left, direction(90.0)), RATE, tagger=tagger, names=NAMES, most=1
    )
    assert [one.names for one in alone] == [("loud",)] * 3
    silent = plane_wave(left, direction(90.0)) * 0
    assert name_spans(events, silent, RATE, tagger=tagger, names=NAMES, most=1)[0].names == (
        "quiet",
    )


def test_a_sound_without_a_mean_direction_is_heard_from_all_around() -> None:
    waveform = plane_wave(0.1 * torch.randn(RATE), direction(0.0))
    events = Events.from_degrees([0, 1], [0, 0], [0.0, 180.0], [0.0, 0.0])
    assert events.spans()[0].direction.isnan().all()
    (found,) = name_spans(events, waveform, RATE, tagger=Loudness(), names=NAMES, most=1)
    assert found.names == ("loud",)


def test_long_sounds_are_the_mean_of_their_pieces() -> None:
    level = torch.cat((torch.full((96 * RATE // 10,), 0.1), torch.zeros(48 * RATE // 10)))
    waveform = plane_wave(level * torch.randn(len(level)), direction(0.0))
    events = Events.from_degrees([*range(144)], [0] * 144, [0.0] * 144, [0.0] * 144)
    (found,) = name_spans(events, waveform, RATE, tagger=Loudness(), names=NAMES, most=2)
    assert found.names == ("loud", "quiet")
    assert found.scores == pytest.approx((2 / 3, 1 / 3), abs=0.1)


@pytest.mark.parametrize("channels", [1, 2, 4, 7])
def test_any_recording_is_named_where_it_is_loud(channels: int, tmp_path: Path) -> None:
    waveform = torch.zeros(channels, 5 * RATE)
    waveform[0, 2 * RATE : 3 * RATE] = 0.2 * torch.randn(RATE)
    write_audio(tmp_path / "a.wav", waveform, RATE)
    for audio, rate in ((waveform, RATE), (waveform.numpy(), RATE), (tmp_path / "a.wav", None)):
        found = name_recording(audio, rate, tagger=Loudness(), names=NAMES, threshold=0.5)
        assert [stretch.name for stretch in found] == ["quiet", "loud", "quiet"]
        quiet, loud, late = found
        assert quiet.start_s == 0
        assert 1 < loud.start_s < 2.2
        assert 2.8 < loud.end_s < 4
        assert late.end_s == 5.0
        assert 0.5 < loud.score <= 1


def test_recordings_that_are_short_or_long() -> None:
    tagger = Loudness()
    found = name_recording(torch.zeros(1, 100), RATE, tagger=tagger, names=NAMES)
    assert [(one.name, one.start_s, one.end_s) for one in found] == [("quiet", 0.0, 100 / RATE)]
    found = name_recording(torch.zeros(1, 40 * RATE + 1), RATE, tagger=tagger, names=NAMES)
    assert [(one.name, one.start_s) for one in found] == [("quiet", 0.0)]
    assert found[0].end_s == pytest.approx(40 + 1 / RATE)
    assert [len(features) for features in tagger.heard] == [1, 32, 32, 19]


def test_other_rates_are_made_as_files_have_them(tmp_path: Path) -> None:
    waveform = 0.1 * torch.randn(3, 24001)
    write_audio(tmp_path / "a.wav", waveform, 24000)
    for rate in (16000, 24000):
        file, made = (
            Excerpts.of(audio, own, rate)
            for audio, own in ((tmp_path / "a.wav", None), (waveform, 24000))
        )
        assert file.num_samples == made.num_samples
        for start, stop in ((0, 500), (-30, 200), (made.num_samples - 100, made.num_samples + 7)):
            torch.testing.assert_close(
                file.read(start, stop), made.read(start, stop), rtol=0, atol=1e-5
            )
    assert torch.equal(made.read(-30, 0), torch.zeros(3, 30))


def test_real_sounds_are_named(data: Find, weights: tuple[YAMNet, list[str]]) -> None:
    tagger, names = weights
    path = sorted(data("events/rain").glob("*.ogg"))[0]
    found = name_recording(path, tagger=tagger, names=names)
    assert "Rain" in {stretch.name for stretch in found}
    assert all(isinstance(stretch, NamedStretch) and stretch.score > 0.3 for stretch in found)


@pytest.mark.messages
def test_naming_messages() -> None:
    events = Events.from_degrees([0], [0], [0.0], [0.0])
    foa, tagger = torch.zeros(4, RATE), Loudness()
    with pytest.raises(ValueError, match="most must be at most the 2 names, got 3"):
        name_spans(events, foa, RATE, tagger=tagger, names=NAMES)
    with pytest.raises(ValueError, match="must be as many as the tagger has classes, 2, got 3"):
        name_spans(events, foa, RATE, tagger=tagger, names=[*NAMES, "more"])
    with pytest.raises(ValueError, match=r"audio must be \(channel=4, sample\), got shape \(2,"):
        name_spans(events, foa[:2], RATE, tagger=tagger, names=NAMES, most=1)
    with pytest.raises(TypeError, match="sample_rate must be an integer, got None"):
        name_spans(events, foa, tagger=tagger, names=NAMES, most=1)
    late = Events.from_degrees([10], [0], [0.0], [0.0])
    with pytest.raises(ValueError, match="within the recording, 1 s long, got one from 1 s"):
        name_spans(late, foa, RATE, tagger=tagger, names=NAMES, most=1)
    with pytest.raises(TypeError, match="threshold must be a number, got 'high'"):
        name_recording(foa, RATE, tagger=tagger, names=NAMES, threshold="high")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="divide samples of 16 bits"):
        name_recording(np.zeros((1, 8), dtype=np.int16), RATE, tagger=tagger, names=NAMES)
    for wrong in (foa.T, foa[0], foa[:0]):
        with pytest.raises(
            ValueError, match=r"audio must be \(channel, sample\), with a channel and"
        ):
            name_recording(wrong, RATE, tagger=tagger, names=NAMES)
    with pytest.raises(ValueError, match="audio must have at least one sample"):
        name_recording(torch.zeros(1, 0), RATE, tagger=tagger, names=NAMES)
