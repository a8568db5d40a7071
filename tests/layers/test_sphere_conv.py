"""Maps of the sphere go on beyond their edges as the sphere does."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seldkit.geometry import unit_vector
from seldkit.grids import DirectionGrid
from seldkit.layers import SphereConv, pad_sphere
from transforms import assert_compiles_and_exports


@given(st.integers(3, 8), st.integers(2, 5), st.integers(0, 2))
@settings(max_examples=20)
def test_padding_is_the_function_beyond_the_edges(height: int, half: int, margin: int) -> None:
    width = 2 * half
    directions = DirectionGrid.equiangular(height, width).directions
    maps = directions.T.reshape(1, 3, height, width)  # x, y and z, which all places have
    padded = pad_sphere(maps, margin)
    rows = torch.arange(-margin, height + margin).double()
    columns = torch.arange(-margin, width + margin).double()
    elevation, azimuth = 90 - rows * 180 / (height - 1), columns * 360 / width - 180
    wanted = unit_vector(azimuth, elevation.unsqueeze(1)).permute(2, 0, 1)
    torch.testing.assert_close(padded[0], wanted, atol=1e-9, rtol=0)


def test_turned_maps_are_turned_by_any_columns() -> None:
    layer = SphereConv(2, 3, kernel_size=5)
    x = torch.randn(2, 2, 7, 12)
    torch.testing.assert_close(layer(x.roll(5, dims=3)), layer(x).roll(5, dims=3))


def test_gradients_flow_in_half_precision() -> None:
    layer = SphereConv(2, 3)
    with torch.autocast("cpu", torch.bfloat16):
        layer(torch.randn(1, 2, 5, 6)).sum().backward()
    assert layer.conv.weight.grad is not None
    assert layer.conv.weight.grad.isfinite().all()
    assert "2, 3, kernel_size=3" in repr(layer)


@pytest.mark.transforms
def test_it_compiles_and_exports() -> None:
    assert_compiles_and_exports(SphereConv(2, 3).eval(), torch.randn(1, 2, 5, 6))


@pytest.mark.messages
def test_maps_that_are_none_of_a_sphere_are_told() -> None:
    with pytest.raises(ValueError, match="x must have an even number of columns, and more rows"):
        pad_sphere(torch.zeros(1, 1, 4, 5), 1)
    with pytest.raises(ValueError, match="than margin=4, got 4 and 6"):
        pad_sphere(torch.zeros(1, 1, 4, 6), 4)
    with pytest.raises(ValueError, match="kernel_size must be odd, got 2"):
        SphereConv(1, 1, kernel_size=2)
