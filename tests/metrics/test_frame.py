"""Every rule of the frame metrics, one small clip each; azimuths in degrees at elevation 0."""

import math
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seldkit.events import Events
from seldkit.metrics import SELDMetrics, SELDScores
from seldkit.metrics.angles import cartesian_angle_deg
from seldkit.metrics.frame import count_frames
from seldkit.metrics.scores import Average

FRAMES, CLASSES = 12, 3

Row = tuple[int, int, float, float]

# Few directions and distances, so that equal costs and shared cells are common.
ROW = st.tuples(
    st.integers(0, FRAMES - 1),
    st.integers(0, CLASSES - 1),
    st.integers(-25, 25).map(lambda n: 7.0 * n),
    st.integers(1, 8).map(lambda n: n / 2),
)
ROWS = st.lists(ROW, max_size=40)
AVERAGE: st.SearchStrategy[Average] = st.sampled_from(["macro", "micro"])
QUICK = settings(max_examples=50, deadline=None)


def events(*rows: Row) -> Events:
    """Return events from rows of frame, class, azimuth and distance."""
    frame, label, azimuth, distance = ([row[i] for row in rows] for i in range(4))
    zeros = [0.0] * len(rows)
    num_frames = max([FRAMES, *(row[0] + 1 for row in rows)])
    return Events.from_degrees(
        frame, label, azimuth, zeros, distance=distance, num_frames=num_frames
    )


def bare(*rows: tuple[int, int, float]) -> Events:
    """Return events without distances from rows of frame, class and azimuth."""
    frame, label, azimuth = ([row[i] for row in rows] for i in range(3))
    return Events.from_degrees(frame, label, azimuth, [0.0] * len(rows), num_frames=FRAMES)


def count(prediction: Events, reference: Events, threshold: float = 1.0) -> Mapping[str, Tensor]:
    """Count a clip of twelve frames and three classes."""
    return count_frames(
        prediction, reference, FRAMES, CLASSES, relative_distance_threshold=threshold
    )


def score(prediction: Events, reference: Events, **arguments: Any) -> SELDScores:
    """Return the scores of one clip, all of its frames."""
    metrics = SELDMetrics("dcase2024", CLASSES, frames="clip", **arguments)
    metrics.update(prediction, reference)
    return metrics.compute()


def assert_counts(counts: Mapping[str, Tensor], **expected: float) -> None:
    """Compare every count, summed over classes; those not named must be 0."""
    found = {
        name: pytest.approx(value.sum().item(), abs=2e-3, nan_ok=True)
        for name, value in counts.items()
    }
    assert found == dict.fromkeys(counts, 0) | expected


def test_a_near_match_of_about_the_distance_is_a_hit() -> None:
    counts = count(events((3, 1, 10, 3)), events((3, 1, 0, 2)))
    sums = {"total_DE": 10, "total_distance": 1, "total_relative": 0.5}
    assert_counts(counts, TP=1, Nref=1, DE_TP=1, **sums)
    assert counts["TP"].tolist() == [0, 1, 0]


def test_a_match_beyond_20_degrees_is_a_false_positive_but_no_miss() -> None:
    counts = count(events((3, 1, 30, 2)), events((3, 1, 0, 2)))
    assert_counts(counts, FP_spatial=1, Nref=1, DE_TP=1, total_DE=30, I=1)


def test_a_relative_distance_error_beyond_the_threshold_is_no_hit() -> None:
    # 5 m for 2 m is 1.5 off; an error of just 1 would be a hit.
    prediction, reference = events((0, 0, 0, 5)), events((0, 0, 0, 2))
    sums = {"total_distance": 3, "total_relative": 1.5}
    assert_counts(count(prediction, reference), FP_spatial=1, Nref=1, DE_TP=1, I=1, **sums)
    assert_counts(count(prediction, reference, 1.6), TP=1, Nref=1, DE_TP=1, **sums)
    assert_counts(count(prediction, reference, math.inf), TP=1, Nref=1, DE_TP=1, **sums)
    assert count(events((0, 0, 0, 4)), reference)["TP"].sum() == 1


def test_the_angle_alone_matches() -> None:
    # Distances would swap the pairs.
    prediction, reference = events((0, 0, 5, 9), (0, 0, 55, 3)), events((0, 0, 0, 3), (0, 0, 50, 9))
    sums = {"total_DE": 10, "total_distance": 12, "total_relative": 2 + 2 / 3}
    assert_counts(count(prediction, reference), TP=1, FP_spatial=1, Nref=2, DE_TP=2, I=1, **sums)


def test_every_frame_counts_by_itself() -> None:
    # Frame 0 misses one, frame 1 makes one up: a deletion and an insertion, no substitution.
    counts = count(events((1, 0, 0, 1)), events((0, 0, 0, 1)))
    assert_counts(counts, FN=1, DE_FN=1, FP=1, DE_FP=1, Nref=1, D=1, I=1)


def test_a_class_taken_for_another_is_a_substitution() -> None:
    counts = count(events((0, 1, 0, 1)), events((0, 0, 0, 1)))
    assert_counts(counts, FN=1, DE_FN=1, FP=1, DE_FP=1, Nref=1, S=1)
    assert counts["FP"].tolist() == [0, 1, 0]
    assert counts["FN"].tolist() == [1, 0, 0]


def test_frames_beyond_the_clip_do_not_count() -> None:
    late = events((FRAMES, 0, 0, 1))
    assert_counts(count(late, late))


def test_official_stops_before_the_last_reference_frame() -> None:
    metrics = SELDMetrics("dcase2024", CLASSES)
    metrics.update(events((5, 0, 0, 1)), events((2, 0, 0, 1), (5, 0, 0, 1)))
    assert metrics.compute().counts["Nref"] == 1
    assert metrics.compute().counts["FP"] == 0


# Class 0: a hit 10 degrees and 1 of 2 m off, a spatial miss 50 degrees off at 4 m. Class 1: one
# missed. Class 2 does not occur. Errors: an insertion and a deletion of 3.
PREDICTION = events((0, 0, 10, 3), (1, 0, 50, 4))
REFERENCE = events((0, 0, 0, 2), (1, 0, 0, 4), (2, 1, 0, 1))


def test_macro_leaves_classes_without_a_pair_out_of_the_errors_alone() -> None:
    # F: 1 / (1 + 1), 0, 0. SELD of class 0: (1/2 + 30/180 + 1/4) / 3; of the others 1.
    found = score(PREDICTION, REFERENCE)
    expected = {"ER": 2 / 3, "F": 1 / 6, "DOAE": 30, "DistE": 0.5, "RDE": 0.25, "LR": 1 / 3}
    expected["SELD"] = ((1 / 2 + 1 / 6 + 1 / 4) / 3 + 2) / 3
    assert found.as_dict() == pytest.approx(expected, abs=1e-6)
    assert found.per_class["f_score"].tolist() == pytest.approx([0.5, 0, 0])
    assert found.per_class["localization_error_deg"].isnan().tolist() == [False, True, True]
    assert found.per_class["error_rate"].tolist() == pytest.approx([2 / 3] * 3)


def test_micro_adds_the_classes_up_first() -> None:
    # F: 1 / (1 + 1 + 1/2). LR: 2 / 3.
    found = score(PREDICTION, REFERENCE, average="micro").as_dict()
    expected = {"ER": 2 / 3, "F": 0.4, "DOAE": 30, "DistE": 0.5, "RDE": 0.25, "LR": 2 / 3}
    expected["SELD"] = (0.6 + 30 / 180 + 0.25) / 3
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("average", ["macro", "micro"])
def test_without_a_pair_the_errors_are_nan_and_seld_is_left_to_f(average: Average) -> None:
    found = score(events(), REFERENCE, average=average)
    assert math.isnan(found.localization_error_deg)
    assert math.isnan(found.distance_error_m)
    assert math.isnan(found.relative_distance_error)
    assert (found.f_score, found.localization_recall, found.seld_score) == (0, 0, 1)


@pytest.mark.parametrize("predicted", [bare((0, 0, 10)), events((0, 0, 10, 9))])
def test_without_distances_the_angle_alone_decides(predicted: Events) -> None:
    found = score(predicted, bare((0, 0, 0), (1, 0, 0)), average="micro")
    assert found.f_score == pytest.approx(2 / 3)
    assert math.isnan(found.distance_error_m)
    assert math.isnan(found.relative_distance_error)
    # The mean of ER, 1 - F, DOAE / 180 and 1 - LR.
    assert found.seld_score == pytest.approx((1 / 2 + 1 / 3 + 10 / 180 + 1 / 2) / 4)


def test_one_clip_without_distances_leaves_no_distance_error() -> None:
    metrics = SELDMetrics("dcase2024", CLASSES, frames="clip")
    metrics.update(PREDICTION, REFERENCE)
    metrics.update(bare((0, 1, 0)), bare((0, 1, 0)))
    assert math.isnan(metrics.compute().distance_error_m)
    assert math.isnan(metrics.compute().relative_distance_error)


def test_the_angle_is_a_little_too_large_near_zero() -> None:
    here = torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64)
    assert cartesian_angle_deg(here, here).item() == pytest.approx(math.degrees(math.sqrt(2e-10)))
    assert cartesian_angle_deg(here, -here).item() == pytest.approx(180, abs=2e-3)
    aside = torch.tensor([[math.cos(0.1), math.sin(0.1), 0.0]], dtype=torch.float64)
    assert cartesian_angle_deg(here, aside).item() == pytest.approx(math.degrees(0.1), abs=1e-7)


@QUICK
@given(rows=ROWS, average=AVERAGE)
def test_an_identical_prediction_is_perfect(rows: list[Row], average: Average) -> None:
    rows = list({row[:3]: row for row in rows}.values())  # equal directions might swap distances
    sounding = {label for _, label, *_ in rows}
    rows += [(0, label, 2.0, 1.0) for label in range(CLASSES) if label not in sounding]
    found = score(events(*rows), events(*rows), average=average).as_dict()
    perfect = {"ER": 0, "F": 1, "DOAE": 0, "DistE": 0, "RDE": 0, "LR": 1, "SELD": 0}
    assert found == pytest.approx(perfect, abs=2e-3)


@QUICK
@given(prediction=ROWS, reference=ROWS, thresholds=st.tuples(*[st.floats(0.1, 9)] * 2))
def test_a_wider_threshold_turns_misses_into_hits_and_nothing_else(
    prediction: list[Row], reference: list[Row], thresholds: tuple[float, float]
) -> None:
    clip = events(*prediction), events(*reference)
    narrow, wide = (count(*clip, threshold) for threshold in sorted(thresholds))
    assert bool((narrow["TP"] <= wide["TP"]).all())
    assert torch.equal(narrow["TP"] + narrow["FP_spatial"], wide["TP"] + wide["FP_spatial"])
    assert torch.equal(narrow["TP"] + narrow["FP_spatial"] + narrow["FN"], narrow["Nref"])
    for name in narrow.keys() - {"TP", "FP_spatial", "S", "D", "I"}:
        assert torch.equal(narrow[name], wide[name])


@pytest.mark.parametrize(
    ("protocol", "threshold", "message"),
    [
        ("dcase2023", 1.0, "relative_distance_threshold must be None for 'dcase2023', got 1.0"),
        ("dcase2024", 0.0, "relative_distance_threshold must be positive, got 0.0"),
        ("dcase2024", math.nan, "relative_distance_threshold must be positive, got nan"),
    ],
)
def test_a_wrong_threshold_is_named(protocol: str, threshold: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SELDMetrics(protocol, CLASSES, relative_distance_threshold=threshold)


def test_only_metrics_of_one_threshold_merge() -> None:
    published, open_ended = (
        SELDMetrics("dcase2024", CLASSES, relative_distance_threshold=threshold)
        for threshold in (None, math.inf)
    )
    assert "relative_distance_threshold=1.0" in repr(published)
    with pytest.raises(ValueError, match=r"other.settings must be .*1\.0} as here, got .*inf}"):
        published.merge(open_ended)
