"""What augmentation takes beside the features of the same batch, and beside a step of SELDnet.

Run with `PYTHONPATH=. python benchmarks/augment.py`: a minute, with `--quick` some seconds; on a
GPU where there is one, otherwise on one core, by the processor's own time, which other programs
disturb least. Each augmentation and the extraction of features run in turn on one batch of noise,
every clip augmented. A step is that of the SELDnet of DCASE 2023, multi-ACCDOA, forward and
backward with its optimiser.
"""

from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from typing import Any

import torch
from torch import Tensor

from benchmarks.measuring import Task, arguments, cpu_seconds, seconds
from benchmarks.rows import Row, in_turn, tell
from seldkit import augment, models
from seldkit.features import presets
from seldkit.losses import adpit_loss

CLASSES, RATE, LABEL_RATE = 13, 24000, 10
Step = Callable[..., tuple[Tensor, Any]]

EXTRACTOR = presets.dcase2023_foa()
WAVEFORM: dict[str, Step] = {
    "turn_clips": augment.turn_clips,
    "mix_clips": augment.mix_clips,
    "paste_events": partial(augment.paste_events, ratio=RATE // LABEL_RATE),
    "shift_time": partial(augment.shift_time, ratio=RATE // LABEL_RATE),
    "equalize": augment.equalize,
    "add_noise": augment.add_noise,
}
FEATURES: dict[str, Step] = {
    "turn_clips of features": partial(augment.turn_clips, extractor=EXTRACTOR),
    "shift_time of features": partial(augment.shift_time, ratio=5),
    "equalize features": partial(augment.equalize, extractor=EXTRACTOR),
    "shift_frequency": partial(augment.shift_frequency, extractor=EXTRACTOR),
    "spec_augment": partial(augment.spec_augment, extractor=EXTRACTOR),
    "cutout": partial(augment.cutout, extractor=EXTRACTOR),
}


def targets(batch: int, frames: int) -> Tensor:
    """Return multi-ACCDOA with one event in the middle of each clip."""
    target = torch.zeros(batch, frames, 3, CLASSES, 3)
    target[:, frames // 4 : frames // 2, 0, :1, 0] = 1
    return target


def training_step(features: Tensor, target: Tensor) -> Task:
    """Return a step of the network on a batch."""
    network = models.seldnet(CLASSES, in_channels=7, format="multi_accdoa").to(features.device)
    optimizer = torch.optim.Adam(network.parameters())

    def step() -> None:
        optimizer.zero_grad()
        adpit_loss(network(features), target).backward()
        optimizer.step()

    return step


def rows(quick: bool) -> Iterator[Row]:
    """Yield every augmentation beside the features and beside a step."""
    batch, duration_s, rounds = (2, 1, 1) if quick else (16, 5, 5)
    torch.set_num_threads(1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    EXTRACTOR.float().to(device)
    waveform = torch.randn(batch, 4, duration_s * RATE, device=device)
    target = targets(batch, duration_s * LABEL_RATE).to(device)
    features = EXTRACTOR(waveform)
    generator = torch.Generator(device).manual_seed(0)
    tasks: dict[str, Task] = {
        "features": partial(EXTRACTOR, waveform),
        "step": training_step(features, target),
    }
    for steps, x in ((WAVEFORM, waveform), (FEATURES, features)):
        tasks |= {name: partial(s, x, target, generator=generator) for name, s in steps.items()}
    whole = partial(augment.four_stage, extractor=EXTRACTOR, generator=generator)
    tasks["four_stage, features included"] = partial(whole, waveform, target)
    times = in_turn(tasks, rounds, seconds if device.type == "cuda" else cpu_seconds)
    clips = f"{batch} clips of {duration_s} s on {device}"
    for name, taken in times.items():
        if name not in ("features", "step"):
            took_ms = f"{1000 * median(taken):.1f} ms"
            yield Row.of(name, f"features of {clips}", times["features"], taken, took_ms)
            yield Row.of(name, "a step of SELDnet on these", times["step"], taken)


if __name__ == "__main__":
    tell(rows(arguments().quick))
