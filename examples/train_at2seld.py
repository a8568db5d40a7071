"""Train AT2SELD with a frozen audio tagger, and see what each part of its recipe is worth.

Makes labelled scenes of the built-in sounds (or of your recordings: `--sounds DIR`). The tagger is
YAMNet where its package is installed (see `seldkit.compat.yamnet`), otherwise a small CNN14 that
first learns to name single sounds. The network is trained in full, then without the late stitch,
the focal loss, or the restriction of the directions' loss to what is active. Prints the scores on
sounds and in rooms that were never heard. Takes about forty minutes on two processor cores for each
seed; `--quick` shows in a minute that all of it runs. Everything is written to `runs/at2seld` (or
`--out DIR`); run it again, with the same arguments, to go on after the last system that was
finished (each is what an unbroken run makes of it):

    scenes_SIZE/  audio and labels, made once               settings.safetensors  what all share
    full-0/, ...  the trained systems, by recipe and seed   scores.json           of each system
"""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader
from tqdm import tqdm

import seldkit as sk
from seldkit.compat import yamnet
from seldkit.metrics.analysis import Table

RATE, LABELS_PER_S, CHUNK_S = 32000, 10, 5.0
FOLDS = {"train": ("1", "2", "5"), "validation": ("3",), "test": ("4",)}  # of the recordings
MINUTES = {"quick": (2, 1), "small": (60, 6)}  # of scenes to train on; to choose and to test on
EPOCHS, NAMING_STEPS = {"quick": 2, "small": 8}, {"quick": 5, "small": 400}
NETWORKS: dict[str, dict[str, Any]] = {
    "quick": {"widths": (8, 16, 16, 16), "channels": 32},
    "small": {"widths": (32, 64, 128, 128), "channels": 128},
}
CNN14_WIDTHS = (16, 32, 64, 64, 128, 128)


class Recipe(NamedTuple):
    """What the report finds to help."""

    late_stitch: bool = True
    gamma: float = 2.0  # of the focal loss; 0 makes it the cross-entropy
    inactive_weight: float = 0.0  # learn the directions of what is active alone


RECIPES = {
    "full": Recipe(),
    "no late stitch": Recipe(late_stitch=False),
    "cross-entropy": Recipe(gamma=0.0),
    "all directions": Recipe(inactive_weight=1.0),
}


class Clips(NamedTuple):
    """Scenes on disk, what sounds in them, and the sounds that they were made of."""

    audio: Sequence[Path]
    events: Sequence[sk.Events]
    sounds: sk.synth.Sounds


class Tagger(NamedTuple):
    """A trained audio tagger."""

    build: Callable[[], sk.backbones.TaggingBackbone]
    bands: Literal["yamnet", "panns"]  # whose mel bands it reads
    weights: dict[str, Tensor]


def main() -> None:
    """Train by each recipe with each seed, and print the scores."""
    args = parse_arguments()
    minutes, test_minutes = MINUTES[args.size]
    fabric = Fabric(accelerator=args.accelerator, devices=1, precision=args.precision)
    scenes = args.out / f"scenes_{args.size}"
    train_clips = make_clips(scenes, "train", args.sounds, minutes)
    validation_clips = make_clips(scenes, "validation", args.sounds, test_minutes)
    test_clips = make_clips(scenes, "test", args.sounds, test_minutes)
    classes = train_clips.sounds.classes
    print("classes:", ", ".join(classes))
    fabric.seed_everything(0)
    tagger = load_tagger(train_clips.sounds, NAMING_STEPS[args.size])
    keep_settings(args, tagger)
    extractor = sk.features.presets.at2seld(bins="mel", phase="cosine_sine", tagger=tagger.bands)
    format = track_wise(len(classes))
    chunks = read_chunks(train_clips, extractor, format)
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in [*RECIPES, "thresholds of 0.5"]}
    for seed, (name, recipe) in product(args.seed, RECIPES.items()):
        folder = args.out / f"{name.replace(' ', '-')}-{seed}"
        if not (folder / "pipeline.json").exists():  # which is written last
            fabric.seed_everything(seed)
            model = build_model(
                len(classes),
                extractor.num_channels,
                tagger,
                pool_time=(5, 2, 1, 1),
                pool_freq=(4, 2, 2, 2),
                map_dropout=0.0,
                dropout=0.0,
                late_stitch=recipe.late_stitch,
                **NETWORKS[args.size],
            )
            epochs = EPOCHS[args.size]
            run = train(fabric, model, extractor, recipe, chunks, epochs)
            for epoch, losses in enumerate(run, start=1):
                print(f"seed {seed}, {name}, epoch {epoch} of {epochs}: {losses}", flush=True)
            sk.Pipeline(extractor, model, format, window_s=CHUNK_S, classes=classes).save(folder)
        pipeline = sk.Pipeline.load(folder).to(fabric.device)
        pipeline.format = choose_thresholds(scan(pipeline, validation_clips), validation_clips)
        pipeline.save(folder)
        outputs = scan(pipeline, test_clips)
        rows[name].append(score(outputs, test_clips, pipeline.format))
        if name == "full":
            rows["thresholds of 0.5"].append(score(outputs, test_clips, format))
    (args.out / "scores.json").write_text(json.dumps(rows, indent=2) + "\n")
    print_table(rows)


def keep_settings(args: argparse.Namespace, tagger: Tagger) -> None:
    """Write down what all systems in the folder have in common, or stop unless it is the same."""
    settings = sk.data.RunSettings(size=args.size, precision=args.precision, tagger=tagger.bands)
    record = args.out / "settings.safetensors"
    if record.exists():
        sk.data.load_checkpoint(record, settings=settings)
    else:
        sk.data.save_checkpoint(record, epoch=0, settings=settings)


def make_clips(folder: Path, part: str, recordings: Path | None, minutes: float) -> Clips:
    """Make scenes of ten seconds, each in another room, unless the folder holds them already."""
    sounds: sk.synth.Sounds = sk.synth.BuiltinSounds()  # no two are the same
    if recordings is not None:
        sounds = sk.synth.FolderSounds(recordings, folds=FOLDS[part])
    synthesizer = sk.synth.SceneSynthesizer(
        sounds, sample_rate=RATE, moving=0.0, distance_m=(1.0, 3.0), label_range_db=20.0
    )
    count, seed = round(minutes * 6), list(FOLDS).index(part)
    made = sk.synth.write_scenes(synthesizer, folder / part, count, seed=seed)
    scenes = list(tqdm(made, f"scenes for {part}", count))
    events = [sk.io.read_events(scene.labels, format="dcase2023") for scene in scenes]
    return Clips([scene.audio for scene in scenes], events, sounds)


def load_tagger(sounds: sk.synth.Sounds, naming_steps: int) -> Tagger:
    """Return YAMNet, or a small CNN14 that learns to name the sounds first."""
    try:
        weights = yamnet.convert(yamnet.read_saved_model(yamnet.installed_folder()))
        return Tagger(partial(sk.backbones.yamnet, frames_per_step=16), "yamnet", weights)
    except ModuleNotFoundError as error:
        print(error)
    extractor = sk.features.presets.panns()
    tagger = sk.backbones.cnn14(widths=CNN14_WIDTHS)  # of its 527 names it learns to use a few
    optimizer, generator = torch.optim.AdamW(tagger.parameters()), np.random.default_rng(0)
    progress = tqdm(range(naming_steps), "naming single sounds")
    for _ in progress:
        label = torch.randint(len(sounds.classes), (16,))
        waveform = torch.zeros(len(label), 1, 2 * RATE)
        for row, number in zip(waveform[:, 0], label.tolist(), strict=True):
            sound = torch.tensor(sounds.draw(number, generator, RATE)[: len(row)])
            row[: len(sound)] = sound * 10 ** generator.uniform(-2, 0)
        logits = tagger(extractor(waveform)).logits
        loss = functional.cross_entropy(logits, label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        right = (logits.argmax(dim=1) == label).float().mean()
        progress.set_postfix(loss=f"{loss:.2f}", right=f"{right:.0%}")
    build = partial(sk.backbones.cnn14, widths=CNN14_WIDTHS, pool_time=(2, 2, 2, 2, 1, 1))
    return Tagger(build, "panns", tagger.state_dict())


def track_wise(num_classes: int, threshold: float | list[float] = 0.5) -> sk.formats.TrackWise:
    """Return the output format: two tracks, a direction for each class."""
    return sk.formats.TrackWise(
        num_classes, num_tracks=2, class_directions=True, threshold=threshold
    )


def read_chunks(
    clips: Clips, extractor: sk.features.FeatureExtractor, format: sk.formats.TrackWise
) -> sk.data.Chunks[sk.SELDOutput]:
    """Return features and targets in chunks, of which one begins every second."""
    features, targets = [], []
    for audio, events in zip(tqdm(clips.audio, "features"), clips.events, strict=True):
        waveform, _ = sk.io.read_audio(audio, sample_rate=RATE)
        features.append(extractor(waveform.unsqueeze(0)).squeeze(0))
        targets.append(format.encode(events, waveform.shape[1] * LABELS_PER_S // RATE))
    return sk.data.Chunks(
        features,
        targets,
        chunk_frames=round(CHUNK_S * LABELS_PER_S),
        hop_frames=LABELS_PER_S,
        ratio=round(extractor.frame_rate / LABELS_PER_S),
    )


def build_model(
    num_classes: int, in_channels: int, tagger: Tagger | None, *, channels: int, **arguments: Any
) -> sk.models.AT2SELD:
    """Return an untrained network that reads mel bands, several times quicker than all bins."""
    model = sk.models.at2seld(
        num_classes,
        num_tracks=2,
        in_channels=in_channels,
        bins="mel",
        stitch_own=0.5,  # nine tenths leave little of the tagger in so short a training
        channels=channels,
        feedforward=2 * channels,
        backbone="none" if tagger is None else tagger.build(),
        **arguments,
    )
    if tagger is not None and model.backbone is not None:
        model.backbone.load_state_dict(tagger.weights)
    return model


def train(
    fabric: Fabric,
    network: torch.nn.Module,
    extractor: sk.features.FeatureExtractor,
    recipe: Recipe,
    chunks: sk.data.Chunks[sk.SELDOutput],
    epochs: int,
) -> Iterator[str]:
    """Train a network on chunks that are turned in sixteen ways; give the losses of each epoch."""
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # stubs lack it
    learned = [parameter for parameter in network.parameters() if parameter.requires_grad]
    model, optimizer = fabric.setup(network, torch.optim.AdamW(learned, fused=True))
    batches = fabric.setup_dataloaders(
        DataLoader(
            chunks, min(16, len(chunks)), shuffle=True, drop_last=True, collate_fn=chunks.collate
        )
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=1e-3, total_steps=epochs * len(batches), pct_start=0.1
    )
    # By their shares of the total: the focal loss of activity is ten times below cross-entropy.
    balance = sk.losses.LossScaleBalancer({"sed": 5, "doa": 4, "presence": 1}, exponent=0.0)
    balance.to(fabric.device)
    swaps = sk.augment.channel_swaps(16).to(fabric.device)
    for _ in range(epochs):
        model.train()
        sums = dict.fromkeys(("sed", "doa", "presence"), 0.0)
        for features, target in tqdm(batches, leave=False):
            swap = swaps[torch.randint(len(swaps), (len(features),))]
            features = extractor.turn(features, swap)
            target = sk.augment.swap_directions(target, swap)
            features, target = sk.augment.equalize(features, target, tilt_db=4.0, gain_db=3.0)
            seld, presence = model(features, presence=True)
            losses = sk.losses.trackwise_pit_loss(
                seld, target, gamma=recipe.gamma, inactive_weight=recipe.inactive_weight
            )._asdict()
            losses["presence"] = sk.losses.presence_loss(presence, target.activity)
            optimizer.zero_grad()
            fabric.backward(balance(losses))
            fabric.clip_gradients(model, optimizer, max_norm=1.0)
            optimizer.step()
            schedule.step()
            sums = {name: sums[name] + loss.item() for name, loss in losses.items()}
        yield ", ".join(f"{name} {total / len(batches):.4f}" for name, total in sums.items())


def scan(pipeline: sk.Pipeline, clips: Clips) -> list[sk.SELDOutput]:
    """Return what the network says of each clip."""
    progress = tqdm(clips.audio, "listening", leave=False)
    outputs = [cast(sk.SELDOutput, pipeline.scan(path)) for path in progress]
    return [sk.outputs.combine(lambda parts: parts[0].cpu(), [output]) for output in outputs]


def choose_thresholds(outputs: Sequence[sk.SELDOutput], clips: Clips) -> sk.formats.TrackWise:
    """Return the format with the threshold of each class that has the best F-score, within 20°."""
    num_classes = len(clips.sounds.classes)
    metrics = sk.metrics.SELDMetrics("dcase2024", num_classes, frames="clip")
    pairs = list(zip(outputs, clips.events, strict=True))
    grid = [step / 20 for step in range(1, 20)]
    curve = sk.metrics.analysis.sweep(pairs, track_wise(num_classes), grid, metrics)
    return track_wise(num_classes, curve.best_per_class("f_score").tolist())


def score(
    outputs: Sequence[sk.SELDOutput], clips: Clips, format: sk.formats.TrackWise
) -> dict[str, float]:
    """Return the scores of the events in the outputs."""
    by_second, by_frame = (
        sk.metrics.SELDMetrics(name, format.num_classes, average="micro", frames="clip")
        for name in ("dcase2023", "dcase2024")
    )
    for output, events in zip(outputs, clips.events, strict=True):
        found = format.decode(output)
        by_second.update(found, events)
        by_frame.update(found, events)
    frames = by_frame.compute()
    return {
        "F20 frame-wise": frames.f_score,
        "LE frame-wise": frames.localization_error_deg,
        **by_second.compute().as_dict(),
    }


def print_table(rows: dict[str, list[dict[str, float]]]) -> None:
    """Print the mean over the seeds, and the standard deviation if there are several."""
    values = torch.tensor([[list(scores.values()) for scores in row] for row in rows.values()])
    names = list(rows["full"][0])
    print(Table(list(rows), dict(zip(names, values.mean(dim=1).T, strict=True))))
    if values.shape[1] > 1:
        print(f"standard deviations over {values.shape[1]} seeds:")
        print(Table(list(rows), dict(zip(names, values.std(dim=1).T, strict=True))))


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sounds", type=Path, help="folder of recordings in class folders")
    parser.add_argument("--out", type=Path, default=Path("runs/at2seld"), help="where results go")
    parser.add_argument("--size", choices=list(NETWORKS), default="small")
    parser.add_argument("--quick", dest="size", action="store_const", const="quick")
    parser.add_argument("--seed", type=int, nargs="+", default=[0], help="one or several")
    parser.add_argument("--accelerator", default="auto", help="cpu, cuda, ...")
    parser.add_argument("--precision", default="bf16-mixed", help="32-true, ...")
    return parser.parse_args()


if __name__ == "__main__":
    main()
