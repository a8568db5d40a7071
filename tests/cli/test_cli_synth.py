"""`seldkit synth`: words become settings, and what is made is told."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from seldkit.data import read_corpus
from seldkit.io import audio_info
from seldkit.synth import FolderSounds

Program = Callable[..., tuple[int, str, str]]
SMALL = ("--minutes", "0.05", "--duration", "1.5", "--anechoic", "--sample-rate", "8000")


def settings(folder: Path, name: str = "manifest_fold1.json") -> dict[str, object]:
    told: dict[str, dict[str, object]] = json.loads((folder / name).read_text())
    return told["settings"]


def test_a_corpus_and_its_statistics(seldkit: Program, tmp_path: Path) -> None:
    code, told, messages = seldkit("synth", "out", *SMALL)
    assert (code, messages) == (0, "")
    assert told.startswith("2 scenes, 0.05 minutes, in out\n\nclass      events  moving  seconds\n")
    assert "frames with 0 events: " in told
    made = sorted(path.name for path in tmp_path.rglob("*.flac"))
    assert made == ["fold1_room1_mix001.flac", "fold1_room2_mix002.flac"]
    assert audio_info(next(tmp_path.rglob("*.flac"))).num_channels == 4
    assert seldkit("synth", "out", *SMALL) == (0, told, "")  # nothing is made again


def test_words_become_settings(seldkit: Program, tmp_path: Path) -> None:
    words = ["--format", "mic", "--layout", "flat", "--file-type", "wav", "--seed", "7"]
    words += ["--max-polyphony", "3", "--moving", "0.5", "--pause-s", "0.5", "1", "--no-noise"]
    words += ["--class-weight", "bell=2", "--class-weight", "bird=0", "--same-class-overlap"]
    assert seldkit("synth", "out", *SMALL, *words)[0] == 0
    told = settings(tmp_path / "out", "manifest.json")
    assert told["seed"] == 7
    assert told["max_polyphony"] == 3
    assert told["moving"] == 0.5
    assert told["pause_s"] == [0.5, 1.0]
    assert told["snr_db"] is None
    assert told["same_class_overlap"] is True
    weights = told["class_weights"]
    assert isinstance(weights, dict)
    assert (weights["bell"], weights["bird"], weights["siren"]) == (2.0, 0.0, 1.0)
    assert isinstance(told["array"], list)
    assert (tmp_path / "out" / "scene_00001.wav").exists()


def test_recordings_of_some_folds(
    seldkit: Program, tmp_path: Path, data: Callable[[str], Path]
) -> None:
    sounds = data("events")
    words = ["--sounds", str(sounds), "--folds", "1", "2"]
    assert seldkit("synth", "out", *SMALL, *words)[0] == 0
    told = settings(tmp_path / "out")["sounds"]
    assert told == FolderSounds(sounds, folds=("1", "2")).fingerprint()


def test_classes_are_those_of_a_file_or_of_a_corpus(
    seldkit: Program, tmp_path: Path, data: Callable[[str], Path]
) -> None:
    (tmp_path / "names.txt").write_text("rain\ndrum\n")
    words = ["--sounds", str(data("events"))]
    assert seldkit("synth", "two", *SMALL, *words, "--classes", "names.txt")[0] == 0
    assert settings(tmp_path / "two")["classes"] == ["rain", "drum"]
    (tmp_path / "sounds").mkdir()
    (tmp_path / "sounds" / "bell").symlink_to(data("events") / "rooster")
    words = ["--sounds", "sounds", "--classes", "starss23"]
    code, _, told = seldkit("synth", "out", *SMALL, *words)
    assert code == 2
    assert "classes must be some of bell, which sounds has, got clapping, dom" in told
    assert told.endswith(": --missing keep keeps their numbers\n")
    assert seldkit("synth", "out", *SMALL, *words, "--missing", "keep")[0] == 0
    corpus = read_corpus(tmp_path / "out", "starss23")
    labels = {label for clip in corpus for label in clip.events().label.tolist()}
    assert {corpus.classes[label] for label in labels} <= {"bell"}


def test_other_settings_need_another_folder(seldkit: Program) -> None:
    assert seldkit("synth", "out", *SMALL)[0] == 0
    code, _, told = seldkit("synth", "out", *SMALL, "--seed", "1")
    assert code == 2
    assert "holds scenes of other settings" in told
    assert told.endswith("seed 0, not 1\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--minutes", "0"], "--minutes must be positive, got 0.0"),
        (["--folds", "1"], "--folds needs --sounds"),
        (["--classes", "starss23"], "--classes needs --sounds"),
        (["--class-weight", "bell"], "--class-weight must be NAME=NUMBER, got 'bell'"),
        (["--class-weight", "dog=1"], "class_weights must name classes of bell, "),
        (["--sounds", "none"], "there is no folder none"),
        (["--workers", "-1"], "num_workers must not be negative, got -1"),
        (["--snr-db", "3", "2"], "snr_db must be (low, high)"),
    ],
)
def test_bad_words_are_told(seldkit: Program, words: list[str], message: str) -> None:
    code, told, messages = seldkit("synth", "out", *SMALL, *words)
    assert (code, told) == (2, "")
    assert messages.startswith(f"seldkit synth: error: {message}")


def test_an_error_tells_its_scene(seldkit: Program, tmp_path: Path) -> None:
    (tmp_path / "sounds" / "cat").mkdir(parents=True)
    (tmp_path / "sounds" / "cat" / "a.wav").write_text("no audio")
    code, _, told = seldkit("synth", "out", *SMALL, "--sounds", "sounds", "--pause-s", "0", "0.1")
    assert code == 2
    assert "a.wav" in told
    assert told.endswith("\n  at item 0: 0\n")
