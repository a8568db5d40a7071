"""What may be set in a protocol's counting."""

from collections.abc import Mapping

from seldkit._checks import check_choice, check_count, check_positive, integer, shortest

Setting = float | bool | str
Settings = Mapping[str, Setting]

ALIKE = ("protocol", "num_classes", "average", "frames", "absent_classes", "frame_s", "settings")
"""What of `SELDMetrics` must be the same wherever counts are put together."""

CHOICES: Mapping[str, tuple[Setting, ...]] = {
    "counting": ("published", "corrected"),
    "matching": ("published", "optimal"),
    "doa": ("regression", "class"),
    "require_onscreen": (False, True),
}
"""What each setting may be; of those that are not here a whole number is a count, from 1, and any
other a positive number."""


def check_setting(name: str, value: Setting, published: Setting) -> Setting:
    """Return a setting as plain choice or number.

    Raises:
        TypeError: If it is no number where one is needed.
        ValueError: If it is none of the choices or not positive.
    """
    if name in CHOICES:
        check_choice(name, value, CHOICES[name])
        return value
    if isinstance(published, int):
        check_count(**{name: value})
        return integer(name, value)
    check_positive(**{name: value})
    return float(value)


def rescale(name: str, frames: float, old_s: float, frame_s: float) -> int:
    """Return a number of frames for frames of another length that last as long.

    Raises:
        ValueError: If no whole number of them does.

    Examples:
        >>> rescale("block_frames", 10, 0.1, 0.02)
        50
    """
    exact = frames * old_s / frame_s
    whole = max(1, round(exact))
    if abs(exact - whole) > 1e-6 * whole:
        raise ValueError(
            f"{name} must be given for frame_s={shortest(frame_s)}, of which no whole number lasts"
            f" {shortest(frames * old_s)} s"
        )
    return whole
