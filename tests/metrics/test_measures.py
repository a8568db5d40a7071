"""The published measures of how far a prediction lies from a reference."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from seldkit.events import Events
from seldkit.geometry import angle_deg
from seldkit.metrics.measures import (
    Measure,
    cartesian_angle,
    exact_angle,
    folded_azimuth,
    polar_angle,
    position_distance,
)
from seldkit.metrics.timeline import Rows, join


def toward(direction: Tensor, distance: Tensor | None = None) -> Rows:
    """Return one row for each direction."""
    zeros = torch.zeros(len(direction), dtype=torch.int64)
    return join([Events(zeros, zeros, direction, distance=distance)])


def at(azimuth_deg: Tensor, elevation_deg: Tensor | None = None) -> Rows:
    """Return one row for each azimuth, at elevation 0 unless said."""
    zeros = torch.zeros(len(azimuth_deg), dtype=torch.int64)
    elevation_deg = zeros if elevation_deg is None else elevation_deg
    return join([Events.from_degrees(zeros, zeros, azimuth_deg, elevation_deg)])


def apart(measure: Measure, references: Rows, predictions: Rows) -> Tensor:
    """Measure each reference against the prediction of the same number."""
    rows = torch.arange(len(references.frame))
    return measure(references, predictions)(rows, rows)


@pytest.mark.parametrize("measure", [exact_angle, polar_angle, cartesian_angle])
def test_it_is_the_angle(measure: Measure) -> None:
    a, b = normalize(torch.randn(2, 500, 3, dtype=torch.float64), dim=-1)
    angle = apart(measure, toward(a), toward(b))
    torch.testing.assert_close(angle, angle_deg(a, b), rtol=0, atol=1e-5)


@pytest.mark.parametrize("measure", [exact_angle, polar_angle, cartesian_angle])
def test_it_counts_the_short_way_round(measure: Measure) -> None:
    azimuth = torch.tensor([-180.0, -90.0, 0.0, 30.0, 170.0], dtype=torch.float64)
    angle = apart(measure, at(azimuth), at(azimuth - 200))
    torch.testing.assert_close(angle, torch.full_like(azimuth, 160.0), rtol=0, atol=1e-6)


@pytest.mark.parametrize("measure", [exact_angle, polar_angle, cartesian_angle, folded_azimuth])
def test_any_pair_of_rows_can_be_measured(measure: Measure) -> None:
    references = at(torch.tensor([0.0, 10.0, 20.0]))
    predictions = at(torch.tensor([50.0, 90.0]))
    cost = measure(references, predictions)(torch.tensor([2, 0, 0]), torch.tensor([1, 0, 1]))
    assert cost.tolist() == pytest.approx([70, 50, 90])
    assert cost.dtype == torch.float64


def test_the_exact_angle_of_equal_directions_is_0() -> None:
    a = normalize(torch.randn(100, 3, dtype=torch.float64), dim=-1)
    assert torch.equal(apart(exact_angle, toward(a), toward(a)), torch.zeros(100).double())


def test_the_polar_angle_is_the_published_formula_of_the_decimals_to_the_last_bit() -> None:
    # Published scores break ties between matchings by it.
    degrees = np.random.default_rng(0).integers(-900, 900, (4, 1000)) / 10
    azimuth_a, elevation_a, azimuth_b, elevation_b = degrees * np.pi / 180
    across = np.cos(elevation_a) * np.cos(elevation_b) * np.cos(np.abs(azimuth_a - azimuth_b))
    cosine = np.sin(elevation_a) * np.sin(elevation_b) + across
    references, predictions = (at(*torch.from_numpy(pair)) for pair in (degrees[:2], degrees[2:]))
    angle = apart(polar_angle, references, predictions).numpy()
    np.testing.assert_array_equal(angle, np.arccos(np.clip(cosine, -1, 1)) * 180 / np.pi)


def test_the_cartesian_angle_is_a_little_too_large_near_0() -> None:
    front = torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64)
    aside = torch.tensor([[math.cos(0.1), math.sin(0.1), 0.0]], dtype=torch.float64)

    def angle(direction: Tensor) -> float:
        return apart(cartesian_angle, toward(front), toward(direction)).item()

    assert angle(front) == pytest.approx(math.degrees(math.sqrt(2e-10)))
    assert angle(-front) == pytest.approx(180, abs=2e-3)
    assert angle(aside) == pytest.approx(math.degrees(0.1), abs=1e-7)


def test_azimuths_are_mirrored_to_the_front() -> None:
    azimuth = torch.tensor([0.0, 80.0, 90.0, 100.0, 170.0, -180.0, -170.0, -100.0, -90.0, -80.0])
    front = torch.tensor([0.0, 80.0, 90.0, 80.0, 10.0, 0.0, -10.0, -80.0, -90.0, -80.0])
    right = at(torch.full((10,), -90.0))
    assert torch.equal(apart(folded_azimuth, right, at(azimuth)), front.double() + 90)
    assert torch.equal(apart(folded_azimuth, right, at(azimuth + 360)), front.double() + 90)


def test_elevations_have_no_say_in_azimuths() -> None:
    azimuth, elevation = torch.tensor([30.0, 150.0]), torch.tensor([-60.0, 80.0])
    assert apart(folded_azimuth, at(azimuth), at(azimuth, elevation)).tolist() == [0, 0]


def test_positions_lie_at_their_distance_in_their_direction() -> None:
    front, left = torch.eye(3, dtype=torch.float64)[:2].unsqueeze(1)
    near, far = torch.tensor([3.0]), torch.tensor([4.0])
    assert apart(position_distance, toward(front, near), toward(left, far)).item() == 5
    assert apart(position_distance, toward(front, near), toward(front, far)).item() == 1
    assert apart(position_distance, toward(front, near), toward(left)).isnan().item()
