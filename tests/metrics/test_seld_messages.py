"""What bad input is told."""

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
            "protocol must be one of 'dcase2022', 'dcase2023', 'dcase2024', got 'dcase'",
        ),
        ({"average": "weighted"}, "average must be one of 'macro', 'micro', got 'weighted'"),
        ({"frames": "all"}, "frames must be one of 'official', 'clip', got 'all'"),
        ({"num_classes": 0}, "num_classes must be positive, got 0"),
    ],
)
def test_unknown_settings_are_named(arguments: dict[str, Any], message: str) -> None:
    everything: dict[str, Any] = {"protocol": "dcase2023", "num_classes": 13, **arguments}
    with pytest.raises(ValueError, match=message):
        SELDMetrics(**everything)


@pytest.mark.parametrize("name", ["prediction", "reference"])
def test_a_label_beyond_the_classes_is_named(name: str) -> None:
    clip = {"prediction": EMPTY, "reference": EMPTY} | {name: LATE}
    with pytest.raises(ValueError, match=f"{name}.label must be below num_classes=3, got 3"):
        SELDMetrics("dcase2023", 3).update(**clip)


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
    ],
)
def test_only_metrics_of_one_kind_merge(other: SELDMetrics, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SELDMetrics("dcase2023", 3).merge(other)


def test_scores_of_nothing_are_an_error() -> None:
    with pytest.raises(ValueError, match="compute needs at least one clip, got none"):
        SELDMetrics("dcase2023", 3).compute()
