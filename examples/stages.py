"""Stages that trainings share: options, made scenes, chance in what is heard, scores."""

import argparse
import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from tqdm import tqdm

import seldkit as sk

OPTIONS: dict[str, dict[str, Any]] = {  # by their one name
    "sounds": {"type": Path, "help": "folder of recordings in class folders"},
    "data": {"type": Path, "help": "folder of a labelled corpus"},
    "out": {"type": Path, "help": "where results go"},
    "minutes": {"type": float, "help": "of scenes to train on"},
    "test_minutes": {"type": float, "help": "of scenes to test on"},
    "moving": {"type": float, "help": "share of events that move"},
    "epochs": {"type": int, "help": "how often all is heard"},
    "patience": {"type": int, "help": "epochs without a better score after which to stop"},
    "chunk_s": {"type": float, "help": "length of training chunks"},
    "batch_size": {"type": int, "help": "chunks in a step, of all processes together"},
    "accumulate": {"type": int, "help": "shares in which a process hears its part of a step"},
    "lr": {"type": float, "help": "highest learning rate"},
    "snr_db": {"type": float, "nargs": 2, "help": "of the noise, least and greatest"},
    "rectify": {"action": "store_true", "help": "AdaBelief's rectified form"},
    "accelerator": {"help": "cpu, cuda, ..."},
    "precision": {"help": "32-true, bf16-mixed, ..."},
    "workers": {"type": int, "help": "processes that read the chunks, for each that trains"},
    "save_every": {"type": int, "help": "steps after which to save, not only after an epoch"},
    "tensorboard": {"action": "store_true", "help": "log for tensorboard, too"},
    "tracks": {"type": int, "help": "most sources at once"},
    "steps": {"type": int, "help": "of training"},
    "processes": {"type": int, "help": "how many share the work"},
    "seed": {"type": int, "help": "of weights, scenes and chance"},
}
TRAINING: dict[str, Any] = {  # what every training understands
    "batch_size": 16,
    "accumulate": 1,
    "patience": None,
    "accelerator": "auto",
    "precision": "32-true",
    "workers": 0,
    "save_every": None,
    "tensorboard": False,
    "seed": 0,
}
FOLDS = {"train": ("1", "2", "3", "5"), "test": ("4",)}  # recordings of fold 4 are held out
THREE_FOLDS = {"train": ("1", "2", "5"), "validation": ("3",), "test": ("4",)}
Clips = Sequence[sk.data.Clip]


def bar(items: Iterable[Any], label: str, **options: Any) -> Any:
    """Return what is gone through, and show how far it is; one process does, the first."""
    quiet = int(os.environ.get("RANK", "0")) > 0 or parent_process() is not None
    return tqdm(items, label, leave=False, disable=quiet, **options)


def read_options(
    doc: str | None,
    sizes: Mapping[str, Mapping[str, Any]],
    defaults: Mapping[str, Any],
    choices: Mapping[str, list[str]] = {},
) -> argparse.Namespace:
    """Read the command line; what it does not say is as the size has it, then the default."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", choices=list(sizes), default="small")
    parser.add_argument("--quick", dest="size", action="store_const", const="quick")
    for name, values in choices.items():
        parser.add_argument(f"--{name}", choices=values, default=values[0])
    for name, default in defaults.items():
        several: dict[str, Any] = {"nargs": "+"} if isinstance(default, list) else {}
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, default=default, **several, **OPTIONS[name])
    parser.set_defaults(**sizes[parser.parse_known_args()[0].size])
    return parser.parse_args()


def choose_sounds(
    sounds: Path | sk.synth.Sounds | None, folds: Collection[int | str]
) -> sk.synth.Sounds:
    """Return the recordings of some folds, or sounds that are drawn anew: built-in ones if None."""
    if sounds is None:
        return sk.synth.BuiltinSounds()
    return sk.synth.FolderSounds(sounds, folds=folds) if isinstance(sounds, Path) else sounds


def make_scenes(
    folder: Path,
    minutes: Mapping[str, float],
    *,
    sounds: Path | sk.synth.Sounds | None,
    seed: int,
    **settings: Any,
) -> list[sk.data.Corpus]:
    """Return scenes of each part, made unless the folder holds them already.

    No two parts share a recording, and no two scenes a room.
    """
    folds = THREE_FOLDS if "validation" in minutes else FOLDS
    parts = []
    for number, (part, length) in enumerate(minutes.items(), start=seed):
        drawn = choose_sounds(sounds, folds[part])
        synthesizer = sk.synth.SceneSynthesizer(drawn, **settings)
        count = max(round(length * 60 / synthesizer.duration_s), 1)
        scenes = sk.synth.write_scenes(synthesizer, folder / part, count, seed=number)
        for _ in bar(scenes, f"scenes in {folder / part}", total=count):
            pass
        parts.append(sk.data.read_folder(folder / part)[:count])
    return parts


def count_steps(args: argparse.Namespace, batches: DataLoader[Any]) -> int:
    """Return the number of steps in all epochs."""
    return int(args.epochs * (len(batches) // args.accumulate))


def one_cycle(
    optimizer: torch.optim.Optimizer, args: argparse.Namespace, batches: DataLoader[Any]
) -> torch.optim.lr_scheduler.LRScheduler:
    """Return a schedule that raises the learning rate for a tenth of the steps, then lowers it."""
    return torch.optim.lr_scheduler.OneCycleLR(
        optimizer, args.lr, total_steps=count_steps(args, batches), pct_start=0.1
    )


def turn(
    extractor: sk.features.FeatureExtractor, features: Tensor, target: Any
) -> tuple[Tensor, Any]:
    """Turn each chunk in one of sixteen ways, and let it sound through a random filter."""
    swaps = sk.augment.channel_swaps(16).to(features.device)
    swap = swaps[torch.randint(len(swaps), (len(features),))]
    features = extractor.turn(features, swap)
    target = sk.augment.swap_directions(target, swap)
    return sk.augment.equalize(features, target, tilt_db=4.0, gain_db=3.0)


def settings_of(args: argparse.Namespace, *names: str, **more: Any) -> sk.data.RunSettings:
    """Return the options, and more, that a run which goes on must repeat."""
    names = (*names, "size", "epochs", "batch_size", "accumulate", "seed", "precision")
    return sk.data.RunSettings(**{name: getattr(args, name) for name in names}, **more)


def score(found: Iterable[sk.Events], clips: Clips, num_classes: int) -> dict[str, float]:
    """Return the scores of what was found in clips, frame by frame and in segments of a second."""
    by_segment, by_frame = (
        sk.metrics.SELDMetrics(protocol, num_classes, average="micro", frames="clip")
        for protocol in ("dcase2023", "dcase2024")
    )
    for events, clip in zip(found, clips, strict=True):
        reference = clip.events()
        by_segment.update(events, reference)
        by_frame.update(events, reference)
    frame = by_frame.compute()
    return {
        "F20 frame-wise": frame.f_score,
        "LE frame-wise": frame.localization_error_deg,
        **by_segment.compute().as_dict(),
    }


def show(values: Mapping[str, float]) -> str:
    """Return losses or scores in one line."""
    return ", ".join(f"{name} {value:.3f}" for name, value in values.items())


def write_scores(scores: Mapping[str, Mapping[str, float]], out: Path) -> None:
    """Print scores by the name of what was scored, and write them."""
    for name, values in scores.items():
        print(f"{name:>9}: {show(values)}")
    (out / "scores.json").write_text(json.dumps(scores, indent=2) + "\n")
    print(f"see {out}")


def has_bfloat16() -> bool:
    """Tell whether the processor computes in bfloat16 itself."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))
