"""The published angle between directions."""

import numpy as np
import torch

from seldkit.geometry import angle_deg, unit_vector
from seldkit.metrics.angles import polar_angle_deg


def test_it_is_the_angle() -> None:
    a, b = torch.randn(2, 500, 3, dtype=torch.float64)
    torch.testing.assert_close(polar_angle_deg(a, b), angle_deg(a, b), rtol=0, atol=1e-5)


def test_it_counts_the_short_way_round() -> None:
    azimuth = torch.tensor([-180.0, -90.0, 0.0, 30.0, 170.0], dtype=torch.float64)
    a, b = (unit_vector(turned, torch.zeros_like(azimuth)) for turned in (azimuth, azimuth - 200))
    torch.testing.assert_close(polar_angle_deg(a, b), torch.full_like(azimuth, 160.0))


def test_it_is_the_published_formula_of_the_decimals_to_the_last_bit() -> None:
    # Published scores break ties between matchings by it.
    degrees = np.random.default_rng(0).integers(-900, 900, (4, 1000)) / 10
    azimuth_a, elevation_a, azimuth_b, elevation_b = degrees * np.pi / 180
    across = np.cos(elevation_a) * np.cos(elevation_b) * np.cos(np.abs(azimuth_a - azimuth_b))
    cosine = np.sin(elevation_a) * np.sin(elevation_b) + across
    a, b = (unit_vector(*torch.from_numpy(pair)) for pair in (degrees[:2], degrees[2:]))
    angle = polar_angle_deg(a, b).numpy()
    np.testing.assert_array_equal(angle, np.arccos(np.clip(cosine, -1, 1)) * 180 / np.pi)
