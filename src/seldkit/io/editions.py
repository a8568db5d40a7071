"""The label formats by name, and what a caller may say of their event lists."""

from collections.abc import Sequence
from typing import Literal

from seldkit._checks import check_choice, check_positive
from seldkit.io import dcase, l3das
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
) -> Format:
    """Return a format, where the caller's word stands for the published one.

    Raises:
        ValueError: If the format or the frame rule is unknown or `frame_s` is not positive.
    """
    check_choice("format", format, FORMATS)
    check_choice("frame_rule", frame_rule, ("published", "plain"))
    form = FORMATS[format]
    if classes is not None:
        form = form._replace(classes=tuple(classes))
    if frame_s is not None:
        check_positive(frame_s=frame_s)
        form = form._replace(frame_s=frame_s)
    if frame_rule == "plain":
        form = form._replace(frames="rounded")
    if num_frames is not None:
        form = form._replace(duration_s=num_frames * form.frame_s)
    return form
