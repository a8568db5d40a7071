"""Events as named columns of numbers, as label files hold them."""

from collections.abc import Iterable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seldkit.events import Events
from seldkit.geometry import azimuth_elevation_deg, unit_vector
from seldkit.io.layout import Layout

Columns = dict[str, NDArray[np.float64]]

KEY = ("frame", "class", "source")
"""The columns of whole numbers that say what a row is about."""


FRONT = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)


def to_events(columns: Columns, num_frames: int | None) -> Events:
    """Return the events that columns hold, vectors brought to unit length.

    A position at the origin has no direction of its own: it is in front, at distance 0.
    """
    tensors = {name: torch.from_numpy(column.copy()) for name, column in columns.items()}
    distance = tensors.get("distance_m")
    if "distance_cm" in tensors:
        distance = tensors["distance_cm"] / 100
    make = partial(
        Events.from_degrees if "azimuth" in tensors else Events,
        tensors["frame"].long(),
        tensors["class"].long(),
        source=tensors["source"].long() if "source" in tensors else None,
        onscreen=tensors["onscreen"].bool() if "onscreen" in tensors else None,
        num_frames=num_frames,
    )
    if "azimuth" in tensors:
        return make(*_degrees(tensors), distance=distance)
    vector = _vector(tensors)
    length = torch.hypot(torch.hypot(vector[:, 0], vector[:, 1]), vector[:, 2])
    if "x" in tensors:
        return make(vector / length.unsqueeze(dim=1), distance=distance)
    here = (length == 0).unsqueeze(dim=1)
    return make(torch.where(here, FRONT, vector / length.unsqueeze(dim=1)), distance=length)


def _degrees(columns: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return azimuth and elevation; an elevation beyond the zenith goes down behind it."""
    azimuth = columns["azimuth"]
    elevation = columns.get("elevation", torch.zeros_like(azimuth))
    beyond = elevation.abs() > 90
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
    """Return the columns of the first layout that the events can fill, as fine as they are written.

    Raises:
        ValueError: If the events have no distance and every layout needs it.
    """
    filled = _filled(events)
    for layout in layouts:
        if filled.keys() >= set(layout):
            return {name: _rounded(filled[name], decimals(name)) for name in layout}
    raise ValueError(f"events must have a distance, as rows of {', '.join(layout)} need, got None")


def decimals(column: str) -> int:
    """Return the decimals that a column is written with: 2e-11 rad, 1e-12 m, whole centimetres."""
    if column.endswith("_m"):
        return 12
    return 9 if column in ("azimuth", "elevation", "theta", "start", "end") else 0


def _rounded(column: Tensor, decimals: int) -> NDArray[np.float64]:
    values: NDArray[np.float64] = column.double().numpy()
    return values.round(decimals)


def _filled(events: Events) -> dict[str, Tensor]:
    filled = {
        "frame": events.frame,
        "class": events.label,
        "source": events.source,
        "azimuth": events.azimuth_deg,
        "elevation": events.elevation_deg,
        # the official systems write 0 where they do not look
        "onscreen": torch.zeros(len(events)) if events.onscreen is None else events.onscreen,
    }
    if events.distance is not None:
        x, y, z = (events.direction * events.distance.unsqueeze(dim=1)).unbind(dim=1)
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
