"""Recordings and labels become chunks of waveforms and targets that belong together."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from seldkit import Events
from seldkit.data import Clip, read_chunks
from seldkit.features import presets
from seldkit.formats import ACCDOA, ClassWise, MultiACCDOA, TrackWise
from seldkit.io import read_audio, write_audio


class Labelled(NamedTuple):
    """A clip of one's own kind."""

    audio: Path
    found: Events
    name: str = "clip"

    def events(self) -> Events:
        """Return what it was made with."""
        return self.found


def clip(path: Path, seconds: float, frame: int) -> Labelled:
    """Write a clip whose samples are the number of their label frame, with an event in one."""
    number = torch.arange(round(seconds * 1000)) // 100
    write_audio(path, (number / 1000).expand(4, -1), 1000)
    return Labelled(path, Events.from_degrees([frame], [1], [90.0], [0.0]))


def test_waveforms_and_targets_belong_together(tmp_path: Path) -> None:
    clips = [clip(tmp_path / "a.wav", 2.0, 13), clip(tmp_path / "b.wav", 1.55, 4)]
    chunks = read_chunks(
        iter(clips), TrackWise(3), sample_rate=1000, chunk_s=1.0, hop_s=0.5, label_rate=10
    )
    starts, active = [], []
    for number in range(len(chunks)):
        waveform, target = chunks[number]
        assert waveform.shape == (4, 1000)
        frames = (waveform[0, ::100] * 1000).round().int().tolist()
        starts.append(frames[0])
        active.append([frames[t] for t in target.activity[:, :, 1].amax(dim=1).nonzero()])
    assert starts == [0, 5, 10, 0, 5]  # the half frame at the end of the second clip is dropped
    assert active == [[], [13], [13], [4], []]


def test_other_rates_are_resampled(tmp_path: Path) -> None:
    chunks = read_chunks(
        [clip(tmp_path / "a.wav", 1.0, 3)], ClassWise(3), sample_rate=500, chunk_s=0.5
    )
    assert len(chunks) == 2
    assert chunks[0][0].shape == (4, 250)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"chunk_s": 0.25}, r"chunk_s \* label_rate must be a whole number, got 2.5"),
        ({"hop_s": 0.01}, r"hop_s \* label_rate must be a whole number, got 0.1"),
        ({"sample_rate": 1001}, "sample_rate / label_rate must be a whole number, got 100.1"),
        ({"chunk_s": 2.0}, "clips must be at least 2 s long, got .*a.wav of 1 s"),
        ({"label_rate": 0.0}, "label_rate must be positive, got 0"),
    ],
)
def test_what_does_not_fit_is_named(
    tmp_path: Path, changed: dict[str, float], message: str
) -> None:
    arguments = {"sample_rate": 1000, "chunk_s": 0.5} | changed
    with pytest.raises(ValueError, match=message):
        read_chunks([clip(tmp_path / "a.wav", 1.0, 3)], TrackWise(3), **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "format", [ACCDOA(3), MultiACCDOA(3), ClassWise(3), TrackWise(3)], ids=repr
)
def test_chunks_of_every_format(tmp_path: Path, format: Any) -> None:
    found = read_chunks([clip(tmp_path / "a.wav", 1.0, 7)], format, sample_rate=1000, chunk_s=0.5)
    assert len(found) == 2
    for number, wanted in enumerate((0, 1)):
        _, target = found[number]
        parts = target if isinstance(target, torch.Tensor) else target.activity
        assert int(parts.bool().any()) == wanted


def test_a_label_in_the_last_partly_filled_frame_is_left_out(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.wav", 1.05, 0).audio
    last = Events.from_degrees([3, 10], [1, 1], [0, 0], [0, 0], num_frames=11)
    chunks = read_chunks([Labelled(path, last)], TrackWise(3), sample_rate=1000, chunk_s=1.0)
    assert chunks[0][1].activity.sum() == 1
    beyond = Events.from_degrees([3, 11], [1, 1], [0, 0], [0, 0])
    with pytest.raises(ValueError, match=r"a\.wav: labels must lie in the reco.* of 1.05 s"):
        read_chunks([Labelled(path, beyond)], TrackWise(3), sample_rate=1000, chunk_s=1.0)


@pytest.mark.messages
def test_every_error_names_the_clip(tmp_path: Path) -> None:
    good = clip(tmp_path / "good.wav", 1.0, 3)
    long = tmp_path / "long.wav"
    crowd = Events.from_degrees([0, 0, 0], [0, 1, 2], [0, 90, 180], [0, 0, 0])
    write_audio(tmp_path / "mono.wav", torch.zeros(1, 1000) + 0.1, 1000)
    (tmp_path / "bad.wav").write_text("no audio")
    shape = r"features must be as those of the first clip, \(channel=4\).* got \(channel=1\)"
    for path, events, message in (
        (
            long,
            clip(long, 1.0, 10).found,
            "labels must lie in the recording, of 1 s",
        ),
        (good.audio, crowd, "rows do not"),
        (clip(tmp_path / "short.wav", 0.4, 0).audio, good.found, "at least 0.5 s long"),
        (tmp_path / "mono.wav", good.found, shape),
        (tmp_path / "bad.wav", good.found, "is no audio file"),
        (good.audio, Events.from_degrees([0], [3], [0], [0]), "label must be below"),
    ):
        with pytest.raises(ValueError, match=message) as caught:
            read_chunks([good, Labelled(path, events)], TrackWise(3), sample_rate=1000, chunk_s=0.5)
        assert str(path) in str(caught.value)
    with pytest.raises(FileNotFoundError, match=r"none\.wav"):
        read_chunks(
            [Labelled(tmp_path / "none.wav", crowd)], TrackWise(3), sample_rate=1000, chunk_s=0.5
        )
    with pytest.raises(ValueError, match="at least one clip, got none"):
        read_chunks([], TrackWise(3), sample_rate=1000, chunk_s=0.5)
    for rate in (True, 1000.0):
        with pytest.raises(TypeError, match=f"sample_rate must be an integer, got {rate}"):
            read_chunks([good], TrackWise(3), sample_rate=rate, chunk_s=0.5)  # type: ignore[arg-type]


def test_features_and_targets_belong_together(tmp_path: Path) -> None:
    extractor = presets.ein_seld(num_mels=16)
    clips = []
    for name, seconds in {"a": 2.0, "b": 1.25}.items():
        waveform = torch.randn(4, round(seconds * 24000)) * 0.1
        write_audio(tmp_path / f"{name}.wav", waveform, 24000)
        events = Events.from_degrees([3], [1], [90.0], [0.0])
        clips.append(Labelled(tmp_path / f"{name}.wav", events))
    chunks = read_chunks(clips, TrackWise(3), extractor=extractor, chunk_s=1.0, hop_s=0.5)
    whole = extractor(read_audio(clips[0].audio)[0][None])[0]
    ratio = round(extractor.frame_rate / 10)
    assert len(chunks) == 5
    for number, start in enumerate((0, 5, 10)):
        features, target = chunks[number]
        torch.testing.assert_close(
            features, whole[:, start * ratio : (start + 10) * ratio], rtol=0, atol=0
        )
        assert target.activity.sum() == (start == 0)


@pytest.mark.messages
@pytest.mark.parametrize("rates", [{}, {"sample_rate": 24000, "extractor": presets.ein_seld()}])
def test_waveforms_or_features_are_asked_for(tmp_path: Path, rates: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="one of sample_rate and extractor must be given"):
        read_chunks([clip(tmp_path / "a.wav", 1.0, 3)], TrackWise(3), chunk_s=0.5, **rates)


def test_clips_without_labels_are_named_before_any_is_read(tmp_path: Path) -> None:
    found = [clip(tmp_path / f"{name}.wav", 1.0, 3).audio for name in "abcde"]
    clips = [Clip(path.stem, path) for path in found]
    named = ", ".join(str(path) for path in found[:3])
    with pytest.raises(FileNotFoundError, match=f"^there are no labels for {named} and 2 more$"):
        read_chunks(clips, TrackWise(3), sample_rate=1000, chunk_s=0.5)


@pytest.mark.messages
def test_clips_are_no_pairs(tmp_path: Path) -> None:
    pair = (tmp_path / "a.wav", Events.from_degrees([3], [1], [90.0], [0.0]))
    with pytest.raises(TypeError, match=r"clips must have a name, audio and events\(\), got \("):
        read_chunks([pair], TrackWise(3), sample_rate=1000, chunk_s=0.5)  # type: ignore[list-item]


def test_features_have_whole_label_frames(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"frame_rate / label_rate must be a whole number, got 5\.3"
    ):
        read_chunks([], TrackWise(3), extractor=presets.ein_seld(), chunk_s=1.0, label_rate=7.5)
