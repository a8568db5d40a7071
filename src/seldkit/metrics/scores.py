"""From counts to scores."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import nan
from typing import Literal

import torch
from torch import Tensor

from seldkit.metrics.counts import Counts

Average = Literal["macro", "micro"]

EPS = 2.2e-16
"""What the published scripts add to their denominators."""

Level = Mapping[str, Tensor]
"""Counts at one level, by name: of each class, or of all classes together."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SELDScores:
    """Scores of everything that was counted; nan where the protocol has no such score.

    Attributes:
        error_rate: Substitutions, deletions and insertions over references (ER), from 0; may
            exceed 1. Lower is better.
        f_score: Location-dependent F-score (F), 0 to 1; of classes alone in dcase2019. Higher is
            better.
        localization_error_deg: Mean angle between matched directions (LE), 0 to 180 degrees. Lower
            is better.
        localization_recall: Matched references over references (LR), 0 to 1; in dcase2019 the
            frame recall. Higher is better.
        seld_score: The protocol's mean of errors (SELD), 0 at best. Lower is better.
        distance_error_m: Mean difference of matched distances, in metres. Lower is better.
        relative_distance_error: Mean difference over reference distance. Lower is better.
        onscreen_accuracy: Matched pairs of one on-screen flag, 0 to 1. Higher is better.
        precision: Hits over predictions, 0 to 1, where the protocol publishes it. Higher is better.
        recall: Hits over references, 0 to 1, where the protocol publishes it. Higher is better.
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
    precision: float = nan
    recall: float = nan
    per_class: Mapping[str, Tensor] = field(default_factory=dict)
    counts: Mapping[str, int | float] = field(default_factory=dict)
    published_names: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, float]:
        """Return the protocol's scores by their published names, such as ER, F, LE, LR, SELD."""
        return {name: getattr(self, ours) for name, ours in self.published_names.items()}

    def __repr__(self) -> str:
        scores = (f"{name}={value:.3f}" for name, value in self.as_dict().items())
        return f"SELDScores({', '.join(scores)})"


@dataclass(frozen=True)
class Scoring:
    """How counts become scores.

    Attributes:
        formulas: From the counts of one level to the scores by our names; works on any shape.
        published_names: The protocol's scores: from its own name to ours.
    """

    formulas: Callable[[Level], dict[str, Tensor]]
    published_names: Mapping[str, str]

    def each_class(self, counts: Counts) -> dict[str, Tensor]:
        """Return the scores of each class, `[..., cls]`."""
        shape = counts.by_class["Nref"].shape
        scores = self.formulas(counts.each_class())
        return {name: score.expand(shape) for name, score in scores.items()}

    def average(self, counts: Counts, average: Average, *, skip_absent: bool) -> dict[str, Tensor]:
        """Return the scores over all classes, `[...]`.

        Args:
            counts: Of one clip or of several together.
            average: "micro" adds up the counts of all classes, "macro" takes the mean of the
                classes' scores; a class without a score, such as a direction error without a
                pair, is left out of the mean.
            skip_absent: Whether "macro" leaves out classes that are neither in the references nor
                in the predictions.
        """
        if average == "micro":
            return self.formulas(counts.together())
        scores = self.each_class(counts)
        if skip_absent:
            absent = counts.by_class["Nref"] + counts.by_class["Nsys"] == 0
            scores = {name: score.masked_fill(absent, nan) for name, score in scores.items()}
        return {name: score.nanmean(dim=-1) for name, score in scores.items()}


LOCATED_NAMES = {
    "ER": "error_rate",
    "F": "f_score",
    "LE": "localization_error_deg",
    "LR": "localization_recall",
    "SELD": "seld_score",
}


def segment_formulas(counts: Level) -> dict[str, Tensor]:
    r"""Return the scores of dcase2021 to dcase2023.

    $$\mathrm{ER} = \frac{S + D + I}{N}, \quad
    F = \frac{TP}{TP + FP_\mathrm{spatial} + \frac12 (FP + FN)}, \quad
    LE = \frac{\mathrm{total}_\mathrm{DE}}{DE_\mathrm{TP}}, \quad
    LR = \frac{DE_\mathrm{TP}}{DE_\mathrm{TP} + DE_\mathrm{FN}}$$

    and SELD is the mean of $\mathrm{ER}$, $1 - F$, $LE / 180$ and $1 - LR$. A class, or
    everything, without a match has an $F$ and an $LR$ of 0 and an $LE$ of 180, even where it does
    not occur at all. dcase2021 has no $FP_\mathrm{spatial}$.
    """
    return _located(counts, _f_score(counts), _recall(counts))


def class_formulas(counts: Level) -> dict[str, Tensor]:
    r"""Return the scores of dcase2020.

    $\mathrm{ER}$, $LE$ and SELD have the formulas of dcase2023;

    $$F = \frac{2 P R}{P + R}, \quad P = \frac{TP}{N_\mathrm{sys}}, \quad
    R = \frac{TP}{N_\mathrm{ref}}$$

    and what is published as $LR$ is the same formula with $DE_\mathrm{TP}$ for $TP$: an F-score.
    """
    f_score, recall = (_harmonic(counts, counts[name]) for name in ("TP", "DE_TP"))
    return _located(counts, f_score, recall)


def frame_formulas(counts: Level) -> dict[str, Tensor]:
    r"""Return the scores of dcase2024.

    $\mathrm{ER}$, $F$ and $LR$ have the formulas of dcase2023. DOAE, DistE and RDE are means over
    all pairs, hits or not, and nan without any:

    $$\mathrm{DOAE} = \frac{\mathrm{total}_\mathrm{DE}}{DE_\mathrm{TP}}, \quad
    \mathrm{DistE} = \frac{\sum |d - \hat d|}{DE_\mathrm{TP}}, \quad
    \mathrm{RDE} = \frac{1}{DE_\mathrm{TP}} \sum \frac{|d - \hat d|}{d}$$

    and SELD is the mean of $1 - F$, $\mathrm{DOAE} / 180$ and $\mathrm{RDE}$ or, where any clip
    came without distances, of $\mathrm{ER}$, $1 - F$, $\mathrm{DOAE} / 180$ and $1 - LR$; terms
    that are nan are left out.
    """
    scores = _ranged(counts)
    error_rate, recall = _error_rate(counts), _recall(counts)
    missed, angle = 1 - scores["f_score"], scores["localization_error_deg"] / 180
    with_distance = [missed, angle, scores["relative_distance_error"]]
    without = [error_rate, missed, angle, 1 - recall]
    seld_score = torch.where(
        counts["clips_without_distance"] > 0, _mean(without), _mean(with_distance)
    )
    return {
        "error_rate": error_rate,
        **scores,
        "localization_recall": recall,
        "seld_score": seld_score,
    }


def stereo_formulas(counts: Level) -> dict[str, Tensor]:
    """Return the scores of dcase2025: those of pairs in dcase2024 and the on-screen accuracy.

    The accuracy is the share of pairs whose on-screen flags are the same; it is nan without a pair,
    and where any clip came without flags.
    """
    accuracy = counts["same_onscreen"].double() / counts["DE_TP"]
    unknown = counts["clips_without_onscreen"] > 0
    return {**_ranged(counts), "onscreen_accuracy": accuracy.masked_fill(unknown, nan)}


def apart_formulas(counts: Level) -> dict[str, Tensor]:
    r"""Return the scores of dcase2019.

    $\mathrm{ER}$ has the formula of dcase2023 and $F$ that of dcase2020, of classes alone. The
    direction error and the frame recall know no classes,

    $$DE = \frac{\mathrm{total}_\mathrm{DE}}{DE_\mathrm{over}}, \quad
    FR = \frac{\text{frames with as many predictions as references}}{\text{frames}}$$

    and SELD is the mean of $\mathrm{ER}$, $1 - F$, $DE / 180$ and $1 - FR$.
    """
    error_rate = (counts["S"] + counts["D"] + counts["I"]) / counts["N"].double()
    f_score = _harmonic(counts, counts["TP"])
    angle = counts["total_DE"] / counts["DE_over"]
    recall = counts["good_frames"].double() / counts["num_frames"]
    error_rate, f_score, angle, recall = torch.broadcast_tensors(error_rate, f_score, angle, recall)
    return _combined(error_rate, f_score, angle, recall)


def position_formulas(counts: Level) -> dict[str, Tensor]:
    r"""Return the scores of L3DAS.

    $$P = \frac{TP}{TP + FP}, \quad R = \frac{TP}{TP + FN}, \quad F = \frac{2 P R}{P + R}$$

    and all are 0 without a hit.
    """
    hits, extra, missing = (counts[name].double() for name in ("TP", "FP", "FN"))
    precision, recall = hits / (hits + extra + EPS), hits / (hits + missing + EPS)
    f_score = 2 * precision * recall / (precision + recall + EPS)
    return {"f_score": f_score, "precision": precision, "recall": recall}


def _located(counts: Level, f_score: Tensor, recall: Tensor) -> dict[str, Tensor]:
    matches = counts["DE_TP"].double()
    angle = (counts["total_DE"] / (matches + EPS)).where(matches > 0, 180.0)
    return _combined(_error_rate(counts), f_score, angle, recall)


def _combined(
    error_rate: Tensor, f_score: Tensor, angle: Tensor, recall: Tensor
) -> dict[str, Tensor]:
    return {
        "error_rate": error_rate,
        "f_score": f_score,
        "localization_error_deg": angle,
        "localization_recall": recall,
        "seld_score": (error_rate + (1 - f_score) + angle / 180 + (1 - recall)) / 4,
    }


def _ranged(counts: Level) -> dict[str, Tensor]:
    matches = counts["DE_TP"].double()
    return {
        "f_score": _f_score(counts),
        "localization_error_deg": counts["total_DE"] / matches,  # 0 / 0 is nan
        "distance_error_m": counts["total_distance"] / matches,
        "relative_distance_error": counts["total_relative"] / matches,
    }


def _error_rate(counts: Level) -> Tensor:
    return (counts["S"] + counts["D"] + counts["I"]) / (counts["N"].double() + EPS)


def _f_score(counts: Level) -> Tensor:
    spatial = counts.get("FP_spatial", torch.tensor(0))
    hits, extra, missing = (counts[name].double() for name in ("TP", "FP", "FN"))
    return hits / (hits + spatial + (extra + missing) / 2 + EPS)


def _recall(counts: Level) -> Tensor:
    matches, unmatched = counts["DE_TP"].double(), counts["DE_FN"].double()
    return matches / (matches + unmatched + EPS)


def _harmonic(counts: Level, hits: Tensor) -> Tensor:
    precision, recall = (hits / (counts[name].double() + EPS) for name in ("Nsys", "Nref"))
    return 2 * precision * recall / (precision + recall + EPS)


def _mean(terms: list[Tensor]) -> Tensor:
    return torch.stack(torch.broadcast_tensors(*terms)).nanmean(dim=0)
