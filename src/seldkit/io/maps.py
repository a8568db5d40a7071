"""Energy maps in the JSON files of DCASE 2026 task 3, in and out."""

import json
from collections.abc import Sequence
from math import isfinite
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import torch

from seldkit._checks import check_choice, check_count, integer
from seldkit._files import result
from seldkit.events import EnergyMaps
from seldkit.io.classes import STARSS_CLASSES

CANVAS = (360.0, 180.0)
"""Width and height of the canvas on which files have their points."""

LOWEST = 179.0
"""The height on the canvas that is straight down."""

NUM_CLASSES = len(STARSS_CLASSES)
"""How many classes the published files have."""

AzimuthGrows = Literal["left", "right"]


def read_maps(
    path: str | PathLike[str],
    *,
    azimuth_grows: AzimuthGrows = "left",
    num_classes: int = NUM_CLASSES,
    num_frames: int | None = None,
) -> EnergyMaps:
    r"""Read the energy maps of a recording from a JSON file of DCASE 2026 task 3.

    The file holds a list of `annotations`, each a source in a frame of 100 ms, with points
    $(x, y, \text{energy})$ on a canvas of 360 x 180. Elevation is $90 - 180\,y / 179$, and what is
    below 179 is straight down. The published scripts take $x - 180$ for the azimuth without saying
    which way it grows. Our reading is that the canvas is the picture of the camera, on which what
    is left stands left, since the baseline mirrors its acoustic planes before it lays them on
    the picture; so the azimuth, counter-clockwise, is $180 - x$. Scores do not depend on it.

    As in the published scripts, annotations of unknown classes are passed over; all points of an
    annotation are one map, whatever polygon they stand in.

    Args:
        path: The file.
        azimuth_grows: Whether the azimuth, counter-clockwise, grows to the `"left"` of the canvas
            or to its `"right"`.
        num_classes: Classes from here on are unknown.
        num_frames: Length of the clip in frames, if it is known.

    Returns:
        One row for each annotation, in the order of the file. `distance` is in metres, None if no
        annotation has one; `score` is None if no annotation has one.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no such JSON, an annotation lacks what it needs, only some have a
            distance or a score, or a number is out of its range; with the file, and the place of
            the annotation where it is one alone.

    Source: DCASE 2026 task 3, baseline, `evaluate.py`.

    Examples:
        >>> from tempfile import mkdtemp
        >>> path = Path(mkdtemp()) / "clip.json"
        >>> ahead = EnergyMaps([4], [2], [0], [0.0], [0.0], [0.5], distance=[1.5])
        >>> write_maps(path, ahead)
        >>> read_maps(path) == ahead
        True
    """
    path = Path(path)
    check_choice("azimuth_grows", azimuth_grows, ("left", "right"))
    check_count(num_classes=num_classes)
    maps = []
    for place, annotation in enumerate(_annotations(path)):
        try:
            maps.append(_read(annotation))
        except (KeyError, OverflowError, TypeError, ValueError) as error:
            told = error.args[0] if error.args else error
            raise ValueError(f"{path}, annotation {place}: {told}") from error
    maps = [one for one in maps if 0 <= one["category_id"] < num_classes]
    points = [(row, *point) for row, one in enumerate(maps) for point in one["points"]]
    table = torch.tensor(points, dtype=torch.float64).reshape(-1, 4)
    turn = -1 if azimuth_grows == "left" else 1
    columns = {name: [one[name] for one in maps] for name in ("distance", "score")}
    for name, column in columns.items():
        if None in column and any(value is not None for value in column):
            raise ValueError(f"{path}: {name} must be in all annotations or in none")
    distance, score = (None if None in column else column for column in columns.values())
    try:
        return EnergyMaps(
            [one["metadata_frame_index"] for one in maps],
            [one["category_id"] for one in maps],
            table[:, 0].long(),
            turn * (table[:, 1] - 180),
            (90 - table[:, 2] * (180 / LOWEST)).clamp(min=-90),
            table[:, 3],
            source=[one["instance_id"] for one in maps],
            distance=[value / 100 for value in distance] if distance else None,
            score=score or None,
            num_frames=num_frames,
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def write_maps(
    path: str | PathLike[str], maps: EnergyMaps, *, azimuth_grows: AzimuthGrows = "left"
) -> None:
    """Write energy maps to a JSON file of DCASE 2026 task 3.

    Reading gives the same rows and points in the same order; places come back to 1e-9 degrees. The
    file is whole at every moment.

    Args:
        path: File to write; its folder must exist.
        maps: The maps of a recording, in frames of 100 ms.
        azimuth_grows: As in [`read_maps`][seldkit.io.read_maps].

    Raises:
        FileNotFoundError: If the folder does not exist.
        TypeError: If they are not `EnergyMaps`.
        ValueError: If the frames are not 100 ms long.
    """
    path = Path(path)
    check_choice("azimuth_grows", azimuth_grows, ("left", "right"))
    if not isinstance(maps, EnergyMaps):
        raise TypeError(f"maps must be EnergyMaps, got {type(maps).__name__}")
    if maps.frame_s != 0.1:
        raise ValueError(f"maps.frame_s must be 0.1 in these files, got {maps.frame_s}")
    turn = -1 if azimuth_grows == "left" else 1
    x = _tidy(180 + turn * maps.azimuth_deg)
    y = _tidy((90 - maps.elevation_deg) * (LOWEST / 180))
    points: list[list[tuple[float, ...]]] = [[] for _ in range(len(maps))]
    for row, *point in zip(maps.row.tolist(), x, y, maps.energy.tolist(), strict=True):
        points[row].append(tuple(point))
    annotations: list[dict[str, Any]] = [
        {"metadata_frame_index": frame, "instance_id": source, "category_id": label}
        for frame, source, label in zip(
            maps.frame.tolist(), maps.source.tolist(), maps.label.tolist(), strict=True
        )
    ]
    for row, annotation in enumerate(annotations):
        if maps.distance is not None:
            annotation["distance"] = _tidy(maps.distance[row : row + 1] * 100)[0]
        if maps.score is not None:
            annotation["score"] = float(maps.score[row])
        annotation["segmentation"] = [points[row]]
    with result(path) as draft:
        draft.write_text(json.dumps({"annotations": annotations}), encoding="utf-8")


def _tidy(values: torch.Tensor) -> list[float]:
    """Return numbers without the last digits, which are rounding."""
    rounded: list[float] = values.round(decimals=10).tolist()
    return rounded


def _annotations(path: Path) -> Sequence[object]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:  # also what is no UTF-8
        raise ValueError(f"{path} must be a JSON file in UTF-8, got {error}") from error
    annotations = content.get("annotations") if isinstance(content, dict) else None
    if not isinstance(annotations, list):
        raise ValueError(f"{path} must hold a list of 'annotations'")
    return annotations


def _read(annotation: object) -> dict[str, Any]:
    """Return what an annotation says, points checked; raise what is wrong with it."""
    if not isinstance(annotation, dict):
        raise ValueError(f"an annotation must be an object, got {annotation!r:.100}")
    needed = ("metadata_frame_index", "category_id", "segmentation")
    missing = [name for name in needed if name not in annotation]
    if missing:
        raise ValueError(f"an annotation must have {', '.join(missing)}")
    values: dict[str, Any] = {
        name: integer(name, annotation.get(name, 0))
        for name in ("metadata_frame_index", "category_id", "instance_id")
    }
    if values["metadata_frame_index"] < 0:
        raise ValueError(
            f"metadata_frame_index must not be negative, got {values['metadata_frame_index']}"
        )
    for name in ("distance", "score"):
        value = annotation.get(name)
        values[name] = None if value is None else _number(name, value)
    if (values["distance"] or 0) < 0:
        raise ValueError(f"distance must not be negative, got {values['distance']}")
    polygons = annotation["segmentation"]
    if not isinstance(polygons, list) or not all(isinstance(part, list) for part in polygons):
        raise ValueError("segmentation must hold lists of points")
    values["points"] = [_point(point) for part in polygons for point in part]
    return values


def _point(point: object) -> tuple[float, float, float]:
    if not isinstance(point, list) or len(point) != 3:
        raise ValueError(f"a point must be [x, y, energy], got {point!r:.100}")
    x, y, energy = (_number("a point", value) for value in point)
    for name, value, limit in (("x", x, CANVAS[0]), ("y", y, CANVAS[1])):
        if not 0 <= value <= limit:
            raise ValueError(f"{name} must lie in 0..{limit:.0f}, got {value}")
    if energy < 0:
        raise ValueError(f"energy must not be negative, got {energy}")
    return x, y, energy


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
        raise ValueError(f"{name} must hold finite numbers, got {value!r:.100}")
    return float(value)
