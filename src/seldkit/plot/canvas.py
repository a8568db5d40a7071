"""What pictures are drawn on: axes that are given or made, and their dress."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from seldkit._checks import require
from seldkit.plot.ink import Ink, Look

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_NAMES = 36
"""A legend names so many classes; how many more there are stands below them."""
NAMES_IN_COLUMN = 18
"""A legend with more lines has several columns."""
COLUMN_IN = 1.3
"""By how many inches each further column widens a figure of one's own."""


def stacked_axes(
    axes: "Sequence[Axes] | None", heights: Sequence[float], *, width: float = 7.5
) -> "list[Axes]":
    """Return panels one above the other with one axis of time: those given, or those of a figure.

    Args:
        axes: Panels to draw on, from top to bottom, or None for new ones.
        heights: Of the panels, in inches.
        width: Of the figure, in inches.

    Raises:
        ValueError: If there are not as many axes as heights.
    """
    if axes is not None:
        panels: list[Axes] = np.asarray(axes, dtype=object).ravel().tolist()
        if len(panels) != len(heights):
            raise ValueError(f"axes must be {len(heights)} panels, got {len(panels)}")
        return panels
    figure = new_figure(width, sum(heights) + 0.2 * len(heights))
    made = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)
    return list(np.ravel(made))


def one_axes(
    ax: "Axes | None", size: tuple[float, float], *, projection: str = "rectilinear"
) -> "Axes":
    """Return the axes given, or those of a new figure.

    Raises:
        ValueError: If the axes given have another projection.
    """
    if ax is None:
        return new_figure(*size).add_subplot(projection=projection)
    if ax.name != projection:
        raise ValueError(f"ax must have the projection {projection!r}, got {ax.name!r}")
    return ax


def new_figure(width: float, height: float) -> "Figure":
    """Return a figure that belongs to nobody, so that no window opens."""
    figure: Figure = require("matplotlib.figure", "plot").Figure(
        figsize=(width, height), layout="constrained"
    )
    return figure


def figure_of(axes: "Axes") -> "Figure":
    """Return the whole figure that axes belong to."""
    figure: Figure = axes.figure.canvas.figure
    return figure


def dress(axes: "Axes", ink: Ink, *, title: str | None = None, **settings: Any) -> None:
    """Give a panel a grid, no frame, a title on the left and what else is set."""
    axes.grid(color=ink.pale(ink.text, 0.9), linewidth=0.6, linestyle="-")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if title is not None:
        axes.set_title(title, loc="left", fontsize="medium")
    axes.set(**settings)


def add_legend(axes: "Axes", handles: "Sequence[Artist]", *, own: bool) -> None:
    """Name what is drawn, at the right of a figure of one's own or of the axes given.

    Args:
        axes: The topmost of the panels.
        handles: What to name, in this order.
        own: Whether the figure was made for the picture.
    """
    if not handles:
        return
    columns = 1 + (len(handles) - 1) // NAMES_IN_COLUMN
    look: dict[str, Any] = {
        "handles": handles,
        "ncols": columns,
        "frameon": False,
        "fontsize": "small",
        "handlelength": 2.8,
    }
    if own:
        figure = figure_of(axes)
        figure.set_figwidth(figure.get_figwidth() + COLUMN_IN * (columns - 1))
        figure.legend(loc="outside right upper", **look)
    else:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.0, **look)


def class_handles(
    names: Mapping[int, str], looks: Mapping[int, Look], **settings: Any
) -> "list[Artist]":
    """Return the lines that stand for classes in a legend, and one that counts those beyond it."""
    handles = [
        legend_line(name, color=looks[label].colour, linestyle=looks[label].dashes, **settings)
        for label, name in names.items()
    ]
    if more := len(handles[MAX_NAMES:]):
        handles[MAX_NAMES:] = [legend_line(f"and {more} more", linestyle="none")]
    return handles


def legend_line(name: str, **settings: Any) -> "Artist":
    """Return a line that stands for something in a legend."""
    line: Artist = require("matplotlib.lines", "plot").Line2D([], [], label=name, **settings)
    return line
