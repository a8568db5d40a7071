"""Events over time: when what sounds from where, and what a system made of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from seldkit.events import Events
from seldkit.plot.canvas import figure_of, stacked_axes
from seldkit.plot.ink import class_looks, ink_of
from seldkit.plot.panels import draw_panel, height_in, kinds_of
from seldkit.plot.strokes import by_onset, class_names, duration_s, name_events, sides

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_events(
    reference: Events,
    prediction: Events | None = None,
    *,
    classes: Sequence[str] | None = None,
    title: str | None = None,
    axes: "Sequence[Axes] | None" = None,
) -> "Figure":
    """Draw azimuth, elevation and, where it is known, distance against time.

    With both sides the reference is thick and pale, the prediction thin; one side alone, labels or
    what a system found, has the full colour.

    A line is one source. It breaks where the sound pauses or jumps by more than 45°, runs out of
    the panel at ±180° azimuth and comes in at the other side; a single frame is a dot. Classes
    have the same colours in every picture; the legend names them in the order of their first onset.
    Time is in seconds, so that both sides may have frames of different length.

    Needs matplotlib (`pip install 'seldkit[plot]'`), but no display, and changes none of its state.
    Text and page have the colours of its style: under `dark_background` all is drawn for a dark
    page.

    Args:
        reference: What sounds, or anything that is drawn alone.
        prediction: What a system found.
        classes: Names of the classes; by default their numbers.
        title: Heading of the picture.
        axes: Panels to draw on, from top to bottom: two for azimuth and elevation, a third for the
            distance; by default those of a new figure.

    Returns:
        A figure to show in a notebook or to keep: `figure.savefig("scene.pdf")`.

    Raises:
        ModuleNotFoundError: If matplotlib is not installed.
        TypeError: If `classes` is one text.
        ValueError: If a class has no name, or there is another number of axes.

    Examples:
        >>> events = Events.from_degrees([0, 1, 2], [5, 5, 5], [30, 31, 32], [0, 0, 0])
        >>> figure = plot_events(events, classes=["dog", "rain", "bell", "cough", "steps", "knock"])
        >>> [axes.get_ylabel() for axes in figure.axes]
        ['azimuth (°)', 'elevation (°)']
    """
    drawn = sides(reference, prediction)
    names = class_names(classes, by_onset(events for events, _ in drawn))
    kinds = kinds_of(drawn)
    if axes is not None and np.size(np.asarray(axes, dtype=object)) == 2:
        kinds = kinds[:2]
    panels = stacked_axes(axes, [height_in(kind, len(names)) for kind in kinds])
    ink = ink_of(panels[0])
    looks = class_looks(names, ink)
    for panel, kind in zip(panels, kinds, strict=True):
        draw_panel(panel, kind, drawn, names, looks, ink)
    panels[-1].set_xlabel("time (s)")
    panels[-1].set_xlim(0, max(duration_s(events) for events, _ in drawn))
    if title is not None:
        panels[0].set_title(title, loc="left", fontsize="medium")
    name_events(panels[0], names, looks, drawn, ink, own=axes is None)
    return figure_of(panels[0])
