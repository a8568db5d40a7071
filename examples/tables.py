"""The rows of a paper's table: trained side by side with several seeds, as a run that goes on.

What `table_einv2.py`, `table_roam.py` and `table_many_classes.py` share. Each row is a system of
`train.py`; all rows of a table hear the same scenes in the same number of steps, the threshold of
each is chosen on validation scenes, and what is told are the scores of test scenes, whose sounds
and rooms were never heard. Each run takes one pinned core, and writes its scores when it has ended;
one that was stopped goes on after its last epoch when the same command is given again.
"""

import argparse
import json
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from itertools import product
from multiprocessing import get_context
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

import seldkit as sk
from loop import load, open_fabric, train
from stages import TRAINING, bar, make_scenes, one_cycle, read_options, score, settings_of, turn
from train import System

SIZES: dict[str, dict[str, Any]] = {
    "quick": {"minutes": 1 / 3, "test_minutes": 1 / 6, "epochs": 1, "batch_size": 4, "seed": [0]},
    "small": {"minutes": 30.0, "test_minutes": 6.0, "epochs": 8},
}
COLUMNS = {"F20": "F20 frame-wise", "SED F": "SED F", "LE": "LE frame-wise"}
COLUMNS |= {name: name for name in ("ER", "F", "LR", "SELD")}  # in segments of a second
THRESHOLDS = [step / 20 for step in range(4, 17)]


class Row(NamedTuple):
    """A system, how the paper calls it or what it says of it, and settings of its own."""

    system: System
    published: str = ""


def read_table_options(doc: str | None, name: str, **own: Any) -> argparse.Namespace:
    """Read the command line of a table, which writes to `runs/tables/NAME`."""
    defaults = dict.fromkeys(("sounds", "minutes", "test_minutes", "epochs"))
    own = {"out": Path("runs/tables") / name, "lr": 1e-3, "chunk_s": 4.0, **own}
    more = {"seed": [0, 1, 2], "processes": os.cpu_count() or 1, "precision": "bf16-mixed"}
    return read_options(doc, SIZES, {**defaults, **TRAINING, **own, **more})


def fill(
    args: argparse.Namespace,
    rows: Mapping[str, str],
    fit: Callable[[str, argparse.Namespace, Path], Mapping[str, float]],
    columns: Mapping[str, str] = COLUMNS,
) -> None:
    """Train each row with each seed unless its scores are there, and print the table.

    `fit` takes the name of a row, the options with one seed, and a folder, and returns the scores.
    """
    jobs = [
        (argparse.Namespace(**{**vars(args), "seed": seed}), row, folder_of(args.out, row, seed))
        for seed, row in product(args.seed, rows)
    ]
    context = get_context("spawn")
    cores: Queue[int] = context.Queue()
    for core in range(args.processes):
        cores.put(core)
    pool = ProcessPoolExecutor(args.processes, context, initializer=_take_core, initargs=(cores,))
    try:
        runs = {
            pool.submit(fit, row, own, folder): folder
            for own, row, folder in jobs
            if not (folder / "scores.json").exists()
        }
        for run in as_completed(runs):
            _write(runs[run] / "scores.json", run.result())
            print(f"{runs[run].name} has ended", flush=True)
    finally:
        pool.shutdown(cancel_futures=True)
    print(as_markdown(args.out, rows, args.seed, columns))


def as_markdown(
    folder: Path, rows: Mapping[str, str], seeds: list[int], columns: Mapping[str, str] = COLUMNS
) -> str:
    """Return the table: means over the seeds and standard deviations, and what the paper says."""
    lines = [f"| | {' | '.join(columns)} | in the paper |", "| --- " * (len(columns) + 2) + "|"]
    for row, published in rows.items():
        scores = [read_scores(folder, row, seed) for seed in seeds]
        cells = [
            _told(name, torch.tensor([values[name] for values in scores]))
            for name in columns.values()
        ]
        lines.append(f"| {row} | {' | '.join(cells)} | {published} |")
    return "\n".join(lines)


def folder_of(out: Path, row: str, seed: int) -> Path:
    """Return the folder of a run."""
    return out / f"{row.replace(',', '').replace(' ', '_')}-{seed}"


def read_scores(out: Path, row: str, seed: int) -> dict[str, float]:
    """Return the scores of a run that has ended."""
    scores: dict[str, float] = json.loads((folder_of(out, row, seed) / "scores.json").read_text())
    return scores


def fit_system(
    system: System, args: argparse.Namespace, folder: Path, **scenes: Any
) -> dict[str, float]:
    """Train a system and return its scores on the test scenes."""
    fabric = open_fabric(args)
    train_clips, validation_clips, test_clips = scenes_of(args, **scenes)
    fabric.seed_everything(args.seed)
    n = len(train_clips.classes)
    extractor, network, format = system.features(), system.network(n), system.format(n)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # stubs lack it
    chunks = sk.data.read_chunks(
        bar(train_clips, "features"), format, extractor=extractor, chunk_s=args.chunk_s, hop_s=1.0
    )
    scaler = sk.features.Standardize(extractor.num_channels, extractor.num_bins)
    scaler.fit(clip.unsqueeze(0) for clip in chunks.features)
    pipeline = sk.Pipeline(
        extractor, network, format, standardize=scaler, window_s=args.chunk_s
    ).to(fabric.device)

    def step(model: nn.Module, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
        features, target = turn(extractor, *batch)
        loss = system.loss(model(scaler(features)), target)
        losses = {"loss": loss} if isinstance(loss, Tensor) else loss._asdict()
        return torch.stack(list(losses.values())).sum(), losses

    batches = load(fabric, args, chunks, chunks.collate)
    optimizer = torch.optim.AdamW(network.parameters(), args.lr, fused=True)
    schedule = one_cycle(optimizer, args, batches)
    settings = settings_of(args, "minutes", "lr", "chunk_s")
    for _ in train(
        fabric, args, network, optimizer, schedule, batches, step, folder=folder, settings=settings
    ):
        pass
    format = choose_threshold(pipeline, validation_clips, n)
    found = [format.decode(output) for output in scan(pipeline, test_clips)]
    detection = frame_wise(n, angle_threshold_deg=180.0)  # a right class is a hit wherever it is
    for events, clip in zip(found, test_clips, strict=True):
        detection.update(events, clip.events())
    return {"SED F": detection.compute().f_score, **score(found, test_clips, n)}


def scenes_of(args: argparse.Namespace, **scenes: Any) -> list[sk.data.Corpus]:
    """Return the scenes of a table, made at its first call: to train, to choose and to test on."""
    minutes = {"train": args.minutes, "validation": args.test_minutes, "test": args.test_minutes}
    scenes = {"moving": 0.0, "distance_m": (1.0, 3.0), "label_range_db": 20.0} | scenes
    return make_scenes(args.out / "scenes", minutes, sounds=args.sounds, seed=0, **scenes)


def scan(pipeline: sk.Pipeline, clips: sk.data.Corpus) -> list[Any]:
    """Return what the network says of each clip."""
    return [pipeline.scan(clip.audio) for clip in clips]


def choose_threshold(pipeline: sk.Pipeline, clips: sk.data.Corpus, num_classes: int) -> Any:
    """Return the format with the threshold of the best F-score within 20°, one for all classes."""
    pairs = list(zip(scan(pipeline, clips), (clip.events() for clip in clips), strict=True))
    format: Any = pipeline.format
    curve = sk.metrics.analysis.sweep(pairs, format, THRESHOLDS, frame_wise(num_classes))
    return replace(format, threshold=curve.best("f_score"))


def frame_wise(num_classes: int, **settings: Any) -> sk.metrics.SELDMetrics:
    """Return the scores that count every frame of every clip."""
    return sk.metrics.SELDMetrics(
        "dcase2024", num_classes, average="micro", frames="clip", **settings
    )


def _take_core(cores: "Queue[int]") -> None:
    torch.set_num_threads(1)
    if hasattr(os, "sched_setaffinity"):
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {allowed[cores.get() % len(allowed)]})


def _write(file: Path, scores: Mapping[str, float]) -> None:
    whole = file.with_suffix(".part")
    whole.write_text(json.dumps(dict(scores), indent=2) + "\n")
    whole.replace(file)


def _told(name: str, values: Tensor) -> str:
    digits = 1 if name.startswith("LE") else 3  # degrees
    spread = f" ± {values.std():.{digits}f}" if len(values) > 1 else ""
    return f"{values.mean():.{digits}f}{spread}"
