"""CLEAR MOT: whether tracks are found, kept, and kept apart."""

from collections.abc import Mapping
from math import nan
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

from seldkit._checks import check_literal, check_positive
from seldkit.geometry import within
from seldkit.metrics.counts import Counts
from seldkit.metrics.tracking.accumulator import TrackMetrics
from seldkit.metrics.tracking.association import associate
from seldkit.metrics.tracking.clip import Angle, TrackClip
from seldkit.metrics.tracking.trajectories import (
    count_births,
    count_switches,
    follow,
    identity_matches,
)

Rule = Literal["clear", "doanet"]
Classes = Literal["ignore", "match"]

_GATE_DEG = 20.0
_EPS = 1e-7  # of the published script


class CLEARMOTScores(NamedTuple):
    """What CLEAR MOT says of tracks; nan where there is nothing to be averaged.

    Attributes:
        localization_error_deg: Mean angle of the matches, in degrees (LE). The paper calls it MOTP.
            Lower is better.
        mota: 1 - (misses + false positives + switches) / references, at most 1. Higher is better.
        motp: The error brought to 0..1, 1 - LE / threshold. Higher is better.
        identity_switches: How often a reference's track is taken over by another prediction.
            Lower is better.
        recall: Matches over references, 0 to 1. Higher is better.
        precision: Matches over predictions, 0 to 1. Higher is better.
        f_score: Their harmonic mean, 0 to 1. Higher is better.
        identity_f_score: The F-score if each reference has one prediction for the whole clip
            (IDF1), 0 to 1. Higher is better.
        fragmentations: How often a reference is lost and found again. Lower is better.
        mostly_tracked: Share of references found in at least 80 % of their frames. Higher is
            better.
        mostly_lost: Share of references found in less than 20 % of their frames. Lower is better.
        misses: References without a match.
        false_positives: Predictions without a match.
    """

    localization_error_deg: float = nan
    mota: float = nan
    motp: float = nan
    identity_switches: float = nan
    recall: float = nan
    precision: float = nan
    f_score: float = nan
    identity_f_score: float = nan
    fragmentations: float = nan
    mostly_tracked: float = nan
    mostly_lost: float = nan
    misses: float = nan
    false_positives: float = nan


class CLEARMOT(TrackMetrics):
    r"""Scores of tracks of directions: CLEAR MOT, for any number of tracks.

    A track is what has one source and one label. Frame by frame a prediction may match a reference
    that is at most the threshold away. Pairs of which each was the other's last match stay
    together while that is so, even where another is nearer; of the others as many as possible are
    matched, at the smallest sum of angles. Then

    $$\mathrm{MOTA} = 1 - \frac{FN + FP + \mathrm{IDS}}{N_\mathrm{ref}}$$

    with references and predictions without a match, $FN$ and $FP$, and switches $\mathrm{IDS}$: a
    reference is matched by another prediction than it was the last time. The paper does not say
    what becomes of a pair while one of both is silent; here it is remembered to the end of the
    clip.

    Clips are taken in one a call, as by all
    [`TrackMetrics`][seldkit.metrics.tracking.TrackMetrics]. Silence costs nothing: where a
    reference pauses it is neither lost nor a fragment.

    Args:
        threshold_deg: Largest angle of a match, in degrees; by default 20.
        classes: `"ignore"`, or `"match"` so that only events of one class match.
        angle: `"sphere"`, the angle between directions; `"azimuth"`, the difference of azimuths
            alone, for arrays that hear no elevation; or `"elevation"`.
        rule: `"clear"`, as above. `"doanet"` is the rule of the published doa-net, which has no
            threshold and no memory: in each frame all are matched that can be, at the smallest sum
            of angles; what it counts as a switch is every start of a predicted track, however
            often, but in the first frame; 1e-7 is added to its denominators. It prints
            percentages and was made for two tracks. LE, MOTA, switches, recall, precision and the
            F-score are its own; the others are nan.

    Raises:
        TypeError: If the threshold is no number.
        ValueError: If it is not positive, a choice is unknown, or `"doanet"` is given a threshold,
            or classes to match.

    Examples:
        >>> from seldkit import Events
        >>> left = Events.from_degrees([0, 1, 2], [0, 0, 0], [90, 90, 90], [0, 0, 0])
        >>> found = Events.from_degrees([0, 1, 2], [0, 0, 0], [88, 92, 90], [0, 0, 0],
        ...                             source=[5, 5, 6])
        >>> metric = CLEARMOT()
        >>> metric.update(found, left)
        >>> scores = metric.compute()
        >>> scores.identity_switches, round(scores.mota, 3), round(scores.localization_error_deg, 3)
        (1.0, 0.667, 1.333)

    Source: K. Bernardin and R. Stiefelhagen, "Evaluating multiple object tracking performance: the
    CLEAR MOT metrics", EURASIP J. Image and Video Processing 2008, section 2. The shares of tracks
    are those of MOTChallenge (Milan et al. 2016), the identity F-score that of Ristani et al. (ECCV
    workshops 2016). The other rule is that of S. Adavanne, A. Politis and T. Virtanen,
    "Differentiable tracking-based training of deep learning sound source localizers", WASPAA 2021,
    as their code has it.
    """

    alike: ClassVar[tuple[str, ...]] = ("threshold_deg", "classes", "angle", "rule")
    _names: ClassVar[tuple[str, ...]] = (
        "references",
        "predictions",
        "matches",
        "total_angle",
        "switches",
        "fragmentations",
        "tracks",
        "mostly_tracked",
        "mostly_lost",
        "identity_matches",
    )

    def __init__(
        self,
        threshold_deg: float | None = None,
        *,
        classes: Classes = "ignore",
        angle: Angle = "sphere",
        rule: Rule = "clear",
    ) -> None:
        check_literal("rule", rule, Rule)
        check_literal("classes", classes, Classes)
        check_literal("angle", angle, Angle)
        if rule == "doanet" and (threshold_deg is not None or classes != "ignore"):
            raise ValueError(
                "rule 'doanet' knows neither threshold_deg nor classes, got"
                f" {threshold_deg} and {classes!r}"
            )
        threshold_deg = _GATE_DEG if threshold_deg is None else threshold_deg
        check_positive(threshold_deg=threshold_deg)
        self.threshold_deg = float(threshold_deg)
        self.classes: Classes = classes
        self.angle: Angle = angle
        self.rule: Rule = rule
        self.reset()

    def compute(self) -> CLEARMOTScores:
        """Return the scores of all clips so far.

        Raises:
            ValueError: If there is no clip.
        """
        return CLEARMOTScores(**self._scores())

    def score(self, counts: Counts) -> Mapping[str, Tensor]:
        """Return the scores that counts have, by name: of the shape of the counts."""
        of = counts.overall
        references, predictions, matches = (of[name] for name in self._names[:3])
        misses, extra = references - matches, predictions - matches
        error = of["total_angle"] / matches
        wrong = misses + extra + of["switches"]
        found = {
            "localization_error_deg": error,
            "identity_switches": of["switches"],
            "misses": misses,
            "false_positives": extra,
        }
        if self.rule == "doanet":
            recall, precision = matches / (references + _EPS), matches / (predictions + _EPS)
            return found | {
                "mota": 1 - wrong / (references + 2 * _EPS),
                "recall": recall,
                "precision": precision,
                "f_score": 2 * precision * recall / (precision + recall + _EPS),
            }
        both = references + predictions
        return found | {
            "mota": (1 - wrong / references).where(references > 0, nan),
            "motp": 1 - error / self.threshold_deg,
            "recall": matches / references,
            "precision": matches / predictions,
            "f_score": 2 * matches / both,
            "identity_f_score": 2 * of["identity_matches"] / both,
            "fragmentations": of["fragmentations"],
            "mostly_tracked": of["mostly_tracked"] / of["tracks"],
            "mostly_lost": of["mostly_lost"] / of["tracks"],
        }

    def _count(self, clip: TrackClip) -> tuple[Tensor | float, ...]:
        sizes = len(clip.reference.cell), len(clip.prediction.cell)
        if self.rule == "doanet":
            pairs = clip.match(self.angle)
            births = count_births(clip.prediction, clip.frame)
            return (*sizes, len(pairs.cost), pairs.cost.sum(), births, *[nan] * 5)
        row, col = clip.pairs()
        angle = clip.angle_deg(row, col, self.angle)
        near = within(angle, self.threshold_deg)
        if self.classes == "match":
            near &= clip.same_label(row, col)
        row, col, angle = row[near], col[near], angle[near]
        tracks = clip.reference.track[row], clip.prediction.track[col]
        chosen = associate(clip.reference.cell[row], *tracks, angle)
        matched = torch.zeros(sizes[0], dtype=torch.bool)
        matched[row[chosen]] = True
        trail = follow(clip.reference, matched)
        return (
            *sizes,
            chosen.sum(),
            angle[chosen].sum(),
            count_switches(clip.reference.cell[row[chosen]], *(x[chosen] for x in tracks)),
            trail.fragmentations,
            clip.reference.num_tracks,
            trail.mostly_tracked,
            trail.mostly_lost,
            identity_matches(*tracks),
        )
