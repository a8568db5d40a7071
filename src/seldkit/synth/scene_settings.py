"""The numbers of a scene synthesizer: taken as Python's, and refused where they make no scene."""

from collections.abc import Mapping, Sequence

from seldkit._checks import check_count, check_number
from seldkit.synth.labels import FRAMES_PER_S
from seldkit.synth.ranges import checked_positive, checked_range

COUNTS = ("max_polyphony", "sample_rate", "image_order")
AMOUNTS = ("duration_s", "label_range_db")
RANGES = (
    "event_s",
    "pause_s",
    "level_db",
    "snr_db",
    "noise_tilt_db",
    "azimuth_deg",
    "elevation_deg",
    "distance_m",
    "turn_deg_s",
    "speed_m_s",
    "t60_s",
)


def checked_settings(given: Mapping[str, object]) -> dict[str, object]:
    """Return the numbers and ranges of a synthesizer as Python's.

    Raises:
        TypeError: If a number or a range is of the wrong kind.
        ValueError: If a range is reversed or out of bounds, or a number makes no scene.
    """
    settings: dict[str, object] = {}
    for name in COUNTS:
        check_count(**{name: given[name]})
        settings[name] = int(given[name])  # type: ignore[call-overload]  # a count
    for name in AMOUNTS:
        settings[name] = checked_positive(name, given[name])
    for name in RANGES:
        if given[name] is not None or name != "snr_db":
            settings[name] = checked_range(name, given[name])
    room_m = given["room_m"]
    if not isinstance(room_m, Sequence) or len(room_m) != 3:
        raise ValueError(f"room_m must be (length, width, height), got {room_m}")
    sides = zip(("length", "width", "height"), room_m, strict=True)
    settings["room_m"] = tuple(checked_range(f"{s} in room_m", limits) for s, limits in sides)
    moving = given["moving"]
    check_number(moving=moving)
    settings["moving"] = float(moving)  # type: ignore[arg-type]  # a number
    if settings["sample_rate"] % FRAMES_PER_S:  # type: ignore[operator]
        raise ValueError(f"sample_rate must be a multiple of 10, got {given['sample_rate']}")
    frames = settings["duration_s"] * FRAMES_PER_S  # type: ignore[operator]
    if round(frames) < 1 or abs(frames - round(frames)) > 1e-8:
        raise ValueError(f"duration_s must be a multiple of 0.1, got {given['duration_s']}")
    if not 0 <= settings["moving"] <= 1:  # type: ignore[operator]
        raise ValueError(f"moving must be a probability, 0 to 1, got {moving}")
    return settings


def checked_weights(
    weights: Mapping[str, float] | None, classes: Sequence[str]
) -> dict[str, float] | None:
    """Return how often each class is drawn, 1 for those without a weight.

    Raises:
        TypeError: If a weight is no number.
        ValueError: If a class is unknown, a weight is negative or not finite, or all are zero.
    """
    if weights is None:
        return None
    if unknown := sorted(set(weights) - set(classes)):
        raise ValueError(
            f"class_weights must name classes of {', '.join(classes)}, got {', '.join(unknown)}"
        )
    check_number(**weights)
    whole = {name: float(weights.get(name, 1.0)) for name in classes}
    if not all(0 <= weight < float("inf") for weight in whole.values()) or not any(whole.values()):
        raise ValueError(f"class_weights must be from 0, and not all 0, got {dict(weights)}")
    return whole
