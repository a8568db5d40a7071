"""Settings and sounds that make no scene."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from seldkit.synth import SceneSynthesizer


class Constant:
    """A second of one value."""

    def __init__(self, value: float, classes: tuple[str, ...] = ("only",)) -> None:
        self.value, self.classes = value, classes

    def draw(
        self, label: int, generator: np.random.Generator, sample_rate: int
    ) -> NDArray[np.float32]:
        """Return a sound of a class."""
        return np.full(sample_rate, self.value, dtype=np.float32)


@pytest.mark.messages
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_polyphony": 0}, r"max_polyphony must be a whole number from 1, got 0"),
        ({"max_polyphony": 1.5}, r"max_polyphony must be a whole number from 1, got 1\.5"),
        ({"duration_s": 0}, r"duration_s must be positive, got 0"),
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
        ({"image_order": 0}, r"image_order must be positive, got 0"),
        ({"label_range_db": 0}, r"label_range_db must be positive, got 0"),
    ],
)
def test_settings_that_make_no_scene_are_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SceneSynthesizer(anechoic=True, **settings)


@pytest.mark.messages
def test_sounds_that_cannot_be_used_are_named() -> None:
    with pytest.raises(TypeError, match=r"sounds must be a folder or have classes and draw, got 7"):
        SceneSynthesizer(7, anechoic=True)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"sounds must have at least one class"):
        SceneSynthesizer(Constant(1.0, classes=()), anechoic=True)


@pytest.mark.messages
@pytest.mark.parametrize("value", [0.0, float("nan")])
def test_a_sound_that_cannot_be_used_is_named(value: float) -> None:
    synthesizer = SceneSynthesizer(Constant(value), pause_s=(0, 0), anechoic=True)
    with pytest.raises(ValueError, match=r"sounds must draw mono sounds .* of class 'only'"):
        synthesizer.scene(0)


@pytest.mark.messages
def test_a_scene_has_no_negative_number() -> None:
    with pytest.raises(ValueError, match=r"seed and index must not be negative, got 0 and -1"):
        SceneSynthesizer(anechoic=True).scene(0, -1)
