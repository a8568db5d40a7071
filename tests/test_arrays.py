"""Positions of microphones, and the delays and symmetries that follow."""

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from seldkit.arrays import SPEED_OF_SOUND, ArrayGeometry
from seldkit.augment import channel_swaps
from seldkit.geometry import azimuth_elevation_deg, unit_vector

TETRAHEDRON = ArrayGeometry.tetrahedron()
ANGLES = (st.floats(-180, 180), st.floats(-90, 90))


def test_the_tetrahedron_of_dcase(golden: Callable[[str], Path]) -> None:
    published = np.load(golden("dcase/features_input.npz"))["mic_pos_m"]
    np.testing.assert_allclose(TETRAHEDRON.positions, published, rtol=0, atol=1e-12)
    lags = np.load(golden("others/gcc_frames.npz"))["tau_max"]
    assert TETRAHEDRON.max_lag(24000) == lags


def test_presets_of_arrays() -> None:
    azimuth, elevation = azimuth_elevation_deg(TETRAHEDRON.positions)
    torch.testing.assert_close(azimuth, torch.tensor([45.0, -45, 135, -135], dtype=torch.float64))
    torch.testing.assert_close(elevation, torch.tensor([35.0, -35, -35, 35], dtype=torch.float64))
    circle = ArrayGeometry.circle(4, radius_m=0.5)
    front_left_back_right = torch.tensor([[1.0, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]])
    torch.testing.assert_close(circle.positions, front_left_back_right.double() / 2)
    line = ArrayGeometry.line(3, spacing_m=0.2)
    assert line.positions[:, 1].tolist() == [0.2, 0.0, -0.2]
    assert line.positions[:, ::2].count_nonzero() == 0
    assert ArrayGeometry.tetrahedron(1.0).positions.norm(dim=1).tolist() == pytest.approx([1] * 4)


def test_pairs_sizes_and_repr() -> None:
    assert TETRAHEDRON.pairs == ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
    line = ArrayGeometry.line(3, spacing_m=0.1)
    assert line.num_channels == 3
    assert line.aperture == pytest.approx(0.2)
    assert line.max_lag(34300) == 20
    assert line.max_lag(34301) == 21
    assert [ArrayGeometry.line(2, n * 0.343).max_lag(1000) for n in range(1, 9)] == [*range(1, 9)]
    assert line.aliasing_frequency(speed_of_sound=340.0) == pytest.approx(850.0)
    assert repr(line) == "ArrayGeometry(3 channels, aperture 0.200 m)"
    alone = ArrayGeometry([[0.0, 0.0, 0.0]])
    assert (alone.pairs, alone.aperture) == ((), 0.0)
    assert alone.aliasing_frequency() == float("inf")


@given(*ANGLES)
def test_the_nearer_microphone_hears_first(azimuth: float, elevation: float) -> None:
    direction = unit_vector(torch.tensor(azimuth, dtype=torch.float64), elevation)
    source = 1e5 * direction  # so far that its wave is plane
    way = (source - TETRAHEDRON.positions).norm(dim=1) - source.norm()
    delays = TETRAHEDRON.delays(direction)
    torch.testing.assert_close(delays, way / SPEED_OF_SOUND, rtol=0, atol=1e-9)
    opposite = TETRAHEDRON.delays(-direction)
    torch.testing.assert_close(opposite, -delays)


def test_delays_keep_axes_precision_and_gradients() -> None:
    direction = unit_vector(torch.rand(2, 5) * 360, 0.0).requires_grad_()
    delays = TETRAHEDRON.delays(direction, speed_of_sound=340.0)
    assert delays.shape == (2, 5, 4)
    assert delays.dtype == direction.dtype == torch.float32
    delays.sum().backward()
    assert direction.grad is not None
    torch.testing.assert_close(
        TETRAHEDRON.delays(direction.detach()) * SPEED_OF_SOUND, delays.detach() * 340.0
    )


def test_the_channel_swaps_of_the_tetrahedron(golden: Callable[[str], Path]) -> None:
    table = np.load(golden("others/acs_table.npz"))
    for row, order in enumerate(table["mic_perm"]):
        turned = {sign: table[sign][row] for sign in ("az_sign", "az_offset_deg", "el_sign")}
        # A source at each axis, before and after; the columns of the matrix are where axes go.
        azimuth, elevation = torch.tensor([0.0, 90.0, 0.0]), torch.tensor([0.0, 0.0, 90.0])
        azimuth = turned["az_sign"] * azimuth + turned["az_offset_deg"]
        matrix = unit_vector(azimuth.double(), (turned["el_sign"] * elevation).double()).mT
        assert TETRAHEDRON.permutation(matrix).tolist() == order.tolist()


def test_a_permutation_turns_what_is_recorded() -> None:
    direction = unit_vector(torch.tensor(31.0, dtype=torch.float64), 17.0)
    kept = 0
    for matrix in channel_swaps(48):
        try:
            order = TETRAHEDRON.permutation(matrix)
        except ValueError:
            continue
        kept += 1
        moved = matrix.to(direction) @ direction
        torch.testing.assert_close(TETRAHEDRON.delays(direction)[order], TETRAHEDRON.delays(moved))
    assert kept == 8  # 24 for a regular tetrahedron, whose microphones are at 35.26 degrees


def random_rotation(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    turn: Tensor = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))[0]
    return turn


def cube() -> Tensor:
    return torch.tensor(list(product([1.0, -1.0], repeat=3)), dtype=torch.float64)


ARRAYS = {
    "tetrahedron of DCASE": (TETRAHEDRON.positions, 8),
    "regular tetrahedron": (cube()[[0, 3, 5, 6]], 24),
    "cube": (cube() * 0.05, 48),
    "three of its corners": (cube()[[0, 3, 5]] * 0.05, 12),
    "circle of four": (ArrayGeometry.circle(4, 0.1).positions, 16),
    "circle of six": (ArrayGeometry.circle(6, 0.1).positions, 24),
    "circle of six and its middle": (
        torch.cat((ArrayGeometry.circle(6, 0.1).positions, torch.zeros(1, 3))),
        24,
    ),
    "line": (ArrayGeometry.line(4, 0.04).positions, 8),
    "uneven line": (torch.tensor([[0.0, 0, 0], [0, 0.02, 0], [0, 0.06, 0]]).double(), 4),
    "pair": (ArrayGeometry.line(2, 0.2).positions, 8),
    "one": (torch.zeros(1, 3).double(), 8),
    "four anywhere": (torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 3]]).double(), 1),
    "three anywhere": (torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 2, 0]]).double(), 2),
}
"""Positions, and by how many rotations and mirrors they map onto themselves."""


@settings(max_examples=40)
@example("circle of four", 1967, False)  # a mirror so close to an axis that its entries are 1.0000
@given(st.sampled_from(sorted(ARRAYS)), st.integers(0, 2**16), st.booleans())
def test_swaps_are_all_rotations_and_mirrors_of_an_array(name: str, seed: int, away: bool) -> None:
    positions, count = ARRAYS[name]
    # Lying in any way, and as far from the origin as one likes.
    turn = random_rotation(seed) if seed else torch.eye(3, dtype=torch.float64)
    positions = positions @ turn.mT + torch.tensor([0.3, -2.0, 1.0]) * away
    array = ArrayGeometry(positions)
    swaps = array.swaps()
    assert len(swaps) == count
    assert torch.equal(swaps[0].matrix, torch.eye(3, dtype=torch.float64))
    assert torch.equal(swaps[0].permutation, torch.arange(len(positions)))
    direction = unit_vector(torch.rand(5, dtype=torch.float64) * 360, 23.0)
    centred = ArrayGeometry(positions - positions.mean(dim=0))
    for matrix, order in swaps:
        torch.testing.assert_close(
            matrix @ matrix.mT, torch.eye(3, dtype=torch.float64), rtol=0, atol=1e-12
        )
        assert torch.equal(array.permutation(matrix), order)
        moved = direction @ matrix.mT
        torch.testing.assert_close(
            centred.delays(direction)[:, order], centred.delays(moved), rtol=0, atol=1e-12
        )
    flat = torch.stack([matrix.flatten() for matrix, _ in swaps])
    apart = torch.cdist(flat, flat)
    assert (apart + 9 * torch.eye(count)).min() > 0.1, "all are different"


def test_the_swaps_of_the_tetrahedron_are_channel_swaps() -> None:
    every = {tuple(swap.flatten().tolist()) for swap in channel_swaps(48)}
    for matrix, order in TETRAHEDRON.swaps():
        assert tuple(matrix.flatten().tolist()) in every
        assert sorted(order.tolist()) == [0, 1, 2, 3]


def test_swaps_forgive_the_rounding_of_positions() -> None:
    rounded = ArrayGeometry(TETRAHEDRON.positions.float() + 1e-7)
    for (matrix, order), (wanted, same) in zip(rounded.swaps(), TETRAHEDRON.swaps(), strict=True):
        assert torch.equal(matrix, wanted)
        assert torch.equal(order, same)
    shifted = TETRAHEDRON.positions.clone()
    shifted[0, 0] += 1e-3
    assert len(ArrayGeometry(shifted).swaps()) < 8


def test_delays_are_exact_in_half_precision_and_autocast() -> None:
    direction = unit_vector(torch.rand(50, dtype=torch.float64) * 360, 10.0)
    for dtype in (torch.float16, torch.bfloat16, torch.float32):
        rounded = direction.to(dtype)
        wanted = TETRAHEDRON.delays(rounded.double()).to(dtype)
        with torch.autocast("cpu", torch.bfloat16):
            found = TETRAHEDRON.delays(rounded)
        assert found.dtype == dtype
        torch.testing.assert_close(found, wanted, rtol=torch.finfo(dtype).eps, atol=1e-7)


@pytest.mark.messages
def test_directions_of_integers_are_told() -> None:
    with pytest.raises(TypeError, match=r"direction must hold floats, got torch\.int64"):
        TETRAHEDRON.delays(torch.tensor([0, 1, 0]))
    with pytest.raises(TypeError, match=r"num_channels must be an integer, got 2\.5"):
        ArrayGeometry.line(2.5, 0.1)  # type: ignore[arg-type]


def test_what_is_given_is_copied() -> None:
    positions = torch.eye(3)[:2]
    array = ArrayGeometry(positions)
    positions += 1
    assert array.positions.tolist() == [[1, 0, 0], [0, 1, 0]]
    assert array.positions.dtype == torch.float64
    assert ArrayGeometry(np.eye(3)).num_channels == 3


def test_equal_arrays_have_one_hash() -> None:
    one, other = ArrayGeometry([[0.0, 0, 0], [1, 0, 0]]), ArrayGeometry([[-0.0, 0, 0], [1, 0, 0]])
    assert one == other
    assert hash(one) == hash(other)


@pytest.mark.messages
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ArrayGeometry([[0.0, 1.0]]), r"positions must be \(channel, axis=3\), got"),
        (lambda: ArrayGeometry(torch.zeros(0, 3)), "positions must hold a microphone, got none"),
        (lambda: ArrayGeometry([[0.0, 1.0, float("nan")]]), "positions must be finite, got nan"),
        (
            lambda: ArrayGeometry([[0.0, 1, 0], [0.0, 0, 0], [0.0, 1, 0]]),
            "positions must differ, but microphones 0 and 2 are in one place",
        ),
        (
            lambda: TETRAHEDRON.permutation(torch.diag(torch.tensor([1.0, 1.0, 2.0]))),
            "matrix must be orthogonal, got",
        ),
        (lambda: ArrayGeometry.tetrahedron(0.0), "radius_m must be positive, got 0"),
        (lambda: ArrayGeometry.circle(0, 1.0), "num_channels must be at least 1, got 0"),
        (lambda: ArrayGeometry.line(2, -1.0), "spacing_m must be positive, got -1"),
        (lambda: TETRAHEDRON.max_lag(0), "sample_rate must be positive, got 0"),
        (lambda: TETRAHEDRON.delays(torch.zeros(4)), r"direction must be \(..., axis=3\)"),
        (lambda: TETRAHEDRON.permutation(torch.eye(4)), r"matrix must be \(axis=3, axis=3\), got"),
        (
            lambda: TETRAHEDRON.permutation(-torch.eye(3)),
            "matrix must map the array onto itself, but a microphone would be 0.048",
        ),
    ],
)
def test_messages(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@given(*ANGLES)
def test_steering_vectors_are_delays_at_each_frequency(azimuth: float, elevation: float) -> None:
    direction = unit_vector(torch.tensor(azimuth, dtype=torch.float64), elevation)
    hertz = torch.tensor([0.0, 100.0, 4000.0], dtype=torch.float64)
    found = TETRAHEDRON.steering(direction, hertz)
    expected = torch.exp(-2j * torch.pi * torch.outer(hertz, TETRAHEDRON.delays(direction)))
    torch.testing.assert_close(found, expected)
    assert TETRAHEDRON.steering(direction.expand(2, 5, 3), hertz).shape == (2, 5, 3, 4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_steering_vectors_of_directions_in_half_precision(dtype: torch.dtype) -> None:
    direction = torch.tensor([0.0, 1.0, 0.0], dtype=dtype)  # the same in any precision
    hertz = torch.tensor([100.0, 4000.0])
    found = TETRAHEDRON.steering(direction, hertz)
    assert found.dtype == torch.complex64
    torch.testing.assert_close(found, TETRAHEDRON.steering(direction.float(), hertz))
