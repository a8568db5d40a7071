"""Tables of numbers in text files, with errors that name the file and the line."""

from collections.abc import Collection
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Rows(NamedTuple):
    """The numbers of a file and the lines they stood in.

    Attributes:
        path: The file.
        numbers: `float64 [row, column]`.
        lines: Number (from 1) and text of the line that each row came from.
    """

    path: Path
    numbers: NDArray[np.float64]
    lines: list[tuple[int, str]]

    def error(self, row: int, rule: str) -> ValueError:
        """Return the error that a row breaks a rule."""
        return _error(self.path, *self.lines[row], rule)


def read_rows(path: str | PathLike[str], widths: Collection[int]) -> Rows:
    """Read comma-separated numbers; blank lines are skipped.

    Args:
        path: Text file without a header.
        widths: The numbers of columns that are allowed; all rows have the same.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no text, a line does not parse, or its number of columns is
            wrong.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text file: {error}") from error
    lines = [(i, line) for i, line in enumerate(text.split("\n"), start=1) if line.strip()]
    if not lines:
        return Rows(path, np.empty((0, 0)), lines)
    width = lines[0][1].count(",") + 1
    if width not in widths:
        allowed = " or ".join(map(str, sorted(widths)))
        raise _error(path, *lines[0], f"a row must have {allowed} columns")
    try:
        numbers = _parse([line for _, line in lines])
    except ValueError:
        raise _first_error(path, lines, width) from None
    return Rows(path, numbers, lines)


def _parse(lines: list[str]) -> NDArray[np.float64]:
    return np.loadtxt(lines, delimiter=",", comments=None, ndmin=2, dtype=np.float64)


def _first_error(path: Path, lines: list[tuple[int, str]], width: int) -> ValueError:
    """Go through the lines one by one to say which of them the fast parser refused."""
    for number, line in lines:
        if line.count(",") + 1 != width:
            return _error(path, number, line, f"a row must have {width} columns like the first")
        try:
            _parse([line])
        except ValueError:
            return _error(path, number, line, "a row must be numbers separated by commas")
    return ValueError(f"{path} is no table of numbers")


def _error(path: Path, number: int, line: str, rule: str) -> ValueError:
    return ValueError(f"{path}, line {number}: {rule}, got {line!r}")
