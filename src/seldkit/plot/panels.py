"""Panels over time: what sounds, from where and how far away."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from seldkit.events import Events
from seldkit.plot.canvas import dress
from seldkit.plot.ink import Ink, Look
from seldkit.plot.strokes import Side, broken_at_edge, strokes, through_time

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Kind = Literal["classes", "azimuth", "elevation", "distance"]

HEIGHTS = {"azimuth": 2.3, "elevation": 1.5, "distance": 1.5}
"""Of the panels, in inches; that of the classes grows with their number."""
LIMITS = {"azimuth": (180, 90), "elevation": (90, 45)}
"""Up to how many degrees a panel goes to both sides, and how far apart its ticks are."""


def kinds_of(drawn: Sequence[tuple[Events, Side]]) -> list[Kind]:
    """Return which directions and distances there are to draw."""
    kinds: list[Kind] = ["azimuth", "elevation"]
    if any(events.distance is not None for events, _ in drawn):
        kinds.append("distance")
    return kinds


def height_in(kind: Kind, num_classes: int) -> float:
    """Return the height of a panel in inches."""
    return HEIGHTS.get(kind) or max(0.8, 0.18 * num_classes + 0.2)


def draw_panel(
    panel: "Axes",
    kind: Kind,
    drawn: Sequence[tuple[Events, Side]],
    names: Mapping[int, str],
    looks: Mapping[int, Look],
    ink: Ink,
) -> None:
    """Draw one line for each source, and a dot for a single frame.

    Args:
        panel: Where to draw.
        kind: What to draw over time.
        drawn: What is there, and how it is drawn.
        names: Names of the classes that occur; they stand in this order from top to bottom.
        looks: How each class is drawn.
        ink: Colours of the page.
    """
    if kind == "classes":
        _dress_classes(panel, list(names.values()), ink)
    elif kind == "distance":
        dress(panel, ink, ylabel="distance (m)")
    else:
        limit, step = LIMITS[kind]
        ticks = range(-limit, limit + 1, step)
        dress(panel, ink, ylabel=f"{kind} (°)", ylim=(-limit, limit), yticks=ticks)
    place = {label: row for row, label in enumerate(names)}
    for events, side in drawn:
        height = _height(events, kind, place)
        if height is None:
            continue
        frame = events.frame.numpy()
        for label, lines in strokes(events).items():
            pieces = [through_time(frame[rows], height[rows]) for rows in lines]
            if kind == "azimuth":
                pieces = [broken_at_edge(piece, azimuth=1) for piece in pieces]
            else:
                pieces = [np.pad(p, ((0, 0), (0, 1)), constant_values=np.nan) for p in pieces]
            time, value = np.concatenate(pieces, axis=1)
            panel.plot(time * events.frame_s, value, **side.line(looks[label], ink))
            dots = [rows[0] for rows in lines if len(rows) == 1]
            middle = (frame[dots] + 0.5) * events.frame_s
            panel.plot(middle, height[dots], **side.dots(looks[label], ink))
    if kind == "distance":
        panel.set_ylim(0, None)


def _height(events: Events, kind: Kind, place: Mapping[int, int]) -> NDArray[np.float64] | None:
    """Return how high each row stands in a panel."""
    if kind == "classes":
        return np.array([place[label] for label in events.label.tolist()], dtype=np.float64)
    columns = {
        "azimuth": events.azimuth_deg,
        "elevation": events.elevation_deg,
        "distance": events.distance,
    }
    column = columns[kind]
    return None if column is None else column.numpy()


def _dress_classes(panel: "Axes", names: Sequence[str], ink: Ink) -> None:
    dress(panel, ink, ylim=(max(len(names), 1) - 0.5, -0.5))
    panel.set_yticks(range(len(names)), names, fontsize="small" if len(names) <= 24 else "x-small")
