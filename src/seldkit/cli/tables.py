"""Scores as tables: text to read and JSON to go on with."""

import json
import sys
from collections.abc import Mapping, Sequence
from itertools import chain
from math import isfinite, isnan
from pathlib import Path

from seldkit._files import result
from seldkit.cli.clips import NamedClip
from seldkit.metrics import DenseMapMetrics, Interval, SELDMetrics, jackknife
from seldkit.metrics.analysis import class_table
from seldkit.metrics.tracking import CLEARMOT, GOSPA, OSPA

Table = Mapping[str, Mapping[str, float]]
"""From the name of a row and of a column to a number."""


def overall_table(metrics: SELDMetrics) -> Table:
    """Return one row with the scores of all clips."""
    return {"all": metrics.compute().as_dict()}


def jackknife_table(metrics: SELDMetrics | DenseMapMetrics) -> Table:
    """Return what the jackknife says of each score, a row for each of its parts."""
    names, intervals = metrics.compute().published_names, jackknife(metrics)
    return {
        part.replace("_", " "): {
            name: float(getattr(intervals[ours], part)) for name, ours in names.items()
        }
        for part in Interval._fields
    }


def group_table(groups: Mapping[str, SELDMetrics]) -> Table:
    """Return a row for each group of frames, with the columns of a table of classes."""
    return {label: class_table(metrics).as_dict()["all"] for label, metrics in groups.items()}


def track_table(clips: Sequence[NamedClip], threshold_deg: float | None) -> Table:
    """Return one row with the scores of tracks.

    Raises:
        ValueError: If a source has two rows of one class in a frame.
    """
    tracks, sets, general = CLEARMOT(threshold_deg), OSPA(), GOSPA()
    for clip in clips:
        try:
            for metric in (tracks, sets, general):
                metric.update(clip.prediction, clip.reference)
        except ValueError as error:
            raise ValueError(f"{clip.name}: {error}") from error
    scores = tracks.compute()
    return {
        "all": {
            "MOTA": scores.mota,
            "LE": scores.localization_error_deg,
            "IDS": int(scores.identity_switches),
            "Frag": int(scores.fragmentations),
            "P": scores.precision,
            "R": scores.recall,
            "IDF1": scores.identity_f_score,
            "OSPA": sets.compute().ospa_deg,
            "GOSPA": general.compute().gospa_deg,
        }
    }


def as_text(tables: Mapping[str, Table]) -> str:
    """Return tables one below the other; columns of one name have one width.

    Args:
        tables: By what their rows are.
    """
    texts = [[(title, _head(table)), *_body(table)] for title, table in tables.items()]
    width = {"": 0}
    for label, cells in chain.from_iterable(texts):
        for name, cell in {"": label, **cells}.items():
            width[name] = max(width.get(name, 0), len(cell))

    def line(label: str, cells: Mapping[str, str]) -> str:
        aligned = (cell.rjust(width[name]) for name, cell in cells.items())
        return "  ".join([label.ljust(width[""]), *aligned]) + "\n"

    return "\n".join("".join(line(*row) for row in text) for text in texts)


def as_json(setting: Mapping[str, object], tables: Mapping[str, Table]) -> str:
    """Return a setting and tables as JSON, with null for nan and a text for what is infinite."""
    plain = {
        title: {
            label: {name: _plain(value) for name, value in row.items()}
            for label, row in table.items()
        }
        for title, table in tables.items()
    }
    told = {name: _plain(value) for name, value in setting.items()}
    return json.dumps({**told, "scores": plain}, indent=2, allow_nan=False) + "\n"


def write_json(place: str, text: str) -> None:
    """Write JSON to a file, or to the standard output if the place is `-`.

    Raises:
        OSError: If the file cannot be written.
    """
    if place == "-":
        sys.stdout.write(text)
        return
    try:
        with result(Path(place)) as draft:
            draft.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OSError(f"--json must be a file that can be written, got {error}") from error


def _plain(value: object) -> object:
    if not isinstance(value, float) or isfinite(value):
        return value
    return None if isnan(value) else str(value)


def _head(table: Table) -> Mapping[str, str]:
    return {name: name for name in next(iter(table.values()))}


def _body(table: Table) -> list[tuple[str, Mapping[str, str]]]:
    return [
        (label, {name: _cell(value) for name, value in row.items()}) for label, row in table.items()
    ]


def _cell(value: float) -> str:
    if not isinstance(value, float):
        return str(value)
    # ER is beyond 1e15 where there are no references; -0.0 + 0.0 is 0.0
    return f"{value:.1e}" if abs(value) >= 1e6 else f"{round(value, 3) + 0.0:.3f}"
