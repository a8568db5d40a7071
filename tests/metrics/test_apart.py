"""Every rule of dcase2019, one small clip each, in frames of 20 ms."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from metrics.clip_rows import assert_counts, count, events, score
from seldkit.events import Events
from seldkit.io import read_events
from seldkit.metrics import SELDMetrics, SELDScores
from seldkit.metrics.apart import _on_grid
from seldkit.metrics.counts import Counts
from seldkit.metrics.timeline import join

SECOND = 50


def found(prediction: Events, reference: Events, *, seconds: int = 1, **settings: Any) -> Counts:
    """Count a clip."""
    return count("dcase2019", prediction, reference, num_frames=seconds * SECOND, **settings)


def scores(
    prediction: Events, reference: Events, *, seconds: int = 1, **settings: Any
) -> SELDScores:
    """Return the scores of one clip."""
    return score("dcase2019", prediction, reference, num_frames=seconds * SECOND, **settings)


def located(**expected: float) -> dict[str, float]:
    """Return the counts of directions of one second in which nothing is wrong but what is said."""
    return {"num_frames": SECOND, "good_frames": SECOND, **expected}


def test_a_class_is_there_in_a_second_or_not_wherever_it_is() -> None:
    # One frame of the reference, two of the prediction, the other way: all the same a hit.
    counts = found(events((3, 1, 0)), events((9, 1, 180), (9, 1, 90)))
    assert_counts(counts, TP=1, Nref=1, Nsys=1, **located(good_frames=48, DE_over=1))
    assert counts.by_class["TP"].tolist() == [0, 1, 0]


def test_errors_of_all_classes_pair_up_in_a_second() -> None:
    missed = events((0, 0, 0))
    counts = found(events((0, 1, 0)), missed)
    assert_counts(counts, FN=1, FP=1, Nref=1, Nsys=1, S=1, **located(DE_over=1))
    counts = found(events((60, 1, 0)), missed, seconds=2)
    frames = {"num_frames": 100, "good_frames": 98}
    assert_counts(counts, FN=1, FP=1, Nref=1, Nsys=1, D=1, I=1, DE_over=1, **frames)


def test_the_last_frame_of_a_second_is_not_looked_at() -> None:
    clip = [events((49, 0, 0), (98, 0, 0), (100, 0, 0))] * 2
    frames = {"num_frames": 150, "good_frames": 150, "DE_over": 3}
    assert_counts(found(*clip, seconds=3), TP=2, Nref=2, Nsys=2, **frames)
    mended = found(*clip, seconds=3, counting="corrected")
    assert_counts(mended, TP=3, Nref=3, Nsys=3, **frames)


def test_a_class_in_the_last_frame_alone_is_made_up() -> None:
    counts = found(events((10, 0, 0)), events((49, 0, 0)))
    assert_counts(counts, FP=1, Nsys=1, I=1, **located(good_frames=48, DE_over=1))


def test_directions_match_whatever_the_class() -> None:
    counts = found(events((0, 0, 90), (0, 1, 5)), events((0, 0, 0), (0, 1, 90)))
    assert_counts(counts, TP=2, Nref=2, Nsys=2, **located(total_DE=5, DE_over=2))


def test_every_frame_counts_directions_by_itself() -> None:
    counts = found(events((0, 0, 10), (1, 0, 90)), events((0, 0, 0), (2, 0, 90)))
    assert_counts(counts, TP=1, Nref=1, Nsys=1, **located(total_DE=10, DE_over=2, good_frames=48))


def test_predictions_without_a_pair_lower_the_error() -> None:
    # 10 degrees over two predictions; a reference without a pair is free.
    two, one = events((0, 0, 10), (0, 1, 90)), events((0, 0, 0))
    assert scores(two, one).localization_error_deg == pytest.approx(5)
    assert scores(two, one, doa="class").localization_error_deg == pytest.approx(5)
    assert scores(two, one, counting="corrected").localization_error_deg == pytest.approx(10)
    assert scores(one, two).localization_error_deg == pytest.approx(10)


def test_frames_of_as_many_predictions_are_recalled() -> None:
    # One more in frame 0, one less in frame 1, another class in frame 2: 48 of 50 frames.
    prediction = events((0, 0, 0), (0, 1, 90), (2, 1, 0))
    reference = events((0, 0, 0), (1, 0, 0), (2, 0, 0))
    assert scores(prediction, reference).localization_recall == pytest.approx(48 / 50)


def test_without_predictions_the_published_error_is_0() -> None:
    clip = events(), events((0, 0, 0))
    assert scores(*clip).localization_error_deg == 0
    assert scores(*clip, doa="class").localization_error_deg == 0
    assert math.isnan(scores(*clip, counting="corrected").localization_error_deg)
    assert math.isnan(scores(*clip, counting="corrected", doa="class").seld_score)


def test_a_class_has_one_direction_in_a_frame_that_of_the_later_row() -> None:
    # Of the prediction 30 is left, of the reference 0 in frame 0 and 90 in frame 1.
    prediction = events((0, 0, 4), (0, 0, 30))
    reference = events((0, 0, 20), (0, 0, 0), (1, 0, 0), (1, 0, 90))
    counts = found(prediction, reference)
    assert_counts(counts, TP=1, Nref=1, Nsys=1, **located(total_DE=30, DE_over=1, good_frames=49))
    both = found(prediction, reference, counting="corrected")
    sums = {"total_DE": 4 + 10, "DE_over": 2, "good_frames": 49}
    assert_counts(both, TP=1, Nref=1, Nsys=1, **located(**sums))
    # The class form has room for both.
    on_grid = found(prediction, reference, doa="class")
    sums = {"total_DE": 0 + 10, "DE_over": 2, "good_frames": 49}
    assert_counts(on_grid, TP=1, Nref=1, Nsys=1, **located(**sums))


def test_without_references_the_error_rate_is_divided_by_0() -> None:
    assert scores(events((0, 0, 0)), events()).error_rate == math.inf
    assert math.isnan(scores(events(), events()).error_rate)


def test_corrected_measures_angles_exactly() -> None:
    clip = [Events.from_degrees([0, 1, 2], [0, 0, 0], [10, 20, 30], [15, 35, 55])] * 2
    assert 0 < scores(*clip).localization_error_deg < 1e-5
    assert scores(*clip, counting="corrected").localization_error_deg == 0


@pytest.mark.parametrize(
    ("azimuth", "elevation", "on_grid"),
    [
        (4, 0, (0, 0)),
        (29, 0, (20, 0)),
        (-1, 0, (-10, 0)),
        (6, -14, (0, -20)),
        (6, -0.1, (0, -10)),
        (-171, 0, (-180, 0)),
        (179, 0, (170, 0)),
        (0, 39, (0, 30)),
        (0, 44, (0, 40)),
        (0, 46, (0, 40)),
        (0, -90, (0, -40)),
    ],
)
def test_classes_of_directions_lie_on_a_grid(
    azimuth: float, elevation: float, on_grid: tuple[float, float]
) -> None:
    prediction = Events.from_degrees([0], [0], [azimuth], [elevation])
    reference = Events.from_degrees([0], [0], [on_grid[0]], [on_grid[1]])
    error = scores(prediction, reference, doa="class").localization_error_deg
    assert error == pytest.approx(0, abs=1e-5)
    assert scores(prediction, reference).localization_error_deg > 1


def test_the_ends_of_the_grid_are_ten_degrees_apart() -> None:
    degrees = torch.tensor([[180.0, 0.0], [-180.0, 0.0]], dtype=torch.float64)
    rows = join([events((0, 0, 0), (1, 0, 0))])._replace(given_deg=degrees)
    assert _on_grid(rows).given_deg.tolist() == [[170, 0], [-180, 0]]


@pytest.mark.parametrize(("doa", "error"), [("class", 10), ("regression", 0)])
def test_a_file_with_180_is_10_from_one_with_the_same_direction(
    tmp_path: Path, doa: str, error: float
) -> None:
    clip = []
    for azimuth in (180, -180):
        path = tmp_path / f"{azimuth}.csv"
        path.write_text(f"0,3,{azimuth},0\n")
        clip.append(read_events(path, format="dcase2019"))
    assert torch.equal(clip[0].direction, clip[1].direction)
    found = SELDMetrics("dcase2019", 11, doa=doa)  # type: ignore[arg-type]
    for prediction, reference in (clip, clip[::-1]):
        found.update(prediction, reference)
    assert found.compute().localization_error_deg == pytest.approx(error, abs=1e-5)


def test_directions_of_a_class_in_one_place_of_the_grid_are_one() -> None:
    # The first two of the prediction: then as many as references. Of two classes they are two.
    prediction, reference = events((0, 0, 1), (0, 0, 2), (0, 1, 92)), events((0, 0, 0), (0, 1, 90))
    on_grid = found(prediction, reference, doa="class")
    assert_counts(on_grid, TP=2, Nref=2, Nsys=2, **located(DE_over=2))
    two = events((0, 0, 1), (0, 2, 2), (0, 1, 92))
    on_grid = found(two, reference, doa="class")
    frames = {"DE_over": 3, "good_frames": 49}
    assert_counts(on_grid, TP=2, FP=1, I=1, Nref=2, Nsys=3, **located(**frames))


def test_one_place_in_two_frames_or_clips_is_two() -> None:
    clip = events((0, 0, 0), (1, 0, 0))
    assert_counts(found(clip, clip, doa="class"), TP=1, Nref=1, **located(DE_over=2))


def test_classes_and_directions_make_one_score() -> None:
    # Class 0 is found 10 degrees off in frames 0 and 1 of 50, class 1 is missed in frame 0.
    prediction = events((0, 0, 10), (1, 0, 10))
    reference = events((0, 0, 0), (1, 0, 0), (0, 1, 90))
    expected = {"ER": 1 / 2, "F": 2 / 3, "DE": 10, "FR": 49 / 50}
    expected["SELD"] = (1 / 2 + 1 / 3 + 10 / 180 + 1 / 50) / 4
    found = scores(prediction, reference)
    assert found.as_dict() == pytest.approx(expected, abs=1e-6)
    assert found.per_class["f_score"].tolist() == pytest.approx([1, 0, 0])
    assert found.per_class["localization_error_deg"].tolist() == pytest.approx([10, 10, 10])
