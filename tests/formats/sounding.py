"""Random events, and events as rows that can be compared."""

from collections.abc import Sequence
from typing import Any

import torch
from hypothesis import settings
from hypothesis import strategies as st

from seldkit.events import Events

CLASSES, FRAMES = 3, 10

quick = settings(max_examples=30)

Row = tuple[int, int, int, int, int]
"""Frame, class, azimuth, elevation and a number of which distance and on-screen flag are made."""

ROW = st.tuples(
    st.integers(0, FRAMES - 1),
    st.integers(0, CLASSES - 1),
    st.integers(-179, 179),
    st.integers(-80, 80),
    st.integers(0, 5),
)
OVERLAPPING = st.lists(ROW, max_size=30)
SINGLE = st.lists(ROW, max_size=30, unique_by=lambda row: row[:2])
"""At most one event of a class in a frame."""


def make_events(rows: Sequence[Row], *, distance: bool = True, onscreen: bool = True) -> Events:
    """Return the events of rows."""
    frame, label, azimuth, elevation, number = zip(*rows, strict=True) if rows else ((),) * 5
    return Events.from_degrees(
        frame,
        label,
        azimuth,
        elevation,
        distance=[0.5 * n for n in number] if distance else None,
        onscreen=[bool(n % 2) for n in number] if onscreen else None,
    )


def in_order(events: Events) -> list[tuple[Any, ...]]:
    """Return frame, class, whole azimuth and elevation and, where known, distance and flag."""
    degrees = events.azimuth_deg.round().tolist(), events.elevation_deg.round().tolist()
    columns = [events.frame.tolist(), events.label.tolist(), *degrees]
    columns += [c.tolist() for c in (events.distance, events.onscreen) if c is not None]
    return list(zip(*columns, strict=True))


def clip_of(saved: torch.Tensor, clip: int, num_frames: int) -> Events:
    """Return a clip of the published labels, without what lies beyond it.

    Their columns are clip, frame, class, source, azimuth, elevation, centimetres and on-screen.
    """
    rows = saved[(saved[:, 0] == clip) & (saved[:, 1] < num_frames)]
    _, frame, label, _, azimuth, elevation, distance, onscreen = rows.unbind(dim=1)
    return Events.from_degrees(
        frame, label, azimuth, elevation, distance=distance / 100, onscreen=onscreen.bool()
    )
