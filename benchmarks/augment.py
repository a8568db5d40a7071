"""What augmentation takes beside the features of the same batch, and beside a step of SELDnet.

Run with `PYTHONPATH=. python benchmarks/augment.py`: a minute, with `--quick` some seconds; on a
GPU where there is one, otherwise on one core, by the processor's own time, which other programs
disturb least. Each augmentation and the extraction of features run in turn on one batch of noise,
every clip augmented; the ratios are medians over rounds, which carry over between machines as
seconds do not. A step is that of the SELDnet of DCASE
2023, multi-ACCDOA, forward and backward with its optimiser.
"""

from collections.abc import Callable
from functools import partial
from statistics import median
from time import process_time
from typing import Any

import torch
from torch import Tensor

from benchmarks.measuring import Task, arguments, seconds
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


def took(task: Task, device: torch.device) -> float:
    """Return how many seconds a task takes."""
    if device.type == "cuda":
        return seconds(task)
    start = process_time()
    task()
    return process_time() - start


def main() -> None:
    """Time every augmentation."""
    quick = arguments().quick
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
    for task in tasks.values():
        task()  # what is made on first use
    times = {name: [] for name in tasks}  # type: dict[str, list[float]]
    for _ in range(rounds):
        for name, task in tasks.items():
            times[name].append(took(task, device))
    print(f"{batch} clips of {duration_s} s on {device}; share of the features and of a step")
    for name in tasks:
        shares = [
            median(a / b for a, b in zip(times[name], times[whole_], strict=True))
            for whole_ in ("features", "step")
        ]
        took_ms = 1000 * median(times[name])
        print(f"    {name:30} {shares[0]:6.2f} {shares[1]:6.2f}   ({took_ms:.1f} ms)")


if __name__ == "__main__":
    main()
