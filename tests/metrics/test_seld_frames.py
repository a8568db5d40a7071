"""How much of a clip counts: the published rules, oddities included, and the whole clip."""

from typing import Any

import pytest

from metrics.clip_rows import in_frames
from seldkit.events import Events
from seldkit.metrics import SELDMetrics
from seldkit.metrics.seld import Frames

FIXED = {
    "dcase2019": 3000,
    "dcase2020": 600,
    "dcase2021": 600,
    "l3das21": 600,
    "l3das22": 300,
    "l3das23": 300,
}
LAST_OF_SECONDS = ["dcase2022", "dcase2023"]
LAST_OF_FRAMES = ["dcase2024", "dcase2025"]
LAST = LAST_OF_SECONDS + LAST_OF_FRAMES
SECONDS_OF_TEN = ["dcase2020", "dcase2021", *LAST_OF_SECONDS]


def at(*frames: int, num_frames: int | None = None) -> Events:
    """Return events of one class 1 m in front, one for each frame named."""
    zeros, ones = [0] * len(frames), [1] * len(frames)
    return Events.from_degrees(
        list(frames), zeros, zeros, zeros, distance=ones, num_frames=num_frames
    )


def totals(
    prediction: Events, reference: Events, frames: Frames, protocol: str = "dcase2023"
) -> tuple[float, float, float]:
    """Return the numbers of references, misses and false alarms."""
    once: dict[str, Any] = {"counting": "corrected"} if protocol == "l3das21" else {}
    metrics = SELDMetrics(protocol, 1, frames=frames, **once)
    metrics.update(*(in_frames(side, metrics.frame_s) for side in (prediction, reference)))
    counts = metrics.compute().counts
    return counts["Nref"], counts["FN"], counts["FP"]


@pytest.mark.parametrize(("protocol", "num_frames"), FIXED.items())
def test_official_takes_clips_of_unknown_length_to_have_the_usual(
    protocol: str, num_frames: int
) -> None:
    # dcase2019 does not look at the last frame of a second.
    inside = num_frames - 2
    reference = at(3, inside, num_frames)
    assert totals(at(3, inside), reference, "official", protocol) == (2, 0, 0)
    assert totals(at(3, inside, num_frames), at(3), "official", protocol)[2] == 1


@pytest.mark.parametrize("protocol", FIXED)
def test_official_takes_these_clips_to_be_as_long_as_they_say(protocol: str) -> None:
    prediction = at(3, 198, 200)
    assert totals(prediction, at(3, num_frames=200), "official", protocol)[2] == 1
    longer = at(3, 7000, num_frames=7010)
    assert totals(prediction, longer, "official", protocol)[0] == 2


@pytest.mark.parametrize("protocol", LAST)
def test_official_leaves_out_the_last_annotated_frame(protocol: str) -> None:
    # Index 10 makes "10 frames": the second block is not read, and its miss is free.
    reference = at(0, 10, num_frames=11)
    assert totals(at(0), reference, "official", protocol) == (1, 0, 0)
    assert totals(at(0), reference, "clip", protocol) == (2, 1, 0)


@pytest.mark.parametrize("protocol", LAST)
def test_official_keeps_the_last_annotated_frame_in_a_begun_second_alone(protocol: str) -> None:
    reference = at(0, 11, num_frames=12)
    expected = (2, 1, 0) if protocol in LAST_OF_SECONDS else (1, 0, 0)
    assert totals(at(0), reference, "official", protocol) == expected


@pytest.mark.parametrize("protocol", LAST)
def test_official_scores_nothing_of_a_reference_in_frame_0_alone(protocol: str) -> None:
    reference = at(0, num_frames=1)
    assert totals(at(), reference, "official", protocol) == (0, 0, 0)
    assert totals(at(), reference, "clip", protocol) == (1, 1, 0)


@pytest.mark.parametrize("protocol", LAST)
def test_official_leaves_false_alarms_after_the_last_reference_free(protocol: str) -> None:
    # Frame 9 shares the second of the last reference, frame 10 does not.
    reference = at(2, 5, num_frames=30)
    prediction = at(2, 5, 9, 9, 10, 25)
    in_seconds = protocol in LAST_OF_SECONDS
    expected = (1, 0, 1) if in_seconds else (1, 0, 0)
    assert totals(prediction, reference, "official", protocol) == expected
    expected = (1, 0, 3) if in_seconds else (2, 0, 4)
    assert totals(prediction, reference, "clip", protocol) == expected


@pytest.mark.parametrize("protocol", LAST)
def test_official_leaves_false_alarms_in_an_empty_clip_free(protocol: str) -> None:
    prediction, reference = at(5), at(num_frames=30)
    assert totals(prediction, reference, "official", protocol) == (0, 0, 0)
    assert totals(prediction, reference, "clip", protocol) == (0, 0, 1)


@pytest.mark.parametrize("protocol", [*FIXED, *LAST])
def test_clip_leaves_out_predictions_beyond_its_end(protocol: str) -> None:
    # 55 frames end in the sixth block of ten, which is read whole where seconds are of ten frames.
    prediction = at(57, 59, 60, 90, num_frames=200)
    expected = 1 if protocol in SECONDS_OF_TEN else 0
    assert totals(prediction, at(num_frames=55), "clip", protocol) == (0, 0, expected)


@pytest.mark.parametrize("protocol", [*FIXED, *LAST])
def test_clip_takes_the_length_that_is_known(protocol: str) -> None:
    prediction, reference = at(num_frames=30), at(25)
    assert totals(prediction, reference, "clip", protocol) == (1, 1, 0)


@pytest.mark.parametrize("frames", ["official", "clip"])
@pytest.mark.parametrize("protocol", [*FIXED, *LAST])
def test_the_frames_to_score_may_be_said(protocol: str, frames: Frames) -> None:
    reference = at(3, 70, 130, num_frames=140)
    for num_frames, expected in ((0, 0), (50, 1), (100, 2), (200, 3)):
        metrics = SELDMetrics(protocol, 1, frames=frames)
        whole = in_frames(reference, metrics.frame_s)
        metrics.update(whole, whole, num_frames=num_frames)
        assert metrics.compute().counts["TP"] == expected


def test_a_negative_number_of_frames_is_named() -> None:
    with pytest.raises(ValueError, match="num_frames must not be negative, got -1"):
        SELDMetrics("dcase2023", 1).update(at(3), at(3), num_frames=-1)
