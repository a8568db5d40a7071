"""The clips that the published scripts of DCASE were given."""

import csv
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from seldkit.events import Events

Row = dict[str, str]
Clip = tuple[Events, Events]
"""Prediction and reference."""


def read_clips(folder: Path, name: str, group: str) -> Mapping[int, list[Clip]]:
    """Return the clips of each group, such as a scenario, in the order of its files."""
    predictions = _rows_by_file(folder / f"{name}_pred.csv", group)
    references = _rows_by_file(folder / f"{name}_ref.csv", group)
    clips = defaultdict(list)
    for file in read_table(folder / f"{name}_files.csv"):
        key = file[group], file["file"]
        reference = _to_events(references[key], int(file["n_frames"]))
        clips[int(file[group])].append((_to_events(predictions[key], None), reference))
    return clips


def read_table(path: Path) -> list[Row]:
    """Read a CSV file with a header."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _rows_by_file(path: Path, group: str) -> Mapping[tuple[str, str], list[Row]]:
    """Read a table of events; a file that it does not name has no rows."""
    files = defaultdict(list)
    for row in read_table(path):
        files[row[group], row["file"]].append(row)
    return files


def _to_events(rows: list[Row], num_frames: int | None) -> Events:
    """Return the events of one file, rows in its order."""
    frame, label = ([int(row[name]) for row in rows] for name in ("frame", "class"))
    azimuth, elevation = (
        [float(row[name]) for row in rows] for name in ("azimuth_deg", "elevation_deg")
    )
    return Events.from_degrees(
        frame,
        label,
        azimuth,
        elevation,
        distance=[float(row["distance_cm"]) / 100 for row in rows],
        onscreen=[row["onscreen"] == "1" for row in rows],
        num_frames=num_frames,
    )
