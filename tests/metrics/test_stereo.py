"""What dcase2025 counts in another way than dcase2024, one small clip each."""

import math
from typing import Any

import pytest

from metrics.clip_rows import assert_counts, count, events, score
from seldkit.events import Events
from seldkit.metrics import SELDMetrics, SELDScores
from seldkit.metrics.counts import Counts

SHOWN, HIDDEN = True, False


def found(prediction: Events, reference: Events, **settings: Any) -> Counts:
    """Count a clip."""
    return count("dcase2025", prediction, reference, **settings)


def scores(prediction: Events, reference: Events, **settings: Any) -> SELDScores:
    """Return the scores of one clip over all classes together."""
    return score("dcase2025", prediction, reference, average="micro", **settings)


@pytest.mark.parametrize(
    ("azimuth", "error"),
    [(120, 0), (60, 0), (130, 10), (100.1, 19.9), (99.9, 20.1), (-60, 120), (-120, 120), (180, 60)],
)
def test_azimuths_behind_are_those_in_front(azimuth: float, error: float) -> None:
    counts = found(events((0, 0, azimuth, 2, SHOWN)), events((0, 0, 60, 2, SHOWN)))
    kind = {"TP": 1} if error <= 20 else {"FP_spatial": 1, "I": 1}
    assert_counts(counts, Nref=1, Nsys=1, DE_TP=1, total_DE=error, same_onscreen=1, **kind)


def test_elevations_have_no_say() -> None:
    above = Events.from_degrees([0], [0], [60], [80], distance=[2], onscreen=[SHOWN])
    assert scores(above, events((0, 0, 60, 2, SHOWN))).localization_error_deg == 0


def test_mirrored_azimuths_match() -> None:
    # Around the back 170 and -170 lie 20 degrees apart, as 10 and -10 do in front.
    prediction = events((0, 0, 170, 1, SHOWN), (0, 0, -170, 2, SHOWN))
    reference = events((0, 0, -10, 2, SHOWN), (0, 0, 10, 1, SHOWN))
    counts = found(prediction, reference)
    assert_counts(counts, TP=2, Nref=2, Nsys=2, DE_TP=2, same_onscreen=2)


def test_a_relative_distance_error_beyond_the_threshold_is_no_hit() -> None:
    clip = events((0, 0, 0, 5, SHOWN)), events((0, 0, 0, 2, SHOWN))
    sums = {"total_distance": 3, "total_relative": 1.5, "same_onscreen": 1}
    assert_counts(found(*clip), FP_spatial=1, Nref=1, DE_TP=1, I=1, **sums)
    far = found(*clip, relative_distance_threshold=math.inf)
    assert_counts(far, TP=1, Nref=1, DE_TP=1, **sums)


def test_the_flag_may_be_asked_of_a_hit() -> None:
    prediction = events((0, 0, 0, 1, SHOWN), (1, 0, 0, 1, SHOWN), (2, 0, 0, 1, HIDDEN))
    reference = events((0, 0, 0, 1, SHOWN), (1, 0, 0, 1, HIDDEN), (2, 0, 0, 1, HIDDEN))
    pairs = {"Nref": 3, "Nsys": 3, "DE_TP": 3, "same_onscreen": 2}
    assert_counts(found(prediction, reference), TP=3, **pairs)
    strict = found(prediction, reference, require_onscreen=True)
    assert_counts(strict, TP=2, FP_spatial=1, I=1, **pairs)
    assert scores(prediction, reference).onscreen_accuracy == pytest.approx(2 / 3)
    assert scores(prediction, reference, require_onscreen=True).f_score == pytest.approx(2 / 3)


def test_it_scores_pairs_and_no_errors() -> None:
    # A hit 10 degrees and 1 of 2 m off, and one missed.
    prediction = events((0, 0, 10, 3, SHOWN))
    reference = events((0, 0, 0, 2, HIDDEN), (1, 1, 0, 1, HIDDEN))
    expected = {"F": 1 / 1.5, "DOAE": 10, "DistE": 1, "RDE": 0.5, "OnscreenAcc": 0}
    assert scores(prediction, reference).as_dict() == pytest.approx(expected)
    macro = score("dcase2025", prediction, reference)
    assert macro.as_dict() == pytest.approx({**expected, "F": 1 / 3})
    assert macro.per_class["onscreen_accuracy"].isnan().tolist() == [False, True, True]
    assert math.isnan(macro.error_rate)
    assert math.isnan(macro.seld_score)


def test_without_a_pair_all_but_f_is_nan() -> None:
    found = scores(events(), events((0, 0, 0, 2, SHOWN))).as_dict()
    assert found.pop("F") == 0
    assert all(math.isnan(value) for value in found.values())


def test_without_flags_their_accuracy_is_not_known() -> None:
    flagged, bare = events((0, 0, 0, 1, SHOWN)), events((0, 0, 0, 1))
    for clip in ((bare, bare), (flagged, bare), (bare, flagged)):
        assert math.isnan(scores(*clip).onscreen_accuracy)
        assert scores(*clip).f_score == pytest.approx(1)
    metrics = SELDMetrics("dcase2025", 3)
    metrics.update(flagged, flagged)
    metrics.update(bare, bare)
    assert math.isnan(metrics.compute().onscreen_accuracy)
    assert metrics.compute().counts["clips_without_onscreen"] == 1


def test_flags_that_a_hit_needs_must_be_there() -> None:
    flagged, bare = events((0, 0, 0, 1, SHOWN)), events((0, 0, 0, 1))
    metrics = SELDMetrics("dcase2025", 3, require_onscreen=True)
    with pytest.raises(ValueError, match=r"'dcase2025' needs prediction\.onscreen, got None"):
        metrics.update(bare, flagged)
    with pytest.raises(ValueError, match=r"'dcase2025' needs reference\.onscreen, got None"):
        metrics.update(flagged, bare)
    metrics.update(events(), flagged)
    metrics.update(flagged, events())
    assert metrics.num_clips == 2
