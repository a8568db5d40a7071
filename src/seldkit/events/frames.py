"""Rows in frames of another length."""

import torch
from torch import Tensor

from seldkit._checks import shortest
from seldkit._typing import Int
from seldkit.events.columns import number_within, one_key
from seldkit.events.rows import MAX_FRAMES


def whole_ratio(frame_s: float, old_s: float) -> tuple[int, int]:
    """Return how many new frames an old one has, and how many old ones a new one; one of them is 1.

    Raises:
        ValueError: If neither length is a multiple of the other, but for rounding.

    Examples:
        >>> whole_ratio(0.02, 0.1), whole_ratio(0.1, 0.02)
        ((5, 1), (1, 5))
    """
    parts, multiple = old_s / frame_s, frame_s / old_s
    ratio = max(parts, multiple)
    if abs(ratio - round(ratio)) > 1e-6:
        raise ValueError(
            f"frame_s must be a multiple or a whole part of {shortest(old_s)}, got"
            f" {shortest(frame_s)}: go by frames that are part of both, events.at(...).at(...)"
        )
    return (round(ratio), 1) if parts > multiple else (1, round(ratio))


def check_frame_s(name: str, got: float, frame_s: float) -> None:
    """Raise `ValueError` unless events have frames of a length, but for rounding.

    Examples:
        >>> check_frame_s("events", 0.02, 0.1)
        Traceback (most recent call last):
        ...
        ValueError: events must have frames of 0.1 s, got 0.02 s: events.at(0.1) has them
    """
    if not _same(got, frame_s):
        raise ValueError(
            f"{name} must have frames of {shortest(frame_s)} s, got {shortest(got)} s:"
            f" events.at({shortest(frame_s)}) has them"
        )


def check_same_frame_s(prediction: float, reference: float) -> None:
    """Raise `ValueError` unless maps of both sides have frames of one length, but for rounding.

    Examples:
        >>> check_same_frame_s(0.2, 0.1)
        Traceback (most recent call last):
        ...
        ValueError: prediction.frame_s must be 0.1 as the reference's, got 0.2
    """
    if not _same(prediction, reference):
        raise ValueError(
            f"prediction.frame_s must be {reference} as the reference's, got {prediction}"
        )


def reframe(
    frame: Int[Tensor, " event"],
    label: Int[Tensor, " event"],
    source: Int[Tensor, " event"],
    num_frames: int | None,
    parts: int,
    multiple: int,
) -> tuple[Int[Tensor, " row"], Int[Tensor, " row"], int | None]:
    """Return which rows the events have in new frames, these frames, and how many there are.

    Args:
        frame: Old frame of each event.
        label: Class of each event.
        source: Source of each event.
        num_frames: Length of the clip in old frames, or None.
        parts: New frames in an old one.
        multiple: Old frames in a new one, if `parts` is 1.
    """
    length = num_frames
    if length is None:
        length = int(frame.max()) + 1 if len(frame) else 0
    if length * parts > MAX_FRAMES:
        raise ValueError(
            f"frame_s must leave a clip at most {MAX_FRAMES} frames, got {length * parts}"
        )
    length = None if num_frames is None else -(-length * parts // multiple)
    if multiple == 1:
        return *_refine(frame, parts), length
    return *_coarsen(frame, label, source, multiple), length


def _same(got: float, frame_s: float) -> bool:
    return abs(got - frame_s) <= 1e-6 * frame_s


def _refine(frame: Int[Tensor, " event"], parts: int) -> tuple[Tensor, Tensor]:
    """Return rows, each so many times, and their frames; rows of one frame stay together."""
    run = (frame.diff(prepend=frame[:1]) != 0).cumsum(dim=0)
    rows = torch.arange(len(frame)).repeat_interleave(parts)
    part = torch.arange(parts).repeat(len(frame))
    order = (run[rows] * parts + part).argsort(stable=True)
    return rows[order], (frame[rows] * parts + part)[order]


def _coarsen(
    frame: Int[Tensor, " event"],
    label: Int[Tensor, " event"],
    source: Int[Tensor, " event"],
    multiple: int,
) -> tuple[Tensor, Tensor]:
    """Return the middle row of each sound in each coarse frame, and these frames.

    Sounds stand in the order of their first rows.
    """
    coarse = frame // multiple
    key = one_key(coarse, label, source, number_within(frame, label, source))
    _, sound = key.unique(return_inverse=True)
    order = frame.argsort(stable=True)
    order = order[sound[order].argsort(stable=True)]
    size = sound.bincount()
    start = size.cumsum(dim=0) - size
    middle = order[start + (size - 1) // 2]
    rows = torch.arange(len(frame))
    first = torch.zeros_like(size).scatter_reduce_(0, sound, rows, "amin", include_self=False)
    middle = middle[first.argsort()]
    return middle, coarse[middle]
