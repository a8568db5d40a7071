"""Degrees and vectors are two names for one direction, and angles are a metric."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seldkit.geometry import (
    angle_deg,
    azimuth_elevation_deg,
    unit_norm,
    unit_vector,
    within,
    wrap_deg,
)

AZIMUTHS = st.floats(-180, 180, exclude_max=True)
ELEVATIONS = st.floats(-90, 90)
SEEDS = st.integers(0, 2**32 - 1)
quick = settings(max_examples=60)


def directions(seed: int, count: int, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.randn(count, 3, generator=generator, dtype=torch.float64)
    return torch.nn.functional.normalize(vectors, dim=-1).to(dtype)


@quick
@given(AZIMUTHS, ELEVATIONS)
def test_a_direction_comes_back_from_degrees(azimuth: float, elevation: float) -> None:
    vector = unit_vector(*torch.tensor([azimuth, elevation], dtype=torch.float64))
    back_azimuth, back_elevation = azimuth_elevation_deg(vector)
    assert vector.norm() == pytest.approx(1, abs=1e-15)
    torch.testing.assert_close(unit_vector(back_azimuth, back_elevation), vector)
    assert back_elevation == pytest.approx(elevation, abs=2e-6)  # flat at the poles
    if abs(elevation) < 89:
        turn = (back_azimuth - azimuth + 180) % 360 - 180
        assert turn == pytest.approx(0, abs=1e-10)


@pytest.mark.parametrize(
    ("azimuth", "elevation", "vector"),
    [
        (0.0, 0.0, [1.0, 0.0, 0.0]),
        (90.0, 0.0, [0.0, 1.0, 0.0]),
        (180.0, 0.0, [-1.0, 0.0, 0.0]),
        (-90.0, 0.0, [0.0, -1.0, 0.0]),
        (0.0, 90.0, [0.0, 0.0, 1.0]),
        (123.0, -90.0, [0.0, 0.0, -1.0]),
        (450.0, 360.0, [0.0, 1.0, 0.0]),
    ],
)
def test_front_left_and_up_are_x_y_and_z(
    azimuth: float, elevation: float, vector: list[float]
) -> None:
    torch.testing.assert_close(
        unit_vector(azimuth, elevation), torch.tensor(vector), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_degrees_stay_in_their_ranges(dtype: torch.dtype) -> None:
    poles = torch.eye(3, dtype=dtype)
    behind = torch.tensor([[-1.0, 0.0, 0.0], [-1.0, -0.0, 0.0], [-1.0, 1e-30, 0.0]], dtype=dtype)
    vectors = torch.cat((directions(0, 5000, dtype), poles, -poles, behind, torch.zeros(1, 3)))
    azimuth, elevation = azimuth_elevation_deg(vectors)
    assert ((azimuth >= -180) & (azimuth < 180)).all()
    assert (elevation.abs() <= 90).all()


def test_the_length_of_a_vector_does_not_matter() -> None:
    vectors = directions(1, 20)
    for exact, scaled in zip(
        azimuth_elevation_deg(vectors), azimuth_elevation_deg(vectors * 7.3), strict=True
    ):
        torch.testing.assert_close(exact, scaled)
    assert angle_deg(vectors, vectors * 7.3).max() < 1e-13


def test_a_number_takes_the_kind_of_the_other_argument() -> None:
    azimuth = torch.zeros(4, dtype=torch.float64)
    assert unit_vector(azimuth, 30.0)[:, 2].sub(0.5).abs().max() < 1e-15
    assert unit_vector(30.0, azimuth)[:, 1].sub(0.5).abs().max() < 1e-15
    assert unit_vector(torch.zeros(5, 1), torch.zeros(4)).shape == (5, 4, 3)


@quick
@given(SEEDS, st.sampled_from([torch.float32, torch.float64]))
def test_angles_are_a_metric(seed: int, dtype: torch.dtype) -> None:
    a, b, c = directions(seed, 3 * 30, dtype).reshape(3, 30, 3)
    assert torch.equal(angle_deg(a, a), torch.zeros(30, dtype=dtype))
    assert torch.equal(angle_deg(a, -a), torch.full((30,), 180, dtype=dtype))
    assert torch.equal(angle_deg(a, b), angle_deg(b, a))
    slack = 1000 * torch.finfo(dtype).eps
    assert (angle_deg(a, c) <= angle_deg(a, b) + angle_deg(b, c) + slack).all()
    torch.testing.assert_close(angle_deg(a, b) + angle_deg(b, -a), torch.full((30,), 180.0).to(a))


@quick
@given(SEEDS)
def test_turning_the_world_keeps_angles(seed: int) -> None:
    a, b = directions(seed, 2 * 30).reshape(2, 30, 3)
    turn = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64))[0]
    torch.testing.assert_close(angle_deg(a @ turn, b @ turn), angle_deg(a, b))


@pytest.mark.parametrize("size", [1e-12, 1e-7, 1e-3])
def test_small_angles_keep_their_digits(size: float) -> None:
    front, beside = unit_vector(torch.tensor([0.0, size], dtype=torch.float64), 0.0)
    assert angle_deg(front, beside).item() == pytest.approx(size, rel=1e-9)
    assert angle_deg(-front, beside).item() == pytest.approx(180 - size, rel=1e-15)


def test_the_angle_to_nowhere_is_undefined() -> None:
    assert angle_deg(torch.zeros(3), torch.tensor([1.0, 0.0, 0.0])).isnan()


def test_angles_have_gradients_even_at_zero() -> None:
    a, b = directions(3, 2 * 4).reshape(2, 4, 3).clone().requires_grad_()
    assert torch.autograd.gradcheck(angle_deg, (a, b))
    same = directions(4, 4).requires_grad_()
    angle_deg(same, same.detach()).sum().backward()
    assert same.grad is not None
    assert same.grad.isfinite().all()


@pytest.mark.messages
def test_vectors_have_three_coordinates() -> None:
    with pytest.raises(ValueError, match=r"direction must be \(\.\.\., axis=3\), got shape \(2,\)"):
        azimuth_elevation_deg(torch.zeros(2))
    with pytest.raises(ValueError, match=r"b must be \(\.\.\., axis=3\), got shape \(5, 4\)"):
        angle_deg(torch.zeros(5, 3), torch.zeros(5, 4))
    whole = torch.tensor([1, 0, 0])
    for wrong in (lambda: azimuth_elevation_deg(whole), lambda: angle_deg(whole, whole.float())):
        with pytest.raises(TypeError, match=r"must hold floats, got torch\.int64"):
            wrong()


def test_zeros_have_no_sign() -> None:
    for x, y, z in ((-0.0, -0.0, -0.0), (-0.0, 0.0, 1.0), (1.0, -0.0, -0.0)):
        azimuth, elevation = azimuth_elevation_deg(torch.tensor([x, y, z]))
        assert (azimuth.item(), elevation.item()) == (0, 90 * z)
        assert not azimuth.signbit()


@pytest.mark.transforms
def test_compiles_whole() -> None:
    compiled = torch.compile(unit_vector, fullgraph=True, backend="eager")
    azimuth = torch.linspace(-180, 180, 7)
    torch.testing.assert_close(compiled(azimuth, 10.0), unit_vector(azimuth, 10.0))
    angle = torch.compile(angle_deg, fullgraph=True, backend="eager")
    a, b = directions(0, 8).reshape(2, 4, 3)
    torch.testing.assert_close(angle(a, b), angle_deg(a, b))


@pytest.mark.parametrize("limit", [20.0, 0.0, 180.0, 2.0])
def test_a_limit_includes_its_border_but_for_rounding(limit: float) -> None:
    value = limit + torch.tensor([-0.1, 0, 1e-12, 1e-8, torch.nan], dtype=torch.float64)
    assert within(value, limit).tolist() == [True, True, True, False, False]


@pytest.mark.parametrize("elevation", [0.0, 35.0])
def test_whole_degrees_apart_are_within_them_wherever_they_lie(elevation: float) -> None:
    azimuth = torch.arange(-180, 180, dtype=torch.float64)
    here, there = (unit_vector(azimuth + turn, elevation) for turn in (0, 20))
    if elevation == 0:
        assert not (angle_deg(here, there) <= 20).all()  # why the comparison forgives rounding
        assert within(angle_deg(here, there), 20).all()
    assert not within(angle_deg(here, there), 14).any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_azimuths_are_wrapped_where_they_must_be(dtype: torch.dtype) -> None:
    hair = torch.tensor([-180.0, 180.0, 360.0], dtype=dtype).nextafter(torch.tensor(-1e9).to(dtype))
    azimuth = torch.cat((hair, torch.linspace(-900, 900, 1001, dtype=dtype)))
    wrapped = wrap_deg(azimuth)
    assert ((wrapped >= -180) & (wrapped < 180)).all()
    assert wrap_deg(azimuth.new_tensor([torch.nan])).isnan().all()
    there = (azimuth >= -180) & (azimuth < 180)
    assert torch.equal(wrapped[there], azimuth[there])
    torch.testing.assert_close(
        unit_vector(wrapped, 0.0), unit_vector(azimuth, 0.0), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_length_one_of_the_longest_and_the_shortest(dtype: torch.dtype) -> None:
    info = torch.finfo(dtype)
    x = torch.tensor([[1.0, 1.0, 0.0], [0.0, -2.0, 0.0], [0.0, 0.0, 0.0]], dtype=dtype)
    want = torch.tensor([[0.5**0.5, 0.5**0.5, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 0.0]], dtype=dtype)
    for size in (1.0, info.max / 2, info.tiny):
        torch.testing.assert_close(unit_norm(x * size), want)
    assert unit_norm(x).dtype == dtype
