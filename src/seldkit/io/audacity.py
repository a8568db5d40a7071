"""Label tracks for Audacity: what sounds, and where, under the waveform."""

import math
import re
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import NamedTuple

from seldkit._files import result
from seldkit.events import Events
from seldkit.events.rows import DAY_S, frame_length
from seldkit.events.telling import told
from seldkit.io.classes import check_class_names

NUMBER = r"\d+(?:\.\d+)?"
TEXT = re.compile(
    rf"(?P<name>.+), (?P<first>-?{NUMBER})(?: to (?P<last>-?{NUMBER}))? degrees"
    rf"(?:, (?P<height>{NUMBER}) (?P<side>up|down))?(?:, (?P<distance>{NUMBER}) m)?"
)
"""What a label says: the words of `sentences`, with any fraction of a degree."""

TIME = re.compile(rf" *{NUMBER} *")
RULE = "a label must be a start, an end and what sounds there, such as 'alarm, 60 degrees'"


class _Sound(NamedTuple):
    """What a label says.

    Attributes:
        start: Its first frame.
        stop: The frame behind its last one.
        label: Class.
        azimuth_deg: Where it is in each frame.
        elevation_deg: The same in all of them.
        distance: In metres, the same in all of them; None if it is not told.
    """

    start: int
    stop: int
    label: int
    azimuth_deg: list[float]
    elevation_deg: float
    distance: float | None


def write_label_track(
    path: str | PathLike[str], events: Events, *, classes: Sequence[str] | None = None
) -> None:
    r"""Write events as a label track, which Audacity reads with File, Import, Labels.

    Each sound is a line: its start and its end in seconds, and what
    [`sentences`][seldkit.events.sentences] says of it, such as `Alarm, 60 degrees`. A track holds
    the mean direction of a sound alone, or its first and last, in whole degrees:
    [`read_label_track`][seldkit.io.read_label_track] reads events from it with these.

    Args:
        path: File to write; its folder must exist.
        events: The sounds; a gap ends one.
        classes: Names of the classes; by default their numbers.

    Raises:
        FileNotFoundError: If the folder does not exist.
        TypeError: If `classes` is one text.
        ValueError: If a class has no name, or one that a line cannot hold.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> events = Events.from_degrees([12, 13], [1, 1], [60, 60], [0, 0])
        >>> with TemporaryDirectory() as folder:
        ...     write_label_track(Path(folder) / "clip.txt", events, classes=["knock", "alarm"])
        ...     (Path(folder) / "clip.txt").read_text().split("\t")
        ['1.200000', '1.400000', 'alarm, 60 degrees\n']
    """
    text = label_track(events, classes)
    with result(Path(path)) as draft:
        draft.write_text(text, encoding="utf-8", newline="\n")


def label_track(events: Events, classes: Sequence[str] | None) -> str:
    """Return the text of a label track."""
    check_class_names(classes or ())
    return "".join(
        f"{start_s:.6f}\t{end_s:.6f}\t{text}\n" for start_s, end_s, text in told(events, classes)
    )


def read_label_track(
    path: str | PathLike[str],
    *,
    classes: Sequence[str] | None = None,
    frame_s: float = 0.1,
    num_frames: int | None = None,
) -> Events:
    r"""Read the events of a label track: one that was written, mended or made in Audacity.

    Each label is the sound of a class, which may have commas in its name, with its azimuth in
    degrees; then, if wanted, how many degrees `up` or `down`, and the distance: `alarm, 60 degrees,
    30 up, 1.5 m`. With `10 to 50 degrees` it moves evenly from its first to its last frame, the
    shorter way round. What [`write_label_track`][seldkit.io.write_label_track] wrote is read again
    but for what a track does not hold: an elevation of less than 10 degrees is 0, a sound has one
    elevation and one distance, and who was which source is forgotten.

    A label without length is the frame that it lies in. Times are rounded to whole frames, and a
    label that is left without any has one. Sounds of one class that overlap or touch are different
    sources. Lines that begin with a backslash hold the frequencies of a selection and are passed
    over.

    Args:
        path: The file.
        classes: Names of the classes; by default labels say `class 3`.
        frame_s: Length of a frame, in seconds.
        num_frames: Length of the clip in frames, which the file does not hold.

    Returns:
        The events, sorted by frame, then by the order of the labels.

    Raises:
        FileNotFoundError: If there is no such file.
        TypeError: If `classes` is one text.
        ValueError: If a line is no such label, names no class, ends before it starts or beyond
            `num_frames`, or some labels tell a distance and others do not; the error names file and
            line.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> text = "1.2\t1.4\tBaby cry, infant cry, 170 to -170 degrees\n"
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "clip.txt"
        ...     _ = path.write_text(text)
        ...     events = read_label_track(path, classes=["Alarm", "Baby cry, infant cry"])
        >>> events.frame.tolist(), events.label.tolist(), events.azimuth_deg.round().tolist()
        ([12, 13], [1, 1], [170.0, -170.0])
    """
    path, frame_s = Path(path), frame_length(frame_s)
    if isinstance(classes, str):
        raise TypeError(f"classes must be a list of names, got the text {classes!r}")
    numbers = None if classes is None else {name: n for n, name in enumerate(classes)}
    sounds: list[_Sound] = []
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip() or line.startswith("\\"):
            continue
        try:
            sounds.append(_sound(line, numbers, frame_s))
            if (sounds[0].distance is None) != (sounds[-1].distance is None):
                raise ValueError("all labels must tell a distance, or none")
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}, got {line!r:.100}") from error
    rows = sorted(
        (frame, place, azimuth_deg)
        for place, sound in enumerate(sounds)
        for frame, azimuth_deg in enumerate(sound.azimuth_deg, start=sound.start)
    )
    sources, of = _sources(sounds), [sounds[place] for _, place, _ in rows]
    distances = [sound.distance for sound in of if sound.distance is not None]
    try:
        return Events.from_degrees(
            [frame for frame, _, _ in rows],
            [sound.label for sound in of],
            [azimuth_deg for _, _, azimuth_deg in rows],
            [sound.elevation_deg for sound in of],
            source=[sources[place] for _, place, _ in rows],
            distance=distances or None,
            num_frames=num_frames,
            frame_s=frame_s,
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} must be a text file in UTF-8, got {error}") from error


def _sound(line: str, numbers: dict[str, int] | None, frame_s: float) -> _Sound:
    """Return what a label says, or raise `ValueError` that says what a label must be."""
    cells = line.split("\t", 2)
    told = TEXT.fullmatch(cells[-1].strip())
    if len(cells) < 3 or told is None or not all(map(TIME.fullmatch, cells[:2])):
        raise ValueError(RULE)
    start_s, end_s = float(cells[0]), float(cells[1])
    if not start_s <= end_s <= DAY_S:
        raise ValueError("a label must end no sooner than it starts, and within a day")
    start = round(start_s / frame_s)
    stop = max(round(end_s / frame_s), start + 1)
    if start_s == end_s:
        start = math.floor(start_s / frame_s + 1e-6)
        stop = start + 1
    name = told["name"]
    label = _number_of(name) if numbers is None else numbers.get(name)
    if label is None:
        known = "'class NUMBER'" if numbers is None else f"one of {', '.join(numbers)}"
        raise ValueError(f"a class must be {known}")
    height = float(told["height"] or 0) * (-1 if told["side"] == "down" else 1)
    first = float(told["first"])
    last = first if told["last"] is None else float(told["last"])
    turn = (last - first + 180) % 360 - 180
    steps = max(stop - start - 1, 1)
    azimuth = [(first + turn * step / steps + 180) % 360 - 180 for step in range(stop - start)]
    distance = None if told["distance"] is None else float(told["distance"])
    return _Sound(start, stop, label, azimuth, height, distance)


def _number_of(name: str) -> int | None:
    word, _, number = name.partition(" ")
    return int(number) if word == "class" and number.isdecimal() else None


def _sources(sounds: Sequence[_Sound]) -> list[int]:
    """Return a source for each sound: the least that none has that it overlaps or touches."""
    sources = [0] * len(sounds)
    ends: dict[tuple[int, int], int] = {}  # of a class and source, the frame behind the last sound
    for place in sorted(range(len(sounds)), key=lambda n: sounds[n].start):
        sound, source = sounds[place], 0
        while ends.get((sound.label, source), -1) >= sound.start:
            source += 1
        sources[place], ends[sound.label, source] = source, sound.stop
    return sources
