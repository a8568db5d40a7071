"""A clip of a corpus: a recording, and its labels when they are asked for."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from os import PathLike
from pathlib import Path
from typing import Protocol, runtime_checkable

from seldkit.data.splits import Fold, clip_name
from seldkit.events import Events
from seldkit.io import read_events


@runtime_checkable
class Labelled(Protocol):
    """What chunks are made of: a recording and its events. A `Clip` is one."""

    @property
    def name(self) -> str:
        """What the clip is called."""

    @property
    def audio(self) -> str | PathLike[str]:
        """The recording."""

    def events(self) -> Events:
        """Return its events."""


def check_kind(clip: object) -> None:
    """Raise `TypeError` unless chunks can be made of it."""
    if not isinstance(clip, Labelled):
        raise TypeError(f"clips must have a name, audio and events(), got {clip!r}")


@dataclass(frozen=True)
class Clip:
    """A recording and its labels, which are read when they are asked for.

    Where chunks are made, whatever has a `name`, `audio` and `events()` can take its place.

    Args:
        name: Name of its files, without suffix.
        audio: The recording.
        labels: The label file, or None for an evaluation recording whose labels are not there.
        read: Reads the label file, such as `partial(io.read_events, format="l3das22")`.
        classes: Names of the classes, by number, if known.
        fold: Its fold, if known: a number, or a word where folders tell it.

    Examples:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "fold3_room4_mix001.csv").write_text("0,3,0,90,0")
        >>> path = folder / "fold3_room4_mix001.wav"
        >>> clip = Clip(path.stem, path, path.with_suffix(".csv"))
        >>> clip.room, clip.events()
        (4, Events(1 row, 1 class, frames 0..0, frame_s=0.1))
    """

    name: str
    audio: Path
    labels: Path | None = None
    _: KW_ONLY
    read: Callable[[Path], Events] = field(default=read_events, compare=False, repr=False)
    classes: tuple[str, ...] = field(default=(), repr=False)
    fold: Fold | None = None

    @property
    def room(self) -> int | None:
        """Room of the recording, or None where its name does not say it."""
        try:
            return clip_name(self.name).room
        except ValueError:
            return None

    def events(self) -> Events:
        """Read the labels.

        Raises:
            FileNotFoundError: If there are none, or no such file.
            ValueError: If they cannot be read; the error names the file.
        """
        if self.labels is None:
            raise FileNotFoundError(f"there are no labels for {self.audio}")
        return self.read(self.labels)
