"""The columns of label files, and events as such columns of numbers."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seldkit.events import Events
from seldkit.events.columns import number_within
from seldkit.events.events import from_checked
from seldkit.geometry import azimuth_elevation_deg, unit_norm, unit_vector, within, wrap_deg

Columns = dict[str, NDArray[np.float64]]

Layout = tuple[str, ...]
"""Names of columns, in their order."""

Unit = Literal["cm", "m"]


class Column(NamedTuple):
    """What a column holds.

    Attributes:
        decimals: With how many it is written: 2e-11 rad, 1e-12 m, whole centimetres.
        range_deg: By how much an angle may differ from 0.
        in_metres: Whether it holds metres, unless the caller says that they are centimetres.
    """

    decimals: int = 0
    range_deg: int | None = None
    in_metres: bool = False


_METRES = Column(decimals=12, in_metres=True)

COLUMNS = {
    "frame": Column(),
    "class": Column(),
    "source": Column(),
    "start": Column(decimals=9),
    "end": Column(decimals=9),
    "azimuth": Column(decimals=9, range_deg=180),
    "elevation": Column(decimals=9, range_deg=90),
    "theta": Column(decimals=9, range_deg=360),
    **dict.fromkeys(("x", "y", "z"), Column(decimals=12)),
    **dict.fromkeys(("x_m", "y_m", "z_m", "rho_m", "distance_m"), _METRES),
    "distance_cm": Column(),
    "onscreen": Column(),
}
"""The columns by name.

- `frame`, `class`, `source`: whole numbers; `start`, `end`: seconds.
- `azimuth`, `elevation`: degrees; without an elevation all is level.
- `x`, `y`, `z`: a vector of any length. `x_m`, `y_m`, `z_m`: a position in metres.
- `rho_m`, `theta`, `z_m`: a position by its distance from the vertical axis in metres and its angle
  from the left in degrees, counter-clockwise.
- `distance_cm`, `distance_m`; `onscreen`: 0 or 1.
"""

KEY = ("frame", "class", "source")
"""The columns of whole numbers that say what a row is about."""


def to_events(columns: Columns, num_frames: int | None, frame_s: float) -> Events:
    """Return the events that columns hold, vectors brought to unit length.

    A position at the origin has no direction of its own: it is in front, at distance 0. Distances
    that are all 0 are unknown: systems and generators write them so.

    Args:
        columns: Rows without an error, their distances in metres.
        num_frames: Length of the clip in frames, if known.
        frame_s: Length of a frame, in seconds.
    """
    frame, label = _whole(columns["frame"]), _whole(columns["class"])
    told = None if no_distance(columns) else columns.get("distance_m")
    distance = None if told is None else torch.from_numpy(told.copy())
    degrees = None
    if "azimuth" in columns:
        degrees = _degrees(columns)
        direction = unit_vector(_turned(degrees[0]), degrees[1])
    else:
        vector = _vector(columns)
        direction = unit_norm(vector, zero_is_front=True)
        if "x" not in columns:
            distance = torch.hypot(torch.hypot(vector[:, 0], vector[:, 1]), vector[:, 2])
    return from_checked(
        frame=frame,
        label=label,
        direction=direction,
        source=_whole(columns["source"]) if "source" in columns else number_within(frame, label),
        distance=distance,
        onscreen=torch.from_numpy(columns["onscreen"] != 0) if "onscreen" in columns else None,
        num_frames=num_frames,
        frame_s=frame_s,
        given_deg=degrees,
    )


def in_metres(columns: Columns, unit: Unit | None) -> Columns:
    """Return columns whose distances and positions are metres.

    Args:
        columns: As they stand in the file.
        unit: What they are in, or None for what the format says.
    """
    columns = dict(columns)
    for name in [name for name in columns if COLUMNS[name].in_metres or name == "distance_cm"]:
        values = columns.pop(name)
        in_cm = unit == "cm" if unit else name == "distance_cm"
        columns[name.replace("_cm", "_m")] = values / 100 if in_cm else values
    return columns


def no_distance(columns: Columns) -> bool:
    """Return whether a column for distances holds nothing but 0."""
    told = [columns[name] for name in ("distance_m", "distance_cm") if name in columns]
    return bool(told) and not told[0].any()


def _whole(column: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(column.astype(np.int64))


def _degrees(columns: Columns) -> tuple[Tensor, Tensor]:
    """Return azimuth and elevation; an elevation beyond the zenith goes down behind it."""
    azimuth = torch.from_numpy(columns["azimuth"].copy())
    if "elevation" not in columns:
        return azimuth, torch.zeros_like(azimuth)
    elevation = torch.from_numpy(columns["elevation"].copy())
    if np.abs(columns["elevation"]).max(initial=0) > 90:
        beyond = ~within(elevation.abs(), 90)
        turned, lower = azimuth_elevation_deg(unit_vector(azimuth, elevation))
        azimuth = torch.where(beyond, turned, azimuth)
        elevation = torch.where(beyond, lower, elevation).clamp(-90, 90)
    return azimuth, elevation


def _turned(azimuth: Tensor) -> Tensor:
    """Return azimuths in [-180, 180); most are there, which is quick to see."""
    values = azimuth.numpy()
    there = values.min(initial=0) >= -180 and values.max(initial=0) < 180
    return azimuth if there else wrap_deg(azimuth)


def _vector(columns: Columns) -> Tensor:
    if "rho_m" in columns:
        theta = torch.from_numpy(columns["theta"])
        level = unit_vector(theta, torch.zeros_like(theta)).numpy()
        axes = [columns["rho_m"] * -level[:, 1], columns["rho_m"] * level[:, 0], columns["z_m"]]
    else:
        names = ("x", "y", "z") if "x" in columns else ("x_m", "y_m", "z_m")
        axes = [columns[name] for name in names]
    return torch.from_numpy(np.stack(axes, axis=1))


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
    angles = 0 if whole_degrees else 9
    fine = {
        name: values.round(angles if COLUMNS[name].range_deg else COLUMNS[name].decimals)
        for name, values in columns.items()
    }
    if "azimuth" in fine:
        fine["azimuth"] = np.where(fine["azimuth"] < 180, fine["azimuth"], -180)
    return fine


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
