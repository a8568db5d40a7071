"""Distances between sets of directions: what is misplaced, missed and made up, in one number."""

from collections.abc import Mapping
from math import nan
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

from seldkit._checks import check_literal, check_number, check_positive
from seldkit.geometry import below
from seldkit.metrics.counts import Counts
from seldkit.metrics.timeline import sum_by
from seldkit.metrics.tracking.accumulator import TrackMetrics
from seldkit.metrics.tracking.clip import Angle, TrackClip

Frames = Literal["active", "clip"]


class OSPAScores(NamedTuple):
    """Mean distance of two sets, in degrees, 0 to the cut-off; lower is better.

    Attributes:
        ospa_deg: The mean over frames.
        localization_deg: The mean of the part of directions that are off.
        cardinality_deg: The mean of the part of what is too few or too many. Both parts add up to
            the whole if the order is 1.
        num_frames: Over how many frames.
    """

    ospa_deg: float = nan
    localization_deg: float = nan
    cardinality_deg: float = nan
    num_frames: float = nan


class GOSPAScores(NamedTuple):
    """Distance of two sets, in degrees; lower is better.

    To the power of the order the three parts add up to the whole.

    Attributes:
        gospa_deg: The power mean over frames.
        localization_deg: Its part of directions that are off by less than the cut-off.
        missed_deg: Its part of references without a prediction.
        false_deg: Its part of predictions without a reference.
        misses: References without a prediction.
        false_positives: Predictions without a reference.
        num_frames: Over how many frames.
    """

    gospa_deg: float = nan
    localization_deg: float = nan
    missed_deg: float = nan
    false_deg: float = nan
    misses: float = nan
    false_positives: float = nan
    num_frames: float = nan


class _SetDistance(TrackMetrics):
    """What both distances take: a cut-off, an order, and the frames to look at."""

    alike: ClassVar[tuple[str, ...]] = ("cutoff_deg", "order", "frames", "angle")

    def __init__(
        self,
        cutoff_deg: float = 30.0,
        order: float = 1.0,
        *,
        frames: Frames = "active",
        angle: Angle = "sphere",
    ) -> None:
        check_positive(cutoff_deg=cutoff_deg)
        check_number(order=order)
        if not 1 <= order < torch.inf:
            raise ValueError(f"order must be at least 1 and finite, got {order}")
        check_literal("frames", frames, Frames)
        check_literal("angle", angle, Angle)
        self.cutoff_deg, self.order = float(cutoff_deg), float(order)
        self.frames: Frames = frames
        self.angle: Angle = angle
        self.reset()

    def _num_frames(self, clip: TrackClip) -> int:
        return clip.num_frames if self.frames == "clip" else len(clip.frame)


class OSPA(_SetDistance):
    r"""Optimal subpattern assignment: the distance between the sets of a frame, in degrees.

    Of $m$ directions and $n \ge m$ others, with angles $d$ cut off at $c$ and the order $p$,

    $$\Big(\frac1n \Big(\min_\pi \sum_{i=1}^m \min(d(x_i, y_{\pi(i)}), c)^p
    + c^p (n - m)\Big)\Big)^{1/p}$$

    and 0 where both are empty. It is averaged over frames. It knows no identities: use
    [`CLEARMOT`][seldkit.metrics.tracking.CLEARMOT] beside it. Clips are taken in one a call, as by
    all [`TrackMetrics`][seldkit.metrics.tracking.TrackMetrics].

    Args:
        cutoff_deg: What a missing direction costs, and the most that any can, in degrees.
        order: From 1; the larger, the more the worst direction counts.
        frames: `"active"` averages over the frames in which either side has a direction, `"clip"`
            over all: `num_frames` of either side, the longer one.
        angle: `"sphere"`, or the difference of `"azimuth"` or `"elevation"` alone.

    Raises:
        TypeError: If the cut-off or the order is no number.
        ValueError: If the cut-off is not positive, the order is below 1, or a choice is unknown.

    Examples:
        >>> from seldkit import Events
        >>> two = Events.from_degrees([0, 0], [0, 0], [0, 90], [0, 0])
        >>> one = Events.from_degrees([0], [0], [10], [0])
        >>> metric = OSPA(cutoff_deg=30)
        >>> metric.update(one, two)
        >>> [round(score, 3) for score in metric.compute()]
        [20.0, 5.0, 15.0, 1.0]

    Source: D. Schuhmacher, B.-T. Vo and B.-N. Vo, "A consistent metric for performance evaluation
    of multi-object filters", IEEE Trans. Signal Processing 56(8), 2008. That the angle stands for
    the distance is our own.
    """

    _names: ClassVar[tuple[str, ...]] = ("frames", "ospa", "localization", "cardinality")

    def compute(self) -> OSPAScores:
        """Return the scores of all clips so far.

        Raises:
            ValueError: If there is no clip.
        """
        return OSPAScores(**self._scores())

    def score(self, counts: Counts) -> Mapping[str, Tensor]:
        """Return the scores that counts have, by name: of the shape of the counts."""
        frames, *sums = (counts.overall[name] for name in self._names)
        names = ("ospa_deg", "localization_deg", "cardinality_deg")
        return dict(zip(names, (each / frames for each in sums), strict=True)) | {
            "num_frames": frames
        }

    def _count(self, clip: TrackClip) -> tuple[Tensor | float, ...]:
        references, predictions = clip.cells()
        pairs = clip.match(self.angle, self.cutoff_deg, self.order)
        cell = clip.reference.cell[pairs.reference]
        most = torch.maximum(references.size, predictions.size)
        far = sum_by(cell, pairs.cost, len(most)) / most
        extra = self.cutoff_deg**self.order * (references.size - predictions.size).abs() / most
        parts = (_root(part, self.order).sum() for part in (far + extra, far, extra))
        return (self._num_frames(clip), *parts)


class GOSPA(_SetDistance):
    r"""Generalised OSPA: like OSPA, but each miss and each false alarm costs half the cut-off.

    With an assignment $\gamma$ of some of $m$ directions to some of $n$ others,

    $$\min_\gamma \Big(\sum_{(i, j) \in \gamma} d(x_i, y_j)^p
    + \frac{c^p}{2} (m + n - 2 |\gamma|)\Big)^{1/p}$$

    which is not divided by the number of directions, so that it grows with them, and tells what is
    off from what is missed and what is made up: a pair as far apart as the cut-off is one of each.
    Over frames the power mean of that order is taken (for order 2 the root mean square), so that
    the parts still add up; for order 1 it is the mean. Clips are taken in one a call, as by all
    [`TrackMetrics`][seldkit.metrics.tracking.TrackMetrics].

    Args:
        cutoff_deg: What a miss and a false alarm cost together, in degrees.
        order: From 1; the larger, the more the worst direction counts.
        frames: `"active"` averages over the frames in which either side has a direction, `"clip"`
            over all: `num_frames` of either side, the longer one.
        angle: `"sphere"`, or the difference of `"azimuth"` or `"elevation"` alone.

    Raises:
        TypeError: If the cut-off or the order is no number.
        ValueError: If the cut-off is not positive, the order is below 1, or a choice is unknown.

    Examples:
        >>> from seldkit import Events
        >>> two = Events.from_degrees([0, 0], [0, 0], [0, 90], [0, 0])
        >>> one = Events.from_degrees([0], [0], [10], [0])
        >>> metric = GOSPA(cutoff_deg=30)
        >>> metric.update(one, two)
        >>> scores = metric.compute()
        >>> round(scores.gospa_deg, 3), round(scores.localization_deg, 3), scores.missed_deg
        (25.0, 10.0, 15.0)

    Source: A. S. Rahmathullah, A. F. García-Fernández and L. Svensson, "Generalized optimal
    sub-pattern assignment metric", FUSION 2017, proposition 1 (alpha = 2). That the angle stands
    for the distance is our own.
    """

    _names: ClassVar[tuple[str, ...]] = (
        "frames",
        "localization",
        "references",
        "predictions",
        "hits",
    )

    def compute(self) -> GOSPAScores:
        """Return the scores of all clips so far.

        Raises:
            ValueError: If there is no clip.
        """
        return GOSPAScores(**self._scores())

    def score(self, counts: Counts) -> Mapping[str, Tensor]:
        """Return the scores that counts have, by name: of the shape of the counts."""
        frames, far, references, predictions, hits = (counts.overall[name] for name in self._names)
        misses, extra = references - hits, predictions - hits
        half = self.cutoff_deg**self.order / 2
        sums = {
            "gospa_deg": far + half * (misses + extra),
            "localization_deg": far,
            "missed_deg": half * misses,
            "false_deg": half * extra,
        }
        return {name: _root(each / frames, self.order) for name, each in sums.items()} | {
            "misses": misses,
            "false_positives": extra,
            "num_frames": frames,
        }

    def _count(self, clip: TrackClip) -> tuple[Tensor | float, ...]:
        # A pair beyond the cut-off costs what a miss and a false alarm cost: so the cheapest
        # matching of all, cut off, is the cheapest of some.
        cost = clip.match(self.angle, self.cutoff_deg, self.order).cost
        hit = below(cost, self.cutoff_deg**self.order)
        sizes = len(clip.reference.cell), len(clip.prediction.cell)
        return (self._num_frames(clip), cost[hit].sum(), *sizes, hit.sum())


def _root(values: Tensor, order: float) -> Tensor:
    return values.pow(1 / order)
