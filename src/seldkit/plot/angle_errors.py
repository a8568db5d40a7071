"""How far directions are off: how often each angle, and how often less than it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seldkit._checks import check_literal, check_positive, check_shape
from seldkit._typing import Float
from seldkit.geometry import within
from seldkit.plot.canvas import add_legend, dress, figure_of, one_axes
from seldkit.plot.ink import class_looks, ink_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BIN_DEG = 5.0
"""Width of the bins of the histogram."""


def plot_angle_errors(
    angle_deg: Float[Tensor, " row"] | Mapping[str, Float[Tensor, " row"]],
    *,
    kind: Literal["histogram", "ecdf"] = "histogram",
    threshold_deg: float = 20.0,
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Figure":
    """Draw how far predictions are from their references, beside the largest angle of a hit.

    The legend says which share of the pairs is within that angle, and the median.

    Args:
        angle_deg: Angles of the pairs, such as `match_events(clips).angle_deg`, `[row]`; nan, where
            there is no pair, does not count. Or those of several systems, by name.
        kind: `"histogram"` for the share of pairs in each 5 degrees, `"ecdf"` for the share of
            pairs up to each angle.
        threshold_deg: Largest angle of a hit, in degrees; 20 in the challenges.
        title: Heading of the picture.
        ax: Axes to draw on; by default those of a new figure.

    Raises:
        ModuleNotFoundError: If matplotlib is not installed.
        TypeError: If the threshold is no number.
        ValueError: If there are no angles or one is not in 0..180, the kind is unknown, or the
            threshold is not positive.

    Examples:
        >>> import torch
        >>> errors = {"ours": torch.tensor([3.0, 8.0, 31.0, torch.nan]), "theirs": torch.ones(2)}
        >>> (legend,) = plot_angle_errors(errors).legends
        >>> [text.get_text().splitlines() for text in legend.get_texts()][0]
        ['ours', '67 % within 20°', 'median 8°']
    """
    check_literal("kind", kind, Literal["histogram", "ecdf"])
    check_positive(threshold_deg=threshold_deg)
    systems = dict(angle_deg) if isinstance(angle_deg, Mapping) else {"": angle_deg}
    errors = {name: _pairs(angle, name) for name, angle in systems.items()}
    if not errors:
        raise ValueError("angle_deg must hold at least one system, got none")
    panel = one_axes(ax, (7.0, 3.4))
    ink = ink_of(panel)
    looks = class_looks(range(len(errors)), ink)
    farthest = max(map(np.max, errors.values()))
    limit = min(180.0, max(2 * threshold_deg, np.ceil(farthest / 10) * 10))
    for number, (name, angles) in enumerate(errors.items()):
        hits = within(torch.from_numpy(angles), threshold_deg).double().mean()
        lines = [
            f"{100 * hits:.0f} % within {threshold_deg:g}°",
            f"median {np.median(angles):.3g}°",
        ]
        look: dict[str, Any] = {
            "color": looks[number].colour,
            "label": "\n".join([name, *lines] if name else lines),
        }
        if kind == "ecdf":
            panel.ecdf(angles, linewidth=1.8, **look)
            continue
        edges = np.arange(0.0, 180 + BIN_DEG / 2, BIN_DEG)
        share = np.histogram(angles, edges)[0] / len(angles)
        panel.stairs(share, edges, linewidth=1.8, fill=len(errors) == 1, **look)
    dress(panel, ink, title=title, xlabel="angle error (°)", xlim=(0, limit), ylim=(0, None))
    panel.set_ylabel("share of pairs" if kind == "histogram" else "share up to there")
    mark: dict[str, Any] = {"color": ink.text, "linestyle": (0, (4, 3)), "linewidth": 1.0}
    panel.axvline(threshold_deg, label=f"{threshold_deg:g}°", **mark)
    add_legend(panel, panel.get_legend_handles_labels()[0], own=ax is None)
    return figure_of(panel)


def _pairs(angle_deg: Float[Tensor, " row"], name: str) -> NDArray[np.float64]:
    """Return the angles that are known."""
    named = f"angle_deg[{name!r}]" if name else "angle_deg"
    check_shape(named, angle_deg, "row")
    angles: NDArray[np.float64] = angle_deg.detach().cpu().double().numpy()
    angles = angles[~np.isnan(angles)]
    if not len(angles):
        raise ValueError(f"{named} must hold the angle of at least one pair, got none")
    if angles.min() < 0 or angles.max() > 180:
        worst = angles[np.abs(angles - 90).argmax()]
        raise ValueError(f"{named} must lie in 0..180 degrees, got {worst:g}")
    return angles
