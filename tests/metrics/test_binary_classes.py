"""Every rule of dcase2020, one small clip each: a class is there in a second or not."""

import pytest

from metrics.clip_rows import assert_counts, count, events, score
from seldkit.events import Events
from seldkit.metrics.counts import Counts


def found(prediction: Events, reference: Events, num_frames: int = 10) -> Counts:
    """Count a clip as published."""
    return count("dcase2020", prediction, reference, num_frames=num_frames)


def test_a_match_up_to_20_degrees_is_a_hit() -> None:
    counts = found(events((0, 1, 10), (1, 1, 10)), events((0, 1, 0), (1, 1, 0)))
    assert_counts(counts, TP=1, Nref=1, Nsys=1, total_DE=10, DE_TP=1)
    assert counts.by_class["TP"].tolist() == [0, 1, 0]


def test_a_match_beyond_is_a_miss_but_no_false_positive() -> None:
    counts = found(events((0, 1, 30)), events((0, 1, 0)))
    assert_counts(counts, FN=1, Nref=1, Nsys=1, total_DE=30, DE_TP=1, D=1)


def test_20_degrees_part_hits_from_misses() -> None:
    reference = events((0, 0, 0))
    hit, miss = (found(events((0, 0, angle)), reference) for angle in (19.9, 20.1))
    assert_counts(hit, TP=1, Nref=1, total_DE=19.9, DE_TP=1)
    assert_counts(miss, FN=1, Nref=1, total_DE=20.1, DE_TP=1, D=1)


def test_the_mean_over_the_common_frames_decides() -> None:
    # 28 degrees would miss alone; the mean of 10 and 28 is 19. Frame 2 has no prediction.
    counts = found(events((0, 0, 10), (1, 0, 28)), events((0, 0, 0), (1, 0, 0), (2, 0, 0)))
    assert_counts(counts, TP=1, Nref=1, Nsys=1, total_DE=19, DE_TP=1)


def test_a_class_counts_once_a_second_however_many_sound() -> None:
    reference = events((0, 0, 0), (0, 0, 90), (4, 0, 180))
    assert_counts(found(events((0, 0, 5)), reference), TP=1, Nref=1, Nsys=1, total_DE=5, DE_TP=1)
    assert_counts(found(events(), reference), FN=1, Nref=1, Nsys=0, D=1)
    assert_counts(found(reference, events()), FP=1, Nsys=1, I=1)


def test_several_matches_in_a_frame_add_up() -> None:
    # 15 and 14 degrees off make 29: a miss. In frame 1 the same of 3 and 2: the mean is 17.
    frame = events((0, 0, 15), (0, 0, 104)), events((0, 0, 0), (0, 0, 90))
    assert_counts(found(*frame), FN=1, Nref=1, Nsys=1, total_DE=29, DE_TP=1, D=1)
    prediction = events((0, 0, 15), (0, 0, 104), (1, 0, 3), (1, 0, 92))
    reference = events((0, 0, 0), (0, 0, 90), (1, 0, 0), (1, 0, 90))
    assert_counts(found(prediction, reference), TP=1, Nref=1, Nsys=1, total_DE=17, DE_TP=1)


def test_corrected_takes_their_mean() -> None:
    prediction, reference = events((0, 0, 15), (0, 0, 104)), events((0, 0, 0), (0, 0, 90))
    counts = count("dcase2020", prediction, reference, counting="corrected")
    assert_counts(counts, TP=1, Nref=1, Nsys=1, total_DE=14.5, DE_TP=1)


def test_the_smallest_sum_of_angles_matches() -> None:
    # 8 + 7 beats taking the nearest pair first, 2 + 17.
    counts = found(events((0, 0, 8), (0, 0, 17)), events((0, 0, 0), (0, 0, 10)))
    assert_counts(counts, TP=1, Nref=1, Nsys=1, total_DE=15, DE_TP=1)


def test_a_class_that_never_meets_is_a_miss_alone() -> None:
    counts = found(events((5, 0, 0), (5, 0, 90)), events((0, 0, 0)))
    assert_counts(counts, FN=1, Nref=1, Nsys=1, D=1)


def test_errors_of_all_classes_pair_up_in_a_second() -> None:
    missed = events((0, 0, 0))
    assert_counts(found(events((5, 1, 0)), missed), FN=1, FP=1, Nref=1, Nsys=1, S=1)
    counts = found(events((15, 1, 0)), missed, num_frames=20)
    assert_counts(counts, FN=1, FP=1, Nref=1, Nsys=1, D=1, I=1)


def test_what_is_published_as_recall_is_an_f_score() -> None:
    # Seconds: a hit, a spatial miss, a false alarm. Two of two references are found in some
    # direction: the recall is 1, but P = 2 / 3 makes the F-score 0.8. F itself: P = 1/3, R = 1/2.
    prediction = events((0, 0, 0), (10, 0, 50), (20, 0, 0))
    scores = score("dcase2020", prediction, events((0, 0, 0), (10, 0, 0)), num_frames=30)
    expected = {"ER": 2 / 2, "F": 0.4, "LE": 25, "LR": 0.8}
    expected["SELD"] = (1 + 0.6 + 25 / 180 + 0.2) / 4
    assert scores.as_dict() == pytest.approx(expected, abs=1e-6)


def test_without_a_match_the_error_is_180_degrees() -> None:
    scores = score("dcase2020", events(), events((0, 0, 0)))
    assert scores.as_dict() == pytest.approx({"ER": 1, "F": 0, "LE": 180, "LR": 0, "SELD": 1})
