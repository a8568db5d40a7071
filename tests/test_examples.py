"""Examples do what their first lines promise, in tiny sizes."""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from signal import SIGKILL
from time import monotonic, sleep
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from optuna.trial import TrialState

import tiny_einv2
import trees
from house import ROOT
from seldkit import Pipeline, io
from seldkit.compat import yamnet
from seldkit.synth import BuiltinSounds, FolderSounds

sys.path.insert(0, str(ROOT / "examples"))  # as for a script in that folder

import entrant
import name_sounds
import overlapping_e2e
import search_at2seld
import stages
import train
import train_at2seld
import train_einv2
import train_roam

FOLDERS = ["all-directions-0", "cross-entropy-0", "full-0", "no-late-stitch-0"]


def test_the_first_example_has_ten_lines_and_runs() -> None:
    script = ROOT / "examples" / "first_layer.py"
    assert len(script.read_text().splitlines()) == 10
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=True, env=environment()
    )
    assert done.stdout == "maps of (2, 32, 160, 64)\n"


def run(monkeypatch: pytest.MonkeyPatch, example: ModuleType, *words: object) -> None:
    """Run an example as its command line does, on the processor."""
    monkeypatch.setattr(sys, "argv", [f"{example.__name__}.py", *map(str, words)])
    example.main()


@pytest.mark.parametrize("system", train.SYSTEMS)
def test_train_trains_any_system(
    system: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["--quick", "--system", system, "--out", tmp_path, "--accelerator", "cpu"]
    command += ["--minutes", 1 / 6, "--test-minutes", 1 / 6, "--batch-size", 4]
    run(monkeypatch, train, *command, "--epochs", 1)
    assert capsys.readouterr().out.splitlines()[-1].startswith("F20 frame-wise ")
    pipeline = Pipeline.load(tmp_path / "pipeline")
    assert pipeline.predict(tmp_path / "scenes/test/scene_00000.flac").num_frames == 100
    with pytest.raises(ValueError, match="it was begun with epochs=1, not 2: repeat that"):
        run(monkeypatch, train, *command)


def test_train_reads_a_labelled_corpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    command = [
        "--quick",
        "--data",
        trees.record(tmp_path),
        "--out",
        out,
        "--epochs",
        1,
        "--batch-size",
        2,
    ]
    run(monkeypatch, train, *command, "--accelerator", "cpu")
    assert "F20 frame-wise" in capsys.readouterr().out
    assert len(Pipeline.load(out / "pipeline").classes or ()) == 13


def test_an_entrant_needs_sixty_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len((ROOT / "examples" / "entrant.py").read_text().splitlines()) <= 60
    out = tmp_path / "out"
    entrant.main(str(trees.record(tmp_path, evaluation=True)), str(out), epochs=2, width=8)
    told = capsys.readouterr().out.splitlines()
    assert [line[:21] for line in told] == ["epoch 1: SELDScores(E", "epoch 2: SELDScores(E"]
    assert [path.name for path in out.glob("submission/*")] == ["mix001.csv"]
    io.read_events(out / "submission" / "mix001.csv", format="dcase2023")


def test_train_at2seld_prints_what_each_part_is_worth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none_installed() -> Path:
        raise ModuleNotFoundError("no weights")

    monkeypatch.setattr(yamnet, "installed_folder", none_installed)
    monkeypatch.setitem(train_at2seld.MINUTES, "quick", (1 / 3, 1 / 6))
    monkeypatch.setitem(train_at2seld.EPOCHS, "quick", 1)
    command = ["train_at2seld.py", "--quick", "--out", str(tmp_path), "--accelerator", "cpu"]
    monkeypatch.setattr(sys, "argv", command)
    train_at2seld.main()
    trained = capsys.readouterr().out
    assert "no weights" in trained, "says why it teaches a tagger of its own"
    assert trained.count("epoch 1 of 1: sed ") == 4
    table = trained[trained.index("F20 frame-wise") :]
    rows = [*train_at2seld.RECIPES, "thresholds of 0.5"]
    assert [row for row in rows if f"\n{row} " not in table] == []
    assert sorted(path.parent.name for path in tmp_path.glob("*/pipeline.json")) == FOLDERS
    pipeline = Pipeline.load(tmp_path / "full-0")
    scene = next(tmp_path.glob("scenes_quick/test/*.flac"))
    assert pipeline.predict(scene).num_frames == 100

    last = tmp_path / "no-late-stitch-0"
    weights = (last / "weights.safetensors").read_bytes()
    (last / "pipeline.json").unlink()  # as after a run that was killed
    train_at2seld.main()
    again = capsys.readouterr().out
    assert again.count("epoch 1 of 1: sed ") == 1
    assert again.endswith(table)
    assert (last / "weights.safetensors").read_bytes() == weights
    monkeypatch.setattr(sys, "argv", [*command, "--precision", "32-true"])
    with pytest.raises(ValueError, match="begun with precision=bf16-mixed, not 32-true: repeat"):
        train_at2seld.main()


def test_search_at2seld_tries_everything_once_and_goes_on_where_it_was_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    setup = search_at2seld.Setup(tmp_path, None, 0, "quick", *search_at2seld.SIZES["quick"])
    heard = []

    def scores(setup: search_at2seld.Setup, settings: dict[str, str]) -> Iterator[float]:
        heard.append(settings)
        yield 1.0
        yield 0.4 if settings["dropout"] == "weak" and settings["stitches"] == "late" else 0.5

    monkeypatch.setattr(search_at2seld, "seld_scores", scores)
    study = search_at2seld.open_study(setup, "stitches")
    choices, winner = search_at2seld.STAGES["stitches"], {"block": "residual"}
    assert search_at2seld.queue_trials(study, choices, num_choices=2) == 4
    search_at2seld.run_trial(setup, "stitches", winner, 0)
    stopped = study.ask()  # a process that is killed before it tells the score
    study = search_at2seld.open_study(setup, "stitches")
    assert search_at2seld.queue_trials(study, choices, num_choices=2) == 3
    assert study.trials[stopped.number].state == TrialState.FAIL
    for number in range(3):
        search_at2seld.run_trial(setup, "stitches", winner, number)
    assert search_at2seld.queue_trials(study, choices, num_choices=2) == 0
    assert len({tuple(settings.items()) for settings in heard}) == len(heard) == 4
    assert {settings["block"] for settings in heard} == {"residual"}
    search_at2seld.print_ranking(study)
    best, *rest = capsys.readouterr().out.splitlines()
    assert best == "0.400  stitches: late, dropout: weak"
    assert [line[:5] for line in rest] == ["0.500"] * 3
    assert study.best_params == {"stitches": "late", "dropout": "weak"}


def record(folder: Path, classes: dict[str, int]) -> Path:
    """Make a folder of sounds: a folder for each class, which holds so many recordings."""
    sounds = BuiltinSounds()
    for name, count in classes.items():
        (folder / name).mkdir(parents=True)
        for seed in range(count):
            sound = sounds.draw(sounds.classes.index(name), np.random.default_rng(seed), 16000)
            io.write_audio(folder / name / f"{seed}.wav", torch.from_numpy(sound)[None], 16000)
    return folder


def parts_of(folder: Path) -> list[Any]:
    """Return the sounds that each part of each example draws from."""
    return [
        *(stages.choose_sounds(folder, folds) for folds in train.FOLDS.values()),
        *(stages.choose_sounds(folder, folds) for folds in train_einv2.FOLDS.values()),
        *(FolderSounds(folder, folds=folds) for folds in train_at2seld.FOLDS.values()),
    ]


def test_folders_of_classes_are_divided_without_a_table(tmp_path: Path) -> None:
    parts = parts_of(record(tmp_path / "sounds", {"bell": 3, "knock": 12}))
    for part in parts:
        assert part.classes == ("bell", "knock")
    for group in (parts[:2], parts[2:4], parts[4:]):
        files = [path for part in group for paths in part._recordings.values() for path in paths]
        assert len(files) == len(set(files)) == 15
    clips = train_at2seld.make_clips(tmp_path / "scenes", "test", tmp_path / "sounds", 1 / 6)
    assert len(clips.audio) == len(clips.events) == 1


def test_folders_that_cannot_be_used_say_why(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*none"):
        parts_of(tmp_path / "none")
    with pytest.raises(ValueError, match=r"must hold a folder for each class or a metadata.csv"):
        parts_of(tmp_path)
    folder = record(tmp_path / "sounds", {"bell": 3})
    assert {part.classes for part in parts_of(folder)} == {("bell",)}
    args = argparse.Namespace(duration_s=1.0)
    with pytest.raises(ValueError, match="num_sounds must be at most the 1 classes, got 2"):
        overlapping_e2e.mix(FolderSounds(folder), args, 1, 0)
    (folder / "empty").mkdir()
    with pytest.raises(ValueError, match=r"class 'empty' has no recordings in .*: 0 WAV, FLAC or"):
        parts_of(folder)


def test_a_batch_needs_as_many_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(train_roam.SIZES, "quick", ((8, 8, 8, 8), 8, 1 / 3, 1))
    words = ["--quick", "--out", str(tmp_path), "--batch-size", "9", "--accelerator", "cpu"]
    monkeypatch.setattr(sys, "argv", ["train_roam.py", *words])
    with pytest.raises(ValueError, match="--batch-size is 9, of only 4 chunks"):
        train_roam.main()


def test_name_sounds_wants_something_to_name(tmp_path: Path) -> None:
    assert list(name_sounds.find_audio([tmp_path])) == []
    path = record(tmp_path / "sounds", {"bell": 1}) / "bell" / "0.wav"
    assert list(name_sounds.find_audio([tmp_path])) == [path]


def environment() -> dict[str, str]:
    """Return what an example needs that is run as a process of its own."""
    return os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}


def einv2_command(out: Path, **changed: Any) -> list[str]:
    """Return a command line of the example that trains EINV2 on two scenes."""
    settings = {"out": out, "minutes": 1 / 3, "test-minutes": 1 / 6, "epochs": 4, "batch-size": 4}
    settings |= {"sounds": out.parent / "sounds", "accelerator": "cpu", **changed}
    words = [str(word) for name, value in settings.items() for word in (f"--{name}", value)]
    return [str(ROOT / "tests" / "tiny_einv2.py"), *words]


def run_einv2(monkeypatch: pytest.MonkeyPatch, out: Path, **changed: Any) -> None:
    monkeypatch.setattr(sys, "argv", einv2_command(out, **changed))
    tiny_einv2.main()


def kill_einv2(out: Path, *, after: int, wait_s: float) -> None:
    """Begin a run as a process of its own, and kill it some time after a checkpoint is written."""
    checkpoint = out / "checkpoint.safetensors"
    before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
    with (out.parent / "log.txt").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, *einv2_command(out)], env=environment(), stdout=log, stderr=log
        )
    changes, end = 0, monotonic() + 120
    while changes < after:
        assert process.poll() is None, (out.parent / "log.txt").read_text()
        assert monotonic() < end
        sleep(0.001)
        now = checkpoint.stat().st_mtime_ns if checkpoint.exists() else before
        changes, before = changes + (now != before), now
    sleep(wait_s)
    process.kill()
    assert process.wait() == -SIGKILL


def test_train_einv2_killed_and_begun_again_is_the_unbroken_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record(tmp_path / "sounds", {"bell": 3, "knock": 2})
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    kill_einv2(broken, after=1, wait_s=0.0)
    kill_einv2(broken, after=1, wait_s=0.2)
    run_einv2(monkeypatch, broken)
    said = capsys.readouterr().out
    assert "classes: bell, knock\n" in said
    assert "goes on after epoch" in said
    run_einv2(monkeypatch, whole)
    assert "goes on after epoch" not in capsys.readouterr().out
    for name in ("checkpoint.safetensors", "scores.json", "pipeline/weights.safetensors"):
        assert (broken / name).read_bytes() == (whole / name).read_bytes()

    run_einv2(monkeypatch, whole)
    assert "goes on after epoch 4 of 4" in capsys.readouterr().out
    for changed, message in (
        ({"epochs": 5}, "epochs=4, not 5"),
        ({"lr": 0.01}, r"lr=0\.001, not 0\.01"),
        ({"batch-size": 2}, "batch_size=4, not 2"),
    ):
        with pytest.raises(ValueError, match=f"it was begun with {message}: repeat that"):
            run_einv2(monkeypatch, whole, **changed)
    with pytest.raises(ValueError, match="--batch-size is 40, of only 14 chunks"):
        run_einv2(monkeypatch, whole, **{"batch-size": 40})
    with pytest.raises(ValueError, match=r"holds scenes of other settings, .* moving"):
        run_einv2(monkeypatch, whole, moving=1)
