"""The recordings in a folder, and the tables that name them."""

import csv
from collections.abc import Collection
from pathlib import Path

from seldkit._files import finished
from seldkit.io.audio import SUFFIXES


def recordings_below(folder: Path) -> list[Path]:
    """Return the WAV, FLAC and OGG files at any depth, sorted.

    Raises:
        FileNotFoundError: If there is no such folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
    # Some systems put a file of their own, beginning with a dot, beside each.
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
        if len(finished(path.parts)) == len(path.parts)
    )


def read_rows(table: Path, columns: Collection[str]) -> list[dict[str, str]]:
    """Return the rows of a table that names a file beside it in each.

    Args:
        table: CSV in UTF-8, with a head.
        columns: What no row may lack; `file` is among them.

    Raises:
        FileNotFoundError: If there is no file that it names.
        ValueError: If it cannot be read, or has no rows, or a column is missing.
    """
    try:
        with table.open(newline="", encoding="utf-8-sig") as lines:
            rows = list(csv.DictReader(lines))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{table} must be a CSV file in UTF-8: {error}") from error
    missing = [name for name in columns if not rows or not all(row.get(name) for row in rows)]
    if missing:
        raise ValueError(f"{table} must have rows with, each, the columns {', '.join(missing)}")
    for row in rows:
        if not (table.parent / row["file"]).is_file():
            raise FileNotFoundError(f"{table} names {row['file']}, which is not there")
    return rows
