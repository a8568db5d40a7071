"""Sounds as spans of time: rows of one source in frames that follow each other."""

from typing import NamedTuple

import torch
from torch import Tensor

from seldkit._typing import Float, Int
from seldkit.events.columns import number_within, one_key


class Span(NamedTuple):
    """A sound from its start to its end.

    Attributes:
        label: Class.
        source: Which source it is.
        start_s: When it starts, in seconds.
        end_s: When it ends, in seconds.
        direction: Mean of its unit vectors, brought to unit length, `[axis]`; nan if they cancel.
    """

    label: int
    source: int
    start_s: float
    end_s: float
    direction: Float[Tensor, " axis=3"]


def unbroken(
    frame: Int[Tensor, " event"], label: Int[Tensor, " event"], source: Int[Tensor, " event"]
) -> list[Int[Tensor, " row"]]:
    """Return the rows of each sound, in the order of time; a frame without it ends a sound.

    Rows that share frame, class and source are different sounds, told apart by their order.
    """
    twin = number_within(frame, label, source)
    order = one_key(label, source, twin, frame).argsort()
    other = one_key(label, source, twin)[order].diff() != 0
    starts = (other | (frame[order].diff() != 1)).nonzero().flatten() + 1
    return list(order.tensor_split(starts)) if len(order) else []


def find_spans(
    frame: Int[Tensor, " event"],
    label: Int[Tensor, " event"],
    source: Int[Tensor, " event"],
    direction: Float[Tensor, "event axis=3"],
    frame_s: float,
) -> list[Span]:
    """Return the sounds of a clip, by their start, then in the order of their first rows."""
    sounds = unbroken(frame, label, source)
    sounds.sort(key=lambda rows: (int(frame[rows[0]]), int(rows[0])))
    spans = []
    for rows in sounds:
        first, last = int(rows[0]), int(rows[-1])
        spans.append(
            Span(
                label=int(label[first]),
                source=int(source[first]),
                start_s=round(int(frame[first]) * frame_s, 9),
                end_s=round((int(frame[last]) + 1) * frame_s, 9),
                direction=_mean(direction[rows]),
            )
        )
    return spans


def _mean(direction: Float[Tensor, "event axis=3"]) -> Float[Tensor, " axis=3"]:
    mean = direction.mean(dim=0)
    length = torch.linalg.vector_norm(mean)
    return torch.where(length > 1e-9, mean / length, torch.nan)
