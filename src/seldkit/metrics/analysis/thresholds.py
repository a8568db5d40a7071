"""Scores at many thresholds, to choose one on validation data."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, nan
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor

from seldkit._checks import check_choice, check_finite, check_number
from seldkit._typing import Float, Int
from seldkit.events import Events
from seldkit.metrics.analysis.overlap import blank
from seldkit.metrics.analysis.tables import Table
from seldkit.metrics.seld import SELDMetrics

LOWER_IS_BETTER = {
    "error_rate",
    "localization_error_deg",
    "seld_score",
    "distance_error_m",
    "relative_distance_error",
}

Output = TypeVar("Output")


@runtime_checkable
class Decoder(Protocol):
    """An output format that holds its threshold, such as those of `seldkit.formats`."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def threshold(self) -> object:
        """Above which activity an event is there."""
        ...

    def decode(self, output: Any, /) -> Events:
        """Return the events of a network's output."""
        ...


@dataclass(frozen=True, eq=False, repr=False)
class Sweep:
    """Scores at each of several thresholds; nan where the protocol leaves them undefined.

    Attributes:
        thresholds: The thresholds, `[threshold]`.
        scores: The protocol's scores, by their names in
            [`SELDScores`][seldkit.metrics.SELDScores], `[threshold]`.
        per_class: The same of each class, `[threshold, cls]`.
        num_references: How many references each class has, as the protocol counts, `[cls]`.
        classes_compete: Whether classes take places from one another, as on the tracks of
            `TrackWise`: then each class was scored beside others that had the same threshold.
    """

    thresholds: Float[Tensor, " threshold"]
    scores: Mapping[str, Float[Tensor, " threshold"]]
    per_class: Mapping[str, Float[Tensor, "threshold cls"]]
    num_references: Int[Tensor, " cls"]
    classes_compete: bool = False

    def best(self, score: str = "f_score") -> float:
        """Return the threshold of the best score, nan if none has one; of equal ones the first.

        Args:
            score: Name of the score; the smallest is best where lower is better.

        Raises:
            ValueError: If the protocol has no such score.
        """
        check_choice("score", score, self.scores)
        return self._best(self.scores[score], score).item()

    def best_per_class(
        self, score: str = "f_score", *, fallback: float = 0.5
    ) -> Float[Tensor, " cls"]:
        """Return the best threshold of each class, `[cls]`; of equal ones the first.

        Args:
            score: Name of the score; the smallest is best where lower is better.
            fallback: Threshold of classes without references, about which the scores say nothing.

        Raises:
            ValueError: If the protocol has no such score, or classes compete: a class with a low
                threshold would take the tracks of others, which a single threshold does not show.
        """
        check_choice("score", score, self.per_class)
        if self.classes_compete:
            raise ValueError(
                "best_per_class needs classes that do not compete for places, as those on a track"
                " do: take calibration.search_thresholds, or best(), one threshold for all"
            )
        best = self._best(self.per_class[score], score)
        unknown = best.isnan() | (self.num_references == 0)
        return best.masked_fill(unknown, fallback)

    def table(self) -> Table:
        """Return a row for each threshold and a column for each score."""
        return Table([f"{threshold:g}" for threshold in self.thresholds.tolist()], self.scores)

    def _best(self, values: Tensor, score: str) -> Tensor:
        goodness = -values if score in LOWER_IS_BETTER else values
        defined = ~values.isnan()
        best = self.thresholds[goodness.where(defined, -inf).argmax(dim=0)]
        return best.where(defined.any(dim=0), nan)


def sweep(
    clips: Sequence[tuple[Output, Events]],
    decode: Callable[[Output, float], Events] | Decoder,
    thresholds: Sequence[float] | Tensor,
    metrics: SELDMetrics,
) -> Sweep:
    """Score a network's outputs at each of many thresholds.

    Thresholds belong to the validation data: choose them there, keep them with the model and score
    the test data once.

    Args:
        clips: What a network returned for each clip, and the reference.
        decode: From one output and a threshold to events; or a format, whose own threshold is
            replaced by each of the thresholds.
        thresholds: What to try, in the order of preference among equal scores.
        metrics: How to score. It stays as it is, and its own clips do not count.

    Raises:
        TypeError: If a threshold is no number.
        ValueError: If there is no clip or no threshold, or a threshold is nan or infinite.

    Examples:
        >>> scene = Events.from_degrees([0, 1], [0, 0], [0, 0], [0, 0], num_frames=4)
        >>> probability = torch.tensor([0.9, 0.6, 0.4, 0.1])
        >>> def decode(probability, threshold):
        ...     frame = (probability > threshold).nonzero().squeeze(1)
        ...     zero = torch.zeros(len(frame))
        ...     return Events.from_degrees(frame, zero.long(), zero, zero)
        >>> metrics = SELDMetrics("dcase2024", num_classes=1, frames="clip")
        >>> curve = sweep([(probability, scene)], decode, [0.3, 0.5, 0.7], metrics)
        >>> curve.scores["f_score"].round(decimals=3)
        tensor([0.8000, 1.0000, 0.6670], dtype=torch.float64)
        >>> curve.best("f_score")
        0.5
    """
    if not isinstance(thresholds, Tensor):
        for threshold in thresholds:
            check_number(thresholds=threshold)
    values = torch.as_tensor(thresholds, dtype=torch.float64)
    check_finite("thresholds", values)
    if not len(clips) or not len(values):
        raise ValueError(
            f"sweep needs a clip and a threshold, got {len(clips)} clips, {len(values)} thresholds"
        )
    whole = blank(metrics)
    for threshold in values.tolist():
        at_threshold = _decoder(decode, threshold)
        for output, reference in clips:
            whole.update(at_threshold(output), reference)
    # The clips of one threshold after those of another: all of them were counted at once.
    counts = whole.counts().map(
        lambda count: count.reshape(len(values), len(clips), *count.shape[1:]).sum(dim=1)
    )
    return Sweep(
        values,
        whole.score(counts),
        whole.score_classes(counts),
        counts.by_class["Nref"][0],
        getattr(decode, "classes_compete", False),  # a function does not tell
    )


def _decoder(
    decode: Callable[[Output, float], Events] | Decoder, threshold: float
) -> Callable[[Output], Events]:
    if isinstance(decode, Decoder):
        return replace(decode, threshold=threshold).decode
    return lambda output: decode(output, threshold)
