"""Events keep what they are given, in its order, and refuse what cannot be."""

import copy
import pickle
from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seldkit.events import Events
from seldkit.geometry import unit_vector

SEEDS = st.integers(0, 2**32 - 1)
quick = settings(max_examples=40)


def random_events(seed: int, rows: int = 30) -> Events:
    generator = np.random.default_rng(seed)
    return Events.from_degrees(
        generator.integers(0, 10, rows),
        generator.integers(0, 3, rows),
        generator.uniform(-180, 180, rows),
        generator.uniform(-90, 90, rows),
        distance=generator.uniform(0, 5, rows),
        onscreen=generator.random(rows) < 0.5,
        num_frames=12,
    )


def test_columns_have_their_kinds() -> None:
    events = Events([0, 2], [1, 1], [[1, 0, 0], [0, 1, 0]], distance=[1, 2], onscreen=[1, 0])
    assert events.frame.dtype == events.label.dtype == events.source.dtype == torch.int64
    assert events.direction.dtype == torch.float64
    assert events.distance is not None
    assert events.distance.dtype == torch.float64
    assert events.onscreen is not None
    assert events.onscreen.tolist() == [True, False]
    assert len(events) == 2


def test_lists_arrays_and_tensors_are_all_taken() -> None:
    frame, label, azimuth, elevation = [0, 1], [2, 0], [10.0, 20.0], [5.0, -5.0]
    lists = Events.from_degrees(frame, label, azimuth, elevation)
    columns = (frame, label, azimuth, elevation)
    assert Events.from_degrees(*map(np.asarray, columns)) == lists
    # A float32 tensor holds 10, 20 and 5 exactly, so that nothing is lost on the way.
    assert Events.from_degrees(*map(torch.tensor, columns)) == lists


@quick
@given(SEEDS)
def test_degrees_come_back(seed: int) -> None:
    generator = np.random.default_rng(seed)
    azimuth, elevation = generator.uniform((-180, -89), (180, 89), (20, 2)).T
    events = Events.from_degrees(range(20), [0] * 20, azimuth, elevation)
    np.testing.assert_allclose(events.azimuth_deg, azimuth, atol=1e-10)
    np.testing.assert_allclose(events.elevation_deg, elevation, atol=1e-10)


def test_whole_degrees_come_in_exactly() -> None:
    azimuth = torch.arange(-180, 180, 7)
    events = Events.from_degrees(azimuth + 180, azimuth * 0, azimuth, azimuth * 0)
    assert torch.equal(events.direction, unit_vector(azimuth.double(), 0.0))


def test_rows_of_one_class_in_one_frame_are_numbered() -> None:
    frame, label = [3, 0, 3, 3, 0, 3], [1, 0, 1, 2, 1, 1]
    events = Events.from_degrees(frame, label, [0.0] * 6, [0.0] * 6)
    assert events.source.tolist() == [0, 0, 1, 0, 0, 2]


def test_columns_are_copies_without_a_gradient() -> None:
    frame, direction = torch.tensor([0]), torch.tensor([[1.0, 0, 0]], dtype=torch.float64)
    events = Events(frame, frame, direction.requires_grad_())
    with torch.no_grad():
        frame += 7
        direction += 7
    assert events.frame.tolist() == events.label.tolist() == [0]
    assert events.direction.tolist() == [[1, 0, 0]]
    assert not events.direction.requires_grad


def test_events_are_immutable() -> None:
    events = random_events(0)
    with pytest.raises(FrozenInstanceError):
        events.frame = torch.zeros(30)  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del events.label
    assert replace(events, num_frames=99).num_frames == 99


@quick
@given(SEEDS)
def test_equal_means_the_same_rows_in_the_same_order(seed: int) -> None:
    events = random_events(seed)
    assert events == random_events(seed)
    assert events == pickle.loads(pickle.dumps(events)) == copy.deepcopy(events)
    assert events != events.select(torch.arange(30).flip(0))
    assert events != replace(events, distance=None)
    assert events != replace(events, num_frames=13)
    assert events != replace(events, source=events.source + 1)
    assert events != "events"


def test_events_do_not_hash() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(random_events(0))


@quick
@given(SEEDS)
def test_selecting_takes_every_column_along(seed: int) -> None:
    events = random_events(seed)
    rows = torch.randperm(30)[:12]
    picked = events.select(rows)
    for name in ("frame", "label", "direction", "source", "distance", "onscreen"):
        assert torch.equal(getattr(picked, name), getattr(events, name)[rows])
    assert picked.num_frames == 12
    mask = events.frame < 5
    assert events.select(mask) == events.select(mask.nonzero().flatten())
    assert len(events.select(torch.zeros(30, dtype=torch.bool))) == 0


@quick
@given(SEEDS, st.integers(1, 11))
def test_windows_put_together_are_the_whole(seed: int, cut: int) -> None:
    events = random_events(seed)
    early, late = events.window(0, cut), events.window(cut, 12)
    assert (early.num_frames, late.num_frames) == (cut, 12 - cut)
    assert torch.equal(early.frame, events.frame[events.frame < cut])
    assert torch.equal(late.frame + cut, events.frame[events.frame >= cut])
    assert torch.equal(late.source, events.source[events.frame >= cut])
    assert len(early) + len(late) == len(events)


def test_no_events_are_events() -> None:
    empty = Events.from_degrees([], [], [], [])
    assert len(empty) == 0
    assert empty.direction.shape == (0, 3)
    assert empty.source.dtype == torch.int64
    assert empty.azimuth_deg.shape == (0,)
    assert repr(empty) == "Events(0 rows, 0 classes)"
    assert empty.window(0, 5).num_frames == 5


def test_a_line_tells_what_is_inside() -> None:
    one = Events.from_degrees([7], [3], [0.0], [0.0], num_frames=9)
    assert repr(one) == "Events(1 row, 1 class, frames 7..7 of 9)"
    assert repr(random_events(0)) == "Events(30 rows, 3 classes, frames 0..9 of 12)"


GOOD: dict[str, Any] = {"frame": [0, 1], "label": [0, 0], "direction": [[1.0, 0, 0]] * 2}


@pytest.mark.messages
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"label": [0]}, r"label must be \(event=2\), got shape \(1,\)"),
        ({"frame": [[0, 1]]}, r"frame must be \(event=2\), got shape \(1, 2\)"),
        ({"source": [0, 0, 0]}, r"source must be \(event=2\), got shape \(3,\)"),
        ({"distance": [1.0]}, r"distance must be \(event=2\), got shape \(1,\)"),
        ({"onscreen": [True]}, r"onscreen must be \(event=2\), got shape \(1,\)"),
        ({"direction": [1.0, 0, 0]}, r"direction must be \(event=2, axis=3\), got shape \(3,\)"),
        ({"direction": [[1.0, 0]] * 2}, r"direction must be \(event=2, axis=3\)"),
        ({"direction": [[1.0, 0, 0], [0, 0.5, 0]]}, r"unit vectors, got length 0\.5 in row 1"),
        ({"direction": [[1.0, 0, 0], [0, np.nan, 0]]}, "direction must be finite, got nan"),
        ({"frame": [0, -2]}, "frame must not be negative, got -2"),
        ({"label": [-1, 0]}, "label must not be negative, got -1"),
        ({"distance": [1.0, -0.5]}, r"distance must not be negative, got -0\.5"),
        ({"distance": [1.0, np.inf]}, "distance must be finite, got nan or infinity in 1 of 2"),
        ({"num_frames": 1}, "frame must be below num_frames=1, got 1"),
        ({"frame": [], "label": [], "direction": [], "num_frames": -1}, "num_frames must not be"),
    ],
)
def test_what_cannot_be_is_a_value_error(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Events(**(GOOD | wrong))


@pytest.mark.messages
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"frame": [0.0, 1.0]}, r"frame must hold integers, got torch\.float32"),
        ({"label": [True, False]}, r"label must hold integers, got torch\.bool"),
        ({"source": [0.5, 1.0]}, r"source must hold integers, got torch\.float32"),
        ({"num_frames": 2.5}, r"num_frames must be an integer or None, got 2\.5"),
    ],
)
def test_a_wrong_kind_is_a_type_error(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Events(**(GOOD | wrong))


@pytest.mark.messages
@pytest.mark.parametrize(
    ("azimuth", "elevation", "message"),
    [
        ([0.0], [0.0, 0.0], r"azimuth_deg must be \(event=2\), got shape \(1,\)"),
        ([0.0, 0.0], [0.0] * 3, r"elevation_deg must be \(event=2\), got shape \(3,\)"),
        ([0.0, np.inf], [0.0, 0.0], "azimuth_deg must be finite, got nan or infinity in 1 of 2"),
        ([0.0, 0.0], [0.0, 91.0], r"elevation_deg must lie in -90\.\.90, got 91 in row 1"),
        ([0.0, 0.0], [np.nan, 0.0], r"elevation_deg must lie in -90\.\.90, got nan in row 0"),
    ],
)
def test_degrees_are_checked(azimuth: list[float], elevation: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Events.from_degrees([0, 1], [0, 0], azimuth, elevation)


@pytest.mark.parametrize(("start", "stop"), [(-1, 3), (3, 3), (4, 2)])
def test_a_window_goes_forward(start: int, stop: int) -> None:
    with pytest.raises(ValueError, match="window must be 0 <= start < stop, got"):
        random_events(0).window(start, stop)


def test_degrees_come_back_to_the_last_bit() -> None:
    generator = torch.Generator().manual_seed(0)
    azimuth = 360 * torch.rand(50, generator=generator, dtype=torch.float64) - 180
    elevation = 180 * torch.rand(50, generator=generator, dtype=torch.float64) - 90
    frame = torch.arange(50)
    events = Events.from_degrees(frame, frame % 3, azimuth, elevation)
    rows = torch.tensor([7, 3, 40])
    assert torch.equal(events.azimuth_deg, azimuth)
    assert torch.equal(events.elevation_deg, elevation)
    assert torch.equal(events.select(rows).azimuth_deg, azimuth[rows])
    assert torch.equal(events.window(10, 20).elevation_deg, elevation[10:20])
    turned = replace(events, direction=-events.direction)
    torch.testing.assert_close(turned.elevation_deg, -elevation, rtol=0, atol=1e-11)


def test_decimal_degrees_come_back_from_unit_vectors() -> None:
    azimuth = torch.tensor([-180.0, -33.4, 0.1, 90.0], dtype=torch.float64)
    elevation = torch.tensor([0.0, -12.5, 90.0, 0.3], dtype=torch.float64)
    events = Events([0, 1, 2, 3], [0] * 4, unit_vector(azimuth, elevation))
    assert torch.equal(events.azimuth_deg[[0, 1, 3]], azimuth[[0, 1, 3]])
    assert torch.equal(events.elevation_deg, elevation)
