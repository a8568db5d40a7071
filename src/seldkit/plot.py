"""Pictures of events: where and when what sounds, and what a system made of it."""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seldkit._checks import require
from seldkit.events import Events
from seldkit.events.spans import unbroken
from seldkit.geometry import angle_deg, within

if TYPE_CHECKING:
    import matplotlib.axes
    import matplotlib.figure

PALETTE = (
    "#404EA9 #F7AE7D #750500 #3694FF #C3B4FE #308F05 #E36D80"
    " #A22471 #1CDDBB #9369BE #AAA41A #705305 #17138B #4E0350"
).split()
"""Colours of the first 14 classes, told apart with every kind of colour vision.

Found by maximising the smallest distance in OKLab as seen with full colour vision and with each
dichromacy (Machado et al., IEEE TVCG 2009); early colours lie furthest apart.
"""
DASHES = ("-", (0, (4, 1.5)), (0, (1, 1.5)), (0, (6, 1.5, 1, 1.5)))
"""Line styles of the first 14 classes, of the next 14, and so on."""
MAX_JUMP_DEG = 45.0
"""A line breaks where the direction moves further than this from one frame to the next."""


def plot_events(
    reference: Events,
    prediction: Events | None = None,
    *,
    classes: Sequence[str] | None = None,
    title: str | None = None,
) -> "matplotlib.figure.Figure":
    """Draw azimuth over elevation against time, the reference thick and pale, the prediction thin.

    A line is one source. It breaks where the sound pauses or jumps by more than 45°, runs out of
    the panel at ±180° azimuth and comes in at the other side; a single frame is a dot. Classes
    have the same colours in every picture; the legend names them in the order of their first onset.
    Time is in seconds, so that both sides may have frames of different length.

    Needs matplotlib (`pip install 'seldkit[plot]'`), but no display, and changes none of its state.

    Args:
        reference: What sounds.
        prediction: What a system found.
        classes: Names of the classes; by default their numbers.
        title: Heading of the picture.

    Returns:
        A figure to show in a notebook or to keep: `figure.savefig("scene.pdf")`.

    Raises:
        ModuleNotFoundError: If matplotlib is not installed.
        TypeError: If `classes` is one text.
        ValueError: If a class has no name.

    Examples:
        >>> events = Events.from_degrees([0, 1, 2], [5, 5, 5], [30, 31, 32], [0, 0, 0])
        >>> figure = plot_events(events, classes=["dog", "rain", "bell", "cough", "steps", "knock"])
        >>> [axes.get_ylabel() for axes in figure.axes]
        ['azimuth (°)', 'elevation (°)']
    """
    drawn = [reference] if prediction is None else [reference, prediction]
    labels = _by_onset(drawn)
    if isinstance(classes, str):
        raise TypeError(f"classes must be a list of names, got the text {classes!r}")
    if classes is not None and labels and max(labels) >= len(classes):
        raise ValueError(f"classes must name class {max(labels)}, got {len(classes)} names")
    make = require("matplotlib.figure", "plot").Figure
    figure: matplotlib.figure.Figure = make(figsize=(7.5, 4.2), layout="constrained")
    axes = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    _dress(axes, max(map(_duration_s, drawn)))
    if title is not None:
        axes[0].set_title(title, loc="left", fontsize="medium")
    for events, style in zip(drawn, (_REFERENCE, _PREDICTION), strict=False):
        _draw(axes, events, style)
    names = {label: str(label) if classes is None else classes[label] for label in labels}
    _add_legend(figure, names, with_prediction=prediction is not None)
    return figure


class _Style(NamedTuple):
    """How a line is drawn.

    Attributes:
        width: Of the line, in points.
        dot: Diameter of a single frame, in points.
        shade: How much white (above 0) or black (below) is mixed into the colour of the class.
        level: Lines of a higher level lie on top.
    """

    width: float
    dot: float
    shade: float
    level: int

    def look(self, label: int) -> dict[str, Any]:
        """Return the arguments with which matplotlib draws a class."""
        code = PALETTE[label % len(PALETTE)]
        colour = np.array([int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        towards = 1.0 if self.shade > 0 else 0.0
        return {
            "color": tuple(colour + abs(self.shade) * (towards - colour)),
            "linestyle": DASHES[label // len(PALETTE) % len(DASHES)],
            "linewidth": self.width,
            "solid_capstyle": "butt",
            "dash_capstyle": "butt",
            "markeredgewidth": 0,
            "zorder": self.level,
        }


_REFERENCE = _Style(width=6.0, dot=6.0, shade=0.5, level=2)
_PREDICTION = _Style(width=1.5, dot=3.5, shade=-0.3, level=3)
_LEGEND = _Style(width=3.0, dot=0.0, shade=0.0, level=1)


def _draw(axes: "Sequence[matplotlib.axes.Axes]", events: Events, style: _Style) -> None:
    strokes = defaultdict(list)
    for rows in _strokes(events):
        strokes[int(events.label[rows[0]])].append(rows)
    frame = events.frame.numpy()
    for panel, column in zip(axes, (events.azimuth_deg, events.elevation_deg), strict=True):
        angle = column.numpy()
        for label, lines in strokes.items():
            look = style.look(label)
            pieces = [_line(frame[rows], angle[rows]) for rows in lines]
            time, height = np.concatenate(pieces, axis=1)
            panel.plot(time * events.frame_s, height, **look)
            dots = [rows[0] for rows in lines if len(rows) == 1]
            dot = {"linestyle": "none", "marker": "o", "markersize": style.dot}
            panel.plot((frame[dots] + 0.5) * events.frame_s, angle[dots], **{**look, **dot})


def _strokes(events: Events) -> list[NDArray[np.int64]]:
    """Return the rows of each unbroken line, in the order of time."""
    strokes = []
    for rows in unbroken(events.frame, events.label, events.source):
        direction = events.direction[rows]
        jumps = ~within(angle_deg(direction[1:], direction[:-1]), MAX_JUMP_DEG)
        strokes += np.split(rows.numpy(), np.flatnonzero(jumps.numpy()) + 1)
    return strokes


def _line(frame: NDArray[np.int64], angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return times in frames over angles, from the first frame's start to the last one's end.

    Where the azimuth passes ±180° the line runs to the edge and comes in again at the other.
    """
    time = np.concatenate(([frame[0]], frame + 0.5, [frame[-1] + 1]))
    angle = np.pad(angle, 1, mode="edge")
    step = np.diff(angle)
    at = np.flatnonzero(np.abs(step) > 180)
    edge = -180 * np.sign(step[at])
    part = (edge - angle[at]) / (step[at] + 2 * edge)
    passing = time[at] + part * np.diff(time)[at]
    ends = np.stack((edge, np.full_like(edge, np.nan), -edge), axis=1).ravel()
    where = np.repeat(at + 1, 3)
    line = np.stack((np.insert(time, where, np.repeat(passing, 3)), np.insert(angle, where, ends)))
    return np.pad(line, ((0, 0), (0, 1)), constant_values=np.nan)


def _dress(axes: "Sequence[matplotlib.axes.Axes]", duration_s: float) -> None:
    for panel, name, limit, step in zip(
        axes, ("azimuth", "elevation"), (180, 90), (90, 45), strict=True
    ):
        panel.set_ylabel(f"{name} (°)")
        panel.set_ylim(-limit, limit)
        panel.set_yticks(range(-limit, limit + 1, step))
        panel.grid(color="0.9", linewidth=0.6)
        panel.set_axisbelow(True)
        panel.spines[["top", "right"]].set_visible(False)
    axes[-1].set_xlabel("time (s)")
    axes[-1].set_xlim(0, duration_s)


def _add_legend(
    figure: "matplotlib.figure.Figure", names: dict[int, str], *, with_prediction: bool
) -> None:
    line = require("matplotlib.lines", "plot").Line2D
    handles = [line([], [], label=name, **_LEGEND.look(label)) for label, name in names.items()]
    if with_prediction:
        handles += [
            line([], [], label="reference", color="0.75", linewidth=_REFERENCE.width),
            line([], [], label="prediction", color="0.2", linewidth=_PREDICTION.width),
        ]
    if handles:
        figure.legend(
            handles=handles,
            loc="outside right upper",
            ncols=1 + (len(handles) - 1) // 18,
            frameon=False,
            fontsize="small",
            handlelength=2.8,
        )


def _by_onset(drawn: Sequence[Events]) -> list[int]:
    onsets: dict[int, float] = {}
    for events in drawn:
        for frame, label in zip(events.frame.tolist(), events.label.tolist(), strict=True):
            onsets[label] = min(frame * events.frame_s, onsets.get(label, math.inf))
    return sorted(onsets, key=lambda label: (onsets[label], label))


def _duration_s(events: Events) -> float:
    last = int(events.frame.max()) + 1 if len(events) else 0
    return max(1, last if events.num_frames is None else events.num_frames) * events.frame_s
