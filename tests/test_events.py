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
    assert events != replace(events, frame_s=0.02)
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
    assert repr(empty) == "Events(0 rows, 0 classes, frame_s=0.1)"
    assert empty.window(0, 5).num_frames == 5


def test_a_line_tells_what_is_inside() -> None:
    one = Events.from_degrees([7], [3], [0.0], [0.0], num_frames=9)
    assert repr(one) == "Events(1 row, 1 class, frames 7..7 of 9, frame_s=0.1)"
    told = "Events(30 rows, 3 classes, frames 0..9 of 12, frame_s=0.02, distance, onscreen)"
    assert repr(replace(random_events(0), frame_s=0.02)) == told


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
        (
            {"frame": [], "label": [], "direction": [], "num_frames": -1},
            r"lie in 0\.\.8640000, got -1",
        ),
        ({"frame_s": 0}, "frame_s must be positive, got 0"),
        ({"frame_s": np.nan}, "frame_s must be positive, got nan"),
        ({"frame_s": np.inf}, "frame_s must be at most a day, 86400, got inf"),
        ({"num_frames": 10**9}, r"num_frames must lie in 0\.\.8640000, got 1000000000"),
        ({"frame": [0, 20_000_000]}, "frame must be below 8640000, got 20000000 in row 1"),
        ({"frame": [9_000_000_000, 0]}, "frame must be below 8640000, got 9"),
        ({"frame": [2**70, 0]}, f"frame must be below 8640000, got {2**70} in row 0"),
        ({"label": np.array([0, 2**63], np.uint64)}, f"below {2**31}, got {2**63} in row 1"),
        ({"label": [0, 2**31]}, f"label must be below {2**31}, got {2**31} in row 1"),
        ({"source": [0, 2**63]}, f"source must be below {2**63}, got {2**63} in row 1"),
        ({"direction": [[1.0, 0, 0], [0, 1.00011, 0]]}, r"vectors, got length 1\.00011 in row 1"),
        ({"direction": [[1.0, 0, 0], [0, 1.0]]}, "direction must hold rows of one length"),
    ],
)
def test_what_cannot_be_is_a_value_error(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Events(**(GOOD | wrong))


@pytest.mark.messages
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"frame": [0.0, 1.0]}, "frame must hold integers, got float64 of whole numbers: convert"),
        ({"frame": torch.tensor([0, 0.5])}, r"must hold integers, got float32 with 0\.5 in row 1"),
        ({"frame": np.array([0, np.nan])}, "must hold integers, got float64 with nan in row 1"),
        ({"label": torch.tensor([True, False])}, "label must hold integers, got bool"),
        ({"label": [True, False]}, "label must hold numbers, got bool"),
        ({"label": [1, True]}, "label must hold numbers, got bool"),
        ({"label": np.array([1, None])}, "label in row 1 must be an integer, got None"),
        ({"source": [0.5, 1.0]}, r"source must hold integers, got float64 with 0\.5 in row 0"),
        ({"source": ["0", "1"]}, "source must hold integers, got <U1"),
        ({"frame": {0, 1}}, r"frame in row 0 must be an integer, got \{0, 1\}"),
        ({"direction": [[True, 0, 0], [1, 0, 0]]}, "direction must hold numbers, got bool"),
        ({"distance": [True, False]}, "distance must hold numbers, got bool"),
        ({"distance": np.array([True, False])}, "distance must hold numbers, got bool"),
        ({"distance": [1.0, None]}, "distance must hold numbers, got None in row 1"),
        ({"distance": ["1", "2"]}, "distance must hold numbers, got <U1"),
        ({"distance": [1j, 2]}, "distance must hold numbers, got complex128"),
        ({"num_frames": 2.5}, r"num_frames must be an integer, got 2\.5"),
        ({"frame_s": "0.1"}, "frame_s must be a number, got '0.1'"),
        ({"frame_s": True}, "frame_s must be a number, got True"),
        ({"num_frames": True}, "num_frames must be an integer, got True"),
        ({"onscreen": [0.03, 1.0]}, r"onscreen must hold booleans, or 0 and 1, got 0\.03 in row 0"),
        ({"onscreen": [0, np.nan]}, "onscreen must hold booleans, or 0 and 1, got nan in row 1"),
        ({"onscreen": [True, None]}, "onscreen must hold booleans, or 0 and 1, got None in row 1"),
        ({"onscreen": torch.tensor([1, 2])}, "onscreen must .*, got 2 in row 1"),
        ({"onscreen": ["0", "1"]}, "onscreen must hold booleans, or 0 and 1, got <U1"),
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
        ([0.0, 0.0], [0.0, 90.0000001], r"in -90\.\.90, got 90\.0000001 in row 1"),
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


@pytest.mark.messages
def test_a_window_ends_with_the_clip() -> None:
    events = Events.from_degrees([7, 8, 9], [0] * 3, [0] * 3, [0] * 3, num_frames=10)
    late = events.window(8, 300)
    assert late.num_frames == 2
    assert late.frame.tolist() == [0, 1]
    assert events.window(np.int64(7), np.int32(9)).frame.tolist() == [0, 1]  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="start must be below num_frames=10, got 10"):
        events.window(10, 300)
    with pytest.raises(TypeError, match=r"stop must be an integer, got 9\.5"):
        events.window(0, 9.5)  # type: ignore[arg-type]
    assert replace(events, num_frames=None).window(8, 300).num_frames == 292


class Series:
    """A column of a data frame whose index starts at 5, as far as NumPy is concerned."""

    def __init__(self, values: object) -> None:
        self.values = np.asarray(values)

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return self.values

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, key: int) -> object:
        return self.values[{5 + i: i for i in range(len(self))}[key]]


@pytest.mark.messages
def test_columns_of_data_frames_and_numbers_of_numpy_are_taken() -> None:
    wanted = Events.from_degrees([0, 2], [1, 1], [10.0, 20.0], [0.0, 5.0], num_frames=10)
    columns = ([0, 2], [1, 1], [10.0, 20.0], [0.0, 5.0])
    assert Events.from_degrees(*map(Series, columns), num_frames=np.int64(10)) == wanted  # type: ignore[arg-type]
    missing = np.array([1, 1], dtype=object)  # what integers are that may be missing
    assert Events.from_degrees(Series([0, 2]), missing, *columns[2:], num_frames=10) == wanted
    for kind in (np.uint8, np.int16, ">i4", np.uint64):
        frame = np.array([0, 2], dtype=kind)[::-1][::-1]
        assert Events.from_degrees(frame, *columns[1:], num_frames=10) == wanted
    half = torch.tensor([10.0, 20.0], dtype=torch.bfloat16, requires_grad=True)
    assert Events.from_degrees(*columns[:2], half, columns[3], num_frames=10) == wanted


@pytest.mark.parametrize("kind", [bool, int, float, np.float32, np.uint8, object, np.float16])
def test_flags_are_booleans_or_zeros_and_ones(kind: type) -> None:
    events = Events(**(GOOD | {"onscreen": np.array([1, 0], dtype=kind)}))
    assert events.onscreen is not None
    assert events.onscreen.tolist() == [True, False]


@pytest.mark.parametrize(
    ("given", "azimuth"),
    [
        (-180.00000000000003, -180.0),
        (180.0, -180.0),
        (-180.0, -180.0),
        (540.0, -180.0),
        (-540.0000000000001, 179.9999999999999),
        (179.99999999999997, 179.99999999999997),
        (359.0, -1.0),
        (-190.0, 170.0),
    ],
)
def test_azimuths_are_turned_into_their_range(given: float, azimuth: float) -> None:
    events = Events.from_degrees([0], [0], [given], [0])
    assert events.azimuth_deg.tolist() == [azimuth]
    for same in (events, events.select(torch.tensor([0])), events.window(0, 1), events.at(0.05)):
        assert same.given_deg is not None
        assert same.given_deg[0].tolist() == [given] * len(same)


def test_what_exceeds_the_zenith_by_rounding_is_the_zenith() -> None:
    events = Events.from_degrees([0, 0], [0, 0], [0, 0], [90 + 1e-12, -90 - 1e-12])
    assert events.elevation_deg.tolist() == [90, -90]


@quick
@given(SEEDS)
def test_sources_are_numbered_in_the_order_of_rows(seed: int) -> None:
    generator = np.random.default_rng(seed)
    frame = generator.choice([0, 1, 8_639_999], 50)
    label = generator.choice([0, 1, 2**31 - 1], 50)
    events = Events.from_degrees(frame, label, [0] * 50, [0] * 50)
    seen: dict[tuple[int, int], int] = {}
    for key, source in zip(zip(frame, label, strict=True), events.source.tolist(), strict=True):
        assert source == seen.get(key, 0)
        seen[key] = source + 1


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
