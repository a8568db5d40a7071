"""From counts to scores."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import nan
from typing import Literal

import torch
from torch import Tensor

Average = Literal["macro", "micro"]

Counts = Mapping[str, Tensor]
"""From a published name to the count of each class, `[cls]`, or to one number of all classes."""

EPS = 2.2e-16
"""What the published scripts add to their denominators."""

PAIR_ERRORS = ("localization_error_deg", "distance_error_m", "relative_distance_error")
"""Scores that a class without a pair does not have."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SELDScores:
    """Scores of everything that was counted; nan where the protocol has no such score.

    Attributes:
        error_rate: Substitutions, deletions and insertions over references (ER), from 0; may
            exceed 1. Lower is better.
        f_score: Location-dependent F-score (F), 0 to 1. Higher is better.
        localization_error_deg: Mean angle between matched directions (LE), 0 to 180 degrees. Lower
            is better.
        localization_recall: Matched references over references (LR), 0 to 1. Higher is better.
        seld_score: The protocol's mean of errors (SELD), 0 at best. Lower is better.
        distance_error_m: Mean difference of matched distances, in metres. Lower is better.
        relative_distance_error: Mean difference over reference distance. Lower is better.
        onscreen_accuracy: Matched pairs of one on-screen flag, 0 to 1. Higher is better.
        per_class: The protocol's scores of each class by the names above, `[cls]`. A score that
            knows no classes is the same for all.
        counts: What the scores were computed from, over all classes, by published name.
        published_names: The protocol's scores: from its own name to the name above.
    """

    error_rate: float = nan
    f_score: float = nan
    localization_error_deg: float = nan
    localization_recall: float = nan
    seld_score: float = nan
    distance_error_m: float = nan
    relative_distance_error: float = nan
    onscreen_accuracy: float = nan
    per_class: Mapping[str, Tensor] = field(default_factory=dict)
    counts: Mapping[str, int | float] = field(default_factory=dict)
    published_names: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, float]:
        """Return the protocol's scores by their published names, such as ER, F, LE, LR, SELD."""
        return {name: getattr(self, ours) for name, ours in self.published_names.items()}

    def __repr__(self) -> str:
        scores = (f"{name}={value:.3f}" for name, value in self.as_dict().items())
        return f"SELDScores({', '.join(scores)})"


def segment_scores(counts: Counts, average: Average) -> SELDScores:
    r"""Return the scores of dcase2022 and dcase2023 from the counts of all clips.

    $$\mathrm{ER} = \frac{S + D + I}{N_\mathrm{ref}}, \quad
    F = \frac{TP}{TP + FP_\mathrm{spatial} + \frac12 (FP + FN)}, \quad
    LE = \frac{\mathrm{total}_\mathrm{DE}}{DE_\mathrm{TP}}, \quad
    LR = \frac{DE_\mathrm{TP}}{DE_\mathrm{TP} + DE_\mathrm{FN}}$$

    and SELD is the mean of $\mathrm{ER}$, $1 - F$, $LE / 180$ and $1 - LR$. "macro" takes $F$, $LE$
    and $LR$ of each class and then the plain mean over all classes, "micro" sums the counts of all
    classes first. $\mathrm{ER}$ sums them either way. A class, or everything, without a match has
    an $F$ and an $LR$ of 0 and an $LE$ of 180, even where it does not occur at all.
    """
    total = {name: count.sum() for name, count in counts.items()}
    error_rate = (total["S"] + total["D"] + total["I"]) / (total["Nref"].double() + EPS)
    per_class = _located_scores(counts, error_rate)
    scores = per_class if average == "macro" else _located_scores(total, error_rate)
    return SELDScores(
        **{name: score.mean().item() for name, score in scores.items()},
        per_class=per_class,
        counts={name: count.item() for name, count in total.items()},
        published_names={
            "ER": "error_rate",
            "F": "f_score",
            "LE": "localization_error_deg",
            "LR": "localization_recall",
            "SELD": "seld_score",
        },
    )


def _located_scores(counts: Counts, error_rate: Tensor) -> dict[str, Tensor]:
    f_score, recall, matches = _f_score(counts), _recall(counts), counts["DE_TP"].double()
    error = (counts["total_DE"] / (matches + EPS)).where(matches > 0, 180.0)
    return {
        "error_rate": error_rate.expand_as(f_score),
        "f_score": f_score,
        "localization_error_deg": error,
        "localization_recall": recall,
        "seld_score": (error_rate + (1 - f_score) + error / 180 + (1 - recall)) / 4,
    }


def frame_scores(counts: Counts, average: Average) -> SELDScores:
    r"""Return the scores of dcase2024 from the counts of all clips.

    $\mathrm{ER}$, $F$ and $LR$ have the formulas of dcase2023.
    DOAE, DistE and RDE are means over all pairs, hits or not:

    $$\mathrm{DOAE} = \frac{\mathrm{total}_\mathrm{DE}}{DE_\mathrm{TP}}, \quad
    \mathrm{DistE} = \frac{\sum |d - \hat d|}{DE_\mathrm{TP}}, \quad
    \mathrm{RDE} = \frac{1}{DE_\mathrm{TP}} \sum \frac{|d - \hat d|}{d}$$

    and SELD is the mean of $1 - F$, $\mathrm{DOAE} / 180$ and $\mathrm{RDE}$ or, where any clip
    came without distances, of $\mathrm{ER}$, $1 - F$, $\mathrm{DOAE} / 180$ and $1 - LR$; terms
    that are nan are left out. "macro" takes the plain mean of $F$, $LR$ and SELD over all classes,
    and that of the three errors over the classes that have pairs; "micro" sums the counts of all
    classes first. $\mathrm{ER}$ sums them either way. Without any pair the three errors are nan.
    """
    total = {name: count.sum() for name, count in counts.items()}
    error_rate = (total["S"] + total["D"] + total["I"]) / (total["Nref"].double() + EPS)
    per_class = _ranged_scores(counts, error_rate)
    scores = _ranged_scores(total, error_rate)
    if average == "macro":
        matched = counts["DE_TP"] > 0
        scores = {
            name: (score[matched] if name in PAIR_ERRORS else score).mean()
            for name, score in per_class.items()
        }
    return SELDScores(
        **{name: score.item() for name, score in scores.items()},
        per_class=per_class,
        counts={name: count.item() for name, count in total.items()},
        published_names={
            "ER": "error_rate",
            "F": "f_score",
            "DOAE": "localization_error_deg",
            "DistE": "distance_error_m",
            "RDE": "relative_distance_error",
            "LR": "localization_recall",
            "SELD": "seld_score",
        },
    )


def _ranged_scores(counts: Counts, error_rate: Tensor) -> dict[str, Tensor]:
    f_score, recall, matches = _f_score(counts), _recall(counts), counts["DE_TP"].double()
    error_rate = error_rate.expand_as(f_score)
    angle, distance, relative = (  # 0 / 0 is nan
        counts[name] / matches for name in ("total_DE", "total_distance", "total_relative")
    )
    if counts["clips_without_distance"]:
        terms = [error_rate, 1 - f_score, angle / 180, 1 - recall]
    else:
        terms = [1 - f_score, angle / 180, relative]
    return {
        "error_rate": error_rate,
        "f_score": f_score,
        "localization_error_deg": angle,
        "distance_error_m": distance,
        "relative_distance_error": relative,
        "localization_recall": recall,
        "seld_score": torch.stack(terms).nanmean(dim=0),
    }


def _f_score(counts: Counts) -> Tensor:
    hits, misses, extra, missing = (
        counts[name].double() for name in ("TP", "FP_spatial", "FP", "FN")
    )
    return hits / (hits + misses + (extra + missing) / 2 + EPS)


def _recall(counts: Counts) -> Tensor:
    matches, unmatched = counts["DE_TP"].double(), counts["DE_FN"].double()
    return matches / (matches + unmatched + EPS)
