"""Train the ROAM network, as its paper does, to find sounds and their positions in metres.

AdaBelief, one cosine over all steps, losses balanced by their scale, noise, shifts in time, and
early stopping on F1. With `--data DIR --size full` the data is L3DAS22, whose folders
`L3DAS22_Task2_train`, `_dev` and `_test` are in DIR, and the network is the paper's. Without, it
makes scenes of the built-in sounds, no farther than 2 m, and trains a smaller network: about an
hour on two processor cores. `--quick` shows in a minute that all of it runs. Everything is written
to `runs/roam` (or `--out DIR`):

    scenes_SIZE/      audio and labels, made once   pipeline/    the trained system
    best.safetensors  the best state so far         scores.json  before and after training
"""

import argparse
import json
from pathlib import Path

import torch
from lightning_fabric import Fabric
from pytorch_optimizer import AdaBelief
from torch.utils.data import DataLoader
from tqdm import tqdm

import seldkit as sk

SIZES = {  # widths of the blocks, width of the transformers, minutes of scenes, epochs
    "quick": ((8, 16, 16, 32), 64, 2, 2),
    "small": ((24, 48, 96, 128), 256, 60, 20),
    "full": ((64, 128, 256, 512), 1024, 300, 100),
}
LABELS_PER_S = 10


def main() -> None:
    """Run the stages one after the other."""
    args = parse_arguments()
    widths, feedforward, minutes, epochs = SIZES[args.size]
    args.epochs = args.epochs or epochs
    if args.data:
        corpus = sk.data.read_corpus(args.data, "l3das22", split="official")
        train_clips, dev_clips, test_clips = corpus.train, corpus.validation, corpus.test
    else:
        train_clips, dev_clips, test_clips = (
            make_clips(args.out / f"scenes_{args.size}" / part, share * minutes, args.seed + i)
            for i, (part, share) in enumerate({"train": 1.0, "dev": 0.1, "test": 0.1}.items())
        )
    classes = train_clips.classes
    fabric = Fabric(accelerator=args.accelerator, devices=1, precision=args.precision)
    fabric.seed_everything(args.seed)
    extractor = sk.features.presets.l3das22_task2()
    model = sk.models.roam(len(classes), num_tracks=3, widths=widths, feedforward=feedforward)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # stubs lack it
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters")

    # Positions, in parts of 2 m, in place of directions. Where one event of L3DAS ends and the next
    # begins, both have the frame, so that four may meet.
    format = sk.formats.TrackWise(len(classes), num_tracks=3, positions_m=2.0, overflow="drop")
    chunks = sk.data.read_chunks(
        tqdm(train_clips, "audio"),
        format,
        sample_rate=extractor.sample_rate,
        chunk_s=args.chunk_s,
        label_rate=LABELS_PER_S,
    )
    if len(chunks) < args.batch_size:
        raise ValueError(f"--batch-size is {args.batch_size}, of only {len(chunks)} chunks")
    scaler = sk.features.Standardize(extractor.num_channels, extractor.num_bins)
    scaler.fit(extractor(clip.unsqueeze(0)) for clip in chunks.features)
    pipeline = sk.Pipeline(
        extractor, model, format, standardize=scaler, window_s=args.chunk_s, classes=classes
    )
    scores = {"untrained": evaluate(pipeline, test_clips)}
    train(fabric, pipeline, scaler, chunks, dev_clips, args)
    scores["trained"] = evaluate(pipeline, test_clips)
    for name, values in scores.items():
        print(f"{name:>9}:", ", ".join(f"{key} {value:.3f}" for key, value in values.items()))
    (args.out / "scores.json").write_text(json.dumps(scores, indent=2) + "\n")
    pipeline.save(args.out / "pipeline")
    print(f"see {args.out}")


def make_clips(folder: Path, minutes: float, seed: int) -> sk.data.Corpus:
    """Make scenes like those of L3DAS22 in a folder, unless it holds them already."""
    synthesizer = sk.synth.SceneSynthesizer(
        duration_s=10.0,
        sample_rate=32000,
        max_polyphony=3,
        same_class_overlap=True,
        moving=0.0,
        distance_m=(0.5, 2.0),
    )
    count = max(round(minutes * 60 / synthesizer.duration_s), 2)
    scenes = sk.synth.write_scenes(synthesizer, folder, count, seed=seed)
    for _ in tqdm(scenes, f"scenes in {folder}", total=count):
        pass
    return sk.data.read_folder(folder, classes=synthesizer.classes)[:count]


def train(
    fabric: Fabric,
    pipeline: sk.Pipeline,
    scaler: sk.features.Standardize,
    chunks: sk.data.Chunks[sk.SELDOutput],
    dev_clips: sk.data.Corpus,
    args: argparse.Namespace,
) -> None:
    """Train until F1 on the development set rises no more, and end with the best state."""
    model, optimizer = fabric.setup(
        pipeline.model,
        AdaBelief(pipeline.model.parameters(), lr=args.lr, eps=1e-16, rectify=args.rectify),
    )
    pipeline.to(fabric.device)
    batches = fabric.setup_dataloaders(
        DataLoader(chunks, args.batch_size, shuffle=True, collate_fn=sk.data.Chunks.collate)
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimizer, T_max=args.epochs * len(batches), eta_min=1e-6
    )
    balancer = sk.losses.LossScaleBalancer().to(fabric.device)
    best, best_f1, stale = args.out / "best.safetensors", -1.0, 0
    for epoch in range(args.epochs):
        model.train()
        progress = tqdm(batches, f"epoch {epoch + 1} of {args.epochs}")
        for waveform, target in progress:
            waveform, target = sk.augment.shift_time(waveform, target, ratio=chunks.ratio)
            waveform, target = sk.augment.add_noise(waveform, target, snr_db=args.snr_db)
            output = model(scaler(pipeline.extractor(waveform)))
            loss = sk.losses.trackwise_pit_loss(output, target)
            optimizer.zero_grad()
            fabric.backward(balancer(loss))
            optimizer.step()
            schedule.step()
            progress.set_postfix(sed=f"{loss.sed:.3f}", doa=f"{loss.doa:.3f}")
        f1 = evaluate(pipeline, dev_clips)["F1"]
        weights = ", ".join(f"{task} {weight:.3f}" for task, weight in balancer.weights.items())
        print(f"epoch {epoch + 1}: F1 {f1:.3f}, weights: {weights}")
        stale = 0 if epoch == 0 or f1 > best_f1 else stale + 1
        if stale == 0:
            best_f1 = f1
            sk.data.save_checkpoint(best, epoch=epoch + 1, model=pipeline.model)
        if stale == args.patience:
            break
    sk.data.load_checkpoint(best, model=pipeline.model)


def evaluate(pipeline: sk.Pipeline, clips: sk.data.Corpus) -> dict[str, float]:
    """Return F1 as L3DAS22 counts it, nearer than 2 m, and under stricter gates."""
    gates = {"F1": 2.0, "F1 within 1 m": 1.0, "F1 within 0.5 m": 0.5}
    num_classes = len(pipeline.classes or ())
    scores = {
        name: sk.metrics.SELDMetrics("l3das22", num_classes, distance_threshold_m=gate)
        for name, gate in gates.items()
    }
    for clip in clips:
        found, events = pipeline.predict(clip.audio), clip.events()
        for score in scores.values():
            score.update(found, events)
    return {name: score.compute().f_score for name, score in scores.items()}


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder of L3DAS22")
    parser.add_argument("--out", type=Path, default=Path("runs/roam"), help="where results go")
    parser.add_argument("--size", choices=list(SIZES), default="small")
    parser.add_argument("--quick", dest="size", action="store_const", const="quick")
    parser.add_argument("--epochs", type=int, help="at most so many")
    parser.add_argument("--patience", type=int, default=25, help="epochs without a better F1")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--chunk-s", type=float, default=5.0, help="length of training chunks")
    parser.add_argument("--lr", type=float, default=5e-4, help="highest learning rate")
    parser.add_argument("--rectify", action="store_true", help="AdaBelief's rectified form")
    parser.add_argument("--snr-db", type=float, nargs=2, default=(10.0, 40.0), help="of the noise")
    parser.add_argument("--accelerator", default="auto", help="cpu, cuda, ...")
    parser.add_argument("--precision", default="32-true", help="bf16-mixed, ...")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
