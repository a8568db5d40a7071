"""Energy maps hold points of the sphere, finer than their grid, and give them back."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from random_maps import random_maps
from seldkit import SELDOutput
from seldkit.events import EnergyMaps, Events
from seldkit.formats import DenseMap
from seldkit.geometry import angle_deg
from seldkit.metrics import DenseMapMetrics

FORMAT = DenseMap(3, 19, 36, sigma_deg=10.0)
ANGLES = st.tuples(st.floats(-180, 179), st.floats(-80, 80))
few = settings(max_examples=8)


def one(azimuth: float, elevation: float, label: int = 1) -> Events:
    return Events.from_degrees([0], [label], [azimuth], [elevation], distance=[2.5])


@given(ANGLES)
@few
def test_a_source_is_found_within_half_a_cell(angles: tuple[float, float]) -> None:
    events = one(*angles)
    found = FORMAT.decode(FORMAT.encode(events, 2))
    assert found.label.tolist() == [1]
    assert found.num_frames == 2
    assert float(angle_deg(found.direction, events.direction)) < 5.0


@given(ANGLES)
@few
def test_turning_events_turns_the_target(angles: tuple[float, float]) -> None:
    azimuth, elevation = angles
    target = FORMAT.encode(one(azimuth, elevation), 1)
    turned = FORMAT.encode(one((azimuth + 270) % 360 - 180, elevation), 1)
    torch.testing.assert_close(turned, target.roll(9, dims=-1), atol=3e-3, rtol=1e-4)


def test_sources_of_one_class_have_a_place_each() -> None:
    format_ = DenseMap(2, 19, 36, sigma_deg=10.0, distance=True)
    events = Events.from_degrees(
        [0, 0, 1], [0, 0, 1], [90, -60, 0], [0, 30, -40], distance=[1.0, 2.0, 3.0]
    )
    target = format_.encode(events, 2)
    assert target.shape == (2, 2, 2, 19, 36)
    found = format_.decode(target)
    assert found.frame.tolist() == [0, 0, 1]
    assert found.source.tolist() == [0, 1, 0]
    assert found.distance is not None
    assert sorted(found.distance.tolist()) == [1, 2, 3]
    only = DenseMap(2, 19, 36, sigma_deg=10.0, max_sources=1)
    assert only.decode(target[:, :, 0]).frame.tolist() == [0, 1]


def test_a_distance_stands_where_its_source_does() -> None:
    format_ = DenseMap(1, 19, 36, sigma_deg=10.0, distance=True)
    energy, far = format_.encode(one(0, 0, 0), 1)[0, 0]
    assert set(far.unique().tolist()) == {0, 2.5}
    assert torch.equal(far > 0, energy >= 0.1 * energy.max())


def test_maps_have_cells_or_one_point() -> None:
    target = FORMAT.encode(one(90, 0), 1)
    cells = FORMAT.decode_maps(target, max_points=8)
    centre = FORMAT.decode_maps(target, points="centre")
    assert (len(cells.row), len(centre.row)) == (8, 1)
    assert cells.score is not None
    assert cells.score.tolist() == [1.0]
    peak = cells.to_events().direction
    torch.testing.assert_close(peak, torch.tensor([[0.0, 1, 0]]).double(), atol=1e-6, rtol=0)
    assert float(angle_deg(centre.direction, peak)) < 1
    assert (cells.energy >= 0.1).all()


def test_cells_go_to_the_nearest_peak() -> None:
    format_ = DenseMap(1, 19, 36, sigma_deg=10.0)
    events = Events.from_degrees([0, 0], [0, 0], [30, -10], [0, 0])
    maps = format_.decode_maps(format_.encode(events, 1), max_points=1000)
    centres = maps.to_events("centre")
    for direction in events.direction:
        assert float(angle_deg(centres.direction, direction).min()) < 5
    places = torch.stack((maps.azimuth_deg, maps.elevation_deg), dim=1).round(decimals=6)
    assert len(places.unique(dim=0)) == len(places)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=3)
def test_labels_that_go_through_the_format_score_well(seed: int) -> None:
    labels = random_maps(seed, rows=5, frames=5).strongest(1)
    format_ = DenseMap(3, 37, 72, sigma_deg=6.0)
    output = format_.encode(labels, 5) / labels.energy.min()
    metrics = DenseMapMetrics(num_classes=3)
    metrics.update(format_.decode_maps(output, points="centre"), labels)
    assert metrics.compute().average_precision_50 > 0.6
    assert metrics.compute().correlation > 0.9


def test_energy_maps_are_targets_too() -> None:
    maps = EnergyMaps([0, 4], [1, 0], [0, 0, 1], [0, 8, 90], [0, 0, 0], [1, 0.5, 1])
    target = FORMAT.encode(maps, 5)
    torch.testing.assert_close(target[0, 1], maps.render(19, 36, sigma_deg=10)[0])
    assert DenseMap(3, overflow="drop").encode(maps, 2).shape == (2, 3, 36, 72)
    with pytest.raises(
        ValueError, match="events must fit the maps and 4 frames, but 1 of 2 rows do"
    ):
        FORMAT.encode(maps, 4)


def test_a_clip_without_events_is_all_zeros() -> None:
    nothing = Events.from_degrees([], [], [], [], distance=[])
    for format_ in (FORMAT, DenseMap(3, 19, 36, distance=True)):
        target = format_.encode(nothing, 4)
        assert target.count_nonzero() == 0
        assert (len(format_.decode(target)), format_.decode(target).num_frames) == (0, 4)
        assert len(format_.decode_maps(target)) == 0


def test_each_class_has_its_threshold() -> None:
    events = Events.from_degrees([0, 1, 2], [0, 1, 2], [0, 0, 0], [0, 0, 0])
    target = FORMAT.encode(events, 3)
    for threshold, labels in ((0.5, [0, 1, 2]), ([0.9, 1.0, 1.1], [0])):
        format_ = DenseMap(3, 19, 36, threshold=threshold)
        assert format_.decode(target).label.tolist() == labels


@pytest.mark.messages
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"num_classes": 0}, "num_classes must be at least 1, got 0"),
        ({"height": 1}, "height must be at least 2, got 1"),
        ({"mask": 2.0}, "mask must be at most 1, got 2"),
        ({"sigma_deg": 0.0}, "sigma_deg must be positive, got 0"),
        ({"max_sources": 0}, "max_sources must be at least 1, got 0"),
        ({"threshold": [0.5]}, "threshold must be one number or 3, got 1"),
    ],
)
def test_wrong_settings_are_named(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        DenseMap(**{"num_classes": 3, **arguments})


@pytest.mark.messages
def test_wrong_outputs_and_events_are_named() -> None:
    target = FORMAT.encode(one(0, 0), 1)
    with pytest.raises(ValueError, match=r"output must be \(time, cls=3, height=36, width=72\)"):
        DenseMap(3).decode(target)
    with pytest.raises(ValueError, match="output must be finite"):
        FORMAT.decode(target * torch.nan)
    with pytest.raises(TypeError, match="output must be a tensor of maps for DenseMap, got SELD"):
        FORMAT.decode(SELDOutput(target, target))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="label must be below num_classes=3, got 7"):
        FORMAT.encode(one(0, 0, 7), 1)
    with pytest.raises(ValueError, match=r"but 1 of 1 rows do not \(1 beyond the clip\)"):
        FORMAT.encode(Events.from_degrees([3], [0], [0], [0]), 1)
    with pytest.raises(ValueError, match="events must have distances"):
        DenseMap(3, distance=True).encode(Events.from_degrees([0], [0], [0], [0]), 1)
    with pytest.raises(ValueError, match="points must be one of 'centre', 'cells'"):
        FORMAT.decode_maps(target, points="peak")  # type: ignore[arg-type]


def test_a_grid_that_is_made_in_inference_mode_serves_a_training() -> None:
    with torch.inference_mode():
        grid = DenseMap(1, height=5, width=11).grid
    values = torch.randn(55, dtype=torch.float64, requires_grad=True)
    grid.soft_argmax(values).sum().backward()
    assert values.grad is not None
