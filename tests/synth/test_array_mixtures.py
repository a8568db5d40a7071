"""Plane waves reach microphones when the geometry says, and mixtures are what they claim."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from references.plane_waves import array_recording
from seldkit.arrays import ArrayGeometry
from seldkit.features import GCCPHAT, STFT, FeatureExtractor
from seldkit.geometry import unit_vector
from seldkit.synth import ArrayMixture, ArrayMixtures, array_plane_wave

ARRAY = ArrayGeometry.circle(8, radius_m=0.05)


class Noises:
    """Three classes of white noise, one of each length."""

    classes = ("long", "middle", "short")

    def draw(
        self, label: int, generator: np.random.Generator, sample_rate: int
    ) -> NDArray[np.float32]:
        """Return a sound of a class."""
        length = round((0.9, 0.4, 0.2)[label] * sample_rate)
        return generator.standard_normal(length, dtype=np.float32)


def mixtures(**arguments: Any) -> ArrayMixtures:
    """Return mixtures of half a second at 8 kHz."""
    given: dict[str, Any] = {"sounds": Noises(), "duration_s": 0.5, "sample_rate": 8000}
    return ArrayMixtures(**({"array": ARRAY} | given | arguments))


@settings(max_examples=20)
@given(st.floats(-180, 180), st.floats(-90, 90), st.integers(1, 99))
def test_delays_are_those_of_the_array(azimuth: float, elevation: float, length: int) -> None:
    signal = torch.zeros(length + 600, dtype=torch.float64)
    signal[300 : 300 + length] = torch.from_numpy(np.hanning(length + 2)[1:-1])
    direction = unit_vector(azimuth, elevation)
    recorded = array_plane_wave(signal, direction, ARRAY, sample_rate=16000)
    wanted = array_recording(ARRAY, signal, direction, sample_rate=16000)
    torch.testing.assert_close(recorded, wanted, rtol=0, atol=2e-3)


def test_whole_delays_move_samples_and_what_leaves_is_gone() -> None:
    array = ArrayGeometry.line(3, spacing_m=0.343)  # two samples apart at 2 kHz
    signal = torch.arange(1.0, 8.0)
    left = torch.tensor([0.0, 1.0, 0.0])
    recorded = array_plane_wave(signal, left, array, sample_rate=2000)
    wanted = torch.tensor([[3, 4, 5, 6, 7, 0, 0], [1, 2, 3, 4, 5, 6, 7], [0, 0, 1, 2, 3, 4, 5]])
    torch.testing.assert_close(recorded, wanted.float(), rtol=0, atol=1e-4)
    assert recorded.dtype == signal.dtype
    half = array_plane_wave(signal.half(), left.half(), array, sample_rate=2000)
    torch.testing.assert_close(half, wanted.half())


def test_a_mixture_is_its_target_another_sound_and_noise() -> None:
    made = [mixtures(snr_db=None).mixture(0, i) for i in range(6)]
    for mixture in made:
        assert mixture.waveform.shape == mixture.target.shape == (8, 4000)
        assert mixture.waveform.dtype == torch.float32
        other = mixture.waveform - mixture.target
        assert other.any()
        assert 0 <= mixture.label < 3
        assert 0 <= mixture.direction < 8
    assert len({mixture.direction for mixture in made}) > 1
    alone = mixtures(num_sounds=1, snr_db=None).mixture(0)
    assert torch.equal(alone.waveform, alone.target)


def test_levels() -> None:
    settings: dict[str, Any] = {"level_db": (-20, -20), "other_db": (-6, -6)}
    for index in range(4):
        clean = mixtures(**settings, snr_db=None).mixture(1, index)
        noisy = mixtures(**settings, snr_db=12.0).mixture(1, index)
        torch.testing.assert_close(noisy.target, clean.target)
        power = clean.waveform[0].square().mean()
        noise = (noisy.waveform - clean.waveform).square().mean(dim=1)
        assert torch.allclose(10 * (power / noise).log10(), torch.tensor(12.0), atol=0.5)
        loud = [x[0].abs() > 1e-3 for x in (clean.target, clean.waveform - clean.target)]
        target = clean.target[0][loud[0]].square().mean()
        other = (clean.waveform - clean.target)[0][loud[1]].square().mean()
        assert 10 * float(target.log10()) == pytest.approx(
            -20, abs=2.0
        )  # frames that it half fills
        assert 10 * float(other.log10()) == pytest.approx(-26, abs=2.0)


def test_the_target_comes_from_its_direction() -> None:
    stft = STFT(n_fft=1024, hop_length=512, sample_rate=16000)
    gcc = FeatureExtractor(stft, [GCCPHAT(64, n_fft=1024, pairs=[(0, 4)])], in_channels=8)
    array = ArrayGeometry.circle(8, radius_m=0.2)
    maker = ArrayMixtures(array, Noises(), duration_s=1.0, snr_db=None)
    for index in range(8):
        mixture = maker.mixture(0, index)
        lags = gcc(mixture.target.unsqueeze(0)).mean(dim=(0, 1, 2))
        azimuth = maker.azimuths_deg[mixture.direction]
        delays = array.delays(unit_vector(azimuth, 0.0)) * 16000
        assert int(lags.argmax()) - 32 == round(float(delays[4] - delays[0]))


def test_a_loud_mixture_is_scaled_down() -> None:
    quiet = mixtures(level_db=(-40, -40)).mixture(3)
    loud = mixtures(level_db=(20, 20)).mixture(3)
    assert float(loud.waveform.abs().max()) == 1
    ratio = float(quiet.target.norm() / quiet.waveform.norm())
    assert float(loud.target.norm() / loud.waveform.norm()) == pytest.approx(ratio, rel=1e-3)


def test_seed_and_index_say_all() -> None:
    first, second = mixtures(), mixtures()
    second.mixture(0, 0)
    wanted, found = first.mixture(1, 2), second.mixture(1, 2)
    assert isinstance(found, ArrayMixture)
    assert torch.equal(wanted.waveform, found.waveform)
    assert wanted[2:] == found[2:]
    assert not torch.equal(first.mixture(1, 3).waveform, wanted.waveform)
    assert not torch.equal(first.mixture(2, 2).waveform, wanted.waveform)


@pytest.mark.messages
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_sounds": 0}, "num_sounds must be at least 1, got 0"),
        ({"num_sounds": 4}, "num_sounds must be at most the 3 classes, got 4"),
        ({"azimuths_deg": (0.0,)}, "num_sounds must be at most the 1 azimuths_deg, got 2"),
        ({"duration_s": 0}, "duration_s must be positive, got 0"),
        ({"sample_rate": 0}, "sample_rate must be at least 1, got 0"),
        ({"level_db": (0, -1)}, "level_db must be"),
        ({"other_db": (0, -1)}, "other_db must be"),
        ({"other_db": (0, float("inf"))}, r"other_db must be finite, got \(0, inf\)"),
        ({"level_db": (float("nan"), 0)}, r"level_db must be \(low, high\)"),
        ({"snr_db": float("nan")}, r"snr_db must lie in -200\.\.200, got nan"),
        ({"snr_db": float("inf")}, r"snr_db must lie in -200\.\.200, got inf"),
        ({"elevation_deg": 95}, r"elevation_deg must lie in -90\.\.90, got 95"),
        ({"elevation_deg": float("nan")}, r"elevation_deg must lie in -90\.\.90, got nan"),
        ({"azimuths_deg": (0, 400)}, r"azimuths_deg must lie in -360\.\.360, got 400"),
        ({"azimuths_deg": (0, 360)}, r"azimuths_deg must be different, got \(0\.0, 360\.0\)"),
        ({"duration_s": float("inf")}, "duration_s must be finite, got inf"),
        ({"duration_s": 1e-5}, "duration_s must hold a sample, got 1e-05"),
    ],
)
def test_messages_of_wrong_settings(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mixtures(**arguments)


@pytest.mark.messages
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_sounds": 1.5}, r"num_sounds must be an integer, got 1\.5"),
        ({"num_sounds": True}, "num_sounds must be an integer, got True"),
        ({"sample_rate": 8000.0}, r"sample_rate must be an integer, got 8000\.0"),
        ({"snr_db": True}, "snr_db must be a number, got True"),
        ({"level_db": -20.0}, r"level_db must be \(low, high\), got -20\.0"),
        ({"sounds": 7}, "sounds must be a folder or have classes and draw, got 7"),
        ({"array": None}, "array must be an ArrayGeometry, got None"),
    ],
)
def test_messages_of_settings_of_the_wrong_kind(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        mixtures(**arguments)


@pytest.mark.messages
def test_numbers_of_numpy_are_taken_and_azimuths_may_go_round() -> None:
    settings: dict[str, Any] = {"num_sounds": np.int64(2), "snr_db": np.float32(10)}
    round_about = mixtures(**settings, azimuths_deg=np.arange(0, 360, 90))
    there = mixtures(num_sounds=2, snr_db=10, azimuths_deg=(0, 90, 180, -90))
    zero: Any = np.int64(0)
    for index in range(3):
        a, b = round_about.mixture(zero, index), there.mixture(0, index)
        torch.testing.assert_close(a.waveform, b.waveform, rtol=0, atol=1e-5)


@pytest.mark.messages
def test_messages_of_wrong_calls() -> None:
    with pytest.raises(ValueError, match="seed and index must not be negative, got 0 and -1"):
        mixtures().mixture(0, -1)
    front = torch.tensor([1.0, 0.0, 0.0])
    with pytest.raises(ValueError, match=r"signal must be \(sample\), got shape \(1, 9\)"):
        array_plane_wave(torch.zeros(1, 9), front, ARRAY, sample_rate=16000)
    with pytest.raises(ValueError, match=r"direction must be \(axis=3\), got shape \(2,\)"):
        array_plane_wave(torch.zeros(9), front[:2], ARRAY, sample_rate=16000)
    with pytest.raises(TypeError, match=r"signal must hold floats, got torch\.int16"):
        array_plane_wave(torch.ones(9).short(), front, ARRAY, sample_rate=16000)
    with pytest.raises(TypeError, match=r"direction must hold floats, got torch\.int64"):
        array_plane_wave(torch.zeros(9), front.long(), ARRAY, sample_rate=16000)
    with pytest.raises(ValueError, match="sample_rate must be positive, got 0"):
        array_plane_wave(torch.zeros(9), front, ARRAY, sample_rate=0)
