"""Every way to score, and random clips to score with it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch.nn.functional import normalize

from metrics.clip_rows import in_frames
from seldkit.events import Events
from seldkit.metrics import SELDMetrics
from seldkit.metrics.protocols import PROTOCOLS
from seldkit.metrics.seld import Frames
from seldkit.metrics.settings import CHOICES, Setting

CLASSES, FRAMES = 3, 60

Clip = tuple[Events, Events]
"""Prediction and reference."""


class Variant(NamedTuple):
    """One way to score."""

    protocol: str
    settings: Mapping[str, Setting]

    def measure(
        self, *clips: Clip, frames: Frames = "clip", num_classes: int = CLASSES, **more: Any
    ) -> SELDMetrics:
        """Return the metrics of some clips."""
        settings: dict[str, Any] = {**self.settings, **more}
        metrics = SELDMetrics(self.protocol, num_classes, frames=frames, **settings)
        for clip in clips:
            metrics.update(*(in_frames(side, metrics.frame_s) for side in clip))
        return metrics

    def __str__(self) -> str:
        return " ".join([self.protocol, *(f"{k}={v}" for k, v in self.settings.items())])


def _every_variant() -> Iterator[Variant]:
    for name, protocol in PROTOCOLS.items():
        yield Variant(name, {})
        for average in protocol.averages[1:]:
            yield Variant(name, {"average": average})
        for setting, published in protocol.settings.items():
            for choice in CHOICES.get(setting, ()):
                if choice != published:
                    yield Variant(name, {setting: choice})


VARIANTS = list(_every_variant())
"""Every protocol as published, and with each average and choice that it knows."""


def random_clip(seed: int, num_frames: int = FRAMES) -> Clip:
    """Return a prediction and its reference, some of which is missed and some found twice.

    There are about one and a half events a frame, several of one class now and then, with
    distances and flags. No two directions are the same.
    """
    generator = torch.Generator().manual_seed(seed)
    num_rows = num_frames * 3 // 2
    frame = torch.randint(0, max(num_frames, 1), (num_rows,), generator=generator)
    label = torch.randint(0, CLASSES, (num_rows,), generator=generator)
    direction, noise = torch.randn(2, num_rows, 3, generator=generator, dtype=torch.float64)
    distance, factor = torch.rand(2, num_rows, generator=generator, dtype=torch.float64)
    onscreen, flipped = torch.rand(2, num_rows, generator=generator) < torch.tensor([[0.5], [0.2]])
    reference = Events(
        frame,
        label,
        normalize(direction, dim=-1),
        distance=1 + 4 * distance,
        onscreen=onscreen,
        num_frames=num_frames,
    )
    rows = torch.randint(0, max(num_rows, 1), (num_rows,), generator=generator)
    prediction = replace(
        reference,
        direction=normalize(reference.direction + 0.3 * noise, dim=-1),
        distance=(1 + 4 * distance) * (0.5 + factor),
        onscreen=onscreen ^ flipped,
    )
    return prediction.select(rows), reference


def random_clips(seed: int) -> list[Clip]:
    """Return three clips of different lengths."""
    return [random_clip(seed + i, num_frames) for i, num_frames in enumerate((FRAMES, 25, 111))]
