"""How a training went: losses, their weights and scores over a run."""

import csv
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seldkit.plot.canvas import dress, figure_of, stacked_axes
from seldkit.plot.ink import class_looks, ink_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DOTS = 50
"""Of a log with no more rows each is a dot, too."""
CLOCKS = ("epoch", "step", "steps")
"""Columns that tell how far the training is, the first of them that there is."""
WORDS = (
    ("weight", ("weight",)),
    ("learning rate", ("lr", "learning_rate")),
    ("loss", ("loss", "total")),
    ("degrees", ("deg", "le", "doae")),
)
"""What a column holds, by the words that its name may consist of; all others are scores."""


def plot_training(
    log: str | PathLike[str] | Sequence[Mapping[str, float]],
    *,
    title: str | None = None,
    axes: "Sequence[Axes] | None" = None,
) -> "Figure":
    """Draw the columns of a training's log over its run.

    Losses, their weights, learning rates, angles in degrees and scores have a panel each, as far as
    the log holds them. A column goes by the words in its name: `loss_sed`, `weight/doa`, `lr`,
    `localization_error_deg`; what has none of them is a score. A value that is nan leaves a gap.

    Args:
        log: The file that a [`TrainingLog`][seldkit.data.TrainingLog] writes, or its rows.
        title: Heading of the picture.
        axes: As many panels to draw on as there are kinds of columns, in the order above; by
            default those of a new figure.

    Raises:
        ModuleNotFoundError: If matplotlib is not installed.
        OSError: If the file cannot be read.
        ValueError: If the log has no rows or nothing to draw, a cell is no number, or there is
            another number of axes.

    Examples:
        >>> rows = [{"epoch": 1, "loss": 0.5, "F": 0.1}, {"epoch": 2, "loss": 0.3, "F": 0.4}]
        >>> [axes.get_ylabel() for axes in plot_training(rows).axes]
        ['loss', 'score']
    """
    columns = _columns(log)
    clock = next((name for name in CLOCKS if name in columns), None)
    first = next(iter(columns.values()))
    time = np.arange(1.0, len(first) + 1) if clock is None else columns[clock]
    kinds: dict[str, list[str]] = {kind: [] for kind in ("loss", "weight", "learning rate")}
    kinds |= {"degrees": [], "score": []}
    for name in columns:
        if name not in CLOCKS:
            kinds[_kind(name)].append(name)
    kinds = {kind: names for kind, names in kinds.items() if names}
    if not kinds:
        raise ValueError(f"log must have a column beside {', '.join(columns)}, got none")
    panels = stacked_axes(axes, [1.7] * len(kinds))
    for panel, (kind, names) in zip(panels, kinds.items(), strict=True):
        ink = ink_of(panel)
        looks = class_looks(range(len(names)), ink)
        for number, name in enumerate(names):
            look: dict[str, Any] = {
                "color": looks[number].colour,
                "linestyle": looks[number].dashes,
            }
            look |= {"marker": "o", "markersize": 2.5} if len(time) <= DOTS else {}
            panel.plot(time, columns[name], linewidth=1.5, label=name, **look)
        dress(panel, ink, ylabel=kind)
        if kind == "learning rate" and all((columns[name] > 0).all() for name in names):
            panel.set_yscale("log")
        panel.legend(
            frameon=False,
            fontsize="small",
            loc="upper left",
            bbox_to_anchor=(1.0, 1.0),
            borderaxespad=0.0,
        )
    panels[-1].set_xlabel(clock or "row")
    if title is not None:
        panels[0].set_title(title, loc="left", fontsize="medium")
    return figure_of(panels[0])


def _kind(name: str) -> str:
    parts = name.replace("/", "_").replace(".", "_").split("_")
    if "LR" in parts:  # as the published programs call the localization recall
        return "score"
    words = {part.lower() for part in parts} | {name.lower()}
    return next((kind for kind, known in WORDS if words & set(known)), "score")


def _columns(
    log: str | PathLike[str] | Sequence[Mapping[str, float]],
) -> dict[str, NDArray[np.float64]]:
    """Return the numbers of each column."""
    if isinstance(log, str | PathLike):
        with Path(log).open(newline="", encoding="utf-8") as file:
            return _numbers(list(csv.DictReader(file)), str(log))
    return _numbers(log, "log")


def _numbers(rows: Sequence[Mapping[str, object]], name: str) -> dict[str, NDArray[np.float64]]:
    if not rows:
        raise ValueError(f"{name} must have at least one row, got none")
    columns = {}
    for column in rows[0]:
        try:
            columns[column] = np.array([float(row[column]) for row in rows])  # type: ignore[arg-type]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{name} must hold a number in column {column!r} of each row"
            ) from error
    return columns
