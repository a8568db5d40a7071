"""Confidence intervals from leaving out one clip at a time."""

from collections.abc import Mapping
from math import inf
from typing import NamedTuple

from torch import Tensor

from seldkit._checks import check_number
from seldkit.metrics.clip_metrics import ClipMetrics
from seldkit.metrics.dense_maps import DenseMapMetrics
from seldkit.metrics.seld import SELDMetrics

LARGEST = {
    "error_rate": inf,
    "localization_error_deg": 180.0,
    "seld_score": inf,
    "distance_error_m": inf,
    "relative_distance_error": inf,
    "identity_switches": inf,
    "fragmentations": inf,
    "misses": inf,
    "false_positives": inf,
    "num_frames": inf,
}
"""Scores that are not at most 1, beside those in degrees; all but MOTA are at least 0."""


class Interval(NamedTuple):
    """What the jackknife says of one score: numbers, or tensors `[cls]`.

    Attributes:
        estimate: The score with its bias removed.
        bias: How much the plain score is expected to lie above the true one.
        standard_error: Its standard error.
        low: Lower end of the confidence interval.
        high: Upper end of the confidence interval.
    """

    estimate: float | Tensor
    bias: float | Tensor
    standard_error: float | Tensor
    low: float | Tensor
    high: float | Tensor


def jackknife(
    metrics: ClipMetrics | DenseMapMetrics,
    alpha: float = 0.05,
    *,
    per_class: bool = False,
    clip: bool = False,
) -> Mapping[str, Interval]:
    r"""Return bias-corrected estimates and confidence intervals of all scores.

    Each of the $n$ clips is left out in turn. With the plain score $s$ of all clips, the scores
    $s_i$ without clip $i$ and their mean $\bar s$,

    $$\text{bias} = (n - 1)(\bar s - s), \quad
    \text{estimate} = s - \text{bias}, \quad
    \mathrm{se} = \sqrt{\tfrac{n - 1}{n} \sum_i (s_i - \bar s)^2}$$

    and the interval is the estimate $\pm\, t_{1 - \alpha/2,\, n - 1}\, \mathrm{se}$, as the scripts
    of dcase2022 to dcase2025 compute it. Beside the interval those report the last $s_i$ as if it
    were the score; the plain score is [`compute`][seldkit.metrics.SELDMetrics.compute]'s.

    Args:
        metrics: What has counted at least two clips: [`SELDMetrics`][seldkit.metrics.SELDMetrics],
            [`DenseMapMetrics`][seldkit.metrics.DenseMapMetrics], or
            [metrics of tracks][seldkit.metrics.tracking.CLEARMOT].
        alpha: One minus the confidence: 0.05 for 95 %.
        per_class: Whether to return the scores of each class, `[cls]`, which those of tracks
            do not know.
        clip: Whether to cut the interval to the values that a score can have; published intervals
            may go beyond.

    Returns:
        From the score's name, such as `f_score`, to its interval.

    Raises:
        TypeError: If `alpha` is no number.
        ValueError: If there are fewer than two clips, `alpha` is not between 0 and 1, or scores of
            classes are asked of metrics that know none.

    Examples:
        >>> from seldkit import Events
        >>> metrics = SELDMetrics("dcase2023", num_classes=1)
        >>> for azimuth in (0.0, 10.0, 30.0):
        ...     speech = Events.from_degrees([0, 1], [0, 0], [0.0, 0.0], [0.0, 0.0])
        ...     found = Events.from_degrees([0, 1], [0, 0], [azimuth, azimuth], [0.0, 0.0])
        ...     metrics.update(found, speech)
        >>> interval = jackknife(metrics)["localization_error_deg"]
        >>> round(interval.estimate, 2), round(interval.standard_error, 2)
        (13.33, 8.82)
    """
    check_number(alpha=alpha)
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, got {alpha}")
    if metrics.num_clips < 2:
        raise ValueError(f"metrics must have counted at least 2 clips, got {metrics.num_clips}")
    if isinstance(metrics, DenseMapMetrics):
        plain, partial = metrics.with_and_without(per_class=per_class)
    else:
        counts, score = metrics.counts(), metrics.score
        if per_class:
            if not isinstance(metrics, SELDMetrics):
                raise ValueError(f"per_class needs SELDMetrics, got {type(metrics).__name__}")
            score = metrics.score_classes
        plain, partial = score(counts.total()), score(counts.without_each())
    return {
        name: _interval(plain[name], partial[name], alpha, _bounds(name) if clip else (-inf, inf))
        for name in plain
    }


def _bounds(name: str) -> tuple[float, float]:
    """Return the least and the greatest value that a score can have."""
    greatest = LARGEST.get(name, inf if name.endswith("_deg") else 1.0)
    return {"mota": -inf, "correlation": -1.0}.get(name, 0.0), greatest


def _interval(
    plain: Tensor, partial: Tensor, alpha: float, bounds: tuple[float, float]
) -> Interval:
    from scipy.stats import t

    num_clips = len(partial)
    mean = partial.mean(dim=0)
    bias = (num_clips - 1) * (mean - plain)
    error = ((num_clips - 1) * (partial - mean).square().mean(dim=0)).sqrt()
    half = t.ppf(1 - alpha / 2, num_clips - 1) * error
    low, high = ((plain - bias + side).clamp(*bounds) for side in (-half, half))
    values = (plain - bias, bias, error, low, high)
    return Interval(*(value if value.ndim else value.item() for value in values))
