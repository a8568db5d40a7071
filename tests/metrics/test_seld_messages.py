"""What bad input is told."""

import math
import re
from dataclasses import replace
from typing import Any

import pytest

from seldkit.events import Events
from seldkit.metrics import SELDMetrics

EMPTY = Events.from_degrees([], [], [], [])
LATE = Events.from_degrees([12], [3], [0], [0])


@pytest.mark.messages
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"protocol": "dcase"},
            "protocol must be one of 'dcase2019', 'dcase2020', 'dcase2021', 'dcase2022',"
            " 'dcase2023', 'dcase2024', 'dcase2025', 'l3das21', 'l3das22', 'l3das23', got 'dcase'",
        ),
        ({"average": "weighted"}, "average must be one of 'macro', 'micro', got 'weighted'"),
        (
            {"protocol": "dcase2021", "average": "macro"},
            "average must be one of 'micro', got 'macro'",
        ),
        ({"frames": "all"}, "frames must be one of 'official', 'clip', got 'all'"),
        (
            {"absent_classes": "zero"},
            "absent_classes must be one of 'published', 'skip', got 'zero'",
        ),
        (
            {"counting": "exact"},
            "counting must be one of 'published', 'corrected', got 'exact'",
        ),
        (
            {"protocol": "l3das22", "matching": "best"},
            "matching must be one of 'published', 'optimal', got 'best'",
        ),
        (
            {"protocol": "dcase2019", "doa": "grid"},
            "doa must be one of 'regression', 'class', got 'grid'",
        ),
        (
            {"protocol": "dcase2025", "require_onscreen": "no"},
            "require_onscreen must be one of False, True, got 'no'",
        ),
        ({"num_classes": 0}, "num_classes must be at least 1, got 0"),
        ({"num_classes": 10**9}, "num_classes must be at most 10000, got 1000000000"),
        (
            {"average": "micro", "absent_classes": "skip"},
            "absent_classes must be 'published' for average='micro', which adds up counts: a class"
            " that occurs nowhere adds nothing, got 'skip'",
        ),
    ],
)
def test_unknown_settings_are_named(arguments: dict[str, Any], message: str) -> None:
    everything: dict[str, Any] = {"protocol": "dcase2023", "num_classes": 13, **arguments}
    with pytest.raises(ValueError, match=re.escape(message)):
        SELDMetrics(**everything)


@pytest.mark.parametrize(
    ("protocol", "name", "value", "takers"),
    [
        ("dcase2023", "relative_distance_threshold", 1.0, "dcase2024, dcase2025"),
        ("dcase2024", "require_onscreen", True, "dcase2025"),
        ("dcase2024", "require_onscreen", False, "dcase2025"),
        ("dcase2024", "distance_threshold_m", 2.0, "l3das21, l3das22, l3das23"),
        ("dcase2020", "matching", "optimal", "l3das21, l3das22, l3das23"),
        ("dcase2020", "doa", "class", "dcase2019"),
        (
            "l3das22",
            "angle_threshold_deg",
            20.0,
            "dcase2020, dcase2021, dcase2022, dcase2023, dcase2024, dcase2025",
        ),
        (
            "dcase2025",
            "counting",
            "corrected",
            "dcase2019, dcase2020, dcase2021, dcase2022, dcase2023, dcase2024, l3das21",
        ),
    ],
)
def test_a_setting_of_another_protocol_is_named(
    protocol: str, name: str, value: Any, takers: str
) -> None:
    message = (
        f"{name} is an argument of {takers} alone: leave it out for '{protocol}', got {value!r}"
    )
    settings: dict[str, Any] = {name: value}
    with pytest.raises(ValueError, match=re.escape(message)):
        SELDMetrics(protocol, 13, **settings)


@pytest.mark.parametrize(
    ("protocol", "name"),
    [
        ("dcase2024", "relative_distance_threshold"),
        ("dcase2025", "relative_distance_threshold"),
        ("l3das21", "distance_threshold_m"),
    ],
)
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan])
def test_a_wrong_threshold_is_named(protocol: str, name: str, value: float) -> None:
    settings: dict[str, Any] = {name: value}
    with pytest.raises(ValueError, match=f"{name} must be positive, got {value}"):
        SELDMetrics(protocol, 13, **settings)


@pytest.mark.messages
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": True}, "num_classes must be an integer, got True"),
        ({"num_classes": 3.0}, "num_classes must be an integer, got 3.0"),
        (
            {"protocol": "dcase2024", "relative_distance_threshold": True},
            "relative_distance_threshold must be a number, got True",
        ),
        (
            {"protocol": "l3das22", "distance_threshold_m": "2"},
            "distance_threshold_m must be a number, got '2'",
        ),
    ],
)
def test_what_is_no_number_is_named(arguments: dict[str, Any], message: str) -> None:
    everything: dict[str, Any] = {"protocol": "dcase2023", "num_classes": 13, **arguments}
    with pytest.raises(TypeError, match=re.escape(message)):
        SELDMetrics(**everything)


@pytest.mark.parametrize("name", ["prediction", "reference"])
@pytest.mark.parametrize(
    ("frame", "num_frames", "got"), [(9 * 10**9, None, 9 * 10**9), (0, 8_640_001, 8_640_001)]
)
def test_frames_that_no_clip_has_are_refused(
    name: str, frame: int, num_frames: int | None, got: int
) -> None:
    metrics = SELDMetrics("dcase2023", 3)

    def task() -> None:
        late = Events.from_degrees([frame], [0], [0], [0], num_frames=num_frames)
        metrics.update(*((late, EMPTY) if name == "prediction" else (EMPTY, late)))

    with pytest.raises(ValueError, match=rf"frame.*8640000.*, got {got}"):
        task()
    assert metrics.num_clips == 0


def test_a_number_of_frames_that_no_clip_has_is_refused() -> None:
    with pytest.raises(ValueError, match="num_frames must be at most 8640000, a day, got 8640001"):
        SELDMetrics("dcase2023", 3).update(EMPTY, EMPTY, num_frames=8_640_001)


@pytest.mark.parametrize("name", ["prediction", "reference"])
def test_a_label_beyond_the_classes_is_named(name: str) -> None:
    metrics = SELDMetrics("dcase2023", 3)
    prediction, reference = (LATE, EMPTY) if name == "prediction" else (EMPTY, LATE)
    with pytest.raises(ValueError, match=f"{name}.label must be below num_classes=3, got 3"):
        metrics.update(prediction, reference)
    assert metrics.num_clips == 0


@pytest.mark.messages
def test_other_kinds_are_named() -> None:
    metrics = SELDMetrics("dcase2023", 3)
    with pytest.raises(TypeError, match="reference must be Events, got list"):
        metrics.update(EMPTY, [(0, 0, 0.0)])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="other must be SELDMetrics, got Events"):
        metrics.merge(EMPTY)  # type: ignore[arg-type]


def test_a_clip_of_unknown_length_is_named() -> None:
    metrics = SELDMetrics("dcase2023", 4, frames="clip")
    message = "frames='clip' needs reference.num_frames, got None"
    with pytest.raises(ValueError, match=message):
        metrics.update(EMPTY, LATE)
    message = "reference.frame must be below prediction.num_frames=10, got 12"
    with pytest.raises(ValueError, match=message):
        metrics.update(replace(EMPTY, num_frames=10), LATE)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            SELDMetrics("dcase2022", 3),
            "other.protocol must be 'dcase2023' as here, got 'dcase2022'",
        ),
        (SELDMetrics("dcase2023", 4), "other.num_classes must be 3 as here, got 4"),
        (
            SELDMetrics("dcase2023", 3, average="micro"),
            "other.average must be 'macro' as here, got 'micro'",
        ),
        (
            SELDMetrics("dcase2023", 3, frames="clip"),
            "other.frames must be 'official' as here, got 'clip'",
        ),
        (
            SELDMetrics("dcase2023", 3, absent_classes="skip"),
            "other.absent_classes must be 'published' as here, got 'skip'",
        ),
        (
            SELDMetrics("dcase2023", 3, frame_s=0.2, block_frames=10),
            "other.frame_s must be 0.1 as here, got 0.2",
        ),
        (
            SELDMetrics("dcase2023", 3, counting="corrected", block_frames=5),
            "other.settings must be"
            " {'counting': 'published', 'angle_threshold_deg': 20.0, 'block_frames': 10} as here,"
            " got {'counting': 'corrected', 'angle_threshold_deg': 20.0, 'block_frames': 5}",
        ),
    ],
)
def test_only_metrics_of_one_kind_merge(other: SELDMetrics, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        SELDMetrics("dcase2023", 3).merge(other)


def test_only_metrics_of_one_threshold_merge() -> None:
    published, open_ended = (
        SELDMetrics("dcase2024", 3, relative_distance_threshold=threshold)
        for threshold in (None, math.inf)
    )
    assert "relative_distance_threshold=1.0" in repr(published)
    with pytest.raises(ValueError, match=r"other.settings must be .*1\.0.* as here, got .*inf"):
        published.merge(open_ended)
    published.merge(SELDMetrics("dcase2024", 3, relative_distance_threshold=1))


def test_scores_of_nothing_are_an_error() -> None:
    with pytest.raises(ValueError, match="compute needs at least one clip, got none"):
        SELDMetrics("dcase2023", 3).compute()
