"""Rows of several parts of one clip, one part after the other."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from seldkit.events.frames import check_frame_s
from seldkit.geometry import decimal_degrees

if TYPE_CHECKING:
    from seldkit.events.events import Events


def join(parts: "Sequence[Events]") -> dict[str, Any]:
    """Return the columns of all rows, and the degrees as they were given, if any."""
    if not len(parts):
        raise ValueError("parts must be at least one, got none")
    for part in parts:
        check_frame_s("parts", part.frame_s, parts[0].frame_s)
    lengths = [part.num_frames for part in parts if part.num_frames is not None]
    degrees = None
    if any(part.given_deg for part in parts):
        given = [part.given_deg or decimal_degrees(part.direction) for part in parts]
        degrees = tuple(torch.cat(column) for column in zip(*given, strict=True))
    return {
        "frame": torch.cat([part.frame for part in parts]),
        "label": torch.cat([part.label for part in parts]),
        "direction": torch.cat([part.direction for part in parts]),
        "source": torch.cat([part.source for part in parts]),
        "distance": _known("distance", parts),
        "onscreen": _known("onscreen", parts),
        "num_frames": max(lengths) if len(lengths) == len(parts) else None,
        "frame_s": parts[0].frame_s,
        "given_deg": degrees,
    }


def _known(name: str, parts: "Sequence[Events]") -> Tensor | None:
    """Return a column that all parts with rows have, or None if none of them has it."""
    telling = [part for part in parts if len(part)] or parts[:1]
    columns = [getattr(part, name) for part in telling]
    known = [column for column in columns if column is not None]
    if known and len(known) < len(columns):
        raise ValueError(
            f"parts must all have {name} or none, got it in {len(known)} of {len(columns)}"
        )
    return torch.cat(known) if known else None
