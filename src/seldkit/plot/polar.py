"""The sky from above at one moment."""

from collections.abc import Sequence
from math import floor
from typing import TYPE_CHECKING, cast

import numpy as np

from seldkit._checks import check_number
from seldkit.events import Events
from seldkit.plot.canvas import figure_of, one_axes
from seldkit.plot.ink import class_looks, ink_of
from seldkit.plot.strokes import (
    ALONE,
    PREDICTION,
    REFERENCE,
    by_onset,
    class_names,
    name_events,
    sides,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.projections.polar import PolarAxes

DOTS = {REFERENCE: 16.0, PREDICTION: 7.0, ALONE: 10.0}
"""Diameter of a source, in points."""
RINGS = (90, 45, 0, -45)
"""Elevations with a ring, in degrees; -90 is the rim."""


def plot_polar(
    reference: Events,
    prediction: Events | None = None,
    *,
    time_s: float,
    classes: Sequence[str] | None = None,
    title: str | None = None,
    ax: "PolarAxes | None" = None,
) -> "Figure":
    """Draw what sounds at one moment, as seen from above.

    The front is at the top and the left at the left. What is straight above lies in the middle,
    what is level on the strong ring, what is straight below on the rim. Of two sides the reference
    is large and pale, and the prediction a small dot on it where it is right.

    Args:
        reference: What sounds, or anything that is drawn alone.
        prediction: What a system found.
        time_s: The moment, in seconds from the start of the clip.
        classes: Names of the classes; by default their numbers.
        title: Heading of the picture; by default the moment.
        ax: Axes with the projection `"polar"` to draw on; by default those of a new figure.

    Raises:
        ModuleNotFoundError: If matplotlib is not installed.
        TypeError: If `classes` is one text or the moment is no number.
        ValueError: If a class has no name, the moment lies before the clip or beyond its end, or
            the axes have another projection.

    Examples:
        >>> scene = Events.from_degrees([0, 5], [0, 1], [90, -90], [0, 45], num_frames=10)
        >>> figure = plot_polar(scene, time_s=0.5, classes=["siren", "bird"])
        >>> [text.get_text() for text in figure.legends[0].get_texts()]
        ['bird']
    """
    check_number(time_s=time_s)
    drawn = [(_at(events, time_s), side) for events, side in sides(reference, prediction)]
    names = class_names(classes, by_onset(events for events, _ in drawn))
    panel = one_axes(ax, (6.4, 4.2), projection="polar")
    ink = ink_of(panel)
    looks = class_looks(names, ink)
    _dress(cast("PolarAxes", panel))
    panel.set_title(f"{time_s:g} s" if title is None else title, loc="left", fontsize="medium")
    panel.grid(color=ink.pale(ink.text, 0.85), linewidth=0.6)
    turn = np.linspace(0, 2 * np.pi, 181)
    panel.plot(turn, np.full_like(turn, 90), color=ink.pale(ink.text, 0.5), linewidth=0.8, zorder=1)
    for events, side in drawn:
        for label in events.label.unique().tolist():
            there = events.select(events.label == label)
            dots = side.dots(looks[label], ink) | {"markersize": DOTS[side], "clip_on": False}
            x, y, _ = there.direction.T.numpy()
            panel.plot(np.arctan2(y, x), 90 - there.elevation_deg.numpy(), **dots)
    name_events(panel, names, looks, drawn, ink, own=ax is None)
    return figure_of(panel)


def _at(events: Events, time_s: float) -> Events:
    """Return the rows of the frame at a moment."""
    frame = floor(time_s / events.frame_s + 1e-9) if 0 <= time_s < float("inf") else -1
    if frame < 0 or (events.num_frames is not None and frame >= events.num_frames):
        length = (
            "" if events.num_frames is None else f" of {events.num_frames * events.frame_s:g} s"
        )
        raise ValueError(f"time_s must lie in the clip{length}, got {time_s:g}")
    return events.select(events.frame == frame)


def _dress(panel: "PolarAxes") -> None:
    panel.set_theta_zero_location("N")
    panel.set_thetagrids(range(0, 360, 45), ("front", "", "left", "", "back", "", "right", ""))
    panel.set_ylim(0, 180)
    panel.set_rgrids([90 - ring for ring in RINGS], [f"{ring}°" for ring in RINGS], angle=22.5)
    panel.tick_params(labelsize="small")
