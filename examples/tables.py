"""The rows of a paper's table: trained side by side with several seeds, as a run that goes on.

What `table_einv2.py`, `table_roam.py` and `table_many_classes.py` share. Each row is a system of
`train.py`; all rows of a table hear the same scenes in the same number of steps, the threshold of
each is chosen on validation scenes, and what is told are the scores of test scenes, whose sounds
and rooms were never heard. Each run takes one pinned core, and writes its scores, and the options
that they come from, when it has ended; one that was stopped goes on after its last epoch when the
same command is given again.
"""

import argparse
import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from functools import partial
from itertools import product
from multiprocessing import get_context
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

import seldkit as sk
from loop import open_fabric
from stages import TRAINING, make_scenes, read_options, settings_of
from system import System
from train import begin, learn

SIZES: dict[str, dict[str, Any]] = {
    "quick": {"minutes": 1 / 3, "test_minutes": 1 / 6, "epochs": 1, "batch_size": 4, "seed": [0]},
    "small": {"minutes": 30.0, "test_minutes": 6.0},
}
THRESHOLDS = [step / 20 for step in range(4, 17)]
Scores = dict[str, float]
Pairs = list[tuple[sk.Events, sk.Events]]
Fit = Callable[[str, argparse.Namespace, Path], Scores]
# Options that scores do not hang on: where and how fast a run takes place.
PLACES = ("out", "processes", "workers", "accelerator", "save_every", "tensorboard")


class Row(NamedTuple):
    """What differs from row to row."""

    system: System
    published: str = ""  # what the paper says
    balance: Callable[[], nn.Module] | None = None  # makes one of several losses; their sum if None


class Column(NamedTuple):
    """A score, and what counts it for a number of classes."""

    metrics: Callable[[int], sk.metrics.SELDMetrics]
    score: str

    def value(self, num_classes: int, pairs: Pairs) -> float:
        """Return the score of what was found in clips, beside what is there."""
        metrics = self.metrics(num_classes)
        for found, events in pairs:
            metrics.update(found, events)
        value: float = getattr(metrics.compute(), self.score)
        return value


def by_frame(num_classes: int, **settings: Any) -> sk.metrics.SELDMetrics:
    """Return the scores that count every frame of every clip."""
    return sk.metrics.SELDMetrics(
        "dcase2024", num_classes, average="micro", frames="clip", **settings
    )


def by_second(num_classes: int) -> sk.metrics.SELDMetrics:
    """Return the scores that count segments of a second."""
    return sk.metrics.SELDMetrics("dcase2023", num_classes, average="micro", frames="clip")


COLUMNS = {  # by the first of them thresholds are chosen
    "F20": Column(by_frame, "f_score"),
    "SED F": Column(partial(by_frame, angle_threshold_deg=180.0), "f_score"),  # wherever it is
    "LE": Column(by_frame, "localization_error_deg"),
    "ER": Column(by_second, "error_rate"),
    "LR": Column(by_second, "localization_recall"),
    "SELD": Column(by_second, "seld_score"),
}


def read_table_options(doc: str | None, name: str, *, epochs: int = 8) -> argparse.Namespace:
    """Read the command line of a table, which writes to `runs/tables/NAME`."""
    defaults = dict.fromkeys(("sounds", "minutes", "test_minutes", "epochs"))
    own: dict[str, Any] = {"out": Path("runs/tables") / name, "lr": 1e-3}
    own |= {"seed": [0, 1, 2], "processes": os.cpu_count() or 1, "precision": "bf16-mixed"}
    sizes = {"quick": SIZES["quick"], "small": {**SIZES["small"], "epochs": epochs}}
    return read_options(doc, sizes, {**defaults, **TRAINING, **own})


def fill(args: argparse.Namespace, rows: Mapping[str, str], fit: Fit) -> None:
    """Train each row with each seed unless its scores are there, and print the table.

    Rows come with what the paper says of them. `fit` takes the name of a row, the options with one
    seed, and a folder, and returns the scores.
    """
    run_all(args, list(rows), fit)
    scores = {row: [read_scores(args, row, seed) for seed in args.seed] for row in rows}
    print(as_markdown(scores, rows))


def run_all(args: argparse.Namespace, names: Sequence[str], fit: Fit) -> None:
    """Do what has not been done of each name and seed, in processes of one core each.

    Raises:
        ValueError: If one has been done with other options.
    """
    jobs = {folder_of(args, name, seed): (name, seed) for seed, name in product(args.seed, names)}
    left = [folder for folder in jobs if not (folder / "scores.json").exists()]
    for folder in jobs.keys() - set(left):
        read_scores(args, *jobs[folder])
    context = get_context("spawn")
    cores: Queue[int] = context.Queue()
    for core in range(args.processes):
        cores.put(core)
    pool = ProcessPoolExecutor(args.processes, context, initializer=_take_core, initargs=(cores,))
    try:
        runs = {}
        for folder in left:
            name, seed = jobs[folder]
            runs[pool.submit(fit, name, _with_seed(args, seed), folder)] = folder
        for run in as_completed(runs):
            folder = runs[run]
            _write(folder, _settings_of(args, jobs[folder][1]), run.result())
            print(f"{folder.name} has ended", flush=True)
    finally:
        pool.shutdown(cancel_futures=True)


def as_markdown(scores: Mapping[str, Sequence[Scores]], published: Mapping[str, str]) -> str:
    """Return the table: means over the seeds, standard deviations, and what the paper says."""
    names = list(next(iter(scores.values()))[0])
    lines = [f"| | {' | '.join(names)} | in the paper |", "| --- " * (len(names) + 2) + "|"]
    for row, runs in scores.items():
        cells = [_told(name, torch.tensor([run[name] for run in runs])) for name in names]
        lines.append(f"| {row} | {' | '.join(cells)} | {published[row]} |")
    return "\n".join(lines)


def folder_of(args: argparse.Namespace, row: str, seed: int) -> Path:
    """Return the folder of a run."""
    folder: Path = args.out / f"{row.replace(',', '').replace(' ', '_')}-{seed}"
    return folder


def read_scores(args: argparse.Namespace, row: str, seed: int) -> Scores:
    """Return the scores of a run that has ended.

    Raises:
        ValueError: If it had other options.
    """
    file = folder_of(args, row, seed) / "scores.json"
    kept = json.loads(file.read_text())
    try:
        _settings_of(args, seed).load_state_dict(kept["settings"])
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    scores: Scores = kept["scores"]
    return scores


def fit_row(
    row: Row,
    args: argparse.Namespace,
    folder: Path,
    columns: Mapping[str, Column] = COLUMNS,
    **scenes: Any,
) -> Scores:
    """Train a row's system, choose its threshold and return its scores on the test scenes."""
    fabric = open_fabric(args)
    train_clips, validation_clips, test_clips = scenes_of(args, **scenes)
    fabric.seed_everything(args.seed, verbose=False)
    pipeline, chunks = begin(row.system, train_clips)
    pipeline.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # stubs lack it
    pipeline.to(fabric.device)
    balance = None if row.balance is None else row.balance()
    settings = settings_of(args, "minutes", "lr")
    for _ in learn(
        fabric,
        args,
        row.system,
        pipeline,
        chunks,
        balance=balance,
        folder=folder,
        settings=settings,
    ):
        pass
    n, format = len(train_clips.classes), cast(Any, pipeline.format)
    metrics, score = next(iter(columns.values()))
    curve = sk.metrics.analysis.sweep(
        listen(pipeline, validation_clips), format, THRESHOLDS, metrics(n)
    )
    format = replace(format, threshold=curve.best(score))
    pairs = [(format.decode(output), events) for output, events in listen(pipeline, test_clips)]
    return {name: column.value(n, pairs) for name, column in columns.items()}


def scenes_of(args: argparse.Namespace, **scenes: Any) -> list[sk.data.Corpus]:
    """Return the scenes of a table, made at its first call: to train, to choose and to test on."""
    minutes = {"train": args.minutes, "validation": args.test_minutes, "test": args.test_minutes}
    scenes = {"sounds": args.sounds, "moving": 0.0, "distance_m": (1.0, 3.0)} | scenes
    return make_scenes(args.out / "scenes", minutes, seed=0, label_range_db=20.0, **scenes)


def listen(pipeline: sk.Pipeline, clips: sk.data.Corpus) -> list[tuple[Any, sk.Events]]:
    """Return what the network says of each clip, and the events that are in it."""
    return [(pipeline.scan(clip.audio), clip.events()) for clip in clips]


def _take_core(cores: "Queue[int]") -> None:
    sk.data.begin_worker()
    if hasattr(os, "sched_setaffinity"):
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {allowed[cores.get() % len(allowed)]})


def _with_seed(args: argparse.Namespace, seed: int) -> argparse.Namespace:
    return argparse.Namespace(**{**vars(args), "seed": seed})


def _settings_of(args: argparse.Namespace, seed: int) -> sk.data.RunSettings:
    options = {k: v for k, v in vars(_with_seed(args, seed)).items() if k not in PLACES}
    sounds = options.get("sounds")
    return sk.data.RunSettings(**options | {"sounds": None if sounds is None else str(sounds)})


def _write(folder: Path, settings: sk.data.RunSettings, scores: Scores) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    whole = folder / "scores.part"
    kept = {"settings": settings.state_dict(), "scores": scores}
    whole.write_text(json.dumps(kept, indent=2) + "\n")
    whole.replace(folder / "scores.json")


def _told(name: str, values: Tensor) -> str:
    digits = 1 if name.startswith("LE") else 3  # degrees
    spread = f" ± {values.std():.{digits}f}" if len(values) > 1 else ""
    return f"{values.mean():.{digits}f}{spread}"
