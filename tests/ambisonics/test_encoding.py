"""What an array records becomes ambisonics that tells where sounds come from."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seldkit.ambisonics import check, encode, plane_wave, usable_band_hz
from seldkit.ambisonics.steering import Capsules, steering
from seldkit.arrays import SPEED_OF_SOUND, ArrayGeometry
from seldkit.features import STFT, intensity_vector
from seldkit.geometry import angle_deg, azimuth_elevation_deg, unit_vector
from seldkit.io import read_audio
from seldkit.synth import array_plane_wave

Find = Callable[[str], Path]
RATE = 24000
TETRAHEDRON = ArrayGeometry.tetrahedron()
SQUARE = ArrayGeometry(0.02285 * torch.tensor([[1, 1, 0], [-1, 1, 0], [-1, -1, 0], [1, -1, 0.0]]))
LOPSIDED = ArrayGeometry(
    0.01
    * torch.tensor(
        [[4, 0, 0], [-3, 1, 1], [0, 3, -1], [1, -4, 0], [0, 0, 4], [1, 1, -4.0], [-2, -2, 2]]
    )
)


def direction_of(azimuth: float, elevation: float) -> Tensor:
    return unit_vector(torch.tensor(azimuth, dtype=torch.float64), elevation)


def found_direction(foa: Tensor, band_hz: tuple[float, float]) -> Tensor:
    """Return where the intensity points, summed over a band."""
    spectrum = STFT(n_fft=1024, hop_length=512, sample_rate=RATE)(foa.unsqueeze(0))
    hertz = torch.arange(513) * RATE / 1024
    inside = (hertz >= band_hz[0]) & (hertz <= band_hz[1])
    y, z, x = intensity_vector(spectrum, norm=None)[0][:, :, inside].sum(dim=(1, 2))
    return torch.stack((x, y, z))


@settings(max_examples=12)
@given(st.floats(-180, 180), st.floats(-90, 90), st.sampled_from([TETRAHEDRON, LOPSIDED]))
def test_waves_come_from_where_they_came(
    azimuth: float, elevation: float, array: ArrayGeometry
) -> None:
    source = direction_of(azimuth, elevation)
    signal = torch.randn(RATE, dtype=torch.float64)
    foa = encode(array_plane_wave(signal, source, array, sample_rate=RATE), array, RATE)
    band = usable_band_hz(array, RATE)
    assert angle_deg(found_direction(foa, band), source) < 1.5
    low, high = band
    for part in ((low, 2 * low), (0.8 * high, high)):
        assert angle_deg(found_direction(foa, part), source) < 2.0


@settings(max_examples=8)
@given(st.floats(-180, 180), st.floats(-60, 60))
def test_a_level_array_tells_the_azimuth_and_is_silent_in_z(
    azimuth: float, elevation: float
) -> None:
    source = direction_of(azimuth, elevation)
    signal = torch.randn(RATE, dtype=torch.float64)
    foa = encode(array_plane_wave(signal, source, SQUARE, sample_rate=RATE), SQUARE, RATE)
    found, _ = azimuth_elevation_deg(found_direction(foa, usable_band_hz(SQUARE, RATE)))
    assert (found - azimuth + 180) % 360 - 180 == pytest.approx(0, abs=2)
    assert foa[2].abs().max() < 1e-12


def test_what_comes_out_is_the_plane_wave_itself() -> None:
    """Within the band, all four channels, without delay."""
    low, high = usable_band_hz(TETRAHEDRON, RATE)
    time = torch.arange(RATE, dtype=torch.float64) / RATE
    signal = torch.sin(2 * math.pi * math.sqrt(low * high) * time)
    source = direction_of(60.0, 20.0)
    recorded = array_plane_wave(signal, source, TETRAHEDRON, sample_rate=RATE)
    foa, wanted = encode(recorded, TETRAHEDRON, RATE), plane_wave(signal, source)
    middle = slice(3000, -3000)
    torch.testing.assert_close(foa[:, middle], wanted[:, middle], rtol=0, atol=0.08)


@pytest.mark.parametrize(
    ("array", "capsules", "low", "high"),
    [
        (TETRAHEDRON, "omni", 117, 1242),
        (TETRAHEDRON, "sphere", 70, 984),
        (ArrayGeometry.tetrahedron(0.015), "cardioid", 0, 1266),
        (SQUARE, "omni", 117, 1523),
        (ArrayGeometry.circle(6, radius_m=0.05), "omni", 70, 2600),
    ],
)
def test_usable_bands(array: ArrayGeometry, capsules: Capsules, low: float, high: float) -> None:
    found = usable_band_hz(array, RATE, capsules=capsules)
    assert found == pytest.approx((low, high), abs=50)


def test_a_band_scales_with_the_array_and_not_with_the_rate() -> None:
    low, high = usable_band_hz(TETRAHEDRON, RATE)
    half = usable_band_hz(ArrayGeometry(TETRAHEDRON.positions / 2), 48000)
    assert half == pytest.approx((2 * low, 2 * high), rel=0.1)


@pytest.mark.parametrize("capsules", ["omni", "cardioid", "sphere"])
@pytest.mark.parametrize("wavenumber", [0.0, 5.0, 40.0])
def test_a_sphere_of_no_size_is_none(capsules: Capsules, wavenumber: float) -> None:
    """Close together, microphones hear the pressure itself; cardioids in front hear it whole."""
    places = 1e-5 * torch.eye(3, dtype=torch.float64).numpy()
    heard = steering(places, torch.tensor([wavenumber]).double().numpy(), places / 1e-5, capsules)[
        0
    ]
    wanted = torch.full((3, 3), 0.5 if capsules == "cardioid" else 1.0).fill_diagonal_(1.0)
    torch.testing.assert_close(torch.from_numpy(heard).abs().float(), wanted, atol=0.02, rtol=0)


def test_a_rigid_sphere_bends_waves_around_itself() -> None:
    """Low sounds take half again as long around it; high ones are loud in front, faint behind."""
    places = torch.tensor([[0.042, 0, 0], [-0.042, 0, 0]], dtype=torch.float64).numpy()
    front = torch.tensor([[1.0, 0, 0]], dtype=torch.float64).numpy()
    hertz = torch.tensor([100.0, 20000.0], dtype=torch.float64)
    wavenumber = (2 * math.pi * hertz / SPEED_OF_SOUND).numpy()
    low, high = torch.from_numpy(steering(places, wavenumber, front, "sphere"))[..., 0]
    assert (low[0] / low[1]).angle() == pytest.approx(1.5 * wavenumber[0] * 0.084, rel=0.02)
    assert high[0].abs() == pytest.approx(2, abs=0.1)
    assert high[1].abs() < high[0].abs()


def test_energy_is_kept_above_the_band() -> None:
    generator = torch.Generator().manual_seed(0)
    total = torch.zeros(4, RATE, dtype=torch.float64)
    for _ in range(60):
        source = torch.nn.functional.normalize(
            torch.randn(3, dtype=torch.float64, generator=generator), dim=0
        )
        signal = torch.randn(RATE, dtype=torch.float64, generator=generator)
        total += array_plane_wave(signal, source, TETRAHEDRON, sample_rate=RATE)
    foa = encode(total / 60**0.5, TETRAHEDRON, RATE)
    power = torch.fft.rfft(foa).abs().square() / RATE
    for low in (500, 2000, 4000, 6000, 10000):
        omni, *dipoles = power[:, low : low + 1000].mean(dim=1).tolist()
        assert omni == pytest.approx(1, abs=0.3)
        assert sum(dipoles) == pytest.approx(1, abs=0.3)


def test_lengths_batches_and_precisions() -> None:
    waveform = torch.randn(2, 4, 20001)
    foa = encode(waveform, TETRAHEDRON, RATE)
    assert foa.shape == waveform.shape
    torch.testing.assert_close(foa[1], encode(waveform[1], TETRAHEDRON, RATE))
    exact = encode(waveform.double(), TETRAHEDRON, RATE)
    torch.testing.assert_close(foa.double(), exact, rtol=0, atol=1e-5)
    assert encode(waveform[0, :, :1], TETRAHEDRON, RATE).shape == (4, 1)
    half = encode(waveform.half(), TETRAHEDRON, RATE)
    assert half.dtype == torch.float16
    torch.testing.assert_close(half.float(), foa, rtol=0, atol=0.03)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(encode(waveform, TETRAHEDRON, RATE), foa)


def test_the_place_of_the_array_does_not_matter() -> None:
    waveform = torch.randn(4, 5000, dtype=torch.float64)
    moved = ArrayGeometry(TETRAHEDRON.positions + torch.tensor([1.0, 2.0, 3.0]))
    wanted = encode(waveform, TETRAHEDRON, RATE)
    torch.testing.assert_close(encode(waveform, moved, RATE), wanted)


def test_real_talkers_are_found_by_the_square_array(data: Find) -> None:
    for distance in (50, 150, 250):
        waveform, rate = read_audio(data(f"multi_ssl/a180e20_{distance}cm.flac"), sample_rate=RATE)
        assert check(waveform, rate).kind == "microphones"
        foa = encode(waveform, SQUARE, rate)
        assert check(foa, rate).kind == "ambisonics"
        found, _ = azimuth_elevation_deg(found_direction(foa, (300.0, 1500.0)))
        assert abs(abs(found) - 180) < 8


@pytest.mark.messages
def test_what_cannot_be_encoded_is_told() -> None:
    with pytest.raises(ValueError, match=r"\(\.\.\., channel=4, sample\) as the array has mic"):
        encode(torch.zeros(3, 100), TETRAHEDRON, RATE)
    with pytest.raises(ValueError, match=r"waveform must hold a sample, got \(4, 0\)"):
        encode(torch.zeros(4, 0), TETRAHEDRON, RATE)
    with pytest.raises(TypeError, match=r"waveform must hold floats, got torch\.int16"):
        encode(torch.zeros(4, 100, dtype=torch.int16), TETRAHEDRON, RATE)
    with pytest.raises(ValueError, match=r"capsules must be one of 'omni', .*, got 'figure8'"):
        usable_band_hz(TETRAHEDRON, RATE, capsules="figure8")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="sample_rate must be positive, got 0"):
        usable_band_hz(TETRAHEDRON, 0)
    for array in (ArrayGeometry.line(4, spacing_m=0.05), ArrayGeometry.line(2, spacing_m=0.05)):
        with pytest.raises(ValueError, match="three microphones that are not on one line, got "):
            usable_band_hz(array, RATE)
    with pytest.raises(ValueError, match=r"within 0\.58 m .* of 24000, got a microphone 5 m"):
        usable_band_hz(ArrayGeometry.circle(4, radius_m=5.0), RATE)
    with pytest.raises(ValueError, match="must tell directions at some frequency"):
        usable_band_hz(ArrayGeometry.circle(4, radius_m=5.0), 1000)
    middle = ArrayGeometry(torch.cat((SQUARE.positions, torch.zeros(1, 3))))
    assert usable_band_hz(middle, RATE)[1] > 1000
    with pytest.raises(ValueError, match="must be 'omni' where a microphone is in the middle"):
        usable_band_hz(middle, RATE, capsules="cardioid")
    with pytest.raises(
        ValueError, match=r"on one sphere about their middle, got 'sphere' and 0\.0"
    ):
        usable_band_hz(LOPSIDED, RATE, capsules="sphere")
