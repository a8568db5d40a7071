"""What a network says of each class over time, against the thresholds of its decisions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from seldkit._checks import check_count, check_finite, check_positive, check_shape, plain_numbers
from seldkit._typing import Float
from seldkit.events import Events
from seldkit.plot.canvas import dress, figure_of, one_axes
from seldkit.plot.ink import Look, class_looks, ink_of
from seldkit.plot.strokes import REFERENCE, class_names, strokes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LANE = 0.8
"""How much of its lane an activity of 1 fills; the reference lies in what is left below it."""


def plot_activity(
    activity: Float[Tensor, "time cls"],
    threshold: float | Sequence[float] | Float[Tensor, " cls"] = 0.5,
    *,
    reference: Events | None = None,
    frame_s: float = 0.1,
    classes: Sequence[str] | None = None,
    max_classes: int = 24,
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Figure":
    """Draw the activity of classes over time, each in a lane of its own.

    What lies above the threshold has the full colour of the class, what does not is pale; a dashed
    line is the threshold, and a bar below a lane tells where the class truly sounds. Of many
    classes those stay out that neither sound nor come above their threshold.

    Args:
        activity: Probabilities, or lengths of ACCDOA vectors, `(time, cls)`; of several tracks the
            largest. Values above 1 are cut.
        threshold: Of the decisions, one for all classes or one for each; a class is active where
            its activity is greater.
        reference: What sounds.
        frame_s: Length of a frame of the activity, in seconds.
        classes: Names of the classes; by default their numbers.
        max_classes: At most so many classes are drawn, of more those with the highest activity.
        title: Heading of the picture.
        ax: Axes to draw on; by default those of a new figure.

    Raises:
        ModuleNotFoundError: If matplotlib is not installed.
        TypeError: If `classes` is one text or a threshold is no number.
        ValueError: If the activity has another shape, no frames or values below 0, as logits have;
            if there is not one threshold for each class, a class of the reference is not among
            them or has no name, or a number is not positive.

    Examples:
        >>> import torch
        >>> activity = torch.tensor([[0.1, 0.0], [0.9, 0.2], [0.8, 0.4]])
        >>> figure = plot_activity(activity, classes=["dog", "rain"])
        >>> [name.get_text() for name in figure.axes[0].get_yticklabels()]
        ['dog']
    """
    check_shape("activity", activity, "time cls")
    check_finite("activity", activity)
    check_positive(frame_s=frame_s)
    check_count(max_classes=max_classes)
    num_frames, num_classes = activity.shape
    if not num_frames or not num_classes:
        raise ValueError(f"activity must hold frames and classes, got {tuple(activity.shape)}")
    values: NDArray[np.float64] = activity.detach().cpu().double().numpy()
    if values.min() < 0:
        raise ValueError(f"activity must be from 0, not logits, got {values.min():g}")
    thresholds = _thresholds(threshold, num_classes)
    truth = {} if reference is None else strokes(reference)
    if truth and max(truth) >= num_classes:
        raise ValueError(f"reference.label must be below {num_classes}, got {max(truth)}")
    names = class_names(classes, range(num_classes))
    shown = _shown(values, thresholds, truth, max_classes)

    panel = one_axes(ax, (7.5, 1.0 + 0.42 * max(len(shown), 2)))
    ink = ink_of(panel)
    looks = class_looks(shown, ink)
    length_s = num_frames * frame_s
    dress(panel, ink, title=title, xlabel="time (s)", xlim=(0, length_s))
    panel.set_ylim(max(len(shown), 1), 0)
    edges = np.arange(num_frames + 1) * frame_s
    for lane, label in enumerate(shown):
        floor = lane + LANE
        height = floor - LANE * values[:, label].clip(max=1)
        active = np.where(values[:, label] > thresholds[label], height, floor)
        colour = looks[label].colour
        panel.stairs(height, edges, baseline=floor, fill=True, color=ink.pale(colour, 0.7))
        panel.stairs(active, edges, baseline=floor, fill=True, color=colour)
        line = floor - LANE * min(thresholds[label], 1)
        panel.plot((0, length_s), (line, line), color=ink.text, linewidth=0.7, dashes=(4, 3))
        if reference is not None:
            bar = REFERENCE.line(Look(colour, "-"), ink) | {"linewidth": 3.0}
            for rows in truth.get(label, []):
                ends = reference.frame[rows[0]], reference.frame[rows[-1]] + 1
                there = [float(end) * reference.frame_s for end in ends]
                panel.plot(there, (lane + 0.9, lane + 0.9), **bar)
    panel.set_yticks([lane + LANE for lane in range(len(shown))])
    panel.set_yticklabels([names[label] for label in shown], fontsize="small")
    return figure_of(panel)


def _thresholds(threshold: object, num_classes: int) -> NDArray[np.float64]:
    given = np.asarray(plain_numbers("threshold", threshold), dtype=np.float64)
    if given.ndim and len(given) != num_classes:
        raise ValueError(f"threshold must be one or {num_classes} numbers, got {len(given)}")
    return np.broadcast_to(given, num_classes)


def _shown(
    values: NDArray[np.float64],
    thresholds: NDArray[np.float64],
    truth: "dict[int, list[NDArray[np.int64]]]",
    max_classes: int,
) -> list[int]:
    """Return the classes to draw, in rising order."""
    peak = values.max(axis=0)
    there = [
        label for label in range(len(peak)) if label in truth or peak[label] > thresholds[label]
    ]
    loudest = sorted(there, key=lambda label: -peak[label])
    return sorted(loudest[:max_classes])
