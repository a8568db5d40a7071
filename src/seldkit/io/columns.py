"""Events as named columns of numbers, as label files hold them."""

from collections.abc import Iterable
from functools import partial
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seldkit.events import Events
from seldkit.geometry import azimuth_elevation_deg, unit_vector, within
from seldkit.io.layout import Layout

Columns = dict[str, NDArray[np.float64]]

Unit = Literal["cm", "m"]

KEY = ("frame", "class", "source")
"""The columns of whole numbers that say what a row is about."""


METRES = ("x_m", "y_m", "z_m", "rho_m", "distance_m")
"""The columns that hold metres, unless the caller says that they are centimetres."""

FRONT = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)


def to_events(columns: Columns, num_frames: int | None, frame_s: float) -> Events:
    """Return the events that columns hold, vectors brought to unit length.

    A position at the origin has no direction of its own: it is in front, at distance 0. Distances
    that are all 0 are unknown: systems and generators write them so.
    """
    tensors = {name: torch.from_numpy(column.copy()) for name, column in columns.items()}
    distance = tensors.get("distance_m")
    if no_distance(columns):
        distance = None
    make = partial(
        Events.from_degrees if "azimuth" in tensors else Events,
        tensors["frame"].long(),
        tensors["class"].long(),
        source=tensors["source"].long() if "source" in tensors else None,
        onscreen=tensors["onscreen"].bool() if "onscreen" in tensors else None,
        num_frames=num_frames,
        frame_s=frame_s,
    )
    if "azimuth" in tensors:
        return make(*_degrees(tensors), distance=distance)
    vector = _vector(tensors)
    length = torch.hypot(torch.hypot(vector[:, 0], vector[:, 1]), vector[:, 2])
    if "x" in tensors:
        return make(vector / length.unsqueeze(dim=1), distance=distance)
    here = (length == 0).unsqueeze(dim=1)
    return make(torch.where(here, FRONT, vector / length.unsqueeze(dim=1)), distance=length)


def in_metres(columns: Columns, unit: Unit | None) -> Columns:
    """Return columns whose distances and positions are metres.

    Args:
        columns: As they stand in the file.
        unit: What they are in, or None for what the format says.
    """
    columns = dict(columns)
    for name in [name for name in columns if name in (*METRES, "distance_cm")]:
        values = columns.pop(name)
        in_cm = unit == "cm" if unit else name.endswith("_cm")
        columns[name.replace("_cm", "_m")] = values / 100 if in_cm else values
    return columns


def no_distance(columns: Columns) -> bool:
    """Return whether a column for distances holds nothing but 0."""
    told = [columns[name] for name in ("distance_m", "distance_cm") if name in columns]
    return bool(told) and not told[0].any()


def _degrees(columns: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return azimuth and elevation; an elevation beyond the zenith goes down behind it."""
    azimuth = columns["azimuth"]
    elevation = columns.get("elevation", torch.zeros_like(azimuth))
    beyond = ~within(elevation.abs(), 90)
    turned, lower = azimuth_elevation_deg(unit_vector(azimuth, elevation))
    return torch.where(beyond, turned, azimuth), torch.where(beyond, lower, elevation)


def _vector(columns: dict[str, Tensor]) -> Tensor:
    if "rho_m" in columns:
        level = unit_vector(columns["theta"], torch.zeros_like(columns["theta"]))
        x, y = columns["rho_m"] * -level[:, 1], columns["rho_m"] * level[:, 0]
        return torch.stack((x, y, columns["z_m"]), dim=1)
    names = ("x", "y", "z") if "x" in columns else ("x_m", "y_m", "z_m")
    return torch.stack([columns[name] for name in names], dim=1)


def from_events(events: Events, layouts: Iterable[Layout]) -> Columns:
    """Return the columns of the first layout that the events can fill.

    Raises:
        ValueError: If the events have no distance and every layout needs it.
    """
    filled = _filled(events)
    for layout in layouts:
        if filled.keys() >= set(layout):
            return {name: filled[name].double().numpy() for name in layout}
    raise ValueError(f"events must have a distance, as rows of {', '.join(layout)} need, got None")


def rounded(columns: Columns, *, whole_degrees: bool = False) -> Columns:
    """Return columns as fine as they are written; an azimuth that is rounded up to 180 is -180."""
    fine = {name: c.round(decimals(name, whole_degrees)) for name, c in columns.items()}
    if "azimuth" in fine:
        fine["azimuth"] = np.where(fine["azimuth"] < 180, fine["azimuth"], -180)
    return fine


def decimals(column: str, whole_degrees: bool = False) -> int:
    """Return the decimals that a column is written with: 2e-11 rad, 1e-12 m, whole centimetres."""
    if column in ("azimuth", "elevation", "theta"):
        return 0 if whole_degrees else 9
    if column in ("start", "end"):
        return 9
    return 12 if column in (*METRES, "x", "y", "z") else 0


def _filled(events: Events) -> dict[str, Tensor]:
    x, y, z = events.direction.unbind(dim=1)
    filled = {
        "frame": events.frame,
        "class": events.label,
        "source": events.source,
        "azimuth": events.azimuth_deg,
        "elevation": events.elevation_deg,
        "x": x,
        "y": y,
        "z": z,
        # the official systems write 0 where they do not look
        "onscreen": torch.zeros(len(events)) if events.onscreen is None else events.onscreen,
    }
    if events.distance is not None:
        x, y, z = (axis * events.distance for axis in (x, y, z))
        theta, _ = azimuth_elevation_deg(torch.stack((y, -x, z), dim=1))
        filled |= {
            "distance_cm": events.distance * 100,
            "distance_m": events.distance,
            "x_m": x,
            "y_m": y,
            "z_m": z,
            "rho_m": torch.hypot(x, y),
            "theta": theta,
        }
    return filled
