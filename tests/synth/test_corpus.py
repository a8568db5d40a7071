"""Scenes on disk are made once, and the same by any number of processes."""

from pathlib import Path
from typing import Any

import pytest
import torch

from seldkit.io import read_audio, read_events
from seldkit.synth import SceneSynthesizer
from seldkit.synth.corpus import SceneFiles, write_scenes

TINY: dict[str, Any] = {"duration_s": 1.0, "sample_rate": 8000, "anechoic": True}


def write(folder: Path, count: int = 2, *, seed: int = 0, **settings: Any) -> list[SceneFiles]:
    synthesizer = SceneSynthesizer(**TINY | settings)
    return list(write_scenes(synthesizer, folder, count, seed=seed, num_workers=0))


def test_files_hold_the_scenes(tmp_path: Path) -> None:
    for index, files in enumerate(write(tmp_path / "deep" / "set", seed=4)):
        waveform, events = SceneSynthesizer(**TINY).scene(4, index)
        audio, rate = read_audio(files.audio)
        assert rate == 8000
        torch.testing.assert_close(audio, waveform, rtol=0, atol=2e-7)
        labels = read_events(files.labels, format="dcase2023", num_frames=10)
        assert torch.equal(labels.frame, events.frame)
        assert torch.equal(labels.label, events.label)
        torch.testing.assert_close(labels.direction, events.direction)


def test_scenes_are_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = write(tmp_path, 3)
    times = [files.audio.stat().st_mtime_ns for files in first]
    first[1].labels.unlink()  # as after a run that was stopped
    made = []
    scene = SceneSynthesizer.scene

    def counted(self: SceneSynthesizer, seed: int, index: int = 0) -> Any:
        made.append(index)
        return scene(self, seed, index)

    monkeypatch.setattr(SceneSynthesizer, "scene", counted)
    assert write(tmp_path, 4)[:3] == first
    assert made == [1, 3]
    assert first[0].audio.stat().st_mtime_ns == times[0]
    assert sorted({file.suffix for file in tmp_path.iterdir()}) == [".csv", ".flac", ".txt"]


@pytest.mark.parametrize("other", [{"seed": 1}, {"max_polyphony": 1}])
def test_other_settings_need_another_folder(tmp_path: Path, other: dict[str, Any]) -> None:
    write(tmp_path, 1)
    with pytest.raises(ValueError, match=r"holds scenes of other settings, see .*settings\.txt"):
        write(tmp_path, 1, **other)


def test_there_is_at_least_one_scene(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="count must be positive, got 0"):
        write(tmp_path, 0)


def test_other_processes_write_the_same_bytes(tmp_path: Path) -> None:
    here = write(tmp_path / "here")
    synthesizer = SceneSynthesizer(**TINY)
    there = list(write_scenes(synthesizer, tmp_path / "there", 2, num_workers=1))
    assert [files.audio.name for files in there] == [files.audio.name for files in here]
    for one, other in zip(here, there, strict=True):
        for a, b in zip(one, other, strict=True):
            assert a.read_bytes() == b.read_bytes()
