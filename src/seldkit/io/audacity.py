"""Label tracks for Audacity: what sounds, and where, under the waveform."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from seldkit.events import Events
from seldkit.events.telling import told


def write_label_track(
    path: str | PathLike[str], events: Events, *, classes: Sequence[str] | None = None
) -> None:
    r"""Write events as a label track, which Audacity reads with File, Import, Labels.

    Each sound is a line: its start and its end in seconds, and what
    [`sentences`][seldkit.events.sentences] says of it, such as `Alarm, 60 degrees`. A track holds
    the mean direction of a sound alone, or its first and last, so events cannot be read from it.

    Args:
        path: File to write; its folder must exist.
        events: The sounds; a gap ends one.
        classes: Names of the classes; by default their numbers.

    Raises:
        FileNotFoundError: If the folder does not exist.
        TypeError: If `classes` is one text.
        ValueError: If a class has no name.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> events = Events.from_degrees([12, 13], [1, 1], [60, 60], [0, 0])
        >>> with TemporaryDirectory() as folder:
        ...     write_label_track(Path(folder) / "clip.txt", events, classes=["knock", "alarm"])
        ...     (Path(folder) / "clip.txt").read_text().split("\t")
        ['1.200000', '1.400000', 'alarm, 60 degrees\n']
    """
    Path(path).write_text(label_track(events, classes), encoding="utf-8", newline="\n")


def label_track(events: Events, classes: Sequence[str] | None) -> str:
    """Return the text of a label track."""
    return "".join(
        f"{start_s:.6f}\t{end_s:.6f}\t{text}\n" for start_s, end_s, text in told(events, classes)
    )
