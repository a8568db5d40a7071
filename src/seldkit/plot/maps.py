"""Energy maps in the sky: points, masks and energy, frame by frame or as a moving picture."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from seldkit._checks import check_count, check_positive, integer, require
from seldkit.events import EnergyMaps
from seldkit.events.frames import check_same_frame_s
from seldkit.plot.canvas import add_legend, class_handles, dress, figure_of, legend_line, new_figure
from seldkit.plot.ink import Ink, Look, class_looks, ink_of
from seldkit.plot.sky import SIDES
from seldkit.plot.strokes import class_names

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MASK = 0.1
"""A mask is drawn where a map has this share of its greatest value."""

HEIGHT, WIDTH = 91, 180
MAX_PANELS = 6
LARGEST_DOT = 30.0


def plot_maps(
    reference: EnergyMaps,
    prediction: EnergyMaps | None = None,
    *,
    frames: Sequence[int] | None = None,
    classes: Sequence[str] | None = None,
    axes: "Sequence[Axes] | None" = None,
) -> "Figure":
    """Draw energy maps over time: a picture of the sky for each of some frames.

    Energy lies in shades of the page behind, of all sources together. A line in the colour of its
    class runs around the mask of each source, where its map has a tenth of its greatest value, and
    dots, the larger the stronger, are its points. Of a prediction there are masks alone, dashed.
    The front is in the middle and left is left.

    Args:
        reference: What sounds, or anything that is drawn alone.
        prediction: What a system found.
        frames: Which frames to draw; by default up to six with something in them, evenly chosen.
        classes: Names of the classes; by default their numbers.
        axes: Panels to draw on, one for each frame; by default those of a new figure.

    Raises:
        ModuleNotFoundError: If matplotlib is not installed.
        TypeError: If `classes` is one text.
        ValueError: If a class has no name, frames of the prediction have another length, there is
            nothing to draw and no frame is named, or there are not as many panels as frames.

    Examples:
        >>> siren = EnergyMaps([0, 9], [0, 0], [0, 1], [90, 60], [10, 20], [1, 1])
        >>> [panel.get_title(loc="left") for panel in plot_maps(siren, classes=["siren"]).axes]
        ['0.0 s', '0.9 s']
    """
    if prediction is not None:
        check_same_frame_s(prediction.frame_s, reference.frame_s)
    frames = _frames(reference, prediction) if frames is None else list(frames)
    if not frames:
        raise ValueError("frames must name one where nothing sounds, got none")
    own = axes is None
    if axes is None:
        rows = -(-len(frames) // 2)
        columns = min(2, len(frames))
        figure = new_figure(5.2 * columns + 0.6, 2.7 * rows)
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        panels: list[Axes] = list(np.ravel(grid))
        for spare in panels[len(frames) :]:
            spare.remove()
        panels = panels[: len(frames)]
    else:
        panels = np.asarray(axes, dtype=object).ravel().tolist()
        if len(panels) != len(frames):
            raise ValueError(f"axes must be {len(frames)} panels, got {len(panels)}")
    names, looks, ink = _looks(panels[0], reference, prediction, classes)
    for panel, frame in zip(panels, frames, strict=True):
        _draw(panel, reference, prediction, integer("frames", frame), looks, ink)
    handles = class_handles(names, looks, linewidth=3.0)
    if prediction is not None:
        grey = {"color": "0.5", "linewidth": 1.5}
        handles.append(legend_line("reference", linestyle="-", **grey))
        handles.append(legend_line("prediction", linestyle="--", **grey))
    add_legend(panels[0], handles, own=own)
    return figure_of(panels[0])


def animate_maps(
    reference: EnergyMaps,
    prediction: EnergyMaps | None = None,
    *,
    classes: Sequence[str] | None = None,
    speed: float = 1.0,
    num_frames: int | None = None,
) -> "FuncAnimation":
    """Return a moving picture of energy maps, drawn as [`plot_maps`][seldkit.plot.plot_maps] does.

    Keep it with `animation.save("maps.gif", writer="pillow")`: about 50 ms a frame.

    Args:
        reference: What sounds, or anything that is drawn alone.
        prediction: What a system found.
        classes: Names of the classes; by default their numbers.
        speed: How many times as fast as it sounds.
        num_frames: How many frames to show; by default those of the clip, if it says so, or up to
            the last row.

    Raises:
        ModuleNotFoundError: If matplotlib is not installed.
        TypeError: If `classes` is one text.
        ValueError: If a class has no name, frames of the prediction have another length, or a
            number is not positive.
    """
    check_positive(speed=speed)
    if prediction is not None:
        check_same_frame_s(prediction.frame_s, reference.frame_s)
    if num_frames is None:
        sides = [reference] if prediction is None else [reference, prediction]
        ends = [int(side.frame.max()) + 1 for side in sides if len(side)]
        num_frames = max([1, *ends]) if reference.num_frames is None else reference.num_frames
    check_count(num_frames=num_frames)
    figure = new_figure(6.4, 3.5)
    panel = figure.add_subplot()
    names, looks, ink = _looks(panel, reference, prediction, classes)
    add_legend(panel, class_handles(names, looks, linewidth=3.0), own=True)

    def show(frame: int) -> "list[Axes]":
        panel.clear()
        _draw(panel, reference, prediction, frame, looks, ink)
        return [panel]

    require("matplotlib.backends.backend_agg", "plot").FigureCanvasAgg(figure)
    made: FuncAnimation = require("matplotlib.animation", "plot").FuncAnimation(
        figure, show, frames=num_frames, interval=1000 * reference.frame_s / speed
    )
    return made


def _frames(reference: EnergyMaps, prediction: EnergyMaps | None) -> list[int]:
    sides = [reference.frame] if prediction is None else [reference.frame, prediction.frame]
    busy = torch.cat(sides).unique()
    if len(busy) > MAX_PANELS:
        busy = busy[torch.linspace(0, len(busy) - 1, MAX_PANELS).round().long()]
    found: list[int] = busy.tolist()
    return found


def _looks(
    panel: "Axes",
    reference: EnergyMaps,
    prediction: EnergyMaps | None,
    classes: Sequence[str] | None,
) -> tuple[dict[int, str], dict[int, Look], Ink]:
    labels = set(reference.label.tolist())
    labels |= set() if prediction is None else set(prediction.label.tolist())
    names = class_names(classes, sorted(labels))
    ink = ink_of(panel)
    return names, class_looks(names, ink), ink


def _draw(
    panel: "Axes",
    reference: EnergyMaps,
    prediction: EnergyMaps | None,
    frame: int,
    looks: dict[int, Look],
    ink: Ink,
) -> None:
    """Draw one frame on a panel."""
    there = reference.select(reference.frame == frame)
    maps = there.render(HEIGHT, WIDTH).numpy()
    level = maps.max(axis=0) if len(maps) else np.zeros((HEIGHT, WIDTH))
    shades = [ink.paper, ink.pale(ink.text, 0.45)]
    colours = require("matplotlib.colors", "plot").LinearSegmentedColormap.from_list("", shades)
    half = (180 / WIDTH, 90 / (HEIGHT - 1))
    extent = (-180 - half[0], 180 - half[0], -90 - half[1], 90 + half[1])
    panel.imshow(level, extent=extent, cmap=colours, vmin=0, vmax=max(level.max(), 1e-9))
    title = f"{frame * reference.frame_s:.1f} s"
    dress(panel, ink, title=title, ylim=(-90, 90), xlim=(180, -180), aspect="equal")
    ticks = [f"{degrees}°\n{word}" for degrees, word in SIDES.items()]
    panel.set(xticks=list(SIDES), yticks=range(-90, 91, 45))
    panel.set_xticklabels(ticks, fontsize="small")
    _masks(panel, there, maps, looks, "solid")
    for row, label in enumerate(there.label.tolist()):
        own = there.row == row
        size = LARGEST_DOT * there.energy[own] / there.energy[own].max().clamp(min=1e-9)
        place = (there.azimuth_deg[own].numpy(), there.elevation_deg[own].numpy())
        panel.scatter(*place, s=size.numpy(), color=looks[label].colour, linewidths=0, zorder=3)
    if prediction is not None:
        found = prediction.select(prediction.frame == frame)
        _masks(panel, found, found.render(HEIGHT, WIDTH).numpy(), looks, "dashed")


def _masks(
    panel: "Axes",
    rows: EnergyMaps,
    maps: np.ndarray,
    looks: dict[int, Look],
    line: str,
) -> None:
    """Draw a line around the mask of each map; the first column comes again at the other edge."""
    azimuth = np.linspace(-180, 180, WIDTH + 1)
    elevation = np.linspace(90, -90, HEIGHT)
    for label, values in zip(rows.label.tolist(), maps, strict=True):
        if values.max() > 0:
            closed = np.concatenate((values, values[:, :1]), axis=1)
            panel.contour(
                azimuth,
                elevation,
                closed,
                levels=[MASK * values.max()],
                colors=[looks[label].colour],
                linestyles=line,
                linewidths=1.5,
            )
