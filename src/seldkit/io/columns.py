"""Events as named columns of numbers, as label files hold them."""

from collections.abc import Callable, Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seldkit.events import Events
from seldkit.geometry import unit_vector

Columns = dict[str, NDArray[np.float64]]

KEY = ("frame", "class", "source")
"""The columns of whole numbers that say what a row is about."""

FILL: dict[str, Callable[[Events], Tensor | None]] = {
    "frame": lambda events: events.frame,
    "class": lambda events: events.label,
    "source": lambda events: events.source,
    "azimuth": lambda events: events.azimuth_deg,
    "elevation": lambda events: events.elevation_deg,
    "distance_cm": lambda events: (
        None if events.distance is None else (events.distance * 100).round()
    ),
}
"""How events fill each column that can be written; None where they do not know it."""


def to_events(columns: Columns, num_frames: int | None) -> Events:
    """Return the events that columns hold, vectors brought to unit length."""
    tensors = {name: torch.from_numpy(column.copy()) for name, column in columns.items()}
    if "x" in tensors:
        vector = torch.stack([tensors[axis] for axis in "xyz"], dim=-1)
        direction = vector / torch.linalg.vector_norm(vector, dim=-1, keepdim=True)
    else:
        azimuth = tensors["azimuth"]
        azimuth[azimuth == 180] = -180  # one way to say "behind", so that files come back alike
        direction = unit_vector(azimuth, tensors["elevation"])
    distance = tensors.get("distance_m")
    if "distance_cm" in tensors:
        distance = tensors["distance_cm"] / 100
    whole = {name: tensors[name].long() for name in KEY if name in tensors}
    return Events(
        whole["frame"],
        whole["class"],
        direction,
        source=whole.get("source"),
        distance=distance,
        num_frames=num_frames,
    )


def from_events(events: Events, layouts: Iterable[tuple[str, ...]]) -> Columns:
    """Return the columns of the first layout that the events can fill."""
    filled = {name: fill(events) for name, fill in FILL.items()}
    layout = next(names for names in layouts if all(filled[name] is not None for name in names))
    return {name: np.asarray(filled[name], dtype=np.float64) for name in layout}
