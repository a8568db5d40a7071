"""Maps of the sphere: padding knows what lies beyond an edge, and no stage looks ahead."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from seldkit.grids import DirectionGrid
from seldkit.layers import CausalSphericalConv, CrossPooling, SphericalPad
from transforms import assert_compiles_and_exports

quick = settings(max_examples=25)
angles = st.floats(-180, 180)
FEW: dict[str, Any] = {"kernel_time": 2}


def smooth(seed: int) -> Callable[[Tensor], Tensor]:
    """Return a function of directions without a jump anywhere on the sphere."""
    weight = torch.randn(3, 8, generator=torch.Generator().manual_seed(seed)).double()
    return lambda direction: (2 * (direction.double() @ weight).sin()).sum(dim=-1)


def beyond(rows: int, columns: int, more: int, *, upper_half: bool) -> Tensor:
    """Return the directions of a map that goes on beyond its edges, by their angles alone."""
    step = torch.pi / (rows - 1) / (2 if upper_half else 1)
    colatitude = torch.arange(-more, rows + more).double() * step
    azimuth = torch.arange(-more, columns + more).double() * (2 * torch.pi / columns) - torch.pi
    z = colatitude.cos()
    if upper_half:
        z = z.abs()  # below the horizon a level array hears its mirror image
    level = colatitude.sin().unsqueeze(1)
    axes = (level * azimuth.cos(), level * azimuth.sin(), z.unsqueeze(1).expand(-1, len(azimuth)))
    return torch.stack(axes, dim=-1)


@quick
@given(
    st.integers(3, 7), st.sampled_from([4, 6, 8]), st.integers(0, 2), st.booleans(), st.integers(0)
)
def test_the_sphere_goes_on_beyond_the_edges(
    rows: int, columns: int, more: int, upper_half: bool, seed: int
) -> None:
    function = smooth(seed % 1000)
    grid = DirectionGrid.equiangular(rows, columns, upper_half=upper_half)
    maps = function(grid.directions).reshape(1, 1, 1, rows, columns)
    found = SphericalPad(more, more, upper_half=upper_half)(maps)[0, 0, 0]
    wanted = function(beyond(rows, columns, more, upper_half=upper_half))
    torch.testing.assert_close(found, wanted)


@quick
@given(st.integers(0, 7), st.booleans(), st.booleans())
def test_a_turn_in_azimuth_turns_the_padded_map(
    shift: int, pole_shift: bool, upper_half: bool
) -> None:
    pad, x = SphericalPad(2, 1, pole_shift=pole_shift, upper_half=upper_half), torch.randn(5, 8)
    whole = pad(x)[:, 1:-1]
    torch.testing.assert_close(pad(x.roll(shift, 1))[:, 1:-1], whole.roll(shift, 1), rtol=0, atol=0)


def test_the_published_padding_reflects_and_leaves_the_azimuth() -> None:
    x = torch.randn(2, 3, 4, 5, 7)
    found = SphericalPad(2, 2, pole_shift=False)(x)
    wanted = nn.functional.pad(x.flatten(0, 2), (2, 2, 0, 0), mode="circular")
    wanted = nn.functional.pad(wanted, (0, 0, 2, 2), mode="reflect")
    torch.testing.assert_close(found.flatten(0, 2), wanted, rtol=0, atol=0)
    assert SphericalPad(0, 0)(x) is x


def test_it_shows_its_settings() -> None:
    assert repr(SphericalPad(2, 1)) == "SphericalPad(2, 1, pole_shift=True, upper_half=False)"


@quick
@given(st.integers(0, 5), st.sampled_from([(1, 1), (1, 2), (2, 1)]))
def test_a_stage_sees_no_later_frame(frame: int, pool: tuple[int, int]) -> None:
    stage, x = CausalSphericalConv(2, 3, kernel_time=3, pool=pool), torch.randn(2, 2, 6, 4, 8)
    output = stage(x)
    assert output.shape == (2, 3, 6, 4 // pool[0], 8 // pool[1])
    later = x.clone()
    later[:, :, frame + 1 :] = torch.nan
    torch.testing.assert_close(stage(later)[:, :, : frame + 1], output[:, :, : frame + 1])


@quick
@given(st.integers(0, 7))
def test_a_stage_turns_with_the_map(shift: int) -> None:
    stage, x = CausalSphericalConv(2, 3).double(), torch.randn(1, 2, 3, 4, 8, dtype=torch.float64)
    torch.testing.assert_close(stage(x.roll(shift, -1)), stage(x).roll(shift, -1))


def test_a_stage_convolves_then_pools_then_bends() -> None:
    stage, x = CausalSphericalConv(2, 3, pool=(1, 2), **FEW), torch.randn(1, 2, 3, 4, 8)
    nn.init.uniform_(stage.prelu.weight, -1, 1)  # so that the order of pool and PReLU matters
    padded = nn.functional.pad(stage.pad(x), (0, 0, 0, 0, 1, 0))
    maps = nn.functional.conv3d(padded, stage.conv.weight, stage.conv.bias)
    wanted = nn.functional.prelu(nn.functional.max_pool3d(maps, (1, 1, 2)), stage.prelu.weight)
    torch.testing.assert_close(stage(x), wanted)


def test_each_stack_keeps_an_angle() -> None:
    cross, x = CrossPooling(2, 2, **FEW), torch.randn(1, 2, 3, 4, 8)
    places = cross(x)
    assert places.shape == (1, 2, 3, 4 * 2 + 1 * 8)
    torch.testing.assert_close(places[..., :8], cross.elevation(x).flatten(3))
    turned = cross(x.roll(1, -1))[..., 8:]
    torch.testing.assert_close(turned, places[..., 8:].roll(1, -1))


@pytest.mark.transforms
def test_compiles_and_exports() -> None:
    assert_compiles_and_exports(CrossPooling(2, 1, **FEW), torch.randn(2, 2, 3, 4, 8))


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="x must have more than 2 rows and at least 1 columns"):
        SphericalPad(2, 1)(torch.zeros(2, 4))
    with pytest.raises(ValueError, match="x must have more than 1 rows and at least 5 columns"):
        SphericalPad(1, 5)(torch.zeros(2, 4))
    with pytest.raises(ValueError, match="x must have an even number of columns with pole_shift"):
        SphericalPad(1, 1)(torch.zeros(2, 5))
    with pytest.raises(ValueError, match=r"must have rows and columns for pool=\(4, 4\), got \(2"):
        CausalSphericalConv(3, 4, pool=(4, 4))(torch.zeros(1, 3, 5, 2, 2))
    with pytest.raises(ValueError, match="kernel_size must be odd, got 4"):
        CausalSphericalConv(2, 3, kernel_size=4)
    with pytest.raises(ValueError, match="pool must be rows and columns, got"):
        CausalSphericalConv(2, 3, pool=(2,))
    for module in (CausalSphericalConv(2, 3), CrossPooling(2, 1)):
        with pytest.raises(ValueError, match=r"x must be \(batch, channel=2, time, row, column\)"):
            module(torch.zeros(1, 3, 4, 4, 4))
