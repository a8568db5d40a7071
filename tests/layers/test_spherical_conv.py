"""Maps of the sphere go on beyond their edges as the sphere does."""

import pytest
import torch

from seldkit.layers import SphericalConv
from transforms import assert_compiles_and_exports


def test_turned_maps_are_turned_by_any_columns() -> None:
    layer = SphericalConv(2, 3, kernel_size=5)
    x = torch.randn(2, 2, 7, 12)
    torch.testing.assert_close(layer(x.roll(5, dims=3)), layer(x).roll(5, dims=3))


def test_gradients_flow_in_half_precision() -> None:
    layer = SphericalConv(2, 3)
    with torch.autocast("cpu", torch.bfloat16):
        layer(torch.randn(1, 2, 5, 6)).sum().backward()
    assert layer.conv.weight.grad is not None
    assert layer.conv.weight.grad.isfinite().all()
    assert "2, 3, kernel_size=3" in repr(layer)


@pytest.mark.transforms
def test_it_compiles_and_exports() -> None:
    assert_compiles_and_exports(SphericalConv(2, 3).eval(), torch.randn(1, 2, 5, 6))


@pytest.mark.messages
def test_maps_that_are_none_of_a_sphere_are_told() -> None:
    with pytest.raises(ValueError, match="x must have an even number of columns"):
        SphericalConv(1, 1)(torch.zeros(1, 1, 4, 5))
    with pytest.raises(ValueError, match="kernel_size must be odd, got 2"):
        SphericalConv(1, 1, kernel_size=2)
