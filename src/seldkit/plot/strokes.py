"""The lines of sources: from frame to frame, and broken where there is no way between."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seldkit.events import Events
from seldkit.events.spans import unbroken
from seldkit.geometry import angle_deg, within
from seldkit.plot.canvas import add_legend, class_handles, legend_line
from seldkit.plot.ink import Ink, Look

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

MAX_JUMP_DEG = 45.0
"""A line breaks where the direction moves further than this from one frame to the next."""


class Side(NamedTuple):
    """How one side of a comparison is drawn.

    Attributes:
        name: What it is called in a legend.
        width: Of a line, in points.
        dot: Diameter of a single frame, in points.
        shade: How much of the page's colour (above 0) or of the text's (below) is mixed into that
            of the class.
        level: Lines of a higher level lie on top.
    """

    name: str
    width: float
    dot: float
    shade: float
    level: int

    def line(self, look: Look, ink: Ink) -> dict[str, Any]:
        """Return the arguments with which matplotlib draws the line of a class."""
        mix = ink.pale if self.shade > 0 else ink.strong
        return {
            "color": mix(look.colour, abs(self.shade)),
            "linestyle": look.dashes,
            "linewidth": self.width,
            "solid_capstyle": "butt",
            "dash_capstyle": "butt",
            "markeredgewidth": 0,
            "zorder": self.level,
        }

    def dots(self, look: Look, ink: Ink) -> dict[str, Any]:
        """Return the arguments with which matplotlib draws single frames of a class."""
        dot = {"linestyle": "none", "marker": "o", "markersize": self.dot}
        return self.line(look, ink) | dot

    def handle(self, ink: Ink) -> "Artist":
        """Return the line that stands for this side in a legend."""
        return legend_line(self.name, **self.line(Look("0.5", "-"), ink))


REFERENCE = Side("reference", width=6.0, dot=6.0, shade=0.5, level=2)
PREDICTION = Side("prediction", width=1.5, dot=3.5, shade=-0.3, level=3)
ALONE = Side("events", width=3.0, dot=4.5, shade=0.0, level=2)


def sides(reference: Events, prediction: Events | None) -> list[tuple[Events, Side]]:
    """Return what is drawn and how: both sides, or one alone in full colour."""
    if prediction is None:
        return [(reference, ALONE)]
    return [(reference, REFERENCE), (prediction, PREDICTION)]


def strokes(events: Events) -> dict[int, list[NDArray[np.int64]]]:
    """Return the rows of each unbroken line by class, in the order of time."""
    found: dict[int, list[NDArray[np.int64]]] = defaultdict(list)
    for rows in unbroken(events.frame, events.label, events.source):
        direction = events.direction[rows]
        jumps = ~within(angle_deg(direction[1:], direction[:-1]), MAX_JUMP_DEG)
        lines = np.split(rows.numpy(), np.flatnonzero(jumps.numpy()) + 1)
        found[int(events.label[rows[0]])] += lines
    return found


def through_time(frame: NDArray[np.int64], value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return times in frames over values, from the first frame's start to the last one's end."""
    time = np.concatenate(([frame[0]], frame + 0.5, [frame[-1] + 1]))
    return np.stack((time, np.pad(value, 1, mode="edge")))


def broken_at_edge(line: NDArray[np.float64], azimuth: int) -> NDArray[np.float64]:
    """Return a line that runs to the edge where its azimuth passes ±180°, and in at the other.

    Args:
        line: Coordinates of its points, `[axis, point]`.
        azimuth: Which of the axes the azimuth is, in degrees.

    Returns:
        The same line with three more points where it breaks, the middle one nan, and a last nan.
    """
    step = np.diff(line, axis=1)
    at = np.flatnonzero(np.abs(step[azimuth]) > 180)
    edge = -180 * np.sign(step[azimuth, at])
    part = (edge - line[azimuth, at]) / (step[azimuth, at] + 2 * edge)
    ends = np.repeat(line[:, at] + part * step[:, at], 3, axis=1)
    ends[azimuth] = np.stack((edge, np.full_like(edge, np.nan), -edge), axis=1).ravel()
    broken = np.insert(line, np.repeat(at + 1, 3), ends, axis=1)
    return np.pad(broken, ((0, 0), (0, 1)), constant_values=np.nan)


def by_onset(drawn: Iterable[Events]) -> list[int]:
    """Return the classes that occur, in the order of their first onset."""
    onsets: dict[int, float] = {}
    for events in drawn:
        for frame, label in zip(events.frame.tolist(), events.label.tolist(), strict=True):
            onsets[label] = min(frame * events.frame_s, onsets.get(label, math.inf))
    return sorted(onsets, key=lambda label: (onsets[label], label))


def duration_s(events: Events) -> float:
    """Return how long a clip is, or how long it is at least."""
    last = int(events.frame.max()) + 1 if len(events) else 0
    return max(1, last if events.num_frames is None else events.num_frames) * events.frame_s


def class_names(classes: Sequence[str] | None, labels: Iterable[int]) -> dict[int, str]:
    """Return the names of classes that occur; by default their numbers.

    Raises:
        TypeError: If `classes` is one text.
        ValueError: If a class has no name.
    """
    labels = list(labels)
    if isinstance(classes, str):
        raise TypeError(f"classes must be a list of names, got the text {classes!r}")
    if classes is not None and labels and max(labels) >= len(classes):
        raise ValueError(f"classes must name class {max(labels)}, got {len(classes)} names")
    return {label: str(label) if classes is None else classes[label] for label in labels}


def name_events(
    panel: "Axes",
    names: Mapping[int, str],
    looks: Mapping[int, Look],
    drawn: Sequence[tuple[Events, Side]],
    ink: Ink,
    *,
    own: bool,
) -> None:
    """Name the classes and, where there are two, the sides in a legend.

    Args:
        panel: The topmost of the panels.
        names: Classes to name, in this order.
        looks: How each class is drawn.
        drawn: What is there, and how it is drawn.
        ink: Colours of the page.
        own: Whether the figure was made for the picture.
    """
    handles = class_handles(names, looks, linewidth=3.0)
    if len(drawn) > 1:
        handles += [side.handle(ink) for _, side in drawn]
    add_legend(panel, handles, own=own)
