"""Energy maps keep their points, and are drawn as the published script draws them."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from random_maps import random_maps
from seldkit.events import EnergyMaps, Events
from seldkit.geometry import angle_deg, unit_vector
from seldkit.grids import DirectionGrid

SEEDS = st.integers(0, 2**32 - 1)
AZIMUTH, ELEVATION = st.floats(-180, 180), st.floats(-90, 90)
few = settings(max_examples=15)


def point(azimuth_deg: float, elevation_deg: float, energy: float = 1.0) -> EnergyMaps:
    return EnergyMaps([0], [0], [0], [azimuth_deg], [elevation_deg], [energy])


def plain_map(maps: EnergyMaps, row: int, height: int, width: int) -> Tensor:
    """Return a map by its formula, cell by cell and point by point."""
    directions = DirectionGrid.equiangular(height, width).directions.reshape(height, width, 3)
    total = torch.zeros(height, width, dtype=torch.float64)
    points = (maps.row == row).nonzero().flatten().tolist()
    for azimuth, elevation, energy in (
        (float(maps.azimuth_deg[i]), float(maps.elevation_deg[i]), float(maps.energy[i]))
        for i in points
    ):
        here = unit_vector(torch.tensor(azimuth).double(), torch.tensor(elevation).double())
        delta = torch.deg2rad(angle_deg(directions, here))
        value = energy * (-4 * (delta / 2).sin().square() / (2 * math.radians(6) ** 2)).exp()
        line = torch.linspace(90, -90, height).double()
        half = min(180.0, 24 / max(math.cos(math.radians(elevation)), 0.087))
        columns = torch.zeros(width, dtype=torch.bool)
        first = math.floor((azimuth - half + 180) * width / 360)
        last = math.ceil((azimuth + half + 180) * width / 360)
        columns[torch.arange(first, last + 1) % width] = True
        step = 180 / (height - 1)
        lines = (line - elevation).abs() < 24 + step - 1e-9
        total += value * lines.unsqueeze(1) * columns
    return total


def test_a_map_is_that_of_the_published_script(golden: Callable[[str], Path]) -> None:
    published = torch.from_numpy(np.load(golden("recent/saiseld/map.npz"))["map"])
    y = torch.tensor([10.0, 89.5, 178.9], dtype=torch.float64)
    elevation = 90 - y * 180 / 179
    maps = EnergyMaps([0], [0], [0, 0, 0], [179.5, -180.0, 20.0], elevation, [0.5, 1.0, 0.8])
    drawn = maps.render(doubled_columns=True)[0]
    torch.testing.assert_close(drawn, published, atol=1e-5, rtol=0)
    assert torch.equal(drawn > 0, published > 0)
    once = maps.render()[0]
    changed = (once - drawn).abs() > 1e-6
    assert changed.any(dim=0).nonzero().flatten().tolist() == [20]  # opposite of the lowest point
    assert float(once.max()) < 1.0 < 1.59 < float(drawn.max())


@given(SEEDS)
@few
def test_maps_are_their_formula(seed: int) -> None:
    maps = random_maps(seed, rows=4)
    drawn = maps.render(31, 48)
    for row in range(4):
        # Cells beyond four widths, which rounding may take in or leave out, hold next to nothing.
        torch.testing.assert_close(
            drawn[row].double(), plain_map(maps, row, 31, 48), atol=4e-4 * 6, rtol=1e-5
        )


@given(AZIMUTH, ELEVATION)
@few
def test_a_map_of_one_point_leads_back_to_it(azimuth: float, elevation: float) -> None:
    grid = DirectionGrid.equiangular(61, 120)
    drawn = point(azimuth, elevation).render(61, 120).flatten(1)
    found = grid.directions[drawn.argmax(dim=1)]
    there = point(azimuth, elevation).direction
    assert float(angle_deg(found, there)) <= 1.5 * math.sqrt(2) + 1e-6
    torch.testing.assert_close(
        point(azimuth, elevation).to_events().direction, there, atol=1e-9, rtol=0
    )


@given(SEEDS)
@few
def test_turning_about_the_upright_axis_turns_the_map(seed: int) -> None:
    maps = random_maps(seed, rows=3)
    turned = EnergyMaps(
        maps.frame,
        maps.label,
        maps.row,
        (maps.azimuth_deg + 90 + 180) % 360 - 180,
        maps.elevation_deg,
        maps.energy,
    )
    torch.testing.assert_close(
        turned.render(19, 36), maps.render(19, 36).roll(9, dims=-1), atol=3e-3, rtol=1e-4
    )


@given(SEEDS)
@few
def test_rows_are_drawn_one_by_one(seed: int) -> None:
    maps = random_maps(seed)
    order = torch.from_numpy(np.random.default_rng(seed).permutation(len(maps)))
    alone = torch.cat([maps.select(order[i : i + 1]).render(19, 36) for i in range(len(maps))])
    torch.testing.assert_close(maps.render(19, 36)[order], alone)


def test_events_are_points_and_come_back() -> None:
    events = Events.from_degrees(
        [0, 0, 3], [1, 1, 2], [10, -170, 5], [0, 60, -90], distance=[1, 2, 3], num_frames=5
    )
    maps = EnergyMaps.from_events(events, score=[0.1, 0.5, 0.9])
    assert len(maps) == len(maps.row) == 3
    for direction in ("peak", "centre"):
        back = maps.to_events(direction)
        assert back.label.tolist() == [1, 1, 2]
        assert back.num_frames == 5
        torch.testing.assert_close(back.direction, events.direction, atol=1e-12, rtol=0)
    assert maps.to_events(above=0.1).frame.tolist() == [0, 3]


def test_the_strongest_point_is_the_first_of_several() -> None:
    maps = EnergyMaps([0, 1, 2], [0] * 3, [1, 0, 0, 0], [40, 10, 20, 30], [0] * 4, [0, 1, 2, 2])
    assert maps.peak.tolist() == [1, -1, -1]
    assert maps.azimuth_deg.tolist() == [10, 20, 30, 40]  # points go to their rows
    assert maps.to_events().azimuth_deg.tolist() == [20.0]
    assert maps.render(19, 36).amax(dim=(1, 2)).tolist()[1:] == [0, 0]


def test_points_below_a_share_of_the_strongest_go() -> None:
    maps = EnergyMaps([0, 0], [0, 1], [0, 0, 0, 1], [0, 9, 20, 5], [0.0] * 4, [0.5, 0.1, 1, 0.2])
    assert maps.strongest(3, least=0.2).energy.tolist() == [0.5, 1.0, 0.2]
    assert maps.strongest(1).row.tolist() == [0, 1]


def test_maps_tell_what_they_hold_and_compare_by_value() -> None:
    maps = random_maps(0, rows=2)
    assert maps == maps.select(torch.tensor([True, True]))
    assert maps != maps.select(torch.tensor([0]))
    assert maps != 3
    assert "of 5, frame_s=0.1, distance, score" in repr(maps)
    assert repr(EnergyMaps([], [], [], [], [], [])) == (
        "EnergyMaps(0 rows, 0 points, 0 classes, frame_s=0.1)"
    )
    assert EnergyMaps([], [], [], [], [], []).render(3, 4).shape == (0, 3, 4)


@pytest.mark.messages
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"label": [0, 1]}, "label must be (map=1), got shape (2,)"),
        ({"energy": [1.0, 2.0]}, "energy must be (point=1), got shape (2,)"),
        ({"energy": [-1.0]}, "energy must not be negative, got -1"),
        ({"frame": [-1]}, "frame must not be negative, got -1"),
        ({"azimuth_deg": [181.0]}, "azimuth_deg must lie in -180..180, got 181 in point 0"),
        ({"elevation_deg": [-90.5]}, "elevation_deg must lie in -90..90, got -90.5 in point 0"),
        ({"energy": [float("nan")]}, "energy must be finite"),
        ({"row": [1]}, "row must lie in 0..0, got 1 in point 0"),
        ({"num_frames": 0}, "frame must be below num_frames=0, got 0"),
        ({"num_frames": -1}, "num_frames must lie in 0.."),
        ({"score": [0.1, 0.2]}, "score must be (map=1)"),
    ],
)
def test_what_cannot_be_is_refused(change: dict[str, object], told: str) -> None:
    columns: dict[str, object] = {
        "frame": [0],
        "label": [0],
        "row": [0],
        "azimuth_deg": [0.0],
        "elevation_deg": [0.0],
        "energy": [1.0],
    }
    with pytest.raises(ValueError, match=r".") as error:
        EnergyMaps(**(columns | change))  # type: ignore[arg-type]
    assert told in str(error.value)


@pytest.mark.messages
def test_settings_that_cannot_be_are_refused() -> None:
    maps = point(0, 0)
    with pytest.raises(ValueError, match="height must be at least 2, got 1"):
        maps.render(1, 4)
    with pytest.raises(ValueError, match="width must be at least 1, got 0"):
        maps.render(2, 0)
    with pytest.raises(ValueError, match="sigma_deg must be at most 90, got 91"):
        maps.render(sigma_deg=91)
    with pytest.raises(ValueError, match="direction must be one of 'peak', 'centre'"):
        maps.to_events("middle")
    with pytest.raises(ValueError, match="above must be None for maps without scores"):
        maps.to_events(above=0.5)
    with pytest.raises(TypeError, match="events must be Events, got list"):
        EnergyMaps.from_events([])  # type: ignore[arg-type]
