"""Examples do what their first lines promise, in tiny sizes."""

import argparse
import ast
import csv
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from signal import SIGKILL
from time import monotonic, sleep
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from optuna.trial import TrialState
from safetensors.torch import load_file
from torch import nn

import tiny_einv2
import trees
from cli.hearing import record_alarm, saved_system
from house import ROOT
from seldkit import Events, Pipeline, backbones, io, models, pretrained
from seldkit.ambisonics import plane_wave
from seldkit.compat import yamnet
from seldkit.events import sentences
from seldkit.formats import DirectPathPhase
from seldkit.layers import HungarianNet
from seldkit.synth import BuiltinSounds, FolderSounds

sys.path.insert(0, str(ROOT / "examples"))  # as for a script in that folder

import adapt_everyday
import compare_localizers
import energy_maps
import entrant
import everyday
import localize_talkers
import loop
import name_sounds
import overlapping_e2e
import score_everyday
import score_tracks
import search_at2seld
import stages
import train_at2seld
import train_everyday
import train_hungarian
import train_roam
import train_srp_dnn
import train_tracker

pytestmark = pytest.mark.programs


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


def test_an_entrant_needs_sixty_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len((ROOT / "examples" / "entrant.py").read_text().splitlines()) <= 60
    root, out = str(trees.record(tmp_path, evaluation=True)), tmp_path / "out"
    entrant.main(root, out, epochs=1, width=8)  # and stopped
    entrant.main(root, out, epochs=2, width=8)
    told = capsys.readouterr().out.splitlines()
    assert [line[:21] for line in told] == ["epoch 1: SELDScores(E", "epoch 2: SELDScores(E"]
    assert [path.name for path in out.glob("submission/*")] == ["mix001.csv"]
    io.read_events(out / "submission" / "mix001.csv", format="dcase2023")


def lines_of_code(name: str) -> int:
    """Return the lines of an example that are neither blank nor part of its first text."""
    text = (ROOT / "examples" / name).read_text()
    tree = ast.parse(text)
    first = tree.body[0].end_lineno or 0
    return sum(1 for line in text.splitlines()[first:] if line.strip())


def run_script(monkeypatch: pytest.MonkeyPatch, name: str, *words: object) -> None:
    monkeypatch.setattr(sys, "argv", [name, *map(str, words)])
    runpy.run_path(str(ROOT / "examples" / name))


def test_a_student_needs_six_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lines_of_code("first_recording.py") <= 6
    street = record_alarm(tmp_path / "street.wav")
    run_script(monkeypatch, "first_recording.py", street)
    system = pretrained.load("everyday12")
    told = "\n".join(sentences(system.predict(street), system.classes))
    assert capsys.readouterr().out == f"{told}\n"


@pytest.mark.transforms
def test_an_engineer_needs_twenty_five(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lines_of_code("small_computer.py") <= 25
    folder = saved_system(tmp_path / "trained")
    street = record_alarm(tmp_path / "street.wav", seconds=2.0)
    run_script(monkeypatch, "small_computer.py", folder, street, tmp_path / "system")
    cost, *told = capsys.readouterr().out.splitlines()
    assert cost.startswith("Cost(parameters=1579, ")
    agrees, exact, *_ = told
    assert re.fullmatch(r"a stream, \d+ ms late, agrees with the whole clip: True", agrees)
    assert exact.startswith(f"{tmp_path / 'system.onnx'} {{'output': ")
    assert (tmp_path / "system8.onnx").is_file()


def test_train_everyday_teaches_a_system_and_score_everyday_scores_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    data: Callable[[str], Path],
) -> None:
    sounds, out = some_recordings(data("events"), tmp_path / "sounds"), tmp_path / "out"
    command = ["--sounds", sounds, "--out", out]
    run(monkeypatch, train_everyday, "--quick", *command, "--accelerator", "cpu")
    pipeline = Pipeline.load(out / "everyday12")
    assert pipeline.classes == ("dog_bark", "rooster")
    assert {p.dtype for p in pipeline.model.parameters()} == {torch.float16}
    capsys.readouterr()
    foa = tmp_path / "foa"
    foa.mkdir()
    (foa / "rir").symlink_to(data("foa") / "rir")
    (foa / "recordings").symlink_to(data("foa") / "recordings")
    with (data("foa") / "provenance.csv").open() as rows:
        kept = [row for row in rows if row.startswith(("file", "rir/gewandhaus"))]
    (foa / "provenance.csv").write_text("".join(kept))
    command += ["--model", out / "everyday12", "--foa", foa, "--minutes", 1 / 6]
    run(monkeypatch, score_everyday, *command)
    told = capsys.readouterr().out.splitlines()
    starts = ["scenes of train_einv2.py: F20", "near rooms: F20", "far rooms: F20", "gewandhaus: "]
    assert [line[: len(start)] for line, start in zip(told, starts, strict=False)] == starts
    assert " of 2, angle error " in told[3]
    assert len(told) == 4 + 5


def some_recordings(folder: Path, out: Path) -> Path:
    """Return a folder with five recordings of two classes, and one more of each held out."""
    out.mkdir()
    with (folder / "metadata.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    kept = []
    for name in ("dog_bark", "rooster"):
        own = [row for row in rows if row["class"] == name]
        groups = {row["original_id"][:-6]: row for row in own if row["fold"] != "4"}
        kept += [*list(groups.values())[:5], next(row for row in own if row["fold"] == "4")]
        (out / name).symlink_to(folder / name)
    with (out / "metadata.csv").open("w", newline="") as table:
        writer = csv.DictWriter(table, rows[0].keys())
        writer.writeheader()
        writer.writerows(kept)
    return out


def test_no_recording_for_training_is_heard_in_validation_or_test(
    tmp_path: Path, data: Callable[[str], Path]
) -> None:
    everyday.divide(data("events"), tmp_path)
    with (tmp_path / "metadata.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    with (data("events") / "metadata.csv").open(newline="") as table:
        folds = {row["file"]: row["fold"] for row in csv.DictReader(table)}
    parts: dict[str, set[str]] = {"train": set(), "validation": set(), "test": set()}
    for row in rows:
        path = Path(row["file"])
        held_out = folds[f"{path.parent.name}/{path.name}"] == "4"
        assert held_out == (row["fold"] == "test")
        parts[row["fold"]].add(re.sub(r"-[A-Z]$", "", path.stem))
    assert not parts["train"] & parts["validation"]
    assert len({row["class"] for row in rows if row["fold"] == "validation"}) == 12


def test_train_roam_keeps_the_best(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, train_roam, "--quick", "--out", tmp_path, "--accelerator", "cpu")
    assert "  trained: F1 " in capsys.readouterr().out
    for name in ("best.safetensors", "checkpoint.safetensors", "scores.json"):
        assert (tmp_path / name).is_file()
    head, row = (tmp_path / "log.csv").read_text().splitlines()
    assert head == "epoch,lr,sed,doa,F1,F1 within 1 m,F1 within 0.5 m"
    assert row.startswith("1,")
    pipeline = Pipeline.load(tmp_path / "pipeline")
    assert pipeline.predict(next(tmp_path.glob("scenes_quick/test/*.flac"))).num_frames == 100


def test_energy_maps_are_scored_beside_the_peaks_of_srp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, energy_maps, "--quick", "--out", tmp_path)
    rows = [line.split(" | ")[0] for line in capsys.readouterr().out.splitlines()[-2:]]
    assert rows == ["| SRP peaks", "| sphere_net"]
    assert set(io.read_maps(tmp_path / "test0.json").label.tolist()) <= {0}
    builders = {"planes_on": energy_maps.planes_on}
    pipeline = Pipeline.load(tmp_path / "pipeline", builders=builders)
    ahead = plane_wave(torch.randn(24000), torch.tensor([1.0, 0.0, 0.0]))
    assert pipeline.predict(ahead, 24000).num_frames == 10


def test_search_at2seld_hands_the_best_to_the_next_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Here:
        """A pool whose work is done at once, by nobody else."""

        def __init__(self, *_: object) -> None: ...
        def __enter__(self) -> "Here":
            return self

        def __exit__(self, *_: object) -> None: ...

        map = staticmethod(map)

    monkeypatch.setattr(search_at2seld, "ProcessPoolExecutor", Here)
    run(monkeypatch, search_at2seld, "--quick", "--out", tmp_path)
    said = capsys.readouterr().out
    assert [f"\n{stage}: 1 trials to go\n" in said for stage in search_at2seld.STAGES] == [True] * 3
    assert "\nthe winner: features: intensity, block: convolution, blocks: 3, " in said


def test_train_hungarian_keeps_the_best(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, train_hungarian, "--quick", "--out", tmp_path, "--epochs", 1, "--tracks", 3)
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("epoch 1: loss ")
    assert told[1].startswith(f"the best is in {tmp_path / 'weights.safetensors'}: weighted F1 ")
    assert [line.split(" references")[0] for line in told[2:]] == [*"0123"]
    HungarianNet(3).load_state_dict(load_file(tmp_path / "weights.safetensors"))


def test_train_tracker_prints_a_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, train_tracker, "--quick", "--batch-size", 2)
    rows = [line.split(" | ")[:2] for line in capsys.readouterr().out.splitlines()[2:]]
    by_frame, in_windows = "by frame", "in windows"
    wanted = [("SideBySide", by_frame), ("SideBySide", in_windows)]
    wanted += [("AsASet", loss) for loss in (by_frame, in_windows, "dMOT")]
    assert rows == [[f"| {network}", loss] for network, loss in wanted]


def test_a_tracker_that_sees_through_the_clutter_scores_best() -> None:
    class Told(torch.nn.Module):
        """One that has the truth, with its tracks exchanged from frame 30 on."""

        def forward(self, seen: torch.Tensor) -> torch.Tensor:
            torch.manual_seed(1)
            vectors = train_tracker.make_scenes(len(seen))[1]
            vectors[:, 30:] = vectors[:, 30:].flip(2)
            return vectors

    torch.manual_seed(1)
    error, missed, false, exchanged = train_tracker.scores(Told(), count=20)
    assert (error, missed, false) == ("0.0°", "0.0 %", "0.0 %")
    assert 0 < float(exchanged.removesuffix(" %")) < 5


def test_the_system_in_the_box_is_adapted_three_ways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, adapt_everyday, "--size", "quick", "--rank", 2, "--out", tmp_path)
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    assert [row[0] for row in rows] == ["| last layer", "| LoRA", "| all"]
    weights = [int(row[1].replace(",", "")) for row in rows]
    assert weights == sorted(weights)
    network = adapt_everyday.moved(pretrained.load("everyday12"), 8)
    models.load_adapters(network, tmp_path / "lora.safetensors")


def test_name_sounds_prints_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = record(tmp_path, {"bell": 1})
    (folder / "bell").rename(folder / "clock_tick")
    tagger = backbones.yamnet().state_dict()
    monkeypatch.setattr(yamnet, "installed_folder", lambda: tmp_path)
    monkeypatch.setattr(yamnet, "class_names", lambda _: [f"name {i}" for i in range(521)])
    monkeypatch.setattr(yamnet, "read_saved_model", lambda _: {})
    monkeypatch.setattr(yamnet, "convert", lambda _: tagger)
    run(monkeypatch, name_sounds, folder)
    assert "| clock_tick | Tick | 1 | 0.00 | name " in capsys.readouterr().out


def test_localize_talkers_prints_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sound = torch.randn(1, 8000).expand(4, 8000)  # at once everywhere: from above
    io.write_audio(tmp_path / "talk.wav", 0.1 * sound, 8000)
    rows = "file,source,azimuth_deg,elevation_deg,distance_m\ntalk.wav,0,180,20,1\n"
    (tmp_path / "directions.csv").write_text(rows)
    run(monkeypatch, localize_talkers, tmp_path)
    assert "\n| talk.wav | 180° | " in capsys.readouterr().out


def test_score_tracks_prints_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    head = "run,recording,time_s,source,colatitude_deg,azimuth_deg,vad"
    head += ",pred_colatitude_deg,pred_azimuth_deg,pred_vad\n"
    rows = [
        f"{run},task_1,{0.104 + 0.192 * t:.3f},{s},90,{60 * s},1,90,{60 * (s ^ t // 3)},0.9\n"
        for run in (1, 2)
        for t in range(6)
        for s in (0, 1)
    ]
    (tmp_path / "tracks.csv").write_text(head + "".join(rows))
    run(monkeypatch, score_tracks, tmp_path / "tracks.csv")
    out = capsys.readouterr().out
    assert "| task | 1 | as named | 0.0° | 0.833 | 2 | 0.500 | 0.0° | 0.0° |" in out
    assert "| task | 1 | linked | 0.0° | 1.000 | 0 | 1.000 | 0.0° | 0.0° |" in out
    assert "| task | 1 | Kalman filter | 0.0° | 1.000 | 0 | 1.000 | 0.0° | 0.0° |" in out


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
    folds = [*stages.FOLDS.values(), *stages.THREE_FOLDS.values()]
    return [stages.choose_sounds(folder, each) for each in folds]


def test_folders_of_classes_are_divided_without_a_table(tmp_path: Path) -> None:
    parts = parts_of(record(tmp_path / "sounds", {"bell": 3, "knock": 12}))
    for part in parts:
        assert part.classes == ("bell", "knock")
    for group in (parts[:2], parts[2:]):
        files = [path for part in group for paths in part._recordings.values() for path in paths]
        assert len(files) == len(set(files)) == 15
    folder = tmp_path / "sounds"
    args = argparse.Namespace(out=tmp_path, size="quick", sounds=folder)
    (clips,) = train_at2seld.read_scenes(args, {"test": 1 / 6})
    assert [clip.audio.parent.name for clip in clips] == ["test"]
    assert clips.classes == ("bell", "knock")


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
    words = ["--quick", "--out", tmp_path, "--accelerator", "cpu"]
    with pytest.raises(ValueError, match="--batch-size is 9, of only 4 chunks"):
        run(monkeypatch, train_roam, *words, "--batch-size", 9)
    with pytest.raises(ValueError, match="--batch-size is 4, of which 3 parts are not equal"):
        run(monkeypatch, train_roam, *words, "--batch-size", 4, "--accumulate", 3)


def test_statistics_of_all_processes_stand_beside_the_network() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU())
    twin = loop.share_statistics(network)
    kinds = [[type(module) for module in each.children()] for each in (network, twin)]
    assert kinds[0] == [nn.Conv2d, nn.BatchNorm2d, nn.ReLU], "as its builder made it"
    assert kinds[1] == [nn.Conv2d, nn.SyncBatchNorm, nn.ReLU]
    own = [*network.parameters(), *network.buffers()]
    shared = [*twin.parameters(), *twin.buffers()]
    assert len(own) == len(shared) == 7
    assert all(a is b for a, b in zip(own, shared, strict=True))


def test_torchrun_trains_in_two_processes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    command += [str(ROOT / "examples" / "train.py"), "--quick", "--out", str(tmp_path)]
    command += ["--test-minutes", "0.34", "--epochs", "1", "--accelerator", "cpu"]
    command += ["--batch-size", "8"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment())
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("F20 frame-wise ") == 1, "the first process alone prints"
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 2
    assert Pipeline.load(tmp_path / "pipeline").classes


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
    settings |= {"sounds": out.parent / "sounds", "accelerator": "cpu", "save-every": 2, **changed}
    words = [str(word) for name, value in settings.items() for word in (f"--{name}", value)]
    return [str(ROOT / "tests" / "tiny_einv2.py"), *words]


def run_einv2(monkeypatch: pytest.MonkeyPatch, out: Path, **changed: Any) -> None:
    monkeypatch.setattr(sys, "argv", einv2_command(out, **changed))
    tiny_einv2.main()


def kill_einv2(out: Path, *, after: int, wait_s: float, **changed: Any) -> None:
    """Begin a run as a process of its own, and kill it some time after a checkpoint is written."""
    checkpoint = out / "checkpoint.safetensors"
    before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
    with (out.parent / "log.txt").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, *einv2_command(out, **changed)],
            env=environment(),
            stdout=log,
            stderr=log,
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
    kill_einv2(broken, after=1, wait_s=0.0, workers=1)
    kill_einv2(broken, after=2, wait_s=0.2, workers=1)
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


def test_train_srp_dnn_trains_and_compares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(compare_localizers, "SNR_DB", (20.0,))
    monkeypatch.setattr(compare_localizers, "by_phase", lambda *_, method, **__: [len(method)])
    monkeypatch.setitem(train_srp_dnn.NETWORK, "widths", (2, 2, 2, 2, 2))
    monkeypatch.setitem(train_srp_dnn.SCENES, "duration_s", 3.0)
    sound = torch.randn(1, 8000).expand(4, 8000)
    io.write_audio(tmp_path / "talk.wav", 0.1 * sound, 16000)
    rows = "file,source,azimuth_deg,elevation_deg,distance_m\ntalk.wav,0,180,20,1\n"
    (tmp_path / "directions.csv").write_text(rows)
    words = ["--quick", "--out", tmp_path / "out", "--data", tmp_path, "--minutes", 0.05]
    run(monkeypatch, train_srp_dnn, *words)
    printed = capsys.readouterr().out
    assert "\n| talk.wav | 180° | 8° | 5° | " in printed
    assert "\n| 0.2 s | 20 dB | " in printed
    pipeline = Pipeline.load(tmp_path / "out" / "pipeline")
    assert pipeline.stream().latency_s < 0.15


def test_azimuths_found_often_are_sources() -> None:
    format = DirectPathPhase(compare_localizers.SQUARE, max_sources=1)
    azimuth_deg = [40, 45, -90, -90, 40, 45, 170]
    events = Events.from_degrees(range(7), [0] * 7, azimuth_deg, [0] * 7)
    target = format.encode(events, 7)
    heard = argparse.Namespace(format=format, scan=lambda *_: target)
    found = compare_localizers.by_network(heard, torch.zeros(4, 1), 2)  # type: ignore[arg-type]
    assert found == pytest.approx([42.5, -90], abs=0.5)
    silent = argparse.Namespace(format=format, scan=lambda *_: 0 * target)
    assert compare_localizers.by_network(silent, torch.zeros(4, 1), 1) == []  # type: ignore[arg-type]
