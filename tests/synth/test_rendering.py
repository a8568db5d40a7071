"""Sound fields of single sources, and ambient noise."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from seldkit.ambisonics import plane_wave
from seldkit.arrays import SPEED_OF_SOUND
from seldkit.geometry import angle_deg, unit_vector
from seldkit.synth.noise import diffuse_noise
from seldkit.synth.render import _cross_fade, direct_sound, reverberation
from seldkit.synth.room import Room
from seldkit.synth.trajectory import Trajectory, circle, line

RATE = 24000


def place(azimuth: float, elevation: float, distance: float) -> NDArray[np.float64]:
    angles = torch.tensor([azimuth, elevation], dtype=torch.float64)
    position: NDArray[np.float64] = distance * unit_vector(*angles).numpy()
    return position


def still(position: NDArray[np.float64]) -> Trajectory:
    return Trajectory(np.zeros(1), position[None])


def noise(seconds: float, seed: int = 0) -> NDArray[np.float32]:
    generator = np.random.default_rng(seed)
    return generator.standard_normal(round(seconds * RATE), dtype=np.float32)


def errors_deg(field: NDArray[np.float32], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the angle between the intensity of each frame of 100 ms and the truth there."""
    frames = field[:, : len(truth) * RATE // 10].reshape(4, len(truth), -1).astype(np.float64)
    flow = (frames[:1] * frames[[3, 1, 2]]).mean(axis=-1).T
    angles: NDArray[np.float64] = angle_deg(torch.from_numpy(flow), torch.from_numpy(truth)).numpy()
    return angles


@settings(max_examples=25)
@given(st.floats(-180, 180), st.floats(-89, 89), st.floats(0.5, 5))
def test_an_anechoic_source_is_found_where_it_is(az: float, el: float, distance: float) -> None:
    position = place(az, el, distance)
    field = direct_sound(noise(0.5), still(position), RATE)
    assert errors_deg(field, np.tile(position, (5, 1))).max() < 0.01


def test_the_direct_sound_is_a_plane_wave_delayed_and_weakened_by_distance() -> None:
    dry, direction = noise(0.2), unit_vector(60.0, 20.0)
    samples = 100
    distance = samples * SPEED_OF_SOUND / RATE
    field = direct_sound(dry, still(distance * direction.double().numpy()), RATE)
    expected = plane_wave(torch.from_numpy(dry) / distance, direction).numpy()
    np.testing.assert_allclose(field[:, samples : samples + len(dry)], expected, atol=1e-4)
    assert np.abs(field[:, : samples - 1]).max() < 1e-3


def test_delays_between_samples_keep_the_spectrum() -> None:
    dry = noise(0.5)
    for fraction in (0.25, 0.5, 0.8):
        distance = (100 + fraction) * SPEED_OF_SOUND / RATE
        wave = distance * direct_sound(dry, still(np.array([distance, 0, 0])), RATE)[0]
        spectra = [np.abs(np.fft.rfft(signal, 2**15)) for signal in (dry, wave)]
        up_to = round(0.95 * len(spectra[0]))
        error = np.square(spectra[0] - spectra[1])[:up_to].sum() / np.square(spectra[0]).sum()
        assert error < 1e-4


def test_a_moving_source_is_followed() -> None:
    path = circle(place(-80, 10, 1.5), turn_deg_s=40, seconds=4)
    centres = (np.arange(40) + 0.5) / 10
    error = errors_deg(direct_sound(noise(4.1), path, RATE), path.heard(centres))
    assert error.max() < 0.1


def test_an_approaching_source_sounds_higher() -> None:
    time = np.arange(RATE) / RATE
    tone = np.sin(2 * np.pi * 1000 * time).astype(np.float32)
    path = line(place(0, 0, 30.0), velocity_m_s=np.array([-20.0, 0, 0]), seconds=1.0)
    heard = direct_sound(tone, path, RATE)[0, 3000:20000]
    peak = np.argmax(np.abs(np.fft.rfft(heard * np.hanning(len(heard)), 2**18)))
    assert peak * RATE / 2**18 == pytest.approx(1000 / (1 - 20 / SPEED_OF_SOUND), abs=1)


def test_cross_fading_between_equal_responses_is_convolution() -> None:
    dry, response = noise(0.55), np.random.default_rng(1).standard_normal((4, 300))
    responses = np.tile(response.astype(np.float32), (7, 1, 1))
    expected = np.stack([np.convolve(dry, channel) for channel in response])
    np.testing.assert_allclose(_cross_fade(dry, responses, RATE // 10), expected, atol=1e-3)


def test_between_two_responses_the_fade_is_linear() -> None:
    responses = np.zeros((3, 4, 1), dtype=np.float32)
    responses[1] = 1.0
    faded = _cross_fade(np.ones(2400, dtype=np.float32), responses, 1200)
    np.testing.assert_allclose(faded[0, [0, 600, 1200, 1800]], [0, 0.5, 1, 0.5], atol=1e-5)


@pytest.mark.parametrize("turn_deg_s", [0.0, 40.0])
def test_in_a_room_the_median_direction_holds(turn_deg_s: float) -> None:
    pytest.importorskip("pyroomacoustics")
    room = Room((7.0, 5.5, 3.2), 0.4, (3.5, 2.75, 1.5))
    path = circle(place(-80, 20, 1.5), turn_deg_s=turn_deg_s, seconds=4)
    path = path if turn_deg_s else still(path.position_m[0])
    dry = noise(4)
    field = direct_sound(dry, path, RATE)
    wet = reverberation(dry, path, room, np.random.default_rng(0), RATE)
    field += wet[:, : field.shape[1]]
    error = errors_deg(field, path.heard((np.arange(40) + 0.5) / 10))
    assert np.median(error) < 5


def test_a_source_that_hardly_moves_sounds_in_a_room_as_one_that_stays() -> None:
    pytest.importorskip("pyroomacoustics")
    room = Room((6.0, 5.0, 3.0), 0.3, (3.0, 2.5, 1.5))
    stays, moves = still(place(30, 10, 1.5)), circle(place(30, 10, 1.5), turn_deg_s=0, seconds=1)
    fields = [
        reverberation(noise(1), path, room, np.random.default_rng(0), RATE)
        for path in (stays, moves)
    ]
    np.testing.assert_allclose(fields[0], fields[1][:, : fields[0].shape[1]], atol=1e-3)


def test_ambient_noise_is_diffuse() -> None:
    field = diffuse_noise(np.random.default_rng(0), 10 * RATE, RATE, tilt_db=-3.0)
    power = np.square(field).mean(axis=1)
    assert power[0] == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(power[1:], 1 / 3, rtol=0.1)
    assert np.abs(np.corrcoef(field) - np.eye(4)).max() < 0.05


@pytest.mark.parametrize("tilt_db", [0.0, -3.0, -6.0])
def test_ambient_noise_has_the_stated_tilt(tilt_db: float) -> None:
    field = diffuse_noise(np.random.default_rng(0), 10 * RATE, RATE, tilt_db=tilt_db)
    power = np.square(np.abs(np.fft.rfft(field[0])))
    low, high = (power[10 * hertz : 20 * hertz].mean() for hertz in (500, 4000))
    assert 10 * np.log10(high / low) / 3 == pytest.approx(tilt_db, abs=0.2)
