"""Recordings and labels become chunks of waveforms and targets that belong together."""

from pathlib import Path

import pytest
import torch

from seldkit import Events
from seldkit.data import read_chunks
from seldkit.formats import ClassWise, TrackWise
from seldkit.io import write_audio


def clip(path: Path, seconds: float, frame: int) -> tuple[Path, Events]:
    """Write a clip whose samples are the number of their label frame, with an event in one."""
    number = torch.arange(round(seconds * 1000)) // 100
    write_audio(path, (number / 1000).expand(4, -1), 1000)
    return path, Events.from_degrees([frame], [1], [90.0], [0.0])


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
