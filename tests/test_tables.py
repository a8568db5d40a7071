"""Tables of papers are filled in tiny sizes, by runs that go on where they were stopped."""

import argparse
import fcntl
import os
import sys
from collections.abc import Callable
from concurrent.futures import Future
from multiprocessing import get_context
from pathlib import Path
from time import sleep
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from house import ROOT
from seldkit import Events, Pipeline
from seldkit.compat import yamnet
from seldkit.synth import BuiltinSounds

sys.path.insert(0, str(ROOT / "examples"))  # as for a script in that folder

import overlapping_e2e
import table_einv2
import table_many_classes
import table_roam
import tables
import train_at2seld

pytestmark = pytest.mark.programs

TABLES = [table_einv2, table_many_classes, table_roam]


class Here:
    """A pool whose work is done at once, in this process."""

    def __init__(self, *_: object, **__: object) -> None: ...
    def shutdown(self, **_: object) -> None:
        """End nothing: nothing was begun."""

    def submit(self, task: Callable[..., Any], *words: object) -> "Future[Any]":
        """Return what is done already."""
        done: Future[Any] = Future()
        done.set_result(task(*words))
        return done


def fill(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], table: Any, *words: object
) -> list[str]:
    """Return what an example prints that fills a table, in this process, on the processor."""
    monkeypatch.setattr(tables, "ProcessPoolExecutor", Here)
    command = [f"{table.__name__}.py", "--quick", "--accelerator", "cpu", *map(str, words)]
    monkeypatch.setattr(sys, "argv", command)
    table.main()
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("table", [table_einv2, table_roam], ids=lambda table: table.__name__)
def test_a_table_goes_on_where_it_was_stopped(
    table: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(table, "ROWS", dict(list(table.ROWS.items())[:2]))
    told = fill(monkeypatch, capsys, table, "--out", tmp_path)
    assert [row.split(" | ")[0] for row in told[-2:]] == [f"| {name}" for name in table.ROWS]
    assert told[-1].endswith(f" | {list(table.ROWS.values())[1].published} |")
    assert fill(monkeypatch, capsys, table, "--out", tmp_path) == told[-4:], "all is there"

    with pytest.raises(ValueError, match=r"-0/scores.json: it was begun with lr=0.001, not 0.01"):
        fill(monkeypatch, capsys, table, "--out", tmp_path, "--lr", 0.01)

    run = tables.folder_of(argparse.Namespace(out=tmp_path), list(table.ROWS)[1], seed=0)
    (run / "scores.json").unlink()  # as after a run that was killed
    again = fill(monkeypatch, capsys, table, "--out", tmp_path)
    assert sum("goes on after epoch 1 of 1" in line for line in again) == 1
    assert again[-4:] == told[-4:]
    (run / "scores.json").unlink()
    with pytest.raises(ValueError, match="begun with precision=bf16-mixed, not 32-true: repeat"):
        fill(monkeypatch, capsys, table, "--out", tmp_path, "--precision", "32-true")


@pytest.mark.parametrize(
    ("table", "row"), [(table, row) for table in TABLES for row in table.ROWS], ids=str
)
def test_every_row_of_every_table_can_learn(table: ModuleType, row: str) -> None:
    system = table.ROWS[row].system
    format, scene = system.format(7), Events.from_degrees([0, 1], [3, 6], [40, -80], [10, -20])
    scene = scene if not hasattr(format, "positions_m") else with_distance(scene)
    target = format.encode(scene, num_frames=8)
    one = target[None] if isinstance(target, torch.Tensor) else target.map(lambda x: x[None])
    loss = system.loss(system.network(7)(torch.randn(1, 7, 32, 64)), one)
    torch.stack([*loss] if isinstance(loss, tuple) else [loss]).sum().backward()


def with_distance(events: Events) -> Events:
    """Return the same events, a metre away."""
    distance = torch.ones(len(events), dtype=torch.float64)
    return Events(events.frame, events.label, events.direction, distance=distance)


def test_sounds_of_a_class_last_as_long_as_their_speed_says() -> None:
    sounds, plain = table_many_classes.Sounds(), BuiltinSounds()
    assert len(set(sounds.classes)) == 24
    assert sounds.classes[3:6] == ("slow bird", "plain bird", "quick bird")
    original = plain.draw(1, np.random.default_rng(4), 24000)
    slow, same, quick = (sounds.draw(n, np.random.default_rng(4), 24000) for n in (3, 4, 5))
    np.testing.assert_array_equal(same, original)
    assert len(slow) == min(round(len(original) / 0.4), 96000)
    assert len(quick) == pytest.approx(len(original) / 2.5, abs=1)
    tops = [
        np.abs(np.fft.rfft(x)).argmax() * 24000 / len(x) for x in (slow, quick)
    ]  # where the whistles are
    assert tops[1] / tops[0] > 2


def test_spreads_are_told_beside_means() -> None:
    runs = {"row": [{"F20": 0.5, "LE": 10.0}, {"F20": 0.7, "LE": 14.0}]}
    table = tables.as_markdown(runs, {"row": "better"}).splitlines()
    assert table[0] == "| | F20 | LE | in the paper |"
    assert table[2] == "| row | 0.600 ± 0.141 | 12.0 ± 2.8 | better |"


def where(name: str, args: argparse.Namespace, folder: Path) -> tables.Scores:
    """Return where a run takes place."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [args.seed]
    return {"process": os.getpid(), "threads": torch.get_num_threads(), "cores": len(cores)}


def test_runs_have_processes_of_one_core_each(tmp_path: Path) -> None:
    args = argparse.Namespace(out=tmp_path, processes=2, seed=[0, 1])
    tables.run_all(args, ["row"], where)
    runs = [tables.read_scores(args, "row", seed) for seed in (0, 1)]
    assert {run["process"] for run in runs} & {os.getpid()} == set()
    assert [(run["threads"], run["cores"]) for run in runs] == [(1, 1), (1, 1)]


def work_on(name: str, args: argparse.Namespace, folder: Path) -> tables.Scores:
    """Hold a lock for two minutes."""
    with (args.out / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        (args.out / "begun").touch()
        sleep(120)
        (args.out / "ended").touch()
    return {}


def test_runs_end_when_the_command_is_killed(tmp_path: Path) -> None:
    args = argparse.Namespace(out=tmp_path, processes=1, seed=[0])
    command = get_context("spawn").Process(target=tables.run_all, args=(args, ["row"], work_on))
    command.start()
    while not (tmp_path / "begun").exists():
        assert command.is_alive()
        sleep(0.01)
    command.kill()
    command.join()
    with (tmp_path / "lock").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # waits until the run has let it go
    assert not (tmp_path / "ended").exists()


def test_train_at2seld_prints_what_each_part_is_worth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none_installed() -> Path:
        raise ModuleNotFoundError("no weights")

    monkeypatch.setattr(yamnet, "installed_folder", none_installed)
    kept = {name: train_at2seld.RECIPES[name] for name in ("full", "early stitch")}
    monkeypatch.setattr(train_at2seld, "RECIPES", kept)
    told = fill(monkeypatch, capsys, train_at2seld, "--out", tmp_path, "--seed", 0)
    assert told[0] == "no weights", "says why it teaches a tagger of its own"
    assert [row.split(" | ")[0] for row in told[-2:]] == ["| full", "| early stitch"]
    pipeline = Pipeline.load(tmp_path / "full-0")
    scene = next(tmp_path.glob("scenes_quick/test/*.flac"))
    assert pipeline.predict(scene).num_frames == 100


def test_overlapping_e2e_prints_the_table_of_the_paper(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = "--out", tmp_path, "--seed", 0
    told = fill(monkeypatch, capsys, overlapping_e2e, *words)
    assert [row.split(" | ")[0] for row in told[-4:]] == [f"| {x}" for x in overlapping_e2e.TABLE]
    assert [row.split(" | ")[2] for row in told[-4:]] == ["69.7 |", "71.3 |", "71.0 |", "73.0 |"]
    folders = {path.parent.name for path in tmp_path.glob("quick-0/*/checkpoint.safetensors")}
    assert folders == set(overlapping_e2e.TRAININGS)
    (tmp_path / "quick-0/scores.json").unlink()
    again = fill(monkeypatch, capsys, overlapping_e2e, *words)
    assert sum("goes on after" in line for line in again) == len(overlapping_e2e.TRAININGS)
    assert again[-4:] == told[-4:]
