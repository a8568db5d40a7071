"""The label formats by name, and what a caller may say of their files."""

from collections.abc import Sequence
from typing import Literal

from seldkit._checks import check_choice, check_positive, integer
from seldkit.io import dcase, l3das
from seldkit.io.columns import Unit
from seldkit.io.layout import Format

FrameRule = Literal["published", "plain"]

FORMATS = dcase.FORMATS | l3das.FORMATS


def edition(
    format: str,
    *,
    classes: Sequence[str] | None = None,
    frame_s: float | None = None,
    frame_rule: FrameRule = "published",
    num_frames: int | None = None,
    distance_unit: Unit | None = None,
) -> Format:
    """Return a format, where the caller's word stands for the published one.

    Raises:
        TypeError: If a number is none, or `classes` one name.
        ValueError: If the format, the frame rule or the unit is unknown, the format has no
            distances for a unit, or a number is not positive.
    """
    check_choice("format", format, FORMATS)
    check_choice("frame_rule", frame_rule, ("published", "plain"))
    check_choice("distance_unit", distance_unit, (None, "cm", "m"))
    form = FORMATS[format]
    if distance_unit is not None and not form.has_distances:
        raise ValueError(
            f"distance_unit must be None for {format}, which has no distances,"
            f" got {distance_unit!r}"
        )
    if isinstance(classes, str):
        raise TypeError(f"classes must be a sequence of names, got {classes!r}")
    if classes is not None:
        form = form._replace(classes=tuple(classes))
    if frame_s is not None:
        check_positive(frame_s=frame_s)
        form = form._replace(frame_s=frame_s)
    if frame_rule == "plain":
        form = form._replace(frames="rounded")
    if num_frames is not None:
        num_frames = integer("num_frames", num_frames)
        if not 0 <= num_frames <= form.max_frames:
            raise ValueError(f"num_frames must lie in 0..{form.max_frames}, got {num_frames}")
        form = form._replace(duration_s=num_frames * form.frame_s)
    return form
