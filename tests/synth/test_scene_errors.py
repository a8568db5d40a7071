"""Settings and sounds that make no scene."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from seldkit.arrays import ArrayGeometry
from seldkit.synth import ArrayMixtures, SceneSynthesizer


class Constant:
    """A second of one value."""

    def __init__(self, value: float, classes: tuple[str, ...] = ("only",)) -> None:
        self.value, self.classes = value, classes

    def draw(
        self, label: int, generator: np.random.Generator, sample_rate: int
    ) -> NDArray[np.float32]:
        """Return a sound of a class."""
        return np.full(sample_rate, self.value, dtype=np.float32)


class Given(Constant):
    """One sound, whatever it is."""

    def __init__(self, sound: Any) -> None:
        super().__init__(0.0)
        self.sound = sound

    def draw(self, label: int, generator: np.random.Generator, sample_rate: int) -> Any:
        """Return the sound."""
        return self.sound


@pytest.mark.messages
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_polyphony": 0}, r"max_polyphony must be at least 1, got 0"),
        ({"duration_s": 0}, r"duration_s must be positive, got 0"),
        ({"duration_s": float("inf")}, r"duration_s must be finite, got inf"),
        ({"moving": float("nan")}, r"moving must be a probability, 0 to 1, got nan"),
        ({"level_db": (-1e4, 0)}, r"level_db must be \(low, high\) with -200 <= low"),
        ({"room_m": ((4, 5), (3, 4))}, r"room_m must be \(length, width, height\), got"),
        ({"duration_s": 1.25}, r"duration_s must be a multiple of 0\.1, got 1\.25"),
        ({"sample_rate": 22055}, r"sample_rate must be a multiple of 10, got 22055"),
        ({"moving": 1.1}, r"moving must be a probability, 0 to 1, got 1\.1"),
        ({"t60_s": (0.4, 0.2)}, r"t60_s must be \(low, high\) .* got \(0\.4, 0\.2\)"),
        ({"t60_s": (0.0, 0.2)}, r"t60_s must be \(low, high\) with 0\.05 <= low"),
        ({"snr_db": (30, 10)}, r"snr_db must be \(low, high\)"),
        ({"snr_db": (30, float("inf"))}, r"snr_db must be finite"),
        ({"snr_db": (float("nan"), 10)}, r"snr_db must be \(low, high\)"),
        ({"level_db": (0, -10)}, r"level_db must be \(low, high\)"),
        ({"noise_tilt_db": (0, -10)}, r"noise_tilt_db must be \(low, high\)"),
        ({"elevation_deg": (-91, 0)}, r"elevation_deg must be \(low, high\) with -90 <= low"),
        ({"azimuth_deg": (90, -90)}, r"azimuth_deg must be \(low, high\)"),
        ({"distance_m": (0, 1)}, r"distance_m must be \(low, high\) with 0\.1 <= low"),
        ({"event_s": (2, 1)}, r"event_s must be \(low, high\)"),
        ({"pause_s": (-1, 1)}, r"pause_s must be \(low, high\)"),
        ({"turn_deg_s": (5, 1)}, r"turn_deg_s must be \(low, high\)"),
        ({"speed_m_s": (5, 1)}, r"speed_m_s must be \(low, high\)"),
        ({"room_m": ((5, 4), (3, 4), (2, 3))}, r"length in room_m must be \(low, high\)"),
        ({"image_order": 0}, r"image_order must be at least 1, got 0"),
        ({"label_range_db": 0}, r"label_range_db must be positive, got 0"),
    ],
)
def test_settings_that_make_no_scene_are_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SceneSynthesizer(anechoic=True, **settings)


@pytest.mark.messages
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_polyphony": 1.5}, r"max_polyphony must be an integer, got 1\.5"),
        ({"max_polyphony": True}, "max_polyphony must be an integer, got True"),
        ({"sample_rate": 24000.0}, r"sample_rate must be an integer, got 24000\.0"),
        ({"image_order": 2.5}, r"image_order must be an integer, got 2\.5"),
        ({"duration_s": True}, "duration_s must be a number, got True"),
        ({"duration_s": "1"}, "duration_s must be a number, got '1'"),
        ({"moving": True}, "moving must be a number, got True"),
        ({"label_range_db": None}, "label_range_db must be a number, got None"),
        ({"snr_db": 20.0}, r"snr_db must be \(low, high\), got 20\.0"),
        ({"level_db": (-20,)}, r"level_db must be \(low, high\), got \(-20,\)"),
        ({"level_db": None}, r"level_db must be \(low, high\), got None"),
        ({"pause_s": (False, 1)}, "the low of pause_s must be a number, got False"),
        ({"event_s": "12"}, r"event_s must be \(low, high\), got '12'"),
        ({"array": "mic"}, "array must be an ArrayGeometry, got 'mic'"),
        ({"room_m": (4.0, 4.0, 3.0)}, r"length in room_m must be \(low, high\), got 4\.0"),
    ],
)
def test_settings_of_the_wrong_kind_are_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        SceneSynthesizer(anechoic=True, **settings)


@pytest.mark.messages
def test_numbers_of_numpy_are_taken() -> None:
    numbers: dict[str, Any] = {
        "duration_s": np.float64(2),
        "sample_rate": np.int64(8000),
        "max_polyphony": np.int8(1),
        "snr_db": np.array([10, 20]),
        "moving": np.float32(0),
    }
    plain: dict[str, Any] = {
        "duration_s": 2,
        "sample_rate": 8000,
        "max_polyphony": 1,
        "snr_db": [10, 20],
        "moving": 0,
    }
    a, b = (SceneSynthesizer(anechoic=True, **settings) for settings in (numbers, plain))
    assert repr(a) == repr(b)
    seed: Any = np.int64(1)
    assert torch.equal(a.scene(seed)[0], b.scene(1)[0])
    with pytest.raises(TypeError, match="seed must be an integer, got True"):
        a.scene(True)


@pytest.mark.messages
def test_sounds_that_cannot_be_used_are_named() -> None:
    with pytest.raises(TypeError, match=r"sounds must be a folder or have classes and draw, got 7"):
        SceneSynthesizer(7, anechoic=True)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"sounds must have at least one class"):
        SceneSynthesizer(Constant(1.0, classes=()), anechoic=True)
    with pytest.raises(ValueError, match=r"classes of sounds must have different names, got \('a'"):
        SceneSynthesizer(Constant(1.0, classes=("a", "a")), anechoic=True)
    with pytest.raises(TypeError, match=r"classes of sounds must be a list of names, got 'ab'"):
        SceneSynthesizer(Constant(1.0, classes="ab"), anechoic=True)  # type: ignore[arg-type]


@pytest.mark.messages
@pytest.mark.parametrize("value", [0.0, float("nan"), float("inf")])
def test_a_sound_that_cannot_be_used_is_named(value: float) -> None:
    for make in makers(Constant(value)):
        with pytest.raises(ValueError, match=r"sounds must draw mono sounds .* of class 'only'"):
            make()


@pytest.mark.messages
@pytest.mark.parametrize(
    ("sound", "message"),
    [
        (np.ones(800, np.int16), "got int16 of class 'only'"),
        (np.ones(800, bool), "got bool of class 'only'"),
        (np.ones(800, complex), "got complex128 of class 'only'"),
        ([0.5] * 800, "got list of class 'only'"),
    ],
)
def test_a_sound_of_the_wrong_kind_is_named(sound: Any, message: str) -> None:
    for make in makers(Given(sound)):
        with pytest.raises(TypeError, match=f"arrays of floats, full scale 1, {message}"):
            make()


@pytest.mark.messages
@pytest.mark.parametrize("sound", [np.ones((2, 800)), np.ones(0)])
def test_a_sound_of_the_wrong_shape_is_named(sound: Any) -> None:
    for make in makers(Given(sound)):
        with pytest.raises(ValueError, match="sounds must draw mono sounds"):
            make()


def makers(sounds: Any) -> list[Callable[[], object]]:
    """Return what makes a scene and a mixture of sounds of one class."""
    synthesizer = SceneSynthesizer(sounds, pause_s=(0, 0), anechoic=True)
    mixtures = ArrayMixtures(ArrayGeometry.line(2, spacing_m=0.1), sounds, num_sounds=1)
    return [lambda: synthesizer.scene(0), lambda: mixtures.mixture(0)]


@pytest.mark.messages
def test_a_scene_has_no_negative_number() -> None:
    with pytest.raises(ValueError, match=r"seed and index must not be negative, got 0 and -1"):
        SceneSynthesizer(anechoic=True).scene(0, -1)
