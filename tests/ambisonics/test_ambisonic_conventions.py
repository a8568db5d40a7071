"""Plane waves say where they come from, in every convention."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seldkit.ambisonics import AXIS_TO_CHANNEL, convert, plane_wave, plane_wave_gains
from seldkit.geometry import unit_vector

AZIMUTHS = st.floats(-180, 180)
ELEVATIONS = st.floats(-90, 90)
quick = settings(max_examples=40)


def wave(azimuth: float, elevation: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return a signal, its direction and the plane wave of both."""
    signal = torch.randn(50, dtype=torch.float64)
    direction = unit_vector(torch.tensor(azimuth, dtype=torch.float64), elevation)
    return signal, direction, plane_wave(signal, direction)


@quick
@given(AZIMUTHS, ELEVATIONS)
def test_the_dipoles_point_to_the_source(azimuth: float, elevation: float) -> None:
    signal, direction, foa = wave(azimuth, elevation)
    torch.testing.assert_close(foa[0], signal)
    torch.testing.assert_close(foa[list(AXIS_TO_CHANNEL)], direction.unsqueeze(1) * signal)
    intensity = (foa[0] * foa[1:]).sum(dim=-1)  # along y, z, x
    torch.testing.assert_close(intensity / signal.square().sum(), direction[[1, 2, 0]])
    torch.testing.assert_close(foa[1:].square().sum(), foa[0].square().sum())


@quick
@given(AZIMUTHS, ELEVATIONS)
def test_every_convention_of_a_plane_wave_becomes_the_same(
    azimuth: float, elevation: float
) -> None:
    signal, (x, y, z), foa = wave(azimuth, elevation)
    fuma = torch.stack((signal / math.sqrt(2), x * signal, y * signal, z * signal))
    n3d = torch.stack((signal, *(math.sqrt(3) * dipole * signal for dipole in (y, z, x))))
    torch.testing.assert_close(convert(fuma, order="fuma", normalization="fuma"), foa)
    torch.testing.assert_close(convert(n3d, order="acn", normalization="n3d"), foa)
    assert torch.equal(convert(foa, order="acn", normalization="sn3d"), foa)
    assert torch.equal(convert(foa[[0, 3, 1, 2]], order="fuma", normalization="sn3d"), foa)


def test_batches_convert_like_single_recordings() -> None:
    waveform = torch.randn(2, 3, 4, 10)
    batch = convert(waveform, order="fuma", normalization="n3d")
    assert torch.equal(batch[1, 2], convert(waveform[1, 2], order="fuma", normalization="n3d"))
    assert batch.dtype == waveform.dtype


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_every_precision_is_kept_and_rounded_once(dtype: torch.dtype) -> None:
    waveform = torch.randn(4, 200, dtype=torch.float64).to(dtype)
    direction = unit_vector(torch.tensor(33.0, dtype=torch.float64), 21.0)
    with torch.autocast("cpu", torch.bfloat16):
        found = convert(waveform, order="fuma", normalization="fuma")
        wave_ = plane_wave(waveform[0], direction)
    wanted = convert(waveform.double(), order="fuma", normalization="fuma").to(dtype)
    assert found.dtype == wave_.dtype == dtype
    torch.testing.assert_close(found, wanted, rtol=torch.finfo(dtype).eps, atol=0)
    wanted = plane_wave(waveform[0].double(), direction).to(dtype)
    torch.testing.assert_close(wave_, wanted, rtol=torch.finfo(dtype).eps, atol=1e-7)


@pytest.mark.messages
@pytest.mark.parametrize("dtype", [torch.int16, torch.int32, torch.uint8, torch.bool])
def test_integer_audio_is_told(dtype: torch.dtype) -> None:
    with pytest.raises(TypeError, match="waveform must hold floats, got torch"):
        convert(torch.ones(4, 8, dtype=dtype), order="acn", normalization="n3d")
    with pytest.raises(TypeError, match="signal must hold floats, got torch"):
        plane_wave(torch.ones(8, dtype=dtype), torch.tensor([0.0, 1.0, 0.0]))


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match=r"signal must be \(sample\), got shape \(2, 8\)"):
        plane_wave(torch.zeros(2, 8), torch.zeros(3))
    with pytest.raises(ValueError, match=r"direction must be \(axis=3\), got shape \(2,\)"):
        plane_wave(torch.zeros(8), torch.zeros(2))
    with pytest.raises(ValueError, match=r"waveform must be \(\.\.\., channel=4, sample\), got"):
        convert(torch.zeros(2, 8), order="acn", normalization="sn3d")
    with pytest.raises(ValueError, match="order must be one of 'acn', 'fuma', got 'wxyz'"):
        convert(torch.zeros(4, 8), order="wxyz", normalization="sn3d")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"normalization must be one of .*, got 'maxn'"):
        convert(torch.zeros(4, 8), order="acn", normalization="maxn")  # type: ignore[arg-type]


def test_gains_of_plane_waves() -> None:
    directions = torch.nn.functional.normalize(torch.randn(5, 3), dim=1)
    waves = torch.stack([plane_wave(torch.ones(1), direction) for direction in directions])
    assert torch.equal(plane_wave_gains(directions), waves.squeeze(-1))
