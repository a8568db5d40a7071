"""Train the ROAM network, as its paper does, to find sounds and their positions in metres.

AdaBelief, one cosine over all steps, losses balanced by their scale, noise, shifts in time, and
early stopping on F1. With `--data DIR --size full` the data is L3DAS22, whose folders
`L3DAS22_Task2_train`, `_dev` and `_test` are in DIR, and the network is the paper's. Without, it
makes scenes of the built-in sounds (or of your recordings: `--sounds DIR`), no farther than 2 m,
and trains a smaller network: about an hour on two processor cores. `--quick` shows in seconds that
all of it runs. Everything is written to `runs/roam` (or `--out DIR`); run it again to go on where
it was stopped:

    scenes_SIZE/            audio and labels, made once   pipeline/    the trained system
    checkpoint.safetensors  the state of training         scores.json  before and after training
    best.safetensors        the best network so far       log.csv      losses and F1 of each epoch
"""

import argparse
from pathlib import Path
from typing import Any

import torch
from pytorch_optimizer import AdaBelief
from torch import Tensor, nn

import seldkit as sk
from loop import load, open_fabric, train
from stages import (
    TRAINING,
    Clips,
    bar,
    count_steps,
    make_scenes,
    read_options,
    settings_of,
    show,
    write_scores,
)

NETWORKS: dict[str, dict[str, Any]] = {
    "quick": {"widths": (8, 16, 16, 32), "feedforward": 64},
    "small": {"widths": (24, 48, 96, 128), "feedforward": 256},
    "full": {"widths": (64, 128, 256, 512), "feedforward": 1024},
}
SIZES = {
    "quick": {"minutes": 1 / 3, "epochs": 1, "batch_size": 4},
    "small": {"minutes": 60.0, "epochs": 20},
    "full": {"minutes": 300.0, "epochs": 100},
}


def main() -> None:
    """Run the stages one after the other."""
    own = {"out": Path("runs/roam"), "patience": 25, "batch_size": 8, "chunk_s": 5.0, "lr": 5e-4}
    own |= {"rectify": False, "snr_db": (10.0, 40.0)}
    defaults = dict.fromkeys(("sounds", "data", "minutes", "epochs"))
    args = read_options(__doc__, SIZES, {**defaults, **TRAINING, **own})
    fabric = open_fabric(args)
    fabric.seed_everything(args.seed)
    with fabric.rank_zero_first():
        train_clips, dev_clips, test_clips = read_clips(args)
    classes = train_clips.classes
    extractor = sk.features.presets.l3das22_task2()
    model = sk.models.roam(len(classes), num_tracks=3, **NETWORKS[args.size])
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # stubs lack it
    fabric.print(f"{sum(p.numel() for p in model.parameters()):,} parameters")

    # Positions, in parts of 2 m, in place of directions. Where one event of L3DAS ends and the next
    # begins, both have the frame, so that four may meet.
    format = sk.formats.TrackWise(len(classes), num_tracks=3, positions_m=2.0, overflow="drop")
    chunks = sk.data.read_chunks(
        bar(train_clips, "audio"), format, sample_rate=extractor.sample_rate, chunk_s=args.chunk_s
    )
    batches = load(fabric, args, chunks, chunks.collate)
    scaler = sk.features.Standardize(extractor.num_channels, extractor.num_bins)
    scaler.fit(extractor(clip.unsqueeze(0)) for clip in chunks.features)
    pipeline = sk.Pipeline(
        extractor, model, format, standardize=scaler, window_s=args.chunk_s, classes=classes
    ).to(fabric.device)
    balancer = sk.losses.LossScaleBalancer()

    def step(model: nn.Module, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
        waveform, target = sk.augment.shift_time(*batch, ratio=chunks.ratio)
        waveform, target = sk.augment.add_noise(waveform, target, snr_db=args.snr_db)
        loss = sk.losses.trackwise_pit_loss(model(scaler(extractor(waveform))), target)
        return balancer(loss), loss._asdict()

    optimizer = AdaBelief(model.parameters(), lr=args.lr, eps=1e-16, rectify=args.rectify)
    steps = count_steps(args, batches)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps, eta_min=1e-6)
    scores = {"untrained": evaluate(pipeline, test_clips)}
    run = train(
        fabric,
        args,
        model,
        optimizer,
        schedule,
        batches,
        step,
        max_norm=None,
        balancer=balancer,
        folder=args.out,
        settings=settings_of(args, "minutes", "patience", "chunk_s", "lr", "rectify", "snr_db"),
        evaluate=lambda: evaluate(pipeline, dev_clips),
        watch="F1",
    )
    for values in run:
        weights = {f"weight of {task}": weight for task, weight in balancer.weights.items()}
        fabric.print(show(values | weights), flush=True)
    scores["trained"] = evaluate(pipeline, test_clips)
    if fabric.is_global_zero:
        pipeline.save(args.out / "pipeline")
        write_scores(scores, args.out)


def read_clips(args: argparse.Namespace) -> list[sk.data.Corpus]:
    """Return clips to train, to choose and to test on."""
    if args.data is not None:
        corpus = sk.data.read_corpus(args.data, "l3das22", split="official")
        sk.data.check_labelled(corpus)
        return [corpus.train, corpus.validation, corpus.test]
    shares = {"train": 1.0, "validation": 0.1, "test": 0.1}
    return make_scenes(
        args.out / f"scenes_{args.size}",
        {part: max(share * args.minutes, 1 / 6) for part, share in shares.items()},
        sounds=args.sounds,
        seed=args.seed,
        sample_rate=32000,
        max_polyphony=3,
        same_class_overlap=True,
        moving=0.0,
        distance_m=(0.5, 2.0),
    )


def evaluate(pipeline: sk.Pipeline, clips: Clips) -> dict[str, float]:
    """Return F1 as L3DAS22 counts it, nearer than 2 m, and under stricter gates."""
    gates = {"F1": 2.0, "F1 within 1 m": 1.0, "F1 within 0.5 m": 0.5}
    num_classes = len(pipeline.classes or ())
    scores = {
        name: sk.metrics.SELDMetrics("l3das22", num_classes, distance_threshold_m=gate)
        for name, gate in gates.items()
    }
    found = sk.data.map_over_processes(lambda clip: pipeline.predict(clip.audio), clips)
    for events, clip in zip(found, clips, strict=True):
        for score in scores.values():
            score.update(events, clip.events())
    return {name: score.compute().f_score for name, score in scores.items()}


if __name__ == "__main__":
    main()
