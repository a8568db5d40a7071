"""Numbers and ranges that scenes are made with, checked in one place."""

import math
from collections.abc import Sequence

from seldkit._checks import check_number, check_positive, integer

Range = tuple[float, float]
"""Lowest and highest value; equal for a constant."""

BOUNDS: dict[str, Range] = {
    "azimuth_deg": (-180, 180),
    "azimuths_deg": (-360, 360),
    "distance_m": (0.1, math.inf),
    "elevation_deg": (-90, 90),
    "event_s": (0.1, math.inf),
    "level_db": (-200, 200),
    "noise_tilt_db": (-60, 60),
    "other_db": (-200, 200),
    "pause_s": (0, math.inf),
    "room_m": (1, math.inf),
    "snr_db": (-200, 200),
    "speed_m_s": (0, 34.3),
    "t60_s": (0.05, math.inf),
    "turn_deg_s": (0, math.inf),
}
"""What each setting may be at all, whoever has it."""


def checked_range(name: str, limits: object) -> Range:
    """Return a range as two floats, or raise unless it runs upwards within the setting's bounds.

    Args:
        name: A setting of `BOUNDS`; words after it are for the message.
        limits: Lowest and highest value.

    Raises:
        TypeError: If it is no pair of numbers.
        ValueError: If it is reversed, beyond the bounds, or not finite.
    """
    lowest, highest = BOUNDS[name.split()[-1]]
    low, high = _pair(name, limits)
    if math.isinf(low) or math.isinf(high):
        raise ValueError(f"{name} must be finite, got {limits}")
    if not lowest <= low <= high <= highest:
        raise ValueError(
            f"{name} must be (low, high) with {lowest:g} <= low <= high <= {highest:g},"
            f" got {limits}"
        )
    return low, high


def checked_value(name: str, value: object) -> float:
    """Return one number as a float, or raise unless it is within the setting's bounds."""
    check_number(**{name: value})
    lowest, highest = BOUNDS[name]
    number = float(value)  # type: ignore[arg-type]  # a number
    if not (lowest <= number <= highest and math.isfinite(number)):
        raise ValueError(f"{name} must lie in {lowest:g}..{highest:g}, got {value}")
    return number


def checked_positive(name: str, value: object) -> float:
    """Return a number as a float, or raise unless it is finite and greater than zero."""
    check_positive(**{name: value})
    number = float(value)  # type: ignore[arg-type]  # a number
    if math.isinf(number):
        raise ValueError(f"{name} must be finite, got {value}")
    return number


def checked_seeds(seed: object, index: object) -> tuple[int, int]:
    """Return a seed and an index as integers, or raise unless they are integers from 0."""
    numbers = integer("seed", seed), integer("index", index)
    if min(numbers) < 0:
        raise ValueError(f"seed and index must not be negative, got {seed} and {index}")
    return numbers


def checked_label(label: object, classes: Sequence[str]) -> int:
    """Return the number of a class, or raise unless there is one."""
    number = integer("label", label)
    if not 0 <= number < len(classes):
        raise ValueError(f"label must lie in 0..{len(classes) - 1}, got {number}")
    return number


def _pair(name: str, limits: object) -> Range:
    pair = list(limits) if hasattr(limits, "__iter__") and not isinstance(limits, str) else []
    if len(pair) != 2:
        raise TypeError(f"{name} must be (low, high), got {limits!r}")
    low, high = pair
    check_number(**{f"the low of {name}": low, f"the high of {name}": high})
    return float(low), float(high)
