"""Grids cover the sphere, know their neighbours, and find the peaks of maps."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seldkit.geometry import angle_deg, azimuth_elevation_deg, unit_vector
from seldkit.grids import DirectionGrid

quick = settings(max_examples=20)
GRIDS = {
    "equiangular": DirectionGrid.equiangular(13, 24),
    "upper": DirectionGrid.equiangular(7, 24, upper_half=True),
    "fibonacci": DirectionGrid.fibonacci(400),
    "upper spiral": DirectionGrid.fibonacci(200, upper_half=True),
    "icosahedral": DirectionGrid.icosahedral(2),
    "circle": DirectionGrid(unit_vector(torch.arange(0.0, 360.0, 10.0, dtype=torch.float64), 0.0)),
    "arc": DirectionGrid(unit_vector(torch.arange(0.0, 180.0, 10.0, dtype=torch.float64), 0.0)),
}
every_grid = pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)


def bump(grid: DirectionGrid, centre: Tensor, width_deg: float = 15.0) -> Tensor:
    """Return a map that falls off with the angle to a direction."""
    return (-0.5 * (angle_deg(grid.directions, centre) / width_deg).square()).exp()


def test_rows_and_columns_are_those_of_cross3d() -> None:
    grid = DirectionGrid.equiangular(16, 32)
    colatitude = torch.linspace(0, torch.pi, 16, dtype=torch.float64)[:, None]
    azimuth = torch.linspace(-torch.pi, torch.pi, 33, dtype=torch.float64)[:-1]
    x, y = colatitude.sin() * azimuth.cos(), colatitude.sin() * azimuth.sin()
    expected = torch.stack((x, y, colatitude.cos().expand_as(x)), dim=-1)
    assert grid.shape == (16, 32)
    torch.testing.assert_close(grid.directions.unflatten(0, grid.shape), expected)
    half = DirectionGrid.equiangular(8, 4, upper_half=True).directions[::4, 2]
    torch.testing.assert_close(half, torch.linspace(torch.pi / 2, 0, 8).sin().double())


@every_grid
def test_each_point_is_nearest_to_itself(grid: DirectionGrid) -> None:
    index = grid.nearest(grid.directions)
    torch.testing.assert_close(grid.directions[index], grid.directions)
    torch.testing.assert_close(grid.directions.norm(dim=1), torch.ones(grid.num_points).double())
    assert grid.nearest(torch.zeros(2, 0, 3)).shape == (2, 0)


@quick
@given(st.floats(-180, 180), st.floats(-90, 90))
def test_no_direction_is_far_from_a_spiral_or_an_icosahedron(azimuth: float, up: float) -> None:
    direction = unit_vector(torch.tensor(azimuth, dtype=torch.float64), up)
    for name, limit in (("fibonacci", 8.0), ("icosahedral", 11.0)):
        grid = GRIDS[name]
        assert angle_deg(grid.directions[grid.nearest(direction)], direction) < limit


@pytest.mark.parametrize("level", range(4))
def test_icosahedra_have_six_neighbours_but_for_twelve_corners(level: int) -> None:
    grid = DirectionGrid.icosahedral(level)
    assert grid.num_points == 10 * 4**level + 2
    counts = [len(set(row) - {point}) for point, row in enumerate(grid.neighbours.tolist())]
    assert counts == [5] * 12 + [6] * (grid.num_points - 12)
    lower = DirectionGrid.icosahedral(max(level - 1, 0))
    assert torch.equal(grid.directions[: lower.num_points], lower.directions)
    without = DirectionGrid.icosahedral(level, poles=False)
    assert torch.equal(without.directions, grid.directions[2:])
    assert without.num_points == 5 * 2 ** (2 * level + 1)


@every_grid
def test_neighbours_are_mutual_and_near(grid: DirectionGrid) -> None:
    rows = [set(row) - {point} for point, row in enumerate(grid.neighbours.tolist())]
    places = grid.nearest(grid.directions).tolist()  # the first of those in one place
    for point, row in enumerate(rows):
        assert row
        assert all(places[point] in rows[other] for other in row)
        assert angle_deg(grid.directions[point], grid.directions[list(row)]).max() < 40


def test_rows_and_columns_have_eight_neighbours() -> None:
    rows = GRIDS["equiangular"].neighbours.unflatten(0, (13, 24)).tolist()
    around = {24 * row + column % 24 for row in (5, 6, 7) for column in (-1, 0, 1)}
    assert set(rows[6][0]) == around
    assert set(rows[0][7]) - {7} == set(range(24, 48))  # the top borders on all of the first ring
    line = GRIDS["arc"].neighbours.tolist()
    assert [set(line[point]) - {point} for point in (0, 5)] == [{1}, {4, 6}]


@every_grid
def test_a_bump_has_one_peak(grid: DirectionGrid) -> None:
    for point in range(0, grid.num_points, 7):
        found = grid.peaks(bump(grid, grid.directions[point]), max_peaks=3, separation_deg=1.0)
        torch.testing.assert_close(found.direction[0], grid.directions[point])
        assert found.point[1:].tolist() == [-1, -1]
        assert found.value[1:].isnan().all()
        assert found.direction[1:].isnan().all()


def test_two_bumps_are_told_apart_and_the_higher_is_first() -> None:
    grid = GRIDS["fibonacci"]
    places = unit_vector(torch.tensor([60.0, -10.0], dtype=torch.float64), 20.0)
    maps = torch.stack([w * bump(grid, places[0]) + bump(grid, places[1]) for w in (0.6, 1.7)])
    found = grid.peaks(maps, max_peaks=3)
    assert found.point.shape == (2, 3)
    nearest = grid.nearest(places).tolist()
    assert found.point.tolist() == [[*nearest[::-1], -1], [*nearest, -1]]
    assert torch.equal(found.value[:, :2], maps.gather(1, found.point[:, :2]))
    assert grid.peaks(maps, max_peaks=2, threshold=1.2).point.tolist() == [
        [-1, -1],
        [nearest[0], -1],
    ]
    assert (grid.peaks(maps, max_peaks=2, separation_deg=80.0).point[:, 1] == -1).all()


@pytest.mark.parametrize("count", range(1, 12))
def test_few_points_have_neighbours_and_peaks(count: int) -> None:
    ring = DirectionGrid(unit_vector(torch.arange(count) * 360.0 / count, torch.zeros(count)))
    for grid in (ring, DirectionGrid.fibonacci(count)):
        found = grid.peaks(torch.arange(float(count)), max_peaks=2, separation_deg=1e-6)
        assert found.point[0] == count - 1
    if count > 2:
        rows = enumerate(ring.neighbours.tolist())
        assert {len({*row} - {own}) for own, row in rows} == {2}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_peaks_are_apart_to_the_last_digit_whatever_the_precision(dtype: torch.dtype) -> None:
    grid = DirectionGrid.fibonacci(1000)
    values = torch.randn(20, grid.num_points).to(dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for separation_deg in (1e-6, 15.0):
            found = grid.peaks(values, max_peaks=9, separation_deg=separation_deg)
            for points in found.point.tolist():
                there = [point for point in points if point >= 0]
                assert len(set(there)) == len(there)
                apart = grid.directions[there]
                angles = angle_deg(apart[:, None], apart[None]).fill_diagonal_(180)
                assert (angles > separation_deg - 1e-9).all()
            assert found.direction.dtype == torch.promote_types(dtype, torch.float32)


def test_tables_that_are_made_in_inference_mode_serve_a_training() -> None:
    grid = DirectionGrid(unit_vector(45.0 * torch.arange(8) - 7, torch.zeros(8)))
    values = torch.randn(8, dtype=torch.float64)
    with torch.inference_mode():
        grid.peaks(values)
    found = grid.peaks(values.requires_grad_())
    assert found.point.shape == (1,)


def test_flat_and_undefined_maps() -> None:
    grid = GRIDS["equiangular"]
    flat = torch.zeros(2, grid.num_points)
    flat[1] = torch.nan
    assert grid.peaks(flat).point.tolist() == [[0], [-1]]
    turned = bump(grid, unit_vector(30.0, 40.0)).unflatten(0, (13, 24))
    for roll in (0, 5, 23):
        found = grid.peaks(turned.roll(roll, dims=1).flatten(), max_peaks=2)
        azimuth, elevation = azimuth_elevation_deg(found.direction[0])
        assert (round(float(azimuth)) - 30 - 15 * roll) % 360 == 0
        assert elevation == pytest.approx(45)
        assert found.point[1] == -1


@quick
@given(st.floats(-180, 180), st.floats(-90, 90))
def test_the_mean_of_a_sharp_map_is_its_peak(azimuth: float, elevation: float) -> None:
    grid = DirectionGrid.fibonacci(2000)
    direction = unit_vector(torch.tensor(azimuth, dtype=torch.float64), elevation)
    values = (grid.directions @ direction).requires_grad_()
    mean = grid.soft_argmax(values, temperature=0.01)
    assert angle_deg(mean, direction) < 1
    assert 0.95 < mean.norm() < 1
    mean.sum().backward()
    assert values.grad is not None
    assert values.grad.isfinite().all()
    assert grid.soft_argmax(torch.zeros(grid.num_points)).norm() < 1e-3


@pytest.mark.messages
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DirectionGrid([[0.0, 1.0]]), r"directions must be \(point, axis=3\)"),
        (lambda: DirectionGrid(torch.zeros(0, 3)), "directions must hold a point, got none"),
        (lambda: DirectionGrid([[0.0, 1.0, 1.0]]), "unit vectors, got length 1.41421 at point 0"),
        (lambda: DirectionGrid([[0.0, 0.0, 1.0]], shape=(1, 2)), r"shape must hold 1 points, got"),
        (lambda: DirectionGrid.equiangular(1, 8), "num_elevations must be at least 2, got 1"),
        (lambda: DirectionGrid.fibonacci(0), "num_points must be at least 1, got 0"),
        (lambda: DirectionGrid.icosahedral(9), r"level must lie in 0\.\.8, got 9"),
    ],
)
def test_messages_of_points(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.messages
def test_messages_of_maps() -> None:
    grid = GRIDS["icosahedral"]
    with pytest.raises(ValueError, match=r"values must be \(..., point=162\), got shape \(2, 5\)"):
        grid.peaks(torch.zeros(2, 5))
    with pytest.raises(TypeError, match="values must hold floats"):
        grid.soft_argmax(torch.zeros(162, dtype=torch.int64))
    with pytest.raises(ValueError, match="separation_deg must be at most 180, got 200"):
        grid.peaks(torch.zeros(162), separation_deg=200)
    with pytest.raises(ValueError, match="temperature must be positive, got 0"):
        grid.soft_argmax(torch.zeros(162), temperature=0)
