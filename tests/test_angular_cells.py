"""Overlapping cells of the sphere: which hold a direction, and where an offset points."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seldkit.geometry import angle_deg, unit_vector
from seldkit.grids import AngularCells


def degrees(azimuth: float, elevation: float) -> torch.Tensor:
    return unit_vector(*torch.tensor([azimuth, elevation], dtype=torch.float64))


def test_cells_are_the_published_ones(golden: Callable[[str], Path]) -> None:
    arrays = np.load(golden("recent/adyolo.npz"))
    for _, _, _, azimuth, elevation in arrays["events"]:
        same = (arrays["labels"][:, 4] == azimuth) & (arrays["labels"][:, 5] == elevation)
        published = arrays["labels"][same, 1:3].astype(int).tolist()
        for kind in (torch.float64, torch.float32):
            held = AngularCells().holding(degrees(azimuth, elevation).to(kind)).nonzero().tolist()
            if elevation == 90:  # which has no cell there
                assert (published, {row for _, row in held}) == ([], {3})
            else:
                assert held == sorted(published)


@given(st.floats(-180, 179.99), st.floats(-90, 90), st.sampled_from([45.0, 30.0, 180.0]))
def test_every_direction_lies_in_its_nearest_cell(
    azimuth: float, elevation: float, cell: float
) -> None:
    direction = degrees(azimuth, elevation)
    whole, overlapping = (
        AngularCells(cell, overlap).holding(direction).nonzero().tolist() for overlap in (0.0, 0.5)
    )
    assert len(whole) == 1
    assert whole[0] in overlapping
    assert 1 <= len(overlapping) <= 4


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_offsets_point_within_reach(u: float, v: float) -> None:
    cells = AngularCells()
    offset = torch.tensor([u, v], dtype=torch.float64).expand(8, 4, 1, 2)
    direction = cells.directions(offset)
    assert direction.shape == (8, 4, 1, 3)
    wanted = degrees(-180 + 45 * 2.5 + 45 * u, -90 + 45 * 1.5 + 45 * v)
    assert angle_deg(direction[2, 1, 0], wanted) < 1e-6
    if abs(u) < 0.999 and abs(v) < 0.999:
        held = cells.holding(direction[:, :, 0])  # of each direction
        for column in range(8):
            assert held[column, 1, column, 1]


def test_silence_lies_in_no_cell() -> None:
    assert not AngularCells().holding(torch.zeros(2, 3)).any()


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="cell_deg must divide 180, got 50"):
        AngularCells(50.0)
    with pytest.raises(ValueError, match=r"overlap must be in 0\.\.0\.5, got 0\.6"):
        AngularCells(overlap=0.6)
    with pytest.raises(ValueError, match="cell_deg must be positive, got 0"):
        AngularCells(0)
