"""Scores of classes as bars, with what their intervals say."""

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seldkit._checks import check_number, check_shape
from seldkit._typing import Float
from seldkit.plot.canvas import dress, figure_of, new_figure
from seldkit.plot.ink import Ink, ink_of
from seldkit.plot.strokes import class_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BARS = 45
"""So many classes stand below each other in a figure of one's own; more take several columns."""


@runtime_checkable
class Bounds(Protocol):
    """The ends of confidence intervals, such as those of an `Interval`."""

    @property
    def low(self) -> float | Tensor:
        """Lower ends, `[cls]`."""
        ...

    @property
    def high(self) -> float | Tensor:
        """Upper ends, `[cls]`."""
        ...


def plot_class_scores(
    scores: Float[Tensor, " cls"],
    interval: Bounds | None = None,
    *,
    overall: float | None = None,
    classes: Sequence[str] | None = None,
    label: str = "F-score",
    title: str | None = None,
    axes: "Axes | Sequence[Axes] | None" = None,
) -> "Figure":
    """Draw the score of each class as a bar, and its confidence interval as a line on it.

    A class whose score is nan has no bar; it says "none". Many classes stand in several columns.

    Args:
        scores: Of the classes, such as `metrics.compute().per_class["f_score"]`, `[cls]`.
        interval: Their confidence intervals, such as
            `jackknife(metrics, per_class=True, clip=True)["f_score"]`; an interval with a nan is
            not drawn.
        overall: The score of all classes, drawn as a dashed line across.
        classes: Names of the classes; by default their numbers.
        label: What the score is, with its unit.
        title: Heading of the picture.
        axes: Axes to draw on, or several on which the classes are spread evenly, in this order; by
            default those of a new figure, one for each 45 classes.

    Raises:
        ModuleNotFoundError: If matplotlib is not installed.
        TypeError: If `classes` is one text or `overall` is no number.
        ValueError: If scores and interval have no or different classes, or a class has no name.

    Examples:
        >>> figure = plot_class_scores(torch.tensor([0.7, 0.4]), classes=["dog", "rain"])
        >>> [name.get_text() for name in figure.axes[0].get_yticklabels()]
        ['dog', 'rain']
    """
    check_shape("scores", scores, "cls")
    if not len(scores):
        raise ValueError("scores must hold at least one class, got none")
    columns = [scores]
    if interval is not None:
        columns += [torch.as_tensor(interval.low), torch.as_tensor(interval.high)]
        for name, column in zip(("low", "high"), columns[1:], strict=True):
            check_shape(f"interval.{name}", column, "cls", cls=len(scores))
    if overall is not None:
        check_number(overall=overall)
    names = list(class_names(classes, range(len(scores))).values())
    values = torch.stack([column.detach().cpu().double() for column in columns]).numpy()
    top = max(1.0, np.nanmax(values, initial=0.0), overall or 0.0)
    if overall is not None:
        label = f"{label} (dashed: all, {overall:.3g})"
    panels = _panels(axes, len(names))
    for panel, rows in zip(panels, np.array_split(np.arange(len(names)), len(panels)), strict=True):
        ink = ink_of(panel)
        dress(panel, ink, xlabel=label, xlim=(0, 1.02 * top), ylim=(len(rows) - 0.4, -0.6))
        panel.grid(visible=False, axis="y")
        panel.set_yticks(range(len(rows)), [names[row] for row in rows], fontsize="small")
        _draw_bars(panel, values[:, rows], ink)
        if overall is not None:
            panel.axvline(overall, color=ink.text, linewidth=1.0, linestyle=(0, (4, 3)), zorder=4)
    if title is not None:
        panels[0].set_title(title, loc="left", fontsize="medium")
    return figure_of(panels[0])


def _panels(axes: "Axes | Sequence[Axes] | None", num_classes: int) -> "list[Axes]":
    if axes is not None:
        given: list[Axes] = np.asarray(axes, dtype=object).ravel().tolist()
        return given
    count = ceil(num_classes / BARS)
    rows = ceil(num_classes / count)
    figure = new_figure(1.5 + 3.6 * count, 1.0 + 0.2 * rows)
    return list(np.ravel(np.asarray(figure.subplots(1, count))))


def _draw_bars(panel: "Axes", values: NDArray[np.float64], ink: Ink) -> None:
    """Draw scores and, where there are more rows of values, their lower and upper ends."""
    scores, place = values[0], np.arange(values.shape[1])
    known = ~np.isnan(scores)
    colour = ink.palette[0]
    panel.barh(place[known], scores[known], height=0.7, color=ink.pale(colour, 0.25), zorder=2)
    for row in place[~known]:
        panel.text(0, row, " none", va="center", fontsize="small", color=ink.pale(ink.text, 0.4))
    if len(values) == 1:
        return
    sure = known & ~np.isnan(values).any(axis=0)
    panel.hlines(place[sure], *values[1:, sure], color=ink.text, linewidth=1.4, zorder=3)
    panel.plot(scores[sure], place[sure], "o", color=ink.text, markersize=3, zorder=3)
