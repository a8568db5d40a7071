"""A row of events, and what rows must keep to."""

from typing import NamedTuple

import torch
from torch import Tensor

from seldkit._checks import check_finite, check_positive, check_shape, shortest
from seldkit.geometry import within

DAY_S = 86400
"""No clip is longer than a day, in seconds."""

MAX_FRAMES = 100 * DAY_S
"""No clip has more frames: a day of 10 ms each. A frame beyond it is a slip in a file."""

MAX_CLASSES = 2**31
"""No list of classes is longer."""


class Row(NamedTuple):
    """A row of events as plain numbers.

    Attributes:
        frame: Label frame, from 0.
        label: Class, from 0.
        source: Which source it is.
        azimuth_deg: In [-180, 180), counter-clockwise.
        elevation_deg: In [-90, 90].
        distance: In metres, or None where it is not known.
        onscreen: Whether the source is in the picture, or None where there is none.
    """

    frame: int
    label: int
    source: int
    azimuth_deg: float
    elevation_deg: float
    distance: float | None = None
    onscreen: bool | None = None


def frame_length(frame_s: object) -> float:
    """Return the length of a frame as a float of Python, or raise if there is no such frame."""
    check_positive(frame_s=frame_s)
    length = float(frame_s)  # type: ignore[arg-type]  # a number
    if length > DAY_S:
        raise ValueError(f"frame_s must be at most a day, {DAY_S}, got {shortest(length)}")
    return length


def check_rows(
    *,
    frame: Tensor,
    label: Tensor,
    direction: Tensor,
    source: Tensor | None,
    distance: Tensor | None,
    onscreen: Tensor | None,
    num_frames: int | None,
) -> None:
    """Raise `ValueError` unless columns are the rows of a clip."""
    columns = {"frame": frame, "label": label, "source": source}
    for name, column in (columns | {"distance": distance, "onscreen": onscreen}).items():
        if column is not None:
            check_shape(name, column, "event", event=frame.numel())
    check_shape("direction", direction, "event axis", event=len(frame), axis=3)
    check_finite("direction", direction)
    norm = torch.linalg.vector_norm(direction, dim=-1)
    off = (norm - 1).abs() > 1e-4
    if off.any():
        raise ValueError(
            f"direction must hold unit vectors, got length {shortest(norm[off][0])} in row"
            f" {int(off.nonzero()[0])}"
        )
    for name, column in (("frame", frame), ("label", label)):
        if (column < 0).any():
            raise ValueError(f"{name} must not be negative, got {int(column.min())}")
    if distance is not None:
        check_finite("distance", distance)
        if (distance < 0).any():
            raise ValueError(f"distance must not be negative, got {shortest(distance.min())}")
    if num_frames is None:
        return
    if not 0 <= num_frames <= MAX_FRAMES:
        raise ValueError(f"num_frames must lie in 0..{MAX_FRAMES}, got {num_frames}")
    if len(frame) and frame.max() >= num_frames:
        raise ValueError(f"frame must be below num_frames={num_frames}, got {int(frame.max())}")


def check_degrees(frame: Tensor, azimuth_deg: Tensor, elevation_deg: Tensor) -> None:
    """Raise `ValueError` unless columns are directions of the rows, in degrees."""
    check_shape("azimuth_deg", azimuth_deg, "event", event=frame.numel())
    check_shape("elevation_deg", elevation_deg, "event", event=frame.numel())
    check_finite("azimuth_deg", azimuth_deg)
    off = ~within(elevation_deg.abs(), 90)  # so that nan is off too
    if off.any():
        raise ValueError(
            f"elevation_deg must lie in -90..90, got {shortest(elevation_deg[off][0])} in row"
            f" {int(off.nonzero()[0])}"
        )
