"""Train AT2SELD with a frozen audio tagger, and see what each part of its recipe is worth.

Makes labelled scenes of the built-in sounds (or of your recordings: `--sounds DIR`). The tagger is
YAMNet where its package is installed (see `seldkit.compat.yamnet`), otherwise a small CNN14 that
first learns to name single sounds. The network is trained in full, then with other stitches,
without the focal loss, or without the restriction of the directions' loss to what is active. Prints
the scores on sounds and in rooms that were never heard, with a threshold from validation scenes and
with 0.5. Takes over two hours on two processor cores, one run on each (see `tables.py`);
`--quick` shows in a minute that all of it runs. Everything is written to `runs/at2seld` (or `--out
DIR`); run it again, with the same arguments, to go on after the last epochs that were finished (the
end is that of an unbroken run):

    scenes_SIZE/  audio and labels, made once
    tagger_STEPS.safetensors  CNN14's weights, if it had to learn
    full-0/, ...  the trained systems, by recipe and seed, with checkpoints, logs and scores
"""

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

import numpy as np
import torch
from lightning_fabric import Fabric
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

import seldkit as sk
from loop import load, open_fabric, train
from seldkit.compat import yamnet
from stages import (
    THREE_FOLDS,
    TRAINING,
    Clips,
    bar,
    choose_sounds,
    make_scenes,
    one_cycle,
    read_options,
    score,
    settings_of,
    turn,
)
from tables import Scores, fill

RATE, CHUNK_S = 32000, 5.0
SIZES: dict[str, dict[str, Any]] = {
    "quick": {"minutes": 1 / 6, "test_minutes": 1 / 6, "epochs": 1, "batch_size": 6},
    "small": {"minutes": 40.0, "test_minutes": 6.0, "epochs": 8},
}
NETWORKS: dict[str, dict[str, Any]] = {
    "quick": {"widths": (8, 16, 16, 16), "channels": 32},
    "small": {"widths": (32, 64, 128, 128), "channels": 128},
}
NAMING_STEPS = {"quick": 5, "small": 400}
CNN14_WIDTHS = (16, 32, 64, 64, 128, 128)


class Recipe(NamedTuple):
    """What the report finds to help."""

    late_stitch: bool = True
    early_stitches: Sequence[str] = ()
    gamma: float = 2.0  # of the focal loss; 0 makes it the cross-entropy
    inactive_weight: float = 0.0  # learn the directions of what is active alone


RECIPES = {  # and the SELD score of the report's stitches
    "full": (Recipe(), ".624"),
    "no stitch": (Recipe(late_stitch=False), ".708"),
    "early stitch": (Recipe(late_stitch=False, early_stitches=["block3"]), ".715"),
    "both stitches": (Recipe(early_stitches=["block3"]), ".705"),
    "cross-entropy": (Recipe(gamma=0.0), "worse than full"),
    "all directions": (Recipe(inactive_weight=1.0), "worse than full"),
}


class Tagger(NamedTuple):
    """A trained audio tagger."""

    build: Callable[[], sk.backbones.TaggingBackbone]
    bands: Literal["yamnet", "panns"]  # whose mel bands it reads
    weights: dict[str, Tensor]


def main() -> None:
    """Train by each recipe with each seed, and print the scores."""
    defaults = dict.fromkeys(("sounds", "minutes", "test_minutes", "epochs"))
    own = {"out": Path("runs/at2seld"), "seed": [0, 1, 2], "processes": os.cpu_count() or 1}
    own |= {"precision": "bf16-mixed", "lr": 1e-3}
    args = read_options(__doc__, SIZES, {**defaults, **TRAINING, **own})
    prepare(args)
    fill(args, {name: published for name, (_, published) in RECIPES.items()}, fit)


def fit(name: str, args: argparse.Namespace, folder: Path) -> Scores:
    """Train by a recipe, save the system, and return its scores."""
    recipe, fabric = RECIPES[name][0], open_fabric(args)
    (train_clips, validation_clips, test_clips), tagger = prepare(args)
    classes = train_clips.classes
    fabric.seed_everything(args.seed, verbose=False)
    extractor = sk.features.presets.at2seld(bins="mel", phase="cosine_sine", tagger=tagger.bands)
    format = track_wise(len(classes))
    model = build_model(
        len(classes),
        extractor.num_channels,
        tagger,
        pool_time=(5, 2, 1, 1),
        pool_freq=(4, 2, 2, 2),
        map_dropout=0.0,
        dropout=0.0,
        late_stitch=recipe.late_stitch,
        early_stitches=recipe.early_stitches,
        **NETWORKS[args.size],
    )
    settings = settings_of(args, "minutes", "lr", tagger=tagger.bands)
    chunks = read_chunks(train_clips, extractor, format)
    for _ in train_system(
        fabric, args, model, extractor, recipe, chunks, folder=folder, settings=settings
    ):
        pass
    pipeline = sk.Pipeline(extractor, model, format, window_s=CHUNK_S, classes=classes)
    pipeline.to(fabric.device)
    pipeline.format = choose_threshold(scan(pipeline, validation_clips), validation_clips)
    pipeline.save(folder)
    outputs = scan(pipeline, test_clips)
    scores = score(map(pipeline.format.decode, outputs), test_clips, len(classes))
    plain = score(map(format.decode, outputs), test_clips, len(classes))
    told = {"F20": scores.pop("F20 frame-wise"), "F20 at 0.5": plain["F20 frame-wise"]}
    return told | {
        "LE": scores.pop("LE frame-wise"),
        **{n: scores[n] for n in ("ER", "LR", "SELD")},
    }


def prepare(args: argparse.Namespace) -> tuple[list[sk.data.Corpus], Tagger]:
    """Return scenes and tagger, which are made at the first call."""
    tests = dict.fromkeys(("validation", "test"), args.test_minutes)
    scenes = read_scenes(args, {"train": args.minutes, **tests})
    sounds = choose_sounds(args.sounds, THREE_FOLDS["train"])
    return scenes, load_tagger(args.out, sounds, NAMING_STEPS[args.size])


def read_scenes(args: argparse.Namespace, minutes: dict[str, float]) -> list[sk.data.Corpus]:
    """Return scenes of each part, made if need be."""
    return make_scenes(
        args.out / f"scenes_{args.size}",
        minutes,
        sounds=args.sounds,
        seed=0,
        sample_rate=RATE,
        moving=0.0,
        distance_m=(1.0, 3.0),
        label_range_db=20.0,
    )


def load_tagger(folder: Path, sounds: sk.synth.Sounds, naming_steps: int) -> Tagger:
    """Return YAMNet, or a small CNN14, which learns to name the sounds at the first call."""
    try:
        weights = yamnet.convert(yamnet.read_saved_model(yamnet.installed_folder()))
        return Tagger(partial(sk.backbones.yamnet, frames_per_step=16), "yamnet", weights)
    except ModuleNotFoundError as error:
        print(error)
    file = folder / f"tagger_{naming_steps}.safetensors"
    if not file.exists():
        save_file(learn_names(sounds, naming_steps), file)
    build = partial(sk.backbones.cnn14, widths=CNN14_WIDTHS, pool_time=(2, 2, 2, 2, 1, 1))
    return Tagger(build, "panns", load_file(file))


def learn_names(sounds: sk.synth.Sounds, steps: int) -> dict[str, Tensor]:
    """Return the weights of a CNN14 that has learned to name single sounds."""
    torch.manual_seed(0)
    extractor = sk.features.presets.panns()
    tagger = sk.backbones.cnn14(widths=CNN14_WIDTHS)  # of its 527 names it learns to use a few
    optimizer, generator = torch.optim.AdamW(tagger.parameters()), np.random.default_rng(0)
    progress = bar(range(steps), "naming single sounds")
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
    return tagger.state_dict()


def track_wise(num_classes: int, threshold: float = 0.5) -> sk.formats.TrackWise:
    """Return the output format: two tracks, a direction for each class."""
    return sk.formats.TrackWise(
        num_classes, num_tracks=2, class_directions=True, threshold=threshold
    )


def read_chunks(
    clips: Clips, extractor: sk.features.FeatureExtractor, format: sk.formats.TrackWise
) -> sk.data.Chunks[sk.SELDOutput]:
    """Return features and targets in chunks, of which one begins every second."""
    clips_shown = bar(clips, "features")
    return sk.data.read_chunks(clips_shown, format, extractor=extractor, chunk_s=CHUNK_S, hop_s=1.0)


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


def train_system(
    fabric: Fabric,
    args: argparse.Namespace,
    network: nn.Module,
    extractor: sk.features.FeatureExtractor,
    recipe: Recipe,
    chunks: sk.data.Chunks[sk.SELDOutput],
    **kept: Any,
) -> Iterator[dict[str, float]]:
    """Train a network on chunks that are turned in sixteen ways; give the losses of each epoch."""
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # stubs lack it
    learned = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learned, args.lr, fused=True)
    batches = load(fabric, args, chunks, chunks.collate)
    # By their shares of the total: the focal loss of activity is ten times below cross-entropy.
    balance = sk.losses.LossScaleBalancer({"sed": 5, "doa": 4, "presence": 1}, exponent=0.0)

    def step(model: nn.Module, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
        features, target = turn(extractor, *batch)
        seld, presence = model(features, presence=True)
        losses = sk.losses.trackwise_pit_loss(
            seld, target, gamma=recipe.gamma, inactive_weight=recipe.inactive_weight
        )._asdict()
        losses["presence"] = sk.losses.presence_loss(presence, target.activity)
        return balance(losses), losses

    schedule = one_cycle(optimizer, args, batches)
    return train(
        fabric, args, network, optimizer, schedule, batches, step, balancer=balance, **kept
    )


def scan(pipeline: sk.Pipeline, clips: Clips) -> list[sk.SELDOutput]:
    """Return what the network says of each clip."""

    def listen(clip: sk.data.Clip) -> sk.SELDOutput:
        return cast(sk.SELDOutput, pipeline.scan(clip.audio)).map(Tensor.cpu)

    return sk.data.map_over_processes(listen, clips)


def choose_threshold(outputs: Sequence[sk.SELDOutput], clips: Clips) -> sk.formats.TrackWise:
    """Return the format with the threshold that has the best F-score within 20 degrees."""
    num_classes = outputs[0].activity.shape[-1]
    metrics = sk.metrics.SELDMetrics("dcase2024", num_classes, average="micro", frames="clip")
    pairs = [(output, clip.events()) for output, clip in zip(outputs, clips, strict=True)]
    grid = [step / 20 for step in range(1, 20)]
    curve = sk.metrics.analysis.sweep(pairs, track_wise(num_classes), grid, metrics)
    return track_wise(num_classes, curve.best("f_score"))


if __name__ == "__main__":
    main()
