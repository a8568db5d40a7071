"""The formulas from counts to scores."""

import math

import pytest
import torch

from seldkit.metrics import SELDScores
from seldkit.metrics.scores import Average, Counts, segment_scores

NAMES = ("TP", "FP", "FP_spatial", "FN", "Nref", "total_DE", "DE_TP", "DE_FP", "DE_FN")


def two_classes(s: int = 0, d: int = 0, i: int = 0, **counts: list[float]) -> Counts:
    """Return counts of two classes, 0 where nothing is said."""
    classwise = {name: torch.tensor(counts.get(name, [0, 0])) for name in NAMES}
    errors = {"S": torch.tensor(s), "D": torch.tensor(d), "I": torch.tensor(i)}
    return classwise | {"total_DE": classwise["total_DE"].double()} | errors


# Class 0: 3 hits at 30 degrees in all, 1 spatial miss at 50, 2 extra, 1 missed of 5 references.
# Class 1: 1 hit at 4 degrees, 3 missed of 4 references. Errors of both: 2 + 2 + 1 of 9.
MIXED = two_classes(
    2, 2, 1, TP=[3, 1], FP=[2, 0], FP_spatial=[1, 0], FN=[1, 3], Nref=[5, 4],
    total_DE=[80, 4], DE_TP=[4, 1], DE_FP=[2, 0], DE_FN=[1, 3],
)  # fmt: skip


def test_macro_is_the_mean_over_classes_but_for_the_error_rate() -> None:
    # F: 3 / (3 + 1 + 3/2) and 1 / (1 + 3/2). LE: 80 / 4 and 4 / 1. LR: 4 / 5 and 1 / 4.
    scores = segment_scores(MIXED, "macro")
    expected = {"ER": 5 / 9, "F": (3 / 5.5 + 1 / 2.5) / 2, "LE": 12, "LR": (0.8 + 0.25) / 2}
    expected["SELD"] = (5 / 9 + 1 - expected["F"] + 12 / 180 + 1 - expected["LR"]) / 4
    assert scores.as_dict() == pytest.approx(expected)


def test_micro_adds_the_classes_up_first() -> None:
    # F: 4 / (4 + 1 + (2 + 4)/2). LE: 84 / 5. LR: 5 / (5 + 4).
    scores = segment_scores(MIXED, "micro")
    expected = {"ER": 5 / 9, "F": 0.5, "LE": 84 / 5, "LR": 5 / 9}
    expected["SELD"] = (5 / 9 + 0.5 + 84 / 5 / 180 + 4 / 9) / 4
    assert scores.as_dict() == pytest.approx(expected)


@pytest.mark.parametrize("average", ["macro", "micro"])
def test_each_class_has_its_scores_whatever_the_average(average: Average) -> None:
    per_class = segment_scores(MIXED, average).per_class
    assert per_class["error_rate"].tolist() == pytest.approx([5 / 9, 5 / 9])
    assert per_class["f_score"].tolist() == pytest.approx([3 / 5.5, 1 / 2.5])
    assert per_class["localization_error_deg"].tolist() == pytest.approx([20, 4])
    assert per_class["localization_recall"].tolist() == pytest.approx([0.8, 0.25])
    first, second = per_class["seld_score"].tolist()
    assert first == pytest.approx((5 / 9 + 1 - 3 / 5.5 + 20 / 180 + 0.2) / 4)
    assert second == pytest.approx((5 / 9 + 1 - 1 / 2.5 + 4 / 180 + 0.75) / 4)


def test_an_absent_class_spoils_the_macro_average() -> None:
    perfect = two_classes(TP=[7, 0], Nref=[7, 0], DE_TP=[7, 0])
    macro, micro = (segment_scores(perfect, average) for average in ("macro", "micro"))
    expected = {"ER": 0, "F": 0.5, "LE": 90, "LR": 0.5, "SELD": 0.375}
    assert macro.as_dict() == pytest.approx(expected)
    assert micro.as_dict() == pytest.approx({"ER": 0, "F": 1, "LE": 0, "LR": 1, "SELD": 0})


@pytest.mark.parametrize("average", ["macro", "micro"])
def test_where_nothing_is_the_published_zeros_stand(average: Average) -> None:
    scores = segment_scores(two_classes(), average)
    assert scores.as_dict() == pytest.approx({"ER": 0, "F": 0, "LE": 180, "LR": 0, "SELD": 0.75})


def test_false_alarms_without_references_break_the_error_rate() -> None:
    assert segment_scores(two_classes(i=1, FP=[1, 0], DE_FP=[1, 0]), "micro").error_rate > 1e15


def test_counts_are_numbers_of_all_classes() -> None:
    counts = segment_scores(MIXED, "macro").counts
    assert counts["TP"] == 4
    assert counts["total_DE"] == 84.0
    assert (counts["S"], counts["D"], counts["I"]) == (2, 2, 1)


def test_scores_that_a_protocol_lacks_are_nan() -> None:
    scores = segment_scores(MIXED, "macro")
    assert math.isnan(scores.distance_error_m)
    assert math.isnan(scores.relative_distance_error)
    assert math.isnan(scores.onscreen_accuracy)
    assert math.isnan(SELDScores().f_score)


def test_scores_read_as_published() -> None:
    text = "SELDScores(ER=0.556, F=0.500, LE=16.800, LR=0.556, SELD=0.398)"
    assert str(segment_scores(MIXED, "micro")) == text
