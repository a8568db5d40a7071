"""Recordings with labels, for the tests of stores."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from seldkit import Events

RATE = 8000


@dataclass(frozen=True)
class Recorded:
    """A clip as a corpus gives it; processes may be handed one."""

    audio: Path
    labels: Events | None = None
    classes: tuple[str, ...] = ("knock", "voice")
    fold: int | str | None = 3

    @property
    def name(self) -> str:
        """Its file's name."""
        return self.audio.stem

    def events(self) -> Events:
        """Return the labels, or what a reader says that finds them wrong."""
        if self.labels is None:
            raise ValueError(f"{self.audio} has labels that cannot be read")
        return self.labels


def knock(frame: int = 3, **columns: object) -> Events:
    """Return a knock from the left in a frame of 0.1 s."""
    return Events.from_degrees([frame], [0], [90.0], [10.0], **columns)  # type: ignore[arg-type]


def record(
    path: Path,
    seconds: float = 1.0,
    *,
    channels: int = 4,
    rate: int = RATE,
    subtype: str = "PCM_16",
    labels: Events | None = None,
) -> Recorded:
    """Write noise that depends on the name, and return it with a knock."""
    noise = np.random.default_rng(list(path.name.encode())).uniform(
        -1, 1, (round(seconds * rate), channels)
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, noise, rate, subtype=subtype)
    return Recorded(path, knock() if labels is None else labels)
