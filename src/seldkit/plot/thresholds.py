"""Scores against thresholds: where the best one lies, and how much it matters."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor

from seldkit._checks import check_finite, check_number, check_shape
from seldkit._typing import Float
from seldkit.plot.canvas import add_legend, dress, figure_of, legend_line, one_axes
from seldkit.plot.ink import class_looks, ink_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_thresholds(
    thresholds: Float[Tensor, " threshold"],
    scores: Mapping[str, Float[Tensor, " threshold"]],
    *,
    per_class: Float[Tensor, "threshold cls"] | None = None,
    chosen: float | None = None,
    label: str = "score",
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Figure":
    """Draw scores against the thresholds they were reached with.

    Args:
        thresholds: What was tried, in rising order, `[threshold]`: `curve.thresholds` of a
            [`sweep`][seldkit.metrics.analysis.sweep] or an
            [`f1_curve`][seldkit.calibration.f1_curve].
        scores: Scores by name, `[threshold]` each, such as `{"F20": curve.scores["f_score"]}`;
            where one is nan its line has a gap.
        per_class: A score of each class, `[threshold, cls]`, drawn as thin pale lines behind.
        chosen: A threshold to mark.
        label: What the scores are.
        title: Heading of the picture.
        ax: Axes to draw on; by default those of a new figure.

    Raises:
        ModuleNotFoundError: If matplotlib is not installed.
        TypeError: If `chosen` is no number.
        ValueError: If there are no thresholds or no scores, a threshold is not finite, or there is
            not one score for each.

    Examples:
        >>> import torch
        >>> thresholds = torch.tensor([0.3, 0.5, 0.7])
        >>> figure = plot_thresholds(thresholds, {"F": torch.tensor([0.8, 1.0, 0.7])}, chosen=0.5)
        >>> [text.get_text() for text in figure.legends[0].get_texts()]
        ['F', 'chosen, 0.5']
    """
    check_shape("thresholds", thresholds, "threshold")
    check_finite("thresholds", thresholds)
    if not len(thresholds) or not scores:
        raise ValueError(
            f"thresholds and scores must not be empty, got {len(thresholds)} and {len(scores)}"
        )
    for name, score in scores.items():
        check_shape(f"scores[{name!r}]", score, "threshold", threshold=len(thresholds))
    if per_class is not None:
        check_shape("per_class", per_class, "threshold cls", threshold=len(thresholds))
    if chosen is not None:
        check_number(chosen=chosen)
    panel = one_axes(ax, (6.6, 3.6))
    ink = ink_of(panel)
    looks = class_looks(range(len(scores)), ink)
    tried = thresholds.detach().cpu().double().numpy()
    handles = []
    pale: dict[str, Any] = {"color": ink.pale(ink.text, 0.75), "linewidth": 0.8}
    if per_class is not None:
        panel.plot(tried, per_class.detach().cpu().double().numpy(), **pale)
    for number, (name, score) in enumerate(scores.items()):
        look: dict[str, Any] = {
            "color": looks[number].colour,
            "linestyle": looks[number].dashes,
            "linewidth": 1.8,
        }
        panel.plot(tried, score.detach().cpu().double().numpy(), **look)
        handles.append(legend_line(name, **look))
    if per_class is not None:
        handles.append(legend_line("each class", **pale))
    if chosen is not None:
        mark: dict[str, Any] = {"color": ink.text, "linestyle": (0, (4, 3)), "linewidth": 1.0}
        panel.axvline(chosen, **mark)
        handles.append(legend_line(f"chosen, {chosen:.3g}", **mark))
    dress(panel, ink, title=title, xlabel="threshold", ylabel=label)
    panel.set_ylim(bottom=min(0.0, panel.get_ylim()[0]))
    add_legend(panel, handles, own=ax is None)
    return figure_of(panel)
