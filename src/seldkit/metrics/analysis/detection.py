"""Detection: how many events were found, whatever else is asked of a hit."""

from collections.abc import Mapping
from math import inf, nan
from typing import NamedTuple

from torch import Tensor

from seldkit._checks import check_choice, check_count, check_positive
from seldkit._typing import Bool
from seldkit.geometry import within
from seldkit.metrics.analysis.matches import Matches, check_labels, count_labels
from seldkit.metrics.scores import Average


class DetectionScores(NamedTuple):
    """How much was found; nan where nothing is there to be divided by.

    Attributes:
        precision: Hits over predictions, 0 to 1. Higher is better.
        recall: Hits over references, 0 to 1. Higher is better.
        f_score: Their harmonic mean, hits over the mean number of both, 0 to 1. Higher is better.
        per_class: The three of each class, and what they are made of, the numbers `TP` (hits),
            `FP` (predictions without a hit) and `FN` (references without a hit), by name, `[cls]`.
    """

    precision: float
    recall: float
    f_score: float
    per_class: Mapping[str, Tensor]


def detection_scores(
    matches: Matches,
    num_classes: int,
    *,
    average: Average = "micro",
    within_deg: float = inf,
    within_m: float = inf,
) -> DetectionScores:
    r"""Return precision, recall and F-score of events, counted instance by instance in each frame.

    With as many pairs in the tolerance as $TP$, and $FP$ predictions and $FN$ references without
    one,

    $$P = \frac{TP}{TP + FP}, \quad R = \frac{TP}{TP + FN}, \quad
    F = \frac{TP}{TP + \frac12 (FP + FN)}$$

    Of matches `by="class"` without a tolerance this is detection alone, classes right wherever they
    were put; `by="place"` with a tolerance it is localisation alone, places right whatever the
    class. A hit counts for the class of its reference.

    Args:
        matches: What [`match_events`][seldkit.metrics.analysis.match_events] returned, or some of
            its rows.
        num_classes: Number of classes.
        average: `"micro"` adds up the counts of all classes, `"macro"` takes the mean of the
            classes' scores, without classes that are neither in the references nor in the
            predictions: the same classes for all three scores. One that is on one side alone has
            no precision or no recall, and counts as 0 in the mean.
        within_deg: Largest angle of a hit, in degrees.
        within_m: Largest distance of a hit's positions, in metres; a pair of unknown distance is no
            hit if this is given.

    Raises:
        ValueError: If the average is unknown, a number is not positive, or a label is not below
            `num_classes`.

    Examples:
        >>> from seldkit import Events
        >>> from seldkit.metrics.analysis import match_events
        >>> scene = Events.from_degrees([0, 0, 1], [0, 1, 1], [0, 90, 90], [0, 0, 0])
        >>> found = Events.from_degrees([0, 1], [0, 1], [120, 85], [0, 0])
        >>> matches = match_events([(found, scene)])
        >>> detection_scores(matches, num_classes=2).f_score
        0.8
        >>> detection_scores(matches, num_classes=2, within_deg=20).f_score
        0.4
    """
    check_choice("average", average, ("micro", "macro"))
    check_count(num_classes=num_classes)
    check_positive(within_deg=within_deg, within_m=within_m)
    check_labels(matches, num_classes)
    hit = is_hit(matches, within_deg, within_m)
    counts = {
        "TP": count_labels(matches.reference[hit], num_classes),
        "FP": count_labels(matches.prediction[~hit], num_classes),
        "FN": count_labels(matches.reference[~hit], num_classes),
    }
    per_class = _scores(counts)
    if average == "micro":
        whole = _scores({name: count.sum() for name, count in counts.items()})
    else:
        absent = counts["TP"] + counts["FP"] + counts["FN"] == 0
        whole = {
            name: score.nan_to_num(nan=0.0).masked_fill(absent, nan).nanmean()
            for name, score in per_class.items()
        }
    return DetectionScores(
        **{name: score.item() for name, score in whole.items()}, per_class={**counts, **per_class}
    )


def is_hit(matches: Matches, within_deg: float, within_m: float) -> Bool[Tensor, " row"]:
    """Tell which rows are pairs within the tolerances."""
    hit = matches.is_pair & within(matches.angle_deg, within_deg)
    return hit if within_m == inf else hit & within(matches.position_error_m, within_m)


def _scores(counts: Mapping[str, Tensor]) -> dict[str, Tensor]:
    hits, extra, missing = (counts[name].double() for name in ("TP", "FP", "FN"))
    return {
        "precision": hits / (hits + extra),  # 0 / 0 is nan
        "recall": hits / (hits + missing),
        "f_score": hits / (hits + (extra + missing) / 2),
    }
