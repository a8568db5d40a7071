"""Scenes on disk are made once, and the same by any number of processes."""

import json
import shutil
from multiprocessing import get_context
from pathlib import Path
from signal import SIGKILL
from time import sleep
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from seldkit.io import read_audio, read_events, write_audio
from seldkit.synth import FolderSounds, SceneFiles, SceneSynthesizer, manifest, write_scenes

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
    assert sorted({file.suffix for file in tmp_path.iterdir()}) == [".csv", ".flac", ".json"]


@pytest.mark.parametrize("other", [{"seed": 1}, {"max_polyphony": 1}])
def test_other_settings_need_another_folder(tmp_path: Path, other: dict[str, Any]) -> None:
    write(tmp_path, 1)
    with pytest.raises(ValueError, match=r"holds scenes of other settings, see .*manifest\.json"):
        write(tmp_path, 1, **other)


def test_there_is_at_least_one_scene(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="count must be at least 1, got 0"):
        write(tmp_path, 0)


@pytest.mark.programs
def test_other_processes_write_the_same_bytes(tmp_path: Path) -> None:
    here = write(tmp_path / "here")
    synthesizer = SceneSynthesizer(**TINY)
    there = list(write_scenes(synthesizer, tmp_path / "there", 2, num_workers=1))
    assert [files.audio.name for files in there] == [files.audio.name for files in here]
    for one, other in zip(here, there, strict=True):
        for a, b in zip(one, other, strict=True):
            assert a.read_bytes() == b.read_bytes()


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    """Return a folder of two classes of noises."""
    for number, name in enumerate(("cat/a", "cat/b", "dog/a")):
        record(tmp_path / "sounds" / f"{name}.wav", seed=number)
    return tmp_path / "sounds"


def record(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = torch.randn(1, 4000, generator=torch.Generator().manual_seed(seed))
    write_audio(path, 0.1 * noise, 8000)


def contents(folder: Path) -> dict[str, bytes]:
    """Return what the scenes and the settings of a folder hold."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def add_class(sounds: Path) -> None:
    record(sounds / "bird" / "a.wav", seed=9)


def add_file(sounds: Path) -> None:
    record(sounds / "cat" / "c.wav", seed=9)


def rename(sounds: Path) -> None:
    (sounds / "cat" / "a.wav").rename(sounds / "cat" / "z.wav")


def change(sounds: Path) -> None:
    record(sounds / "dog" / "a.wav", seed=9)


def flip_a_bit(sounds: Path) -> None:
    path = sounds / "dog" / "a.wav"
    samples = bytearray(path.read_bytes())
    samples[-4] ^= 1
    path.write_bytes(samples)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (add_class, r'classes \["cat", "dog"\], not \["bird", "cat", "dog"\]'),
        (add_file, 'sounds "FolderSounds of 3 files .*, not "FolderSounds of 4 files'),
        (rename, 'sounds "FolderSounds of 3 files'),
        (change, 'sounds "FolderSounds of 3 files'),
        (flip_a_bit, 'sounds "FolderSounds of 3 files'),
    ],
)
def test_other_sounds_need_another_folder(
    tmp_path: Path, sounds: Path, spoil: Any, message: str
) -> None:
    folder = tmp_path / "scenes"
    write(folder, 1, sounds=sounds)
    write(folder, 2, sounds=FolderSounds(sounds))
    before = contents(folder)
    spoil(sounds)
    with pytest.raises(ValueError, match=rf"manifest\.json: .*{message}"):
        write(folder, 3, sounds=sounds)
    assert contents(folder) == before


def test_sounds_may_move_but_keep_what_they_hold(tmp_path: Path, sounds: Path) -> None:
    write(tmp_path / "scenes", 1, sounds=sounds)
    moved = tmp_path / "elsewhere"
    shutil.move(sounds, moved)
    write(tmp_path / "scenes", 2, sounds=moved)
    write(tmp_path / "anew", 2, sounds=moved)
    assert contents(tmp_path / "scenes") == contents(tmp_path / "anew")


def test_large_files_are_known_by_parts_of_them(tmp_path: Path) -> None:
    path = tmp_path / "cat" / "long.wav"
    path.parent.mkdir()
    noise = torch.randn(1, 2_000_000, generator=torch.Generator().manual_seed(0))
    write_audio(path, noise, 8000)
    first = FolderSounds(tmp_path).fingerprint()
    write_audio(path, 0.5 * noise, 8000)
    assert FolderSounds(tmp_path).fingerprint() != first


class Beeps:
    """Sounds that say nothing of themselves."""

    def __init__(self, level: float) -> None:
        self.classes, self.level = ("beep",), level

    def draw(
        self, label: int, generator: np.random.Generator, sample_rate: int
    ) -> NDArray[np.float32]:
        """Return a beep."""
        return np.sin(np.arange(sample_rate), dtype=np.float32) * np.float32(self.level)


def test_sounds_without_a_name_are_known_by_what_they_draw(tmp_path: Path) -> None:
    write(tmp_path, 1, sounds=Beeps(0.5))
    write(tmp_path, 2, sounds=Beeps(0.5))
    with pytest.raises(ValueError, match=r'sounds "Beeps .*, not "Beeps '):
        write(tmp_path, 2, sounds=Beeps(0.25))


@pytest.mark.messages
def test_the_error_says_which_settings_are_others(tmp_path: Path) -> None:
    write(tmp_path, 1)
    with pytest.raises(ValueError, match=r"max_polyphony 2, not 1; seed 0, not 3$"):
        write(tmp_path, 1, seed=3, max_polyphony=1)
    one: Any = np.int64(1)
    write(tmp_path, one, seed=one - 1, duration_s=np.float32(1), max_polyphony=2)
    record = tmp_path / "manifest.json"
    for text, message in (
        ("duration_s: 1.0", "must be JSON, as it was written"),
        ("[]", "must be a JSON object"),
        ('{"settings": {}}', r"duration_s unknown, not 1\.0"),
    ):
        record.write_text(text)
        with pytest.raises(ValueError, match=message):
            write(tmp_path, 1)
    record.unlink()
    with pytest.raises(ValueError, match=r"holds scenes of unknown settings: there is no .*json"):
        write(tmp_path, 1)


def test_another_version_needs_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, 1)
    monkeypatch.setattr(manifest, "version", lambda: "99.0")
    with pytest.raises(ValueError, match=r'version .*, not "99\.0"$'):
        write(tmp_path, 1)


@pytest.mark.messages
def test_numbers_that_are_no_counts_are_named(tmp_path: Path) -> None:
    synthesizer = SceneSynthesizer(**TINY)
    for arguments, message in (
        ({"count": True}, "count must be an integer, got True"),
        ({"count": 1.0}, r"count must be an integer, got 1\.0"),
        ({"count": 1, "seed": True}, "seed must be an integer, got True"),
        ({"count": 1, "num_workers": 0.5}, r"num_workers must be an integer, got 0\.5"),
    ):
        with pytest.raises(TypeError, match=message):
            write_scenes(synthesizer, tmp_path, **arguments)
    with pytest.raises(ValueError, match="num_workers must not be negative, got -1"):
        write_scenes(synthesizer, tmp_path, 1, num_workers=-1)
    with pytest.raises(ValueError, match="seed and index must not be negative, got -1 and 0"):
        write_scenes(synthesizer, tmp_path, 1, seed=-1)


def test_two_processes_write_one_folder(tmp_path: Path) -> None:
    fork = get_context("fork")
    both = [fork.Process(target=write, args=(tmp_path / "both", 12)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    write(tmp_path / "alone", 12)
    assert contents(tmp_path / "both") == contents(tmp_path / "alone")
    assert not list((tmp_path / "both").glob(".*"))


def test_of_two_processes_with_other_settings_one_writes(tmp_path: Path) -> None:
    fork = get_context("fork")
    both = [
        fork.Process(target=write, args=(tmp_path / "both", 4), kwargs={"seed": seed})
        for seed in (0, 1)
    ]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert sorted(process.exitcode or 0 for process in both) == [0, 1]
    told = json.loads((tmp_path / "both" / "manifest.json").read_text())
    seed = told["settings"]["seed"]
    write(tmp_path / "alone", 4, seed=seed)
    assert contents(tmp_path / "both") == contents(tmp_path / "alone")


def test_a_kill_at_any_moment_leaves_whole_scenes(tmp_path: Path) -> None:
    for moment in range(5):
        process = get_context("fork").Process(target=write, args=(tmp_path / "killed", 8))
        process.start()
        sleep(0.013 + 0.031 * moment)
        process.kill()
        process.join()
        assert process.exitcode in (-SIGKILL, 0)
        for labels in (tmp_path / "killed").glob("scene_*.csv"):
            read_audio(labels.with_suffix(".flac"))
            read_events(labels, format="dcase2023")
    write(tmp_path / "killed", 8)
    write(tmp_path / "alone", 8)
    assert contents(tmp_path / "killed") == contents(tmp_path / "alone")
