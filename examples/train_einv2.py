"""Train EINV2 on made scenes; find events in scenes whose sounds and rooms it never heard.

Makes labelled scenes of the built-in sounds (or of your recordings: `--sounds DIR`), trains, writes
the events that it finds in the test scenes as DCASE files, scores them, and saves the trained
pipeline and a picture. Takes under ten minutes on two processor cores; run it again, with the same
arguments, to go on after the last epoch that was finished: on the same processor the result is, bit
for bit, that of a run that was never stopped. Everything is written to `runs/einv2` (or `--out
DIR`):

    scenes/       audio and labels, made once     checkpoint.safetensors  the state of training
    predictions/  events found, as CSV files      pipeline/               the trained system
    scores.json   before and after training       scene.png               a test scene as a picture
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.data import DataLoader
from tqdm import tqdm

from seldkit import (
    Events,
    Pipeline,
    SELDOutput,
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

CHUNK_S = 4.0  # length of the training chunks, and of the windows in which long audio is read
LABELS_PER_S = 10


def main() -> None:
    """Run the stages one after the other."""
    args = parse_arguments()
    args.precision = "bf16-mixed" if has_bfloat16() else "32-true"
    fabric = Fabric(accelerator=args.accelerator, devices=1, precision=args.precision)
    fabric.seed_everything(args.seed)

    # Recordings of the test folds are never heard in training; built-in sounds are always new.
    if args.sounds and set(args.train_folds) & set(args.test_folds):
        raise ValueError(f"--test-folds must be others than {args.train_folds}")
    train_sounds = choose_sounds(args.sounds, args.train_folds)
    test_sounds = choose_sounds(args.sounds, args.test_folds)
    print("classes:", ", ".join(train_sounds.classes))
    scenes = args.out / "scenes"
    train_files = make_scenes(train_sounds, scenes / "train", args, args.minutes, args.seed)
    test_files = make_scenes(test_sounds, scenes / "test", args, args.test_minutes, args.seed + 1)

    pipeline = build_pipeline(args.size, train_sounds.classes)
    print(f"{sum(p.numel() for p in pipeline.model.parameters()):,} parameters")
    chunks = read_chunks(train_files, pipeline)
    if len(chunks) < args.batch_size:
        raise ValueError(f"--batch-size is {args.batch_size}, of only {len(chunks)} chunks")
    standardize = features.Standardize(pipeline.extractor.num_channels, pipeline.extractor.num_bins)
    pipeline.standardize = standardize.fit(clip.unsqueeze(0) for clip in chunks.features)
    pipeline.to(fabric.device)

    scores = {"untrained": evaluate(pipeline, test_files, args.out / "predictions")}
    train(fabric, pipeline, standardize, chunks, args)
    scores["trained"] = evaluate(pipeline, test_files, args.out / "predictions")
    for name, values in scores.items():
        print(f"{name:>9}:", ", ".join(f"{key} {value:.3f}" for key, value in values.items()))
    (args.out / "scores.json").write_text(json.dumps(scores, indent=2) + "\n")

    pipeline.save(args.out / "pipeline")
    found = pipeline.predict(test_files[0].audio)
    figure = plot.plot_events(read_labels(test_files[0]), found, classes=pipeline.classes)
    figure.savefig(args.out / "scene.png", dpi=150)
    print(f"see {args.out}")


def choose_sounds(folder: Path | None, folds: Sequence[str]) -> synth.Sounds:
    """Return the recordings of some folds, or the built-in sounds."""
    return synth.BuiltinSounds() if folder is None else synth.FolderSounds(folder, folds=folds)


def make_scenes(
    sounds: synth.Sounds, folder: Path, args: argparse.Namespace, minutes: float, seed: int
) -> list[synth.SceneFiles]:
    """Make scenes of ten seconds in a folder, unless it holds them already."""
    synthesizer = synth.SceneSynthesizer(
        sounds,
        duration_s=10.0,
        max_polyphony=2,
        moving=args.moving,
        distance_m=(1.0, 3.0),
        snr_db=(20.0, 30.0),
        label_range_db=20.0,
    )
    count = round(minutes * 60 / synthesizer.duration_s)
    scenes = synth.write_scenes(synthesizer, folder, count, seed=seed)
    return list(tqdm(scenes, f"scenes in {folder}", total=count))


def build_pipeline(size: str, classes: Sequence[str]) -> Pipeline:
    """Return an untrained system: the published one, or a smaller one that trains in minutes."""
    if size == "full":
        extractor, model = features.presets.ein_seld(), models.einv2(len(classes))
    else:
        extractor = features.presets.ein_seld(num_mels=64)
        # What the SED branch hears and the stitches behind the encoders help a class and its
        # direction to meet on one track where two events overlap.
        model = models.einv2(
            len(classes),
            sed_channels=7,
            widths=(32, 64, 128, 256),
            pool_freq=(4, 2, 2, 1),
            feedforward=256,
            dropout=0.0,
            stitch_tracks=True,
        )
    # Channels last convolve faster; torch's stubs do not know the argument.
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    # What the network is not sure of is often in the wrong place, too.
    format = formats.TrackWise(len(classes), num_tracks=2, threshold=0.65)
    return Pipeline(extractor, model, format, window_s=CHUNK_S, classes=classes)


def read_labels(files: synth.SceneFiles) -> Events:
    """Return the events of a scene."""
    return io.read_events(files.labels, format="dcase2023")


def read_chunks(files: Sequence[synth.SceneFiles], pipeline: Pipeline) -> data.Chunks[SELDOutput]:
    """Return features and targets of all scenes, in chunks of which one begins every second."""
    extractor, clips, targets = pipeline.extractor, [], []
    format = formats.TrackWise(len(pipeline.classes or ()), num_tracks=2)
    for scene in tqdm(files, "features"):
        waveform, rate = io.read_audio(scene.audio, sample_rate=extractor.sample_rate)
        num_frames = round(waveform.shape[1] / rate * LABELS_PER_S)
        clips.append(extractor(waveform.unsqueeze(0)).squeeze(0))
        targets.append(format.encode(read_labels(scene), num_frames))
    return data.Chunks(
        clips,
        targets,
        chunk_frames=round(CHUNK_S * LABELS_PER_S),
        hop_frames=LABELS_PER_S,
        ratio=round(extractor.frame_rate / LABELS_PER_S),
    )


def train(
    fabric: Fabric,
    pipeline: Pipeline,
    standardize: features.Standardize,
    chunks: data.Chunks[SELDOutput],
    args: argparse.Namespace,
) -> None:
    """Train the network, from the last checkpoint if there is one."""
    network, extractor = pipeline.model, pipeline.extractor
    model, optimizer = fabric.setup(network, build_optimizer(network, args.lr))
    batches = fabric.setup_dataloaders(
        DataLoader(
            chunks, args.batch_size, shuffle=True, drop_last=True, collate_fn=data.Chunks.collate
        )
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, args.lr, total_steps=args.epochs * len(batches), pct_start=0.1
    )
    swaps = augment.channel_swaps(16).to(fabric.device)
    names = ("size", "minutes", "epochs", "batch_size", "lr", "seed", "precision")
    settings = data.RunSettings(**{name: getattr(args, name) for name in names})
    parts: dict[str, Any] = {"settings": settings, "model": network, "optimizer": optimizer}
    parts["schedule"] = schedule
    checkpoint = args.out / "checkpoint.safetensors"
    done = data.load_checkpoint(checkpoint, **parts) if checkpoint.exists() else 0
    if done:
        print(f"goes on after epoch {done} of {args.epochs}, from {checkpoint}", flush=True)
    for epoch in range(done, args.epochs):
        torch.manual_seed(args.seed + epoch)  # a resumed run goes on as it would have gone
        model.train()
        progress = tqdm(batches, f"epoch {epoch + 1} of {args.epochs}")
        for clip, target in progress:
            swap = swaps[torch.randint(len(swaps), (len(clip),))]
            clip = extractor.turn(clip, swap)
            clip = augment.filter_bands(clip, tilt_db=4.0, gain_db=3.0)
            target = augment.swap_directions(target, swap)
            loss = take_step(fabric, model, optimizer, standardize(clip), target)
            schedule.step()
            progress.set_postfix(sed=f"{loss.sed:.3f}", doa=f"{loss.doa:.3f}")
        data.save_checkpoint(checkpoint, epoch=epoch + 1, **parts)


def build_optimizer(network: torch.nn.Module, lr: float) -> torch.optim.Optimizer:
    """Return the optimizer."""
    return torch.optim.AdamW(network.parameters(), lr, weight_decay=0.01, fused=True)


def take_step(
    fabric: Fabric,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    clip: torch.Tensor,
    target: SELDOutput,
) -> losses.TaskLosses:
    """Take one step of training and return the losses before it."""
    # Flash attention, whose gradients in bfloat16 are slow on a CPU, is left out.
    with sdpa_kernel([SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]):
        output = model(clip)
    loss = losses.trackwise_pit_loss(output, target)
    optimizer.zero_grad()
    fabric.backward(loss.sed + loss.doa)
    fabric.clip_gradients(model, optimizer, max_norm=1.0)
    optimizer.step()
    return loss


def evaluate(
    pipeline: Pipeline, files: Sequence[synth.SceneFiles], folder: Path
) -> dict[str, float]:
    """Write the events found in the files and return their scores."""
    folder.mkdir(parents=True, exist_ok=True)
    num_classes = len(pipeline.classes or ())
    by_segment = metrics.SELDMetrics("dcase2023", num_classes, average="micro", frames="clip")
    by_frame = metrics.SELDMetrics("dcase2024", num_classes, average="micro", frames="clip")
    for scene in tqdm(files, "predictions"):
        found = pipeline.predict(scene.audio)
        io.write_events(folder / scene.labels.name, found, format="dcase2023", kind="output")
        for metric in (by_segment, by_frame):
            metric.update(found, read_labels(scene))
    segment, frame = by_segment.compute(), by_frame.compute()
    return {
        "F20 frame-wise": frame.f_score,
        "LE frame-wise": frame.localization_error_deg,
        **segment.as_dict(),
    }


def has_bfloat16() -> bool:
    """Tell whether the processor computes in bfloat16 itself."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sounds", type=Path, help="folder of recordings in class folders")
    parser.add_argument("--train-folds", nargs="+", default=["1", "2", "3", "5"])
    parser.add_argument("--test-folds", nargs="+", default=["4"])
    parser.add_argument("--out", type=Path, default=Path("runs/einv2"), help="where results go")
    parser.add_argument("--size", choices=["small", "full"], default="small")
    parser.add_argument("--minutes", type=float, default=60, help="audio to train on")
    parser.add_argument("--test-minutes", type=float, default=6, help="audio to test on")
    parser.add_argument("--moving", type=float, default=0.0, help="share of events that move")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--lr", type=float, default=1e-3, help="highest learning rate")
    parser.add_argument("--accelerator", default="auto", help="cpu, cuda, ...")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
