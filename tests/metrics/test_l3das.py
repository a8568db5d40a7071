"""Every rule of l3das21 to l3das23, one small clip each.

All stand on the line to the front, so that distances differ as positions do.
"""

import math
from typing import Any

import pytest

from metrics.clip_rows import assert_counts, count, events, score
from seldkit.events import Events
from seldkit.metrics import SELDMetrics
from seldkit.metrics.counts import Counts


def line(*rows: tuple[int, int, float]) -> Events:
    """Return events from rows of frame, class and metres to the front."""
    return events(*((frame, label, 0.0, metres) for frame, label, metres in rows))


def found(prediction: Events, reference: Events, **settings: Any) -> Counts:
    """Count a clip as published in 2022."""
    return count("l3das22", prediction, reference, **settings)


def test_a_prediction_nearer_than_the_threshold_is_a_hit() -> None:
    counts = found(line((0, 1, 2.9)), line((0, 1, 1)))
    assert_counts(counts, TP=1, Nref=1, Nsys=1)
    assert counts.by_class["TP"].tolist() == [0, 1, 0]


def test_the_threshold_itself_is_too_far() -> None:
    clip = line((0, 0, 3)), line((0, 0, 1))
    assert_counts(found(*clip), FP=1, FN=1, Nref=1, Nsys=1)
    assert_counts(found(*clip, distance_threshold_m=2.001), TP=1, Nref=1, Nsys=1)


@pytest.mark.parametrize(
    ("protocol", "metres"), [("l3das21", 2), ("l3das22", 2), ("l3das23", 1.75)]
)
def test_each_edition_has_its_threshold(protocol: str, metres: float) -> None:
    reference = line((0, 0, 1))
    assert_counts(count(protocol, line((0, 0, 0.999 + metres)), reference), TP=1, Nref=1, Nsys=1)
    assert_counts(count(protocol, line((0, 0, 1 + metres)), reference), FP=1, FN=1, Nref=1, Nsys=1)


def test_positions_decide_and_neither_directions_nor_distances_alone() -> None:
    # 3 m to the front and 4 m to the left lie 5 m apart, 0.5 m on either side only 1 m.
    apart = events((0, 0, 0, 3)), events((0, 0, 90, 4))
    assert_counts(found(*apart, distance_threshold_m=4.9), FP=1, FN=1, Nref=1, Nsys=1)
    assert_counts(found(*apart, distance_threshold_m=5.1), TP=1, Nref=1, Nsys=1)
    around = events((0, 0, 0, 0.5)), events((0, 0, 180, 0.5))
    assert_counts(found(*around), TP=1, Nref=1, Nsys=1)


def test_only_one_class_in_one_frame_meets() -> None:
    reference = line((0, 0, 1))
    for elsewhere in (line((0, 1, 1)), line((1, 0, 1))):
        assert_counts(found(elsewhere, reference), FP=1, FN=1, Nref=1, Nsys=1)


def test_frames_beyond_the_clip_do_not_count() -> None:
    assert_counts(found(line((10, 0, 1)), line()), Nsys=0)


# References at 0 and 3 m share the prediction at 1.5, the one at 20 has those at 18.5 and 21.5:
# three of each side are near some other, though only two pairs can be made.
CHAIN = line((0, 0, 1.5), (0, 0, 18.5), (0, 0, 21.5)), line((0, 0, 0), (0, 0, 3), (0, 0, 20))

# The same over two classes.
ACROSS = line((0, 0, 1.5), (0, 1, 18.5), (0, 1, 21.5)), line((0, 0, 0), (0, 0, 3), (0, 1, 20))


@pytest.mark.parametrize("clip", [CHAIN, ACROSS])
def test_published_matches_are_over_counted(clip: tuple[Events, Events]) -> None:
    assert_counts(found(*clip), TP=3, Nref=3, Nsys=3)
    optimal = found(*clip, matching="optimal")
    assert_counts(optimal, TP=2, FP=1, FN=1, Nref=3, Nsys=3)


def test_published_classes_do_not_add_up_to_the_whole() -> None:
    counts = found(*ACROSS)
    assert counts.by_class["TP"].tolist() == [1, 1, 0]
    assert counts.overall["TP"] == 3
    per_class = score("l3das22", *ACROSS).per_class
    assert per_class["f_score"].tolist() == pytest.approx([2 / 3, 2 / 3, 0])
    assert per_class["precision"].tolist() == pytest.approx([1, 1 / 2, 0])
    assert per_class["recall"].tolist() == pytest.approx([1 / 2, 1, 0])


def test_optimal_takes_as_many_pairs_as_there_are_and_not_the_nearest() -> None:
    # The nearest pair, both at 1.9, would leave 0 and 3.8 alone.
    clip = line((0, 0, 1.9), (0, 0, 3.8)), line((0, 0, 0.0), (0, 0, 1.9))
    assert_counts(found(*clip, matching="optimal"), TP=2, Nref=2, Nsys=2)


@pytest.mark.parametrize(
    ("matching", "f_scores"), [("published", (0.8, 1)), ("optimal", (0.8, 2 / 3))]
)
def test_published_can_reward_a_false_alarm(matching: str, f_scores: tuple[float, float]) -> None:
    # A second prediction for the only reference of its class.
    more, reference = ACROSS
    fewer = line((0, 0, 1.5), (0, 1, 18.5))
    found = [score("l3das22", each, reference, matching=matching).f_score for each in (fewer, more)]
    assert found == pytest.approx(f_scores)


def test_it_scores_precision_recall_and_f() -> None:
    # Two hits, one false alarm, two missed.
    prediction = line((0, 0, 1), (1, 0, 1), (2, 2, 1))
    reference = line((0, 0, 1), (1, 0, 1), (2, 1, 1), (3, 0, 1))
    scores = score("l3das22", prediction, reference)
    assert scores.as_dict() == pytest.approx({"F": 4 / 7, "P": 2 / 3, "R": 2 / 4})
    assert math.isnan(scores.error_rate)
    assert math.isnan(scores.localization_error_deg)


def test_where_nothing_is_all_scores_are_0() -> None:
    assert score("l3das22", line(), line()).as_dict() == {"F": 0, "P": 0, "R": 0}


def test_in_2021_one_prediction_serves_several_references() -> None:
    # Two hits of one prediction make -1 false alarms.
    clip = line((0, 0, 1.5)), line((0, 0, 0), (0, 0, 3))
    assert_counts(count("l3das21", *clip), TP=2, FP=-1, Nref=2, Nsys=1)
    optimal = count("l3das21", *clip, matching="optimal")
    assert_counts(optimal, TP=1, FN=1, Nref=2, Nsys=1)
    assert_counts(found(*clip), TP=1, FN=1, Nref=2, Nsys=1)


def test_in_2021_several_predictions_serve_one_reference_once() -> None:
    clip = line((0, 0, 0), (0, 0, 3)), line((0, 0, 1.5))
    assert_counts(count("l3das21", *clip), TP=1, FP=1, Nref=1, Nsys=2)


def test_in_2021_frames_of_one_side_count_twice() -> None:
    # Frame 0 has references alone, frame 1 predictions alone, frame 2 both of other classes.
    prediction = line((1, 0, 1), (2, 0, 1))
    reference = line((0, 0, 1), (0, 1, 1), (2, 1, 1))
    counts = count("l3das21", prediction, reference)
    assert_counts(counts, FN=5, FP=3, Nref=3, Nsys=2)
    assert counts.by_class["FN"].tolist() == [2, 3, 0]
    corrected = count("l3das21", prediction, reference, counting="corrected")
    assert_counts(corrected, FN=3, FP=2, Nref=3, Nsys=2)


def test_in_2021_published_can_reward_a_false_alarm() -> None:
    # Two missed alone in frame 1 count four times; beside a false alarm they count as three errors.
    reference = line((0, 0, 1), (1, 0, 1), (1, 1, 1))
    without, with_alarm = line((0, 0, 1)), line((0, 0, 1), (1, 2, 1))
    published, corrected = (
        [
            score("l3das21", prediction, reference, counting=counting).f_score
            for prediction in (without, with_alarm)
        ]
        for counting in ("published", "corrected")
    )
    assert published == pytest.approx([2 / 6, 2 / 5])
    assert corrected == pytest.approx([2 / 4, 2 / 5])


@pytest.mark.parametrize("protocol", ["l3das21", "l3das22", "l3das23"])
def test_distances_must_be_there(protocol: str) -> None:
    metrics = SELDMetrics(protocol, 3)
    here, bare = line((0, 0, 1)), events((0, 0, 0))
    with pytest.raises(ValueError, match=rf"'{protocol}' needs prediction\.distance, got None"):
        metrics.update(bare, here)
    with pytest.raises(ValueError, match=rf"'{protocol}' needs reference\.distance, got None"):
        metrics.update(here, bare)
    metrics.update(events(), here)
    metrics.update(here, events())
    assert metrics.num_clips == 2
