"""Sounds in words, as one would tell them to somebody who did not hear the clip."""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from seldkit._typing import Int
from seldkit.events.events import Events
from seldkit.events.spans import unbroken
from seldkit.geometry import angle_deg, azimuth_elevation_deg

MOVES_DEG = 20.0
"""A sound that ends further than this from where it began is told with both places."""
LEVEL_DEG = 10
"""Elevations below this are not told."""


class Told(NamedTuple):
    """What there is to tell of a sound.

    Attributes:
        start_s: When it starts, in seconds.
        end_s: When it ends, in seconds.
        text: What it is and where, such as `"Alarm, 60 degrees"`.
    """

    start_s: float
    end_s: float
    text: str


def sentences(events: Events, classes: Sequence[str] | None = None) -> list[str]:
    """Return a sentence for each sound, by its start: what it is, where and when.

    Degrees are azimuth, counter-clockwise: 0 is in front, 90 left, -90 right. An elevation of 10
    degrees or more is told as so many `up` or `down`, and the mean distance if it is known. A sound
    that moves by more than 20 degrees is told from its first to its last azimuth.

    Args:
        events: The sounds; a gap ends one, as in [`spans`][seldkit.events.Events.spans].
        classes: Names of the classes; by default their numbers.

    Raises:
        TypeError: If `classes` is one text.
        ValueError: If a class has no name.

    Examples:
        >>> events = Events.from_degrees([12, 13, 14], [1, 1, 1], [60, 60, 61], [0, 0, 0])
        >>> sentences(events, ["knock", "alarm"])
        ['alarm, 60 degrees, from 1.2 to 1.5 s']
        >>> sentences(Events.from_degrees([0], [0], [-90], [45], distance=[1.5]))
        ['class 0, -90 degrees, 45 up, 1.5 m, from 0 to 0.1 s']
    """
    return [
        f"{text}, from {_plain(start_s)} to {_plain(end_s)} s"
        for start_s, end_s, text in told(events, classes)
    ]


def told(events: Events, classes: Sequence[str] | None = None) -> list[Told]:
    """Return what there is to tell of each sound, arguments as of `sentences`."""
    if isinstance(classes, str):
        raise TypeError(f"classes must be a list of names, got the text {classes!r}")
    highest = int(events.label.max()) if len(events) else -1
    if classes is not None and highest >= len(classes):
        raise ValueError(f"classes must name class {highest}, got {len(classes)} names")
    sounds = unbroken(events.frame, events.label, events.source)
    sounds.sort(key=lambda rows: (int(events.frame[rows[0]]), int(rows[0])))
    return [
        Told(
            round(int(events.frame[rows[0]]) * events.frame_s, 9),
            round((int(events.frame[rows[-1]]) + 1) * events.frame_s, 9),
            _text(events, rows, classes),
        )
        for rows in sounds
    ]


def _text(events: Events, rows: Int[Tensor, " row"], classes: Sequence[str] | None) -> str:
    label, direction = int(events.label[rows[0]]), events.direction[rows]
    middle = direction.mean(dim=0)
    moves = bool(angle_deg(direction[0], direction[-1]) > MOVES_DEG)
    places = direction[[0, -1]] if moves else middle[None]
    azimuth, elevation = azimuth_elevation_deg(places)
    parts = [
        f"class {label}" if classes is None else classes[label],
        " to ".join(str(_whole(x)) for x in azimuth.tolist()) + " degrees",
    ]
    height = round(elevation.mean().item())
    if abs(height) >= LEVEL_DEG:
        parts.append(f"{abs(height)} {'up' if height > 0 else 'down'}")
    if events.distance is not None:
        parts.append(f"{_plain(round(events.distance[rows].mean().item(), 1))} m")
    return ", ".join(parts)


def _whole(degrees: float) -> int:
    """Return whole degrees from -179 to 180."""
    return 180 - (180 - round(degrees)) % 360


def _plain(number: float) -> str:
    return f"{number:.3f}".rstrip("0").rstrip(".")
