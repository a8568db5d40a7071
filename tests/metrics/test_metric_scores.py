"""The formulas from counts to scores."""

import math

import pytest
import torch

from seldkit.metrics import SELDMetrics, SELDScores
from seldkit.metrics.counts import Counts
from seldkit.metrics.scores import Average

NAMES = ("TP", "FP", "FP_spatial", "FN", "Nref", "Nsys", "total_DE", "DE_TP", "DE_FP", "DE_FN")
AVERAGES: tuple[Average, Average] = ("macro", "micro")


def two_classes(s: int = 0, d: int = 0, i: int = 0, **by_class: list[float]) -> Counts:
    """Return counts of one clip of two classes, 0 where nothing is said."""
    counts = {name: torch.tensor([by_class.get(name, [0, 0])]) for name in NAMES}
    counts["total_DE"] = counts["total_DE"].double()
    overall = {"S": s, "D": d, "I": i, "N": int(counts["Nref"].sum())}
    return Counts(counts, {name: torch.tensor([count]) for name, count in overall.items()})


def scores(
    counts: Counts,
    average: Average | None = None,
    *,
    protocol: str = "dcase2023",
    absent: str = "published",
) -> SELDScores:
    """Return the scores of counts of two classes."""
    options = {"absent_classes": absent}
    metrics = SELDMetrics(protocol, 2, average=average, **options)  # type: ignore[arg-type]
    metrics.add_counts(counts)
    return metrics.compute()


# Class 0: 3 hits at 30 degrees in all, 1 spatial miss at 50, 2 extra, 1 missed of 5 references.
# Class 1: 1 hit at 4 degrees, 3 missed of 4 references. Errors of both: 2 + 2 + 1 of 9.
MIXED = two_classes(
    2, 2, 1, TP=[3, 1], FP=[2, 0], FP_spatial=[1, 0], FN=[1, 3], Nref=[5, 4], Nsys=[6, 1],
    total_DE=[80, 4], DE_TP=[4, 1], DE_FP=[2, 0], DE_FN=[1, 3],
)  # fmt: skip
PERFECT = two_classes(TP=[7, 0], Nref=[7, 0], Nsys=[7, 0], DE_TP=[7, 0])


def test_macro_is_the_mean_over_classes_but_for_the_error_rate() -> None:
    # F: 3 / (3 + 1 + 3/2) and 1 / (1 + 3/2). LE: 80 / 4 and 4 / 1. LR: 4 / 5 and 1 / 4.
    expected = {"ER": 5 / 9, "F": (3 / 5.5 + 1 / 2.5) / 2, "LE": 12, "LR": (0.8 + 0.25) / 2}
    expected["SELD"] = (5 / 9 + 1 - expected["F"] + 12 / 180 + 1 - expected["LR"]) / 4
    assert scores(MIXED, "macro").as_dict() == pytest.approx(expected)


def test_micro_adds_the_classes_up_first() -> None:
    # F: 4 / (4 + 1 + (2 + 4)/2). LE: 84 / 5. LR: 5 / (5 + 4).
    expected = {"ER": 5 / 9, "F": 0.5, "LE": 84 / 5, "LR": 5 / 9}
    expected["SELD"] = (5 / 9 + 0.5 + 84 / 5 / 180 + 4 / 9) / 4
    assert scores(MIXED, "micro").as_dict() == pytest.approx(expected)


@pytest.mark.parametrize("average", AVERAGES)
def test_each_class_has_its_scores_whatever_the_average(average: Average) -> None:
    per_class = scores(MIXED, average).per_class
    assert per_class["error_rate"].tolist() == pytest.approx([5 / 9, 5 / 9])
    assert per_class["f_score"].tolist() == pytest.approx([3 / 5.5, 1 / 2.5])
    assert per_class["localization_error_deg"].tolist() == pytest.approx([20, 4])
    assert per_class["localization_recall"].tolist() == pytest.approx([0.8, 0.25])
    first, second = per_class["seld_score"].tolist()
    assert first == pytest.approx((5 / 9 + 1 - 3 / 5.5 + 20 / 180 + 0.2) / 4)
    assert second == pytest.approx((5 / 9 + 1 - 1 / 2.5 + 4 / 180 + 0.75) / 4)


def test_dcase2021_knows_no_spatial_misses_apart() -> None:
    # F: 4 / (4 + (3 + 4)/2), the spatial miss among the false positives.
    by_class = dict(MIXED.by_class)
    by_class["FP"] = by_class["FP"] + by_class.pop("FP_spatial")
    found = scores(Counts(by_class, MIXED.overall), protocol="dcase2021")
    assert found.f_score == pytest.approx(4 / 7.5)
    assert found.localization_recall == pytest.approx(5 / 9)


def test_dcase2020_scores_with_precision_and_recall() -> None:
    # Of classes: P = 4 / 7, R = 4 / 9. Of places, named LR: P = 5 / 7, R = 5 / 9.
    found = scores(MIXED, protocol="dcase2020")
    assert found.f_score == pytest.approx(2 * 4 / 16)
    assert found.localization_recall == pytest.approx(2 * 5 / 16)
    assert found.localization_error_deg == pytest.approx(84 / 5)
    assert found.seld_score == pytest.approx((5 / 9 + 8 / 16 + 84 / 5 / 180 + 6 / 16) / 4)


def test_an_absent_class_spoils_the_macro_average() -> None:
    macro, micro = (scores(PERFECT, average).as_dict() for average in AVERAGES)
    assert macro == pytest.approx({"ER": 0, "F": 0.5, "LE": 90, "LR": 0.5, "SELD": 0.375})
    assert micro == pytest.approx({"ER": 0, "F": 1, "LE": 0, "LR": 1, "SELD": 0})


def test_an_absent_class_can_be_left_out() -> None:
    perfect = {"ER": 0, "F": 1, "LE": 0, "LR": 1, "SELD": 0}
    assert scores(PERFECT, "macro", absent="skip").as_dict() == pytest.approx(perfect)


def test_a_class_of_false_alarms_alone_is_not_absent() -> None:
    alarm = two_classes(
        i=1, TP=[7, 0], FP=[0, 1], Nref=[7, 0], Nsys=[7, 1], DE_TP=[7, 0], DE_FP=[0, 1]
    )
    found = scores(alarm, "macro", absent="skip")
    assert found.f_score == pytest.approx(0.5)
    assert found.localization_error_deg == 90


def test_where_all_classes_are_absent_none_is_left() -> None:
    found = scores(two_classes(), "macro", absent="skip").as_dict()
    assert all(math.isnan(value) for value in found.values())


@pytest.mark.parametrize("average", AVERAGES)
def test_where_nothing_is_the_published_zeros_stand(average: Average) -> None:
    nothing = {"ER": 0, "F": 0, "LE": 180, "LR": 0, "SELD": 0.75}
    assert scores(two_classes(), average).as_dict() == pytest.approx(nothing)


def test_false_alarms_without_references_break_the_error_rate() -> None:
    alarm = two_classes(i=1, FP=[1, 0], DE_FP=[1, 0], Nsys=[1, 0])
    assert scores(alarm, "micro").error_rate > 1e15


def test_counts_are_numbers_of_all_classes() -> None:
    counts = scores(MIXED, "macro").counts
    assert counts["TP"] == 4
    assert counts["total_DE"] == 84.0
    assert (counts["S"], counts["D"], counts["I"], counts["N"]) == (2, 2, 1, 9)


def test_scores_that_a_protocol_lacks_are_nan() -> None:
    found = scores(MIXED, "macro")
    assert math.isnan(found.distance_error_m)
    assert math.isnan(found.relative_distance_error)
    assert math.isnan(found.onscreen_accuracy)
    assert math.isnan(found.precision)
    assert math.isnan(SELDScores().f_score)


def test_scores_read_as_published() -> None:
    text = "SELDScores(ER=0.556, F=0.500, LE=16.800, LR=0.556, SELD=0.398)"
    assert str(scores(MIXED, "micro")) == text
