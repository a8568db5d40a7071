"""Train EINV2 on made scenes; find events in scenes whose sounds and rooms it never heard.

Makes labelled scenes of the built-in sounds (or of your recordings: `--sounds DIR`), trains, writes
the events that it finds in the test scenes as DCASE files, scores them, and saves the trained
pipeline and a picture. Takes under ten minutes on two processor cores; run it again to go on where
it was stopped. Everything is written to `runs/einv2` (or `--out DIR`):

    scenes/       audio and labels, made once     checkpoint.safetensors  the state of training
    predictions/  events found, as CSV files      pipeline/               the trained system
    scores.json   before and after training       scene.png               a test scene as a picture
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch.utils.data import DataLoader
from tqdm import tqdm

from seldkit import (
    Pipeline,
    augment,
    data,
    features,
    formats,
    io,
    losses,
    metrics,
    models,
    plot,
    synth,
)

PRESETS = {
    "small": {"widths": (32, 64, 128, 256), "feedforward": 256},
    "full": {"widths": (64, 128, 256, 512), "feedforward": 1024},
}
CHUNK_S = 4.0
FRAMES_PER_LABEL = 4  # features every 25 ms, labels every 100 ms


def main() -> None:
    """Run the stages one after the other."""
    args = parse_arguments()
    precision = "bf16-mixed" if has_bfloat16() else "32-true"
    fabric = Fabric(accelerator=args.accelerator, devices=1, precision=precision)
    fabric.seed_everything(args.seed)

    # The recordings of the test folds are not heard in training; built-in sounds are never twice
    # the same.
    train_sounds = choose_sounds(args.sounds, args.train_folds)
    test_sounds = choose_sounds(args.sounds, args.test_folds)
    scenes = args.out / "scenes"
    train_files = make_scenes(train_sounds, scenes / "train", args.minutes, seed=args.seed)
    test_files = make_scenes(test_sounds, scenes / "test", args.test_minutes, seed=args.seed + 1)

    classes = train_sounds.classes
    format = formats.TrackWise(len(classes), num_tracks=2)
    pipeline = Pipeline(
        features.presets.ein_seld(num_mels=256 if args.preset == "full" else 64),
        models.einv2(len(classes), num_tracks=2, **PRESETS[args.preset]),
        format,
        standardize=features.Standardize(7, 256 if args.preset == "full" else 64),
        window_s=CHUNK_S,
        classes=classes,
    )
    chunks = read_chunks(train_files, pipeline.extractor, format)
    pipeline.standardize.fit(clip.unsqueeze(0) for clip in chunks.features)

    scores = {"untrained": evaluate(pipeline, test_files, args.out / "predictions")}
    train(fabric, pipeline, chunks, args)
    scores["trained"] = evaluate(pipeline, test_files, args.out / "predictions")
    for name, values in scores.items():
        print(f"{name:>9}:", ", ".join(f"{key} {value:.3f}" for key, value in values.items()))
    (args.out / "scores.json").write_text(json.dumps(scores, indent=2) + "\n")

    pipeline.save(args.out / "pipeline")
    audio, labels = test_files[0]
    reference = io.read_events(labels, format="dcase2023")
    figure = plot.plot_events(reference, pipeline.predict(audio), classes=classes)
    figure.savefig(args.out / "scene.png", dpi=150)


def choose_sounds(folder: Path | None, folds: Sequence[str]) -> synth.Sounds:
    """Return the recordings of some folds, or the built-in sounds."""
    return synth.BuiltinSounds() if folder is None else synth.FolderSounds(folder, folds=folds)


def make_scenes(
    sounds: synth.Sounds, folder: Path, minutes: float, *, seed: int
) -> list[synth.SceneFiles]:
    """Make scenes of ten seconds, in a folder, unless it holds them already."""
    synthesizer = synth.SceneSynthesizer(sounds, duration_s=10.0, max_polyphony=2)
    count = round(minutes * 60 / synthesizer.duration_s)
    scenes = synth.write_scenes(synthesizer, folder, count, seed=seed)
    return list(tqdm(scenes, f"scenes in {folder}", total=count))


def read_chunks(
    files: Sequence[synth.SceneFiles],
    extractor: features.FeatureExtractor,
    format: formats.TrackWise,
) -> data.Chunks:
    """Return features and targets of all scenes, in chunks that overlap by three quarters."""
    clips, targets = [], []
    for audio, labels in tqdm(files, "features"):
        waveform, _ = io.read_audio(audio, sample_rate=extractor.sample_rate)
        events = io.read_events(labels, format="dcase2023")
        num_frames = round(waveform.shape[1] / extractor.sample_rate * 10)
        clips.append(extractor(waveform.unsqueeze(0))[0])
        targets.append(format.encode(events, num_frames))
    return data.Chunks(
        clips,
        targets,
        chunk_frames=round(CHUNK_S * 10),
        hop_frames=10,
        ratio=FRAMES_PER_LABEL,
    )


def train(fabric: Fabric, pipeline: Pipeline, chunks: data.Chunks, args: argparse.Namespace) -> None:
    """Train the network, from the last checkpoint if there is one."""
    optimizer = torch.optim.AdamW(pipeline.model.parameters(), lr=args.lr, weight_decay=0.01)
    model, optimizer = fabric.setup(pipeline.model, optimizer)
    standardize = pipeline.standardize.to(fabric.device)
    batches = DataLoader(
        chunks, args.batch_size, shuffle=True, drop_last=True, collate_fn=data.Chunks.collate
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, args.lr, total_steps=args.epochs * len(batches), pct_start=0.1
    )
    swaps = augment.channel_swaps(16)
    parts = {"model": model, "optimizer": optimizer, "schedule": schedule}
    checkpoint = args.out / "checkpoint.safetensors"
    done = data.load_checkpoint(checkpoint, **parts) if checkpoint.exists() else 0
    model.train()
    for epoch in range(done, args.epochs):
        torch.manual_seed(args.seed + epoch)  # so that a resumed run goes on as it would have
        progress = tqdm(batches, f"epoch {epoch + 1}/{args.epochs}")
        for clip, target in progress:
            swap = swaps[torch.randint(len(swaps), (len(clip),))]
            clip = standardize(augment.swap_channels(clip, swap))
            target = target._replace(direction=augment.swap_directions(target.direction, swap))
            loss = losses.trackwise_pit_loss(model(clip), target)
            optimizer.zero_grad()
            fabric.backward(args.sed_weight * loss.sed + loss.doa)
            fabric.clip_gradients(model, optimizer, max_norm=1.0)
            optimizer.step()
            schedule.step()
            progress.set_postfix(sed=f"{loss.sed:.4f}", doa=f"{loss.doa:.4f}")
        data.save_checkpoint(checkpoint, epoch=epoch + 1, **parts)


def evaluate(
    pipeline: Pipeline, files: Sequence[synth.SceneFiles], folder: Path
) -> dict[str, float]:
    """Write the events found in the files and return their scores."""
    folder.mkdir(parents=True, exist_ok=True)
    segment = metrics.SELDMetrics("dcase2023", len(pipeline.classes), average="micro")
    for audio, labels in tqdm(files, "predictions"):
        found = pipeline.predict(audio)
        io.write_events(folder / labels.name, found, format="dcase2023")
        reference = io.read_events(labels, format="dcase2023", num_frames=found.num_frames)
        segment.update(found, reference)
    return segment.compute().as_dict()


def has_bfloat16() -> bool:
    """Whether the processor computes in bfloat16 itself."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sounds", type=Path, help="folder of class folders with recordings")
    parser.add_argument("--train-folds", nargs="+", default=["1", "2", "3"])
    parser.add_argument("--test-folds", nargs="+", default=["4"])
    parser.add_argument("--out", type=Path, default=Path("runs/einv2"), help="where results go")
    parser.add_argument("--preset", choices=PRESETS, default="small", help="size of the network")
    parser.add_argument("--minutes", type=float, default=40, help="audio to train on")
    parser.add_argument("--test-minutes", type=float, default=6, help="audio to test on")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--lr", type=float, default=1e-3, help="peak learning rate")
    parser.add_argument("--sed-weight", type=float, default=1.0)
    parser.add_argument("--accelerator", default="auto", help="cpu, cuda, ...")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
