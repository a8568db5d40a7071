"""Train a system on any data: the stages of every training, from audio to scores.

    python examples/train.py                  scenes made of built-in sounds
    python examples/train.py --sounds DIR     scenes made of your recordings, in class folders
    python examples/train.py --data DIR       STARSS22 or STARSS23: foa_dev and metadata_dev in DIR

`--system` chooses features, network, format and loss from the tables of `seld_systems.py` and
`localizers.py`, in which the networks of the library are; a system of your own is one more row.
Those that hear microphones learn from scenes of a tetrahedron, or from `mic_dev`; to those that
localise, whatever sounds is of one class. `train_einv2.py` imports the same stages and holds what
differs in it. `--quick` trains smaller networks, and shows in seconds that all of it runs. Writes
to `runs/SYSTEM` (or `--out DIR`) the scenes if they are made, a log, a checkpoint from which a
stopped run goes on, and the trained system. Like all trainings here it runs in several processes,
too: `torchrun --nproc_per_node 2 examples/train.py`.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

import seldkit as sk
from localizers import LOCALIZERS
from loop import load, open_fabric, train
from seld_systems import SELD_SYSTEMS
from stages import (
    TRAINING,
    bar,
    make_scenes,
    one_cycle,
    read_options,
    score,
    settings_of,
    show,
    turn,
)
from system import System, by_name

SYSTEMS = {**SELD_SYSTEMS, **LOCALIZERS}
CHUNK_S = 4.0
SIZES: dict[str, dict[str, Any]] = {
    "quick": {"minutes": 1 / 3, "test_minutes": 1 / 6, "epochs": 2, "batch_size": 7},
    "small": {"minutes": 60, "test_minutes": 6, "epochs": 8},
}


def main() -> None:
    """Run the stages one after the other."""
    defaults = dict.fromkeys(("sounds", "data", "out", "minutes", "test_minutes", "epochs", "lr"))
    args = read_options(__doc__, SIZES, {**defaults, **TRAINING}, {"system": list(SYSTEMS)})
    system = SYSTEMS[args.system]
    args.out = out = args.out or Path("runs") / args.system
    args.lr = args.lr or system.lr
    fabric = open_fabric(args)
    fabric.seed_everything(args.seed)
    with fabric.rank_zero_first():
        train_clips, test_clips = read_clips(args, system)
    pipeline, chunks = begin(system, train_clips, quick=args.size == "quick")
    pipeline.to(fabric.device)
    settings = settings_of(args, "system", "minutes", "lr")
    for losses in learn(fabric, args, system, pipeline, chunks, folder=out, settings=settings):
        fabric.print(show(losses), flush=True)
    found = sk.data.map_over_processes(lambda clip: pipeline.predict(clip.audio), test_clips)
    if fabric.is_global_zero:
        pipeline.save(out / "pipeline")
        print(show(score(found, test_clips, len(train_clips.classes))))


def begin(
    system: System, clips: sk.data.Corpus, *, quick: bool = False
) -> tuple[sk.Pipeline, sk.data.Chunks[Any]]:
    """Return the untrained system, and what it is to learn from: features and targets of clips."""
    extractor, network, format = system.build(len(clips.classes), quick=quick)
    chunks = sk.data.read_chunks(
        bar(clips, "features"), format, extractor=extractor, chunk_s=CHUNK_S, hop_s=1.0
    )
    scaler = None
    if system.standardized:
        scaler = sk.features.Standardize(extractor.num_channels, extractor.num_bins)
        scaler.fit(clip.unsqueeze(0) for clip in chunks.features)
    pipeline = sk.Pipeline(
        extractor, network, format, standardize=scaler, window_s=CHUNK_S, classes=clips.classes
    )
    return pipeline, chunks


def learn(
    fabric: Fabric,
    args: argparse.Namespace,
    system: System,
    pipeline: sk.Pipeline,
    chunks: sk.data.Chunks[Any],
    *,
    balance: nn.Module | None = None,
    **kept: Any,
) -> Iterator[dict[str, float]]:
    """Train a system on chunks; give the losses of each epoch. They are added, or balanced."""
    extractor, network, scaler = pipeline.extractor, pipeline.model, pipeline.standardize

    def step(model: nn.Module, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
        features, target = turn(extractor, *batch) if system.turned else batch
        features = features if scaler is None else scaler(features)
        losses = by_name(system.loss(model(features, **system.asked), target))
        total = torch.stack(list(losses.values())).sum() if balance is None else balance(losses)
        return total, losses

    batches = load(fabric, args, chunks, chunks.collate)
    optimizer = torch.optim.AdamW(network.parameters(), args.lr, fused=True)
    schedule = one_cycle(optimizer, args, batches)
    return train(
        fabric, args, network, optimizer, schedule, batches, step, balancer=balance, **kept
    )


def read_clips(args: argparse.Namespace, system: System) -> tuple[sk.data.Corpus, sk.data.Corpus]:
    """Return clips to train and to test on, which share no sound and no room."""
    if args.data is not None:
        audio = "mic" if "array" in system.scenes else "foa"
        corpus = sk.data.read_corpus(args.data, "starss23", split="development", audio=audio)
        parts = [corpus.train, corpus.test]
    else:
        parts = make_scenes(
            args.out / "scenes",
            {"train": args.minutes, "test": args.test_minutes},
            sounds=args.sounds,
            seed=args.seed,
            distance_m=(1.0, 3.0),
            label_range_db=20.0,
            **system.scenes,
        )
    if not system.named:
        parts = [part.map_events(of_one_class, classes=("sound",)) for part in parts]
    return parts[0], parts[1]


def of_one_class(events: sk.Events) -> sk.Events:
    """Return the events as of a localizer, to which all that sounds is alike."""
    return replace(events, label=torch.zeros_like(events.label))


if __name__ == "__main__":
    main()
