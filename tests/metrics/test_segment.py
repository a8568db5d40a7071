"""Every rule of the segment metrics, one small clip each; azimuths in degrees at elevation 0."""

from collections.abc import Mapping

import pytest
from torch import Tensor

from seldkit.events import Events
from seldkit.metrics.segment import count_segments


def events(*rows: tuple[int, int, float]) -> Events:
    """Return events from rows of frame, class and azimuth."""
    frame, label, azimuth = ([row[i] for row in rows] for i in range(3))
    return Events.from_degrees(frame, label, azimuth, [0.0] * len(rows))


def count(prediction: Events, reference: Events, num_frames: int = 10) -> Mapping[str, Tensor]:
    """Count a clip of three classes."""
    return count_segments(prediction, reference, num_frames, 3)


def assert_counts(counts: Mapping[str, Tensor], **expected: float) -> None:
    """Compare every count, summed over classes; those not named must be 0."""
    found = {name: pytest.approx(value.sum().item(), abs=1e-4) for name, value in counts.items()}
    assert found == dict.fromkeys(counts, 0) | expected


def test_a_match_up_to_20_degrees_is_a_hit() -> None:
    counts = count(events((0, 1, 10), (1, 1, 10)), events((0, 1, 0), (1, 1, 0)))
    assert_counts(counts, TP=1, Nref=1, total_DE=10, DE_TP=1)
    assert counts["TP"].tolist() == [0, 1, 0]


def test_a_match_beyond_is_a_false_positive_but_no_miss() -> None:
    # The block has one false positive and no false negative: an insertion.
    counts = count(events((0, 1, 30)), events((0, 1, 0)))
    assert_counts(counts, FP_spatial=1, Nref=1, total_DE=30, DE_TP=1, I=1)


def test_the_mean_over_the_matched_frames_decides() -> None:
    # 28 degrees would miss alone; the mean of 10 and 28 is 19. Frame 2 has no prediction.
    counts = count(events((0, 0, 10), (1, 0, 28)), events((0, 0, 0), (1, 0, 0), (2, 0, 0)))
    assert_counts(counts, TP=1, Nref=1, total_DE=19, DE_TP=1)


def test_what_is_missed_is_deleted_and_what_is_made_up_inserted() -> None:
    assert_counts(count(events(), events((3, 2, 0))), FN=1, DE_FN=1, Nref=1, D=1)
    assert_counts(count(events((3, 2, 0)), events()), FP=1, DE_FP=1, I=1)


def test_every_second_counts_anew() -> None:
    clip = events((9, 0, 0), (10, 0, 0))
    assert_counts(count(clip, clip, num_frames=20), TP=2, Nref=2, DE_TP=2)


def test_instances_are_the_most_in_any_one_frame() -> None:
    # Frame 0 has two references, frame 1 one more that makes no third instance.
    reference = events((0, 0, 0), (0, 0, 90), (1, 0, 0))
    counts = count(events((0, 0, 5), (1, 0, 5)), reference)
    assert_counts(counts, TP=1, FN=1, DE_FN=1, Nref=2, total_DE=5, DE_TP=1, D=1)


def test_surplus_predictions_are_false_positives() -> None:
    counts = count(events((0, 0, 5), (0, 0, 90), (0, 0, 180)), events((0, 0, 0)))
    assert_counts(counts, TP=1, FP=2, DE_FP=2, Nref=1, total_DE=5, DE_TP=1, I=2)


def test_the_smallest_sum_of_angles_matches() -> None:
    # 18 + 17 beats taking the nearest pair first, 12 + 47.
    counts = count(events((0, 0, 18), (0, 0, 47)), events((0, 0, 0), (0, 0, 30)))
    assert_counts(counts, TP=2, Nref=2, total_DE=35, DE_TP=2)


def test_an_instance_is_a_place_in_the_row_order() -> None:
    # The source at 90 stands second in frame 0 (10 off) and, alone, first in frame 1 (14 off).
    # Places: (0 + 14) / 2 and 10 make 17. Sources would make 0 and (10 + 14) / 2.
    reference = events((0, 0, 0), (0, 0, 90), (1, 0, 90))
    counts = count(events((0, 0, 100), (0, 0, 0), (1, 0, 104)), reference)
    assert_counts(counts, TP=2, Nref=2, total_DE=17, DE_TP=2)


def test_row_order_changes_the_count() -> None:
    # As above with the rows of frame 0 exchanged: places (10 + 14) / 2 and 0.
    reference = events((0, 0, 90), (0, 0, 0), (1, 0, 90))
    counts = count(events((0, 0, 100), (0, 0, 0), (1, 0, 104)), reference)
    assert_counts(counts, TP=2, Nref=2, total_DE=12, DE_TP=2)


def test_events_that_never_meet_miss_the_number_of_predictions() -> None:
    # One reference in frame 0, two predictions in frame 5: no false positive, two misses.
    counts = count(events((5, 0, 0), (5, 0, 90)), events((0, 0, 0)))
    assert_counts(counts, FN=2, DE_FN=2, Nref=1, D=2)


def test_an_unmatched_instance_is_lost_where_the_numbers_agree() -> None:
    # Two references in frame 0, two predictions in frame 5, one of each in frame 3.
    reference = events((0, 0, 0), (0, 0, 90), (3, 0, 0))
    counts = count(events((3, 0, 0), (5, 0, 0), (5, 0, 90)), reference)
    assert_counts(counts, TP=1, Nref=2, DE_TP=1)


def test_errors_of_all_classes_pair_up_in_a_second() -> None:
    missed = events((0, 0, 0))
    counts = count(events((5, 1, 0)), missed)
    assert_counts(counts, FN=1, DE_FN=1, FP=1, DE_FP=1, Nref=1, S=1)
    counts = count(events((15, 1, 0)), missed, num_frames=20)
    assert_counts(counts, FN=1, DE_FN=1, FP=1, DE_FP=1, Nref=1, D=1, I=1)


def test_a_spatial_miss_pairs_up_with_a_miss() -> None:
    counts = count(events((0, 0, 50)), events((0, 0, 0), (0, 1, 0)))
    assert_counts(counts, FP_spatial=1, total_DE=50, DE_TP=1, FN=1, DE_FN=1, Nref=2, S=1)


def test_the_last_second_is_read_whole_and_what_lies_beyond_is_not() -> None:
    clip = events((0, 0, 0), (19, 0, 0), (20, 0, 0), (10**12, 0, 0))
    assert_counts(count(clip, clip, num_frames=10), TP=1, Nref=1, DE_TP=1)
    assert_counts(count(clip, clip, num_frames=11), TP=2, Nref=2, DE_TP=2)
    assert_counts(count(clip, clip, num_frames=21), TP=3, Nref=3, DE_TP=3)


def test_no_frames_and_no_events_count_nothing() -> None:
    assert_counts(count(events((0, 0, 0)), events((0, 0, 0)), num_frames=0))
    assert_counts(count(events(), events(), num_frames=100))
