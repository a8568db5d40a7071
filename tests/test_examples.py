"""Examples do what their first lines promise, in tiny sizes."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from optuna.trial import TrialState

from house import ROOT
from seldkit import Pipeline
from seldkit.compat import yamnet

sys.path.insert(0, str(ROOT / "examples"))  # as for a script in that folder

import search_at2seld
import train_at2seld

FOLDERS = ["all-directions-0", "cross-entropy-0", "full-0", "no-late-stitch-0"]


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

    train_at2seld.main()
    again = capsys.readouterr().out
    assert "epoch" not in again
    assert again.endswith(table)


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
