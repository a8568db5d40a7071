"""Scenes as an array records them: delays, distances and coherence are those of physics."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seldkit.arrays import SPEED_OF_SOUND, ArrayGeometry
from seldkit.geometry import unit_vector
from seldkit.synth import SceneSynthesizer, array_plane_wave
from seldkit.synth.noise import diffuse_noise
from seldkit.synth.receiver import ArrayReceiver
from seldkit.synth.render import direct_sound, reverberation
from seldkit.synth.room import Room, image_responses
from seldkit.synth.trajectory import Trajectory

RATE = 24000
MIC = ArrayGeometry.tetrahedron()


@settings(max_examples=20)
@given(st.floats(-180, 180), st.floats(-89, 89))
def test_a_far_source_is_the_plane_wave_of_the_array(azimuth: float, elevation: float) -> None:
    dry = np.random.default_rng(0).standard_normal(4000).astype(np.float32)
    direction = unit_vector(torch.tensor(azimuth, dtype=torch.float64), elevation)
    distance = 1000 * SPEED_OF_SOUND / RATE * 3  # whole samples, far enough
    path = Trajectory(np.zeros(1), distance * direction.numpy()[None])
    field = direct_sound(dry, path, RATE, receiver=ArrayReceiver(MIC)) * distance
    expected = array_plane_wave(torch.from_numpy(dry), direction, MIC, sample_rate=RATE).numpy()
    ours = field[:, 3000 : 3000 + len(dry)]
    error = np.square(ours - expected)[:, 100:-100].sum() / np.square(expected).sum()
    assert error < 2e-3


def test_a_near_source_is_louder_in_the_nearer_microphone() -> None:
    pair = ArrayGeometry.line(2, spacing_m=0.5)
    path = Trajectory(np.zeros(1), np.array([[0.0, 0.75, 0.0]]))
    field = direct_sound(np.ones(1000, np.float32), path, RATE, receiver=ArrayReceiver(pair))
    middle = field[:, 450:550].mean(axis=1)
    np.testing.assert_allclose(middle, [1 / 0.5, 1 / 1.0], rtol=1e-3)


def test_images_reach_each_microphone_after_their_own_way() -> None:
    pytest.importorskip("pyroomacoustics")
    room = Room((6.0, 5.0, 3.0), 0.3, (3.0, 2.5, 1.5), image_order=1)
    source = np.array([[1.0, 0.5, 0.2]])
    responses = image_responses(room, source, RATE, receiver=ArrayReceiver(MIC), direct=True)[0]
    for response, place in zip(responses, MIC.positions.numpy(), strict=True):
        distance = np.linalg.norm(source[0] - place)
        assert np.argmax(response) == pytest.approx(distance / SPEED_OF_SOUND * RATE, abs=1)
    path = Trajectory(np.zeros(1), source)
    dry = np.ones(2400, np.float32)
    wet = reverberation(
        dry, path, room, np.random.default_rng(0), RATE, receiver=ArrayReceiver(MIC)
    )
    assert wet.shape[0] == 4


def test_ambient_noise_is_as_coherent_as_a_diffuse_field() -> None:
    pair = ArrayGeometry.line(2, spacing_m=0.1)
    noise = diffuse_noise(
        np.random.default_rng(0), 20 * RATE, RATE, tilt_db=0.0, receiver=ArrayReceiver(pair)
    )
    assert np.square(noise).mean(axis=1) == pytest.approx(1, abs=0.02)
    spectra = np.fft.rfft(noise.reshape(2, -1, 480) * np.hanning(480))
    cross = (spectra[0] * spectra[1].conj()).mean(axis=0).real
    power = np.square(np.abs(spectra)).mean(axis=(0, 1))
    hertz = np.fft.rfftfreq(480, 1 / RATE)
    expected = np.sinc(2 * hertz * 0.1 / SPEED_OF_SOUND)
    band = slice(4, -4)
    np.testing.assert_allclose((cross / power)[band], expected[band], atol=0.12)


@pytest.mark.parametrize("anechoic", [False, True])
def test_scenes_of_both_formats_have_the_same_events(anechoic: bool) -> None:
    if not anechoic:
        pytest.importorskip("pyroomacoustics")
    settings = {"duration_s": 4.0, "anechoic": anechoic, "snr_db": None, "moving": 0.5}
    foa, events = SceneSynthesizer(**settings).scene(3)  # type: ignore[arg-type]
    mic, same = SceneSynthesizer(array=MIC, **settings).scene(3)  # type: ignore[arg-type]
    assert foa.shape == mic.shape
    assert same == events
    assert not torch.equal(foa, mic)
    assert mic.square().mean() == pytest.approx(float(foa[0].square().mean()), rel=0.4)
