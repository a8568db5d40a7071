"""A piece of a recording, long enough for an event and sure to hold sound."""

import numpy as np
from numpy.typing import NDArray

from seldkit._typing import Float

FADE_S = 0.01
LOUD_DB = 10.0
RUMBLE_HZ = 40.0


def frame_power(
    signal: Float[NDArray[np.float32], " sample"], frame: int
) -> Float[NDArray[np.float64], " frame"]:
    """Return the mean square of each frame of `frame` samples, the last one filled with silence."""
    padded = np.zeros(-(-len(signal) // frame) * frame)
    padded[: len(signal)] = signal
    power: NDArray[np.float64] = np.square(padded).reshape(-1, frame).mean(axis=1)
    return power


def excerpt(
    recording: Float[NDArray[np.float32], " sample"],
    generator: np.random.Generator,
    *,
    num_samples: int,
    sample_rate: int,
) -> Float[NDArray[np.float32], " piece"]:
    """Return a random piece of a recording that holds one of its loud moments.

    A cut has a fade of 10 ms. A recording that is short enough is returned whole.

    Args:
        recording: The whole.
        generator: Chooses the piece.
        num_samples: Greatest length of the piece.
        sample_rate: In hertz.
    """
    if len(recording) <= num_samples:
        return recording
    frame = sample_rate // 10
    power = frame_power(recording, frame)
    loud = np.flatnonzero(power > power.max() * 10 ** (-LOUD_DB / 10))
    anchor = generator.choice(loud) * frame + frame // 2
    last = len(recording) - num_samples
    start = int(np.clip(anchor - generator.integers(num_samples), 0, last))
    piece = recording[start : start + num_samples].copy()
    fade = np.linspace(0, 1, min(round(FADE_S * sample_rate), num_samples), dtype=np.float32)
    if start > 0:
        piece[: len(fade)] *= fade
    if start < last:
        piece[num_samples - len(fade) :] *= fade[::-1]
    return piece


def without_rumble(
    sound: Float[NDArray[np.float32], " sample"], sample_rate: int
) -> Float[NDArray[np.float32], " sample"]:
    """Return a sound without what lies below 40 Hz: a fourth-order Butterworth high-pass.

    The image source method would boost it, as all its reflections are positive.
    """
    from scipy.signal import butter, sosfilt

    sections = butter(4, RUMBLE_HZ, "highpass", fs=sample_rate, output="sos")
    return sosfilt(sections, sound).astype(np.float32)


def at_level(
    sound: Float[NDArray[np.float32], " sample"], level_db: float, *, frame: int, range_db: float
) -> Float[NDArray[np.float32], " sample"]:
    """Return a sound at a given level: that of its frames within `range_db` of the loudest.

    Raises:
        ValueError: If it is too quiet to be raised to the level, or too loud.
    """
    power = frame_power(sound, frame)
    sounding = power[power > power.max() * 10 ** (-range_db / 10)]
    if len(sounding):
        with np.errstate(over="ignore"):
            scaled: NDArray[np.float32] = sound * np.float32(
                10 ** (level_db / 20) / np.sqrt(sounding.mean())
            )
        if scaled.any() and np.isfinite(scaled).all():
            return scaled
    peak = np.abs(sound).max()
    raise ValueError(f"sounds must be audible, got one with a peak of {peak:g} for {level_db:g} dB")
