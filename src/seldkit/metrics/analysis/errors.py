"""What goes wrong: events found, taken for another class, misplaced, made up or missed."""

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

from seldkit._checks import check_count, check_positive
from seldkit._typing import Int
from seldkit.geometry import within
from seldkit.metrics.analysis.matches import Matches, check_labels, count_labels


class ErrorCounts(NamedTuple):
    """What became of every reference, and where every prediction came from.

    The references of a class are its `correct`, `misplaced`, `deleted` and its row of
    `substituted`; its predictions are its `correct`, `misplaced`, `inserted` and its column of
    `substituted`.

    Attributes:
        correct: Right class, near enough, `[cls]`.
        misplaced: Right class, too far away, `[cls]`.
        substituted: Near enough, but of another class, `[cls, cls]`: row the class of the
            reference, column that of the prediction.
        deleted: References that were not found, `[cls]`.
        inserted: Predictions of what is not there, `[cls]`.
    """

    correct: Int[Tensor, " cls"]
    misplaced: Int[Tensor, " cls"]
    substituted: Int[Tensor, "cls cls"]
    deleted: Int[Tensor, " cls"]
    inserted: Int[Tensor, " cls"]

    @property
    def confusion(self) -> Int[Tensor, "cls cls"]:
        """What was found near the references: `substituted`, with `correct` on its diagonal."""
        return self.substituted + self.correct.diag()

    @property
    def totals(self) -> Mapping[str, int]:
        """The numbers over all classes, by the names above."""
        return {name: int(count.sum()) for name, count in self._asdict().items()}


def count_errors(matches: Matches, num_classes: int, *, tolerance_deg: float = 20.0) -> ErrorCounts:
    """Count correct, misplaced, substituted, deleted and inserted events, frame by frame.

    Give it matches `by="event"` of the same tolerance: those pair what is right before what is
    nearly right. A pair of another class that is too far away is an insertion and a deletion.

    The error rate of the challenges calls any false positive and any false negative of a second or
    frame a substitution, wherever they are. Here a substitution is a source in the right place
    under a wrong name, so that the table of `substituted` tells which classes a system mixes up.

    Args:
        matches: What [`match_events`][seldkit.metrics.analysis.match_events] returned, or some of
            its rows.
        num_classes: Number of classes.
        tolerance_deg: Largest angle that is near enough, in degrees.

    Raises:
        ValueError: If a number is not positive or a label is not below `num_classes`.

    Examples:
        >>> from seldkit import Events
        >>> from seldkit.metrics.analysis import match_events
        >>> scene = Events.from_degrees([0, 0, 1, 2], [0, 1, 0, 1], [0, 90, 0, 90], [0, 0, 0, 0])
        >>> found = Events.from_degrees([0, 0, 1], [0, 0, 0], [5, 95, 60], [0, 0, 0])
        >>> errors = count_errors(match_events([(found, scene)], by="event"), num_classes=2)
        >>> errors.totals
        {'correct': 1, 'misplaced': 1, 'substituted': 1, 'deleted': 1, 'inserted': 0}
        >>> errors.confusion
        tensor([[1, 0],
                [1, 0]])
    """
    check_count(num_classes=num_classes)
    check_positive(tolerance_deg=tolerance_deg)
    check_labels(matches, num_classes)
    reference, prediction = matches.reference, matches.prediction
    near = matches.is_pair & within(matches.angle_deg, tolerance_deg)
    same = matches.is_pair & (reference == prediction)

    cell = (reference * num_classes + prediction)[near & ~same]
    return ErrorCounts(
        correct=count_labels(reference[near & same], num_classes),
        misplaced=count_labels(reference[~near & same], num_classes),
        substituted=cell.bincount(minlength=num_classes**2).reshape(num_classes, num_classes),
        deleted=count_labels(reference[~near & ~same], num_classes),
        inserted=count_labels(prediction[~near & ~same], num_classes),
    )
