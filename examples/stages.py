"""Stages that trainings share: options, made scenes, batches, the loop over epochs, scores."""

import argparse
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
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
    "batch_size": {"type": int, "help": "chunks in a step"},
    "lr": {"type": float, "help": "highest learning rate"},
    "accelerator": {"help": "cpu, cuda, ..."},
    "precision": {"help": "32-true, bf16-mixed, ..."},
    "seed": {"type": int, "help": "of weights, scenes and chance"},
}
Clips = Sequence[sk.data.Clip]
Step = Callable[[nn.Module, Tensor, Any], tuple[Tensor, Mapping[str, Tensor]]]


def read_options(
    doc: str | None,
    sizes: Mapping[str, Mapping[str, Any]],
    choices: Mapping[str, list[str]] = {},
    /,
    **defaults: Any,
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
        several = "+" if isinstance(default, list) else None
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, default=default, nargs=several, **OPTIONS[name])
    parser.set_defaults(**sizes[parser.parse_known_args()[0].size])
    return parser.parse_args()


def choose_sounds(folder: Path | None, folds: Collection[int | str]) -> sk.synth.Sounds:
    """Return the recordings of some folds, or the built-in sounds, of which no two are the same."""
    if folder is None:
        return sk.synth.BuiltinSounds()
    return sk.synth.FolderSounds(folder, folds=folds)


def make_clips(
    synthesizer: sk.synth.SceneSynthesizer, folder: Path, minutes: float, seed: int
) -> Clips:
    """Make scenes in a folder, each in another room, unless it holds them already."""
    count = max(round(minutes * 60 / synthesizer.duration_s), 1)
    scenes = sk.synth.write_scenes(synthesizer, folder, count, seed=seed)
    for _ in tqdm(scenes, f"scenes in {folder}", total=count):
        pass
    return sk.data.read_folder(folder, classes=synthesizer.classes)[:count]


def load(chunks: sk.data.Chunks[Any], batch_size: int) -> DataLoader[Any]:
    """Return batches of chunks in random order."""
    if len(chunks) < batch_size:
        raise ValueError(f"--batch-size is {batch_size}, of only {len(chunks)} chunks")
    return DataLoader(chunks, batch_size, shuffle=True, drop_last=True, collate_fn=chunks.collate)


def one_cycle(
    optimizer: torch.optim.Optimizer, lr: float, steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """Return a schedule that raises the learning rate for a tenth of the steps, then lowers it."""
    return torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps, pct_start=0.1)


def turn(
    extractor: sk.features.FeatureExtractor, features: Tensor, target: Any
) -> tuple[Tensor, Any]:
    """Turn each chunk in one of sixteen ways, and let it sound through a random filter."""
    swaps = sk.augment.channel_swaps(16).to(features.device)
    swap = swaps[torch.randint(len(swaps), (len(features),))]
    features = extractor.turn(features, swap)
    target = sk.augment.swap_directions(target, swap)
    return sk.augment.equalize(features, target, tilt_db=4.0, gain_db=3.0)


def train(
    fabric: Fabric,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    batches: DataLoader[Any],
    step: Step,
    *,
    epochs: int,
    max_norm: float | None = 1.0,
    checkpoint: Path | None = None,
    settings: sk.data.RunSettings | None = None,
    seed: int = 0,
) -> Iterator[dict[str, float]]:
    """Train a network; give the mean losses after each epoch.

    A step returns what is minimised and the losses by name. With a checkpoint, and the settings of
    the run, it goes on where a run that was stopped had come to, as that would have gone on.
    """
    model, fast = fabric.setup(network, optimizer)
    loader = cast(DataLoader[Any], fabric.setup_dataloaders(batches))
    parts: dict[str, Any] = {"settings": settings, "model": network, "optimizer": fast}
    parts["schedule"] = schedule
    done = 0
    if checkpoint is not None and checkpoint.exists():
        done = sk.data.load_checkpoint(checkpoint, **parts)
        print(f"goes on after epoch {done} of {epochs}, from {checkpoint}", flush=True)
    for epoch in range(done, epochs):
        if checkpoint is not None:
            torch.manual_seed(seed + epoch)
        model.train()
        heard: list[list[float]] = []
        progress = tqdm(loader, f"epoch {epoch + 1} of {epochs}", leave=False)
        for features, target in progress:
            total, losses = step(model, features, target)
            descend(fabric, model, fast, total, max_norm)
            schedule.step()
            heard.append([loss.item() for loss in losses.values()])
            progress.set_postfix_str(show(dict(zip(losses, heard[-1], strict=True))))
        if checkpoint is not None:
            sk.data.save_checkpoint(checkpoint, epoch=epoch + 1, **parts)
        yield dict(zip(losses, torch.tensor(heard).mean(dim=0).tolist(), strict=True))


def descend(
    fabric: Fabric,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    total: Tensor,
    max_norm: float | None = 1.0,
) -> None:
    """Take the step that lowers a loss, with gradients of at most some length."""
    optimizer.zero_grad()
    fabric.backward(total)
    if max_norm is not None:
        fabric.clip_gradients(model, optimizer, max_norm=max_norm)
    optimizer.step()


def settings_of(args: argparse.Namespace, *names: str) -> sk.data.RunSettings:
    """Return the options that a run which goes on must repeat."""
    names = (*names, "seed", "precision")
    return sk.data.RunSettings(**{name: getattr(args, name) for name in names})


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


def has_bfloat16() -> bool:
    """Tell whether the processor computes in bfloat16 itself."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))
