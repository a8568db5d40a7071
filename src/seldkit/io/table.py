"""Label files as tables: text in, columns of numbers out, and every bad line by its number."""

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seldkit.io.columns import Columns
from seldkit.io.decimals import read_decimals
from seldkit.io.editions import Edition

Line = tuple[int, str]
"""Number of a line, from 1, and its text."""

TRAILING = "a row must not end with a comma"

LONG = 100
"""Characters of a line that a message quotes."""


class Problem(NamedTuple):
    """A rule that lines of a label file break; `str` of it is the whole message.

    Attributes:
        path: The file.
        line: Number of the first line that breaks it, from 1.
        rule: What the line must be.
        text: What it is.
        num_lines: How many lines break the rule.
        note: Whether `rule` is no fault, but says how the file is read.
    """

    path: Path
    line: int
    rule: str
    text: str
    num_lines: int = 1
    note: bool = False

    def __str__(self) -> str:
        text = self.text if len(self.text) <= LONG else f"{self.text[:LONG]}..."
        told = f"{self.path}, line {self.line}: {self.rule}, got {text!r}"
        return told if self.num_lines == 1 else f"{told} (the first of {self.num_lines} lines)"


class Table(NamedTuple):
    """The numbers of a file, where they stood, and the lines that could not be read.

    Attributes:
        path: The file.
        text: All of it.
        columns: `float64 [row]` each; none if there are no rows.
        lines: Number of the line that each row came from.
        problems: The lines that no row came from, by what is wrong with them.
    """

    path: Path
    text: str
    columns: Columns
    lines: Sequence[int]
    problems: list[Problem]

    def problem(self, rows: NDArray[np.intp], rule: str) -> Problem:
        """Return the problem that rows break a rule."""
        number = self.lines[int(rows[0])]
        return Problem(self.path, number, rule, self.text.split("\n")[number - 1], len(rows))


class _Cells(NamedTuple):
    """How many values a line has, and which of them the columns are."""

    width: int
    place: dict[str, int]


def read_table(path: str | PathLike[str], edition: Edition) -> Table:
    """Read a text file of comma-separated values; blank lines are skipped.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no text.
    """
    path = Path(path)
    text = _text(path)
    blank = text.count("\n", 0, len(text) - len(text.lstrip()))
    first, *below = text.split("\n", blank + 1)[blank:]
    if not first.strip():
        return Table(path, text, {}, [], [])
    headed = bool(edition.header) and not (edition.rows and _starts_with_a_number(first))
    rest = "".join(below)
    cells = _cells_by_name(first, rest, edition) if headed else _cells_by_width(first, edition)
    if isinstance(cells, str):
        return Table(path, text, {}, [], [Problem(path, blank + 1, cells, first)])
    top = blank + headed
    body = rest if headed else f"{first}\n{rest}"
    classes = edition.classes if headed and edition.lists_events else ()
    numbers = None if classes else read_decimals((body.rstrip("\n") + "\n").encode(), cells.width)
    if numbers is not None:
        columns = {name: numbers[place] for name, place in cells.place.items()}
        return Table(path, text, columns, range(top + 1, top + 1 + numbers.shape[1]), [])
    lines = [(i, line) for i, line in enumerate(body.split("\n"), start=top + 1) if line.strip()]
    columns, numbered, faults = _read_rows(lines, cells, classes)
    rules = Counter(rule for _, rule, _ in faults)
    firsts = {
        rule: Problem(path, number, rule, text, rules[rule]) for number, rule, text in faults[::-1]
    }
    problems = sorted(firsts.values(), key=lambda problem: problem.line)
    return Table(path, text, columns, numbered, problems)


def _text(path: Path) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 if it says so, lines ended by one sign."""
    data = path.read_bytes()
    wide = data.startswith((BOM_UTF16_LE, BOM_UTF16_BE))
    try:
        text = data.decode("utf-16") if wide else data.removeprefix(BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text file in UTF-8 or UTF-16: {error}") from error
    if "\0" in text:
        raise ValueError(f"{path} is no text file in UTF-8 or UTF-16: it holds zero bytes")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _cells_by_width(first: str, edition: Edition) -> _Cells | str:
    """Return where the columns of a file without a header stand, or what is wrong with it."""
    if not _starts_with_a_number(first) and any(letter.isalpha() for letter in first):
        return "a file of this format must have no header, and rows of numbers"
    if first.rstrip().endswith(","):
        return TRAILING
    for layout in edition.rows:
        if len(layout) == _width(first):
            return _Cells(len(layout), {name: place for place, name in enumerate(layout)})
    allowed = " or ".join(map(str, sorted(map(len, edition.rows))))
    return f"a row must have {allowed} columns, separated by commas"


def _cells_by_name(first: str, rest: str, edition: Edition) -> _Cells | str:
    """Return where the columns under a header stand, or what is wrong with the header.

    Some published headers are shorter than the rows below, which go on in the published order.
    """
    published = [name.casefold() for name in edition.header]
    names = [name.strip().casefold() for name in first.split(",")]
    if _width(rest.strip().partition("\n")[0]) == len(published) > len(names):
        names += published[len(names) :] if published[: len(names)] == names else []
    if set(published) - set(names) - {name.casefold() for name in edition.optional}:
        return f"the header must name {', '.join(edition.header)}"
    columns = zip(published, edition.header.values(), strict=True)
    return _Cells(
        len(names), {column: names.index(name) for name, column in columns if name in names}
    )


def _read_rows(
    lines: list[Line], cells: _Cells, classes: Sequence[str]
) -> tuple[Columns, list[int], list[tuple[int, str, str]]]:
    """Return columns, the line of each row, and the number, fault and text of the other lines."""
    number = {name: float(i) for i, name in enumerate(classes)}
    converters: dict[int | str, Callable[[str], float]] = {}
    if classes:
        converters[cells.place["class"]] = lambda cell: number[cell.strip()]

    def parse(texts: list[str]) -> NDArray[np.float64]:
        if any(_width(text) != cells.width for text in texts):
            raise ValueError("rows differ in length")
        if not texts:
            return np.empty((0, len(cells.place)))
        return np.loadtxt(
            texts,
            comments=None,
            delimiter=",",
            converters=converters or None,
            usecols=list(cells.place.values()),
            ndmin=2,
            encoding="utf-8",
        )

    def fault(text: str) -> str | None:
        if text.rstrip().endswith(","):
            return TRAILING
        if _width(text) != cells.width:
            return f"a row must have {cells.width} columns like the first"
        if classes and text.split(",")[cells.place["class"]].strip() not in number:
            return f"class must be one of {', '.join(classes)}"
        try:
            parse([text])
        except ValueError:
            return f"a row must be numbers separated by commas{' beside names' if classes else ''}"
        return None

    faults = []
    try:
        numbers = parse([text for _, text in lines])
    except ValueError:
        told = [(i, fault(text), text) for i, text in lines]
        faults = [(i, rule, text) for i, rule, text in told if rule is not None]
        lines = [(i, text) for i, rule, text in told if rule is None]
        numbers = parse([text for _, text in lines])
    columns = dict(zip(cells.place, numbers.T, strict=True)) if lines else {}
    return columns, [i for i, _ in lines], faults


def _width(text: str) -> int:
    return text.count(",") + 1


def _starts_with_a_number(text: str) -> bool:
    try:
        float(text.split(",")[0])
    except ValueError:
        return False
    return True
