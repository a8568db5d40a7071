"""Every rule of dcase2021 to dcase2023, one small clip each."""

import pytest

from metrics.clip_rows import assert_counts, count, events, score
from seldkit.events import Events
from seldkit.metrics.counts import Counts


def found(prediction: Events, reference: Events, num_frames: int = 10) -> Counts:
    """Count a clip as published in 2022 and 2023."""
    return count("dcase2023", prediction, reference, num_frames=num_frames)


def corrected(prediction: Events, reference: Events) -> Counts:
    """Count a clip as the protocol describes."""
    return count("dcase2023", prediction, reference, counting="corrected")


def test_a_match_up_to_20_degrees_is_a_hit() -> None:
    counts = found(events((0, 1, 10), (1, 1, 10)), events((0, 1, 0), (1, 1, 0)))
    assert_counts(counts, TP=1, Nref=1, Nsys=1, total_DE=10, DE_TP=1)
    assert counts.by_class["TP"].tolist() == [0, 1, 0]


def test_a_match_beyond_is_a_false_positive_but_no_miss() -> None:
    # The block has one false positive and no false negative: an insertion.
    counts = found(events((0, 1, 30)), events((0, 1, 0)))
    assert_counts(counts, FP_spatial=1, Nref=1, Nsys=1, total_DE=30, DE_TP=1, I=1)


def test_20_degrees_part_hits_from_misses() -> None:
    reference = events((0, 0, 0))
    assert_counts(found(events((0, 0, 19.9)), reference), TP=1, Nref=1, total_DE=19.9, DE_TP=1)
    miss = {"FP_spatial": 1, "I": 1, "total_DE": 20.1}
    assert_counts(found(events((0, 0, 20.1)), reference), Nref=1, DE_TP=1, **miss)


def test_the_mean_over_the_matched_frames_decides() -> None:
    # 28 degrees would miss alone; the mean of 10 and 28 is 19. Frame 2 has no prediction.
    counts = found(events((0, 0, 10), (1, 0, 28)), events((0, 0, 0), (1, 0, 0), (2, 0, 0)))
    assert_counts(counts, TP=1, Nref=1, total_DE=19, DE_TP=1)


def test_what_is_missed_is_deleted_and_what_is_made_up_inserted() -> None:
    assert_counts(found(events(), events((3, 2, 0))), FN=1, DE_FN=1, Nref=1, D=1)
    assert_counts(found(events((3, 2, 0)), events()), FP=1, DE_FP=1, Nsys=1, I=1)


def test_every_second_counts_anew() -> None:
    clip = events((9, 0, 0), (10, 0, 0))
    assert_counts(found(clip, clip, num_frames=20), TP=2, Nref=2, DE_TP=2)


def test_instances_are_the_most_in_any_one_frame() -> None:
    # Frame 0 has two references, frame 1 one more that makes no third instance.
    reference = events((0, 0, 0), (0, 0, 90), (1, 0, 0))
    counts = found(events((0, 0, 5), (1, 0, 5)), reference)
    assert_counts(counts, TP=1, FN=1, DE_FN=1, Nref=2, Nsys=1, total_DE=5, DE_TP=1, D=1)


def test_surplus_predictions_are_false_positives() -> None:
    counts = found(events((0, 0, 5), (0, 0, 90), (0, 0, 180)), events((0, 0, 0)))
    assert_counts(counts, TP=1, FP=2, DE_FP=2, Nref=1, Nsys=3, total_DE=5, DE_TP=1, I=2)


def test_the_smallest_sum_of_angles_matches() -> None:
    # 18 + 17 beats taking the nearest pair first, 12 + 47.
    counts = found(events((0, 0, 18), (0, 0, 47)), events((0, 0, 0), (0, 0, 30)))
    assert_counts(counts, TP=2, Nref=2, total_DE=35, DE_TP=2)


def test_an_instance_is_a_place_in_the_row_order() -> None:
    # The source at 90 stands second in frame 0 (10 off) and, alone, first in frame 1 (14 off).
    # Places: (0 + 14) / 2 and 10 make 17. Sources would make 0 and (10 + 14) / 2.
    reference = events((0, 0, 0), (0, 0, 90), (1, 0, 90))
    counts = found(events((0, 0, 100), (0, 0, 0), (1, 0, 104)), reference)
    assert_counts(counts, TP=2, Nref=2, total_DE=17, DE_TP=2)


def test_row_order_changes_the_count() -> None:
    # As above with the rows of frame 0 exchanged: places (10 + 14) / 2 and 0.
    reference = events((0, 0, 90), (0, 0, 0), (1, 0, 90))
    counts = found(events((0, 0, 100), (0, 0, 0), (1, 0, 104)), reference)
    assert_counts(counts, TP=2, Nref=2, total_DE=12, DE_TP=2)


def test_events_that_never_meet_miss_the_number_of_predictions() -> None:
    # One reference in frame 0, two predictions in frame 5: no false positive, two misses.
    clip = events((5, 0, 0), (5, 0, 90)), events((0, 0, 0))
    assert_counts(found(*clip), FN=2, DE_FN=2, Nref=1, Nsys=2, D=2)
    counts = corrected(*clip)
    assert_counts(counts, FP=2, DE_FP=2, FN=1, DE_FN=1, Nref=1, Nsys=2, S=1, I=1)


def test_an_unmatched_instance_is_lost_where_the_numbers_agree() -> None:
    # Two references in frame 0, two predictions in frame 5, one of each in frame 3.
    reference = events((0, 0, 0), (0, 0, 90), (3, 0, 0))
    clip = events((3, 0, 0), (5, 0, 0), (5, 0, 90)), reference
    assert_counts(found(*clip), TP=1, Nref=2, DE_TP=1)
    assert_counts(corrected(*clip), TP=1, FP=1, DE_FP=1, FN=1, DE_FN=1, Nref=2, DE_TP=1, S=1)


def test_one_prediction_can_serve_two_instances_in_turn() -> None:
    # It stands with the second reference in frame 0 and with the first in frame 1.
    sources = [(0, 0, 0), (0, 0, 90), (1, 0, 0), (1, 0, 90)]
    clip = events((0, 0, 90), (1, 0, 0)), events(*sources)
    assert_counts(found(*clip), TP=2, FN=1, DE_FN=1, Nref=2, Nsys=1, DE_TP=2, D=1)
    assert_counts(corrected(*clip), TP=2, Nref=2, Nsys=1, DE_TP=2)


def test_corrected_measures_angles_exactly() -> None:
    clip = Events.from_degrees([0, 1, 2], [0, 0, 0], [10, 20, 30], [15, 35, 55])
    assert 0 < found(clip, clip).by_class["total_DE"].sum() < 1e-5
    assert corrected(clip, clip).by_class["total_DE"].sum() == 0


def test_errors_of_all_classes_pair_up_in_a_second() -> None:
    missed = events((0, 0, 0))
    counts = found(events((5, 1, 0)), missed)
    assert_counts(counts, FN=1, DE_FN=1, FP=1, DE_FP=1, Nref=1, S=1)
    counts = found(events((15, 1, 0)), missed, num_frames=20)
    assert_counts(counts, FN=1, DE_FN=1, FP=1, DE_FP=1, Nref=1, D=1, I=1)


def test_a_spatial_miss_pairs_up_with_a_miss() -> None:
    counts = found(events((0, 0, 50)), events((0, 0, 0), (0, 1, 0)))
    assert_counts(counts, FP_spatial=1, total_DE=50, DE_TP=1, FN=1, DE_FN=1, Nref=2, S=1)


def test_the_last_second_is_read_whole_and_what_lies_beyond_is_not() -> None:
    prediction = events((0, 0, 0), (19, 0, 0), (20, 0, 0), (8_000_000, 0, 0))
    for num_frames, seconds in ((1, 1), (10, 1), (11, 2), (20, 2), (21, 3)):
        counts = found(prediction, events((0, 0, 0)), num_frames)
        assert_counts(counts, TP=1, Nref=1, DE_TP=1, Nsys=seconds, **extra(seconds - 1))


def extra(number: int) -> dict[str, int]:
    """Return the counts of false alarms."""
    return {"FP": number, "DE_FP": number, "I": number}


def test_no_frames_and_no_events_count_nothing() -> None:
    assert_counts(found(events((0, 0, 0)), events(), num_frames=0))
    assert_counts(found(events(), events(), num_frames=100), Nsys=0)


def test_in_2021_a_spatial_miss_is_a_false_positive_like_any_other() -> None:
    # One spatial miss, one surplus prediction and one hit in the next second.
    prediction = events((0, 0, 30), (0, 0, 90), (10, 0, 0))
    reference = events((0, 0, 0), (10, 0, 0))
    counts = count("dcase2021", prediction, reference, num_frames=20)
    errors = {"FP": 2, "DE_FP": 1, "I": 2}
    assert_counts(counts, TP=1, Nref=2, Nsys=3, total_DE=30, DE_TP=2, **errors)
    scores = score("dcase2021", prediction, reference, num_frames=20)
    # F weighs the spatial miss with 1/2: 1 / (1 + 2/2). From 2022 on it weighs 1.
    assert scores.f_score == pytest.approx(1 / 2)
    assert score("dcase2023", prediction, reference, num_frames=20, average="micro").f_score == (
        pytest.approx(1 / 2.5)
    )


def test_in_2021_the_corrected_count_mends_the_same_rules() -> None:
    clip = events((5, 0, 0), (5, 0, 90)), events((0, 0, 0))
    assert_counts(count("dcase2021", *clip), FN=2, DE_FN=2, Nref=1, D=2)
    counts = count("dcase2021", *clip, counting="corrected")
    assert_counts(counts, FP=2, DE_FP=2, FN=1, DE_FN=1, Nref=1, S=1, I=1)
