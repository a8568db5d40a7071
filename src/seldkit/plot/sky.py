"""The sky in a rectangle: where sounds are, and how they move."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from seldkit._checks import check_finite, check_shape, require
from seldkit._typing import Float
from seldkit.events import Events
from seldkit.plot.canvas import dress, figure_of, one_axes
from seldkit.plot.ink import class_looks, ink_of
from seldkit.plot.strokes import broken_at_edge, by_onset, class_names, name_events, sides, strokes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIDES = {180: "back", 90: "left", 0: "front", -90: "right", -180: "back"}
"""Words for azimuths in degrees."""
START = 1.6
"""How many times as wide as a single frame the dot is where a source begins."""


def plot_sky(
    reference: Events,
    prediction: Events | None = None,
    *,
    level: Float[Tensor, "elevation azimuth"] | None = None,
    classes: Sequence[str] | None = None,
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Figure":
    """Draw all directions around in a rectangle, as an equirectangular picture shows them.

    The front is in the middle and left is left, as one sees it. A line follows a source and begins
    with a dot; it breaks where the sound pauses or jumps, and where it passes the back it leaves at
    one edge and comes in at the other. Colours, sides and page are those of
    [`plot_events`][seldkit.plot.plot_events].

    Args:
        reference: What sounds, or anything that is drawn alone.
        prediction: What a system found.
        level: What a map of directions holds, shown behind the lines in shades of the page: rows
            from elevation -90° to 90°, columns from azimuth -180° to 180°, each the middle of a
            field.
        classes: Names of the classes; by default their numbers.
        title: Heading of the picture.
        ax: Axes to draw on; by default those of a new figure.

    Raises:
        ModuleNotFoundError: If matplotlib is not installed.
        TypeError: If `classes` is one text.
        ValueError: If a class has no name, the map has another shape or is not finite, or the axes
            have another projection.

    Examples:
        >>> siren = Events.from_degrees([0, 1], [0, 0], [170, -170], [10, 20])
        >>> (axes,) = plot_sky(siren, classes=["siren"]).axes
        >>> print(*axes.get_xlim())  # left is left
        180.0 -180.0
    """
    drawn = sides(reference, prediction)
    names = class_names(classes, by_onset(events for events, _ in drawn))
    panel = one_axes(ax, (8.0, 3.7))
    ink = ink_of(panel)
    looks = class_looks(names, ink)
    if level is not None:
        check_shape("level", level, "elevation azimuth")
        check_finite("level", level)
        values = level.detach().cpu().double().numpy()
        shades = [ink.paper, ink.pale(ink.text, 0.45)]
        colours = require("matplotlib.colors", "plot").LinearSegmentedColormap.from_list("", shades)
        panel.imshow(values, extent=(-180, 180, -90, 90), origin="lower", cmap=colours)
    ticks = [f"{degrees}°\n{word}" for degrees, word in SIDES.items()]
    dress(panel, ink, title=title, ylim=(-90, 90), xlim=(180, -180), aspect="equal")
    panel.set(xticks=list(SIDES), yticks=range(-90, 91, 45), ylabel="elevation (°)")
    panel.set_xticklabels(ticks, fontsize="small")
    for events, side in drawn:
        sky = np.stack((events.azimuth_deg.numpy(), events.elevation_deg.numpy()))
        for label, lines in strokes(events).items():
            pieces = [broken_at_edge(sky[:, rows], azimuth=0) for rows in lines]
            panel.plot(*np.concatenate(pieces, axis=1), **side.line(looks[label], ink))
            dots = side.dots(looks[label], ink) | {"markersize": START * side.dot}
            panel.plot(*sky[:, [rows[0] for rows in lines]], **dots)
    name_events(panel, names, looks, drawn, ink, own=ax is None)
    return figure_of(panel)
