"""Every rule of dcase2024, one small clip each."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.clip_rows import assert_counts, count, events, score
from seldkit.events import Events
from seldkit.metrics import SELDMetrics, SELDScores
from seldkit.metrics.counts import Counts
from seldkit.metrics.scores import Average

FRAMES = 12

Row = tuple[int, int, float, float]

# Few directions and distances, so that equal costs and shared cells are common.
ROW = st.tuples(
    st.integers(0, FRAMES - 1),
    st.integers(0, 2),
    st.integers(-25, 25).map(lambda n: 7.0 * n),
    st.integers(1, 8).map(lambda n: n / 2),
)
ROWS = st.lists(ROW, max_size=40)
AVERAGE: st.SearchStrategy[Average] = st.sampled_from(["macro", "micro"])
QUICK = settings(max_examples=50)

TOLERANCE = 2e-3
"""Angles near 0 are up to 8.1e-4 degrees too large."""


def found(prediction: Events, reference: Events, threshold: float | None = None) -> Counts:
    """Count a clip."""
    arguments = {"relative_distance_threshold": threshold}
    return count("dcase2024", prediction, reference, num_frames=FRAMES, **arguments)


def scores(prediction: Events, reference: Events, **arguments: Any) -> SELDScores:
    """Return the scores of one clip."""
    return score("dcase2024", prediction, reference, num_frames=FRAMES, **arguments)


def test_a_near_match_of_about_the_distance_is_a_hit() -> None:
    counts = found(events((3, 1, 10, 3)), events((3, 1, 0, 2)))
    sums = {"total_DE": 10, "total_distance": 1, "total_relative": 0.5}
    assert_counts(counts, TP=1, Nref=1, Nsys=1, DE_TP=1, **sums)
    assert counts.by_class["TP"].tolist() == [0, 1, 0]


def test_a_match_beyond_20_degrees_is_a_false_positive_but_no_miss() -> None:
    counts = found(events((3, 1, 30, 2)), events((3, 1, 0, 2)))
    assert_counts(counts, FP_spatial=1, Nref=1, DE_TP=1, total_DE=30, I=1)


def test_20_degrees_part_hits_from_misses() -> None:
    reference = events((0, 0, 0, 1))
    hit, miss = (found(events((0, 0, angle, 1)), reference) for angle in (19.9, 20.1))
    assert_counts(hit, TP=1, Nref=1, total_DE=19.9, DE_TP=1)
    assert_counts(miss, FP_spatial=1, Nref=1, total_DE=20.1, DE_TP=1, I=1)


def test_a_relative_distance_error_beyond_the_threshold_is_no_hit() -> None:
    # 5 m for 2 m is 1.5 off; an error of just 1 would be a hit.
    prediction, reference = events((0, 0, 0, 5)), events((0, 0, 0, 2))
    sums = {"total_distance": 3, "total_relative": 1.5}
    pair = {"Nref": 1, "DE_TP": 1, "abs": TOLERANCE, **sums}
    assert_counts(found(prediction, reference), FP_spatial=1, I=1, **pair)
    assert_counts(found(prediction, reference, 1.6), TP=1, **pair)
    assert_counts(found(prediction, reference, math.inf), TP=1, **pair)
    assert found(events((0, 0, 0, 4)), reference).by_class["TP"].sum() == 1


def test_the_angle_alone_matches() -> None:
    # Distances would swap the pairs.
    prediction, reference = events((0, 0, 5, 9), (0, 0, 55, 3)), events((0, 0, 0, 3), (0, 0, 50, 9))
    sums = {"total_DE": 10, "total_distance": 12, "total_relative": 2 + 2 / 3}
    counts = found(prediction, reference)
    assert_counts(counts, TP=1, FP_spatial=1, Nref=2, DE_TP=2, I=1, **sums)


def test_surplus_of_either_side_is_false() -> None:
    one, two = events((0, 0, 5, 1)), events((0, 0, 0, 1), (0, 0, 90, 1))
    pair = {"TP": 1, "DE_TP": 1, "total_DE": 5}
    assert_counts(found(one, two), FN=1, DE_FN=1, Nref=2, Nsys=1, D=1, **pair)
    assert_counts(found(two, one), FP=1, DE_FP=1, Nref=1, Nsys=2, I=1, **pair)


def test_every_frame_counts_by_itself() -> None:
    # Frame 0 misses one, frame 1 makes one up: a deletion and an insertion, no substitution.
    counts = found(events((1, 0, 0, 1)), events((0, 0, 0, 1)))
    assert_counts(counts, FN=1, DE_FN=1, FP=1, DE_FP=1, Nref=1, D=1, I=1)


def test_a_class_taken_for_another_is_a_substitution() -> None:
    counts = found(events((0, 1, 0, 1)), events((0, 0, 0, 1)))
    assert_counts(counts, FN=1, DE_FN=1, FP=1, DE_FP=1, Nref=1, S=1)
    assert counts.by_class["FP"].tolist() == [0, 1, 0]
    assert counts.by_class["FN"].tolist() == [1, 0, 0]


def test_a_spatial_miss_pairs_up_with_a_miss() -> None:
    counts = found(events((0, 0, 50, 1)), events((0, 0, 0, 1), (0, 1, 0, 1)))
    pair = {"FP_spatial": 1, "total_DE": 50, "DE_TP": 1}
    assert_counts(counts, FN=1, DE_FN=1, Nref=2, S=1, **pair)


def test_frames_beyond_the_clip_do_not_count() -> None:
    assert_counts(found(events((FRAMES, 0, 0, 1)), events()), Nsys=0)


def test_official_stops_before_the_last_reference_frame() -> None:
    metrics = SELDMetrics("dcase2024", 3)
    metrics.update(events((5, 0, 0, 1)), events((2, 0, 0, 1), (5, 0, 0, 1)))
    assert metrics.compute().counts["Nref"] == 1
    assert metrics.compute().counts["FP"] == 0


def test_corrected_measures_angles_exactly() -> None:
    clip = [events(*((frame, 0, 31.0 * frame, 1.0) for frame in range(10)))] * 2
    assert scores(*clip, average="micro").localization_error_deg == pytest.approx(8.1e-4, abs=1e-6)
    exact = scores(*clip, average="micro", counting="corrected")
    assert exact.localization_error_deg == 0


# Class 0: a hit 10 degrees and 1 of 2 m off, a spatial miss 50 degrees off at 4 m. Class 1: one
# missed. Class 2 does not occur. Errors: an insertion and a deletion of 3.
PREDICTION = events((0, 0, 10, 3), (1, 0, 50, 4))
REFERENCE = events((0, 0, 0, 2), (1, 0, 0, 4), (2, 1, 0, 1))


def test_macro_leaves_classes_without_a_pair_out_of_the_errors_alone() -> None:
    # F: 1 / (1 + 1), 0, 0. SELD of class 0: (1/2 + 30/180 + 1/4) / 3; of the others 1.
    found = scores(PREDICTION, REFERENCE)
    expected = {"ER": 2 / 3, "F": 1 / 6, "DOAE": 30, "DistE": 0.5, "RDE": 0.25, "LR": 1 / 3}
    expected["SELD"] = ((1 / 2 + 1 / 6 + 1 / 4) / 3 + 2) / 3
    assert found.as_dict() == pytest.approx(expected, abs=1e-6)
    assert found.per_class["f_score"].tolist() == pytest.approx([0.5, 0, 0])
    assert found.per_class["localization_error_deg"].isnan().tolist() == [False, True, True]
    assert found.per_class["error_rate"].tolist() == pytest.approx([2 / 3] * 3)


def test_an_absent_class_can_be_left_out() -> None:
    found = scores(PREDICTION, REFERENCE, absent_classes="skip").as_dict()
    expected = {"ER": 2 / 3, "F": 1 / 4, "DOAE": 30, "DistE": 0.5, "RDE": 0.25, "LR": 1 / 2}
    expected["SELD"] = ((1 / 2 + 1 / 6 + 1 / 4) / 3 + 1) / 2
    assert found == pytest.approx(expected, abs=1e-6)


def test_micro_adds_the_classes_up_first() -> None:
    # F: 1 / (1 + 1 + 1/2). LR: 2 / 3.
    found = scores(PREDICTION, REFERENCE, average="micro").as_dict()
    expected = {"ER": 2 / 3, "F": 0.4, "DOAE": 30, "DistE": 0.5, "RDE": 0.25, "LR": 2 / 3}
    expected["SELD"] = (0.6 + 30 / 180 + 0.25) / 3
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("average", ["macro", "micro"])
def test_without_a_pair_the_errors_are_nan_and_seld_is_left_to_f(average: Average) -> None:
    found = scores(events(), REFERENCE, average=average)
    assert math.isnan(found.localization_error_deg)
    assert math.isnan(found.distance_error_m)
    assert math.isnan(found.relative_distance_error)
    assert (found.f_score, found.localization_recall, found.seld_score) == (0, 0, 1)


@pytest.mark.parametrize("predicted", [events((0, 0, 10)), events((0, 0, 10, 9))])
def test_without_distances_the_angle_alone_decides(predicted: Events) -> None:
    found = scores(predicted, events((0, 0, 0), (1, 0, 0)), average="micro")
    assert found.f_score == pytest.approx(2 / 3)
    assert math.isnan(found.distance_error_m)
    assert math.isnan(found.relative_distance_error)
    # The mean of ER, 1 - F, DOAE / 180 and 1 - LR.
    assert found.seld_score == pytest.approx((1 / 2 + 1 / 3 + 10 / 180 + 1 / 2) / 4)


def test_one_clip_without_distances_leaves_no_distance_error() -> None:
    metrics = SELDMetrics("dcase2024", 3)
    metrics.update(PREDICTION, REFERENCE)
    assert metrics.compute().counts["clips_without_distance"] == 0
    metrics.update(events((0, 1, 0)), events((0, 1, 0), (1, 1, 0)))
    assert metrics.compute().counts["clips_without_distance"] == 1
    # Class 0 alone has pairs with distances; class 1 has one without.
    assert metrics.compute().per_class["distance_error_m"].isnan().tolist() == [False, True, True]
    metrics = SELDMetrics("dcase2024", 3, average="micro")
    metrics.update(PREDICTION, REFERENCE)
    metrics.update(events((0, 1, 0)), events((0, 1, 0), (1, 1, 0)))
    assert math.isnan(metrics.compute().distance_error_m)
    assert math.isnan(metrics.compute().relative_distance_error)


def test_an_empty_clip_is_not_one_without_distances() -> None:
    nothing = events()
    assert found(nothing, nothing).overall["clips_without_distance"] == 0
    assert found(nothing, REFERENCE).overall["clips_without_distance"] == 0


@QUICK
@given(rows=ROWS, average=AVERAGE)
def test_an_identical_prediction_is_perfect(rows: list[Row], average: Average) -> None:
    rows = list({row[:3]: row for row in rows}.values())  # equal directions might swap distances
    sounding = {label for _, label, *_ in rows}
    rows += [(0, label, 2.0, 1.0) for label in range(3) if label not in sounding]
    perfect = {"ER": 0, "F": 1, "DOAE": 0, "DistE": 0, "RDE": 0, "LR": 1, "SELD": 0}
    same = scores(events(*rows), events(*rows), average=average).as_dict()
    assert same == pytest.approx(perfect, abs=TOLERANCE)


@QUICK
@given(prediction=ROWS, reference=ROWS, thresholds=st.tuples(*[st.floats(0.1, 9)] * 2))
def test_a_wider_threshold_turns_misses_into_hits_and_nothing_else(
    prediction: list[Row], reference: list[Row], thresholds: tuple[float, float]
) -> None:
    clip = events(*prediction), events(*reference)
    narrow, wide = (found(*clip, threshold).by_class for threshold in sorted(thresholds))
    assert bool((narrow["TP"] <= wide["TP"]).all())
    assert torch.equal(narrow["TP"] + narrow["FP_spatial"], wide["TP"] + wide["FP_spatial"])
    for name in narrow.keys() - {"TP", "FP_spatial"}:
        assert torch.equal(narrow[name], wide[name])
