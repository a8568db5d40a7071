"""What scenes hold is counted, and is what was asked for."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from seldkit.events import Events
from seldkit.synth import SceneStatistics, SceneSynthesizer


class Noise:
    """Classes of noise."""

    classes = ("a", "b", "c", "d")

    def draw(
        self, label: int, generator: np.random.Generator, sample_rate: int
    ) -> NDArray[np.float32]:
        """Return a noise of a second."""
        return generator.standard_normal(sample_rate, dtype=np.float32)


def scenes(count: int = 6, **settings: Any) -> SceneStatistics:
    given: dict[str, Any] = {"sample_rate": 2000, "duration_s": 20.0, "pause_s": (0.0, 0.5)}
    synthesizer = SceneSynthesizer(Noise(), anechoic=True, snr_db=None, **given | settings)
    return SceneStatistics.of(synthesizer.scene(0, index)[1] for index in range(count))


def test_counts_by_hand() -> None:
    one = Events.from_degrees(
        [0, 1, 1, 2],
        [0, 0, 1, 1],
        [10, 10, 90, 95],
        [0, 0, 0, 0],
        source=[0, 0, 1, 1],
        distance=[0.4, 0.4, 1.2, 1.2],
        num_frames=10,
    )
    two = Events.from_degrees([3], [0], [0], [0])  # of unknown length and distance
    counted = SceneStatistics.of([one, two])
    assert counted.to_dict(["cat", "dog"]) == {
        "minutes": round(1.4 / 60, 3),
        "classes": {
            "cat": {"events": 2, "moving": 0, "seconds": 0.3},
            "dog": {"events": 1, "moving": 1, "seconds": 0.2},
        },
        "frames_by_events": {"0": 10, "1": 3, "2": 1},
        "rows_by_metres": {"0": 2, "1": 2},
    }
    text = counted.text(["cat", "dog"])
    assert "dog         1       1      0.2\n" in text
    assert "frames with 2 events: 7.1%\ndistance 0.0 to 0.5 m: 50.0%\n" in text


rows = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 2), st.integers(0, 2), st.floats(0.1, 9)),
    max_size=8,
    unique_by=lambda row: row[:3],
)


@given(st.lists(rows, max_size=4))
def test_counts_of_parts_add_up(clips: list[list[tuple[int, int, int, float]]]) -> None:
    events = [
        Events(
            [row[0] for row in clip],
            [row[1] for row in clip],
            torch.eye(3, dtype=torch.float64)[[row[0] % 3 for row in clip]].reshape(-1, 3),
            source=[row[2] for row in clip],
            distance=[row[3] for row in clip],
            num_frames=6,
        )
        for clip in clips
    ]
    whole, parts = SceneStatistics.of(events), SceneStatistics()
    for each in events:
        parts.add(SceneStatistics.of([each]))
    assert parts == whole
    assert whole.overlap.total() == whole.num_frames == 6 * len(events)
    assert sum(count * frames for count, frames in whole.overlap.items()) == whole.frames.total()
    assert whole.distance.total() == whole.frames.total()


def test_classes_are_balanced_unless_weights_say_otherwise() -> None:
    even = scenes(same_class_overlap=True)
    share = np.array([even.events[label] for label in range(4)]) / even.events.total()
    assert np.abs(share - 0.25).max() < 0.12
    weighted = scenes(same_class_overlap=True, class_weights={"a": 0, "b": 6})
    share = np.array([weighted.events[label] for label in range(4)]) / weighted.events.total()
    assert share[0] == 0
    assert share[1] == pytest.approx(0.75, abs=0.12)


def test_a_class_without_weight_never_fills_a_gap() -> None:
    only = scenes(2, class_weights={"b": 0, "c": 0, "d": 0})  # and not twice at once
    assert set(only.events) == {0}
    assert max(only.overlap) == 1


@pytest.mark.parametrize("moving", [0.0, 0.5, 1.0])
def test_as_many_events_move_as_asked(moving: float) -> None:
    counted = scenes(moving=moving)
    assert counted.moving.total() / counted.events.total() == pytest.approx(moving, abs=0.17)


def test_overlap_and_distances_follow_their_settings() -> None:
    dense = scenes(2, max_polyphony=3, pause_s=(0, 0.1), event_s=(1, 1), distance_m=(1, 2))
    sparse = scenes(2, max_polyphony=3, pause_s=(3, 6), event_s=(1, 1))
    shares = [s.overlap[3] / s.num_frames for s in (dense, sparse)]
    assert shares[0] > 0.5
    assert shares[1] < 0.1
    assert set(dense.distance) == {2, 3}


@pytest.mark.messages
def test_wrong_weights_and_frames() -> None:
    for weights, message in (
        ({"dog": 1}, "class_weights must name classes of a, b, c, d, got dog"),
        ({"a": -1}, "class_weights must be from 0, and not all 0"),
        (dict.fromkeys("abcd", 0), "class_weights must be from 0, and not all 0"),
    ):
        with pytest.raises(ValueError, match=message):
            SceneSynthesizer(Noise(), anechoic=True, class_weights=weights)
    wrong: Any = {"a": "x"}
    with pytest.raises(TypeError, match="a must be a number, got 'x'"):
        SceneSynthesizer(Noise(), anechoic=True, class_weights=wrong)
    fine = Events([], [], torch.zeros(0, 3), frame_s=0.02)
    with pytest.raises(ValueError, match=r"frames must last 0\.1 s in all clips, got 0\.02"):
        SceneStatistics.of([Events([], [], torch.zeros(0, 3)), fine])
