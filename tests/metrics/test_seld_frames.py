"""How much of a clip counts: the published rule, oddities included, and the whole clip."""

from seldkit.events import Events
from seldkit.metrics import SELDMetrics
from seldkit.metrics.seld import Frames


def at(*frames: int, num_frames: int | None = None) -> Events:
    """Return events of one class in front, one for each frame named."""
    zeros = [0] * len(frames)
    return Events.from_degrees(list(frames), zeros, zeros, zeros, num_frames=num_frames)


def totals(prediction: Events, reference: Events, frames: Frames) -> tuple[float, float, float]:
    """Return the numbers of references, misses and false alarms."""
    metrics = SELDMetrics("dcase2023", 1, frames=frames)
    metrics.update(prediction, reference)
    counts = metrics.compute().counts
    return counts["Nref"], counts["FN"], counts["FP"]


def test_official_drops_the_last_annotated_frame_where_it_begins_a_second() -> None:
    # Index 10 makes "10 frames": the second block is not read, and its miss is free.
    reference = at(0, 10, num_frames=11)
    assert totals(at(0), reference, "official") == (1, 0, 0)
    assert totals(at(0), reference, "clip") == (2, 1, 0)


def test_official_keeps_the_last_annotated_frame_in_a_begun_second() -> None:
    reference = at(0, 11, num_frames=12)
    assert totals(at(0), reference, "official") == (2, 1, 0)


def test_official_scores_nothing_of_a_reference_in_frame_0_alone() -> None:
    reference = at(0, num_frames=1)
    assert totals(at(), reference, "official") == (0, 0, 0)
    assert totals(at(), reference, "clip") == (1, 1, 0)


def test_official_leaves_false_alarms_after_the_last_reference_free() -> None:
    # Frame 9 shares the second of the last reference, frame 10 does not.
    reference = at(5, num_frames=30)
    prediction = at(5, 9, 9, 10, 25)
    assert totals(prediction, reference, "official") == (1, 0, 1)
    assert totals(prediction, reference, "clip") == (1, 0, 3)


def test_official_leaves_false_alarms_in_an_empty_clip_free() -> None:
    prediction, reference = at(5), at(num_frames=30)
    assert totals(prediction, reference, "official") == (0, 0, 0)
    assert totals(prediction, reference, "clip") == (0, 0, 1)


def test_clip_leaves_out_predictions_beyond_the_last_begun_second() -> None:
    # 15 frames end in the second block, which is read to frame 19.
    prediction = at(19, 20, num_frames=40)
    assert totals(prediction, at(num_frames=15), "clip") == (0, 0, 1)


def test_clip_takes_the_length_that_is_known() -> None:
    prediction, reference = at(num_frames=30), at(25)
    assert totals(prediction, reference, "clip") == (1, 1, 0)
