"""Scores by how many sources sound at once."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from torch import Tensor

from seldkit.plot.canvas import add_legend, dress, figure_of, legend_line, one_axes
from seldkit.plot.ink import class_looks, ink_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKERS = "osD^vP*X"


@runtime_checkable
class ScoreTable(Protocol):
    """Named rows and columns of numbers, such as a `Table`."""

    @property
    def rows(self) -> Sequence[str]:
        """Names of the rows."""
        ...

    @property
    def columns(self) -> Mapping[str, Tensor]:
        """From the name of a column to its numbers, `[row]`."""
        ...


def plot_overlap(
    table: ScoreTable,
    *,
    label: str = "score",
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Figure":
    """Draw scores against the number of sources that sound at once, a line for each score.

    Columns that are not numbers of sources, such as `"all"`, stand apart on the right.

    Args:
        table: What [`overlap_table`][seldkit.metrics.analysis.overlap_table] returned, or another
            table whose columns are numbers of sources.
        label: What the numbers are.
        title: Heading of the picture.
        ax: Axes to draw on; by default those of a new figure.

    Raises:
        ModuleNotFoundError: If matplotlib is not installed.
        ValueError: If the table has no rows or no columns.

    Examples:
        >>> import torch
        >>> from seldkit.metrics.analysis import Table
        >>> table = Table(["SELD"], {"1": torch.tensor([0.8]), "2": torch.tensor([0.5])})
        >>> [text.get_text() for text in plot_overlap(table).axes[0].get_xticklabels()]
        ['1', '2']
    """
    if not len(table.rows) or not table.columns:
        raise ValueError(
            "table must have rows and columns,"
            f" got {len(table.rows)} rows and {len(table.columns)} columns"
        )
    counts = sorted(filter(str.isdecimal, table.columns), key=int)
    apart = [name for name in table.columns if name not in counts]
    places = [*range(len(counts)), *(len(counts) + 0.5 + i for i in range(len(apart)))]
    panel = one_axes(ax, (6.6, 3.4))
    ink = ink_of(panel)
    looks = class_looks(range(len(table.rows)), ink)
    handles = []
    for row, name in enumerate(table.rows):
        values = [table.columns[column][row].item() for column in (*counts, *apart)]
        look: dict[str, Any] = {
            "color": looks[row].colour,
            "marker": MARKERS[row % len(MARKERS)],
            "markersize": 6,
        }
        line: dict[str, Any] = {"linewidth": 1.6, "linestyle": looks[row].dashes}
        panel.plot(places[: len(counts)], values[: len(counts)], **look, **line)
        panel.plot(places[len(counts) :], values[len(counts) :], linestyle="none", **look)
        handles.append(legend_line(name, **look, **line))
    dress(panel, ink, title=title, xlabel="sources at once", ylabel=label)
    panel.set_xticks(places, [*counts, *apart])
    panel.set_xlim(-0.4, places[-1] + 0.4)
    panel.set_ylim(bottom=min(0.0, panel.get_ylim()[0]))
    add_legend(panel, handles, own=ax is None)
    return figure_of(panel)
