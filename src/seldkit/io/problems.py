"""All that is wrong with a label file."""

from collections.abc import Sequence
from os import PathLike

import numpy as np

from seldkit.io.columns import Unit, no_distance
from seldkit.io.editions import edition
from seldkit.io.row_checks import doubts, errors
from seldkit.io.table import Problem, read_table


def find_problems(
    path: str | PathLike[str],
    *,
    format: str = "dcase2023",
    num_frames: int | None = None,
    strict: bool = False,
    classes: Sequence[str] | None = None,
    frame_s: float | None = None,
    distance_unit: Unit | None = None,
) -> list[Problem]:
    r"""Find all that [`read_events`][seldkit.io.read_events] would object to in a label file.

    Args:
        path: Text file of comma-separated values.
        format: One of the names that `read_events` takes.
        num_frames: Length of the clip in frames, if known.
        strict: Whether to find what `check="strict"` objects to, too.
        classes: Names of the classes in an event list, as for `read_events`.
        frame_s: Length of a frame, in seconds, as for `read_events`.
        distance_unit: What distances are in, as for `read_events`.

    Returns:
        A problem for each rule that lines break, be it that they do not parse, mean nothing or fail
        the check, with the first of these lines and their number, sorted by line; none if the file
        is in order. Distances that are all 0, which are read as unknown, are told as a note.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no text.

    Examples:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "clip.csv"
        ...     _ = path.write_text("0,3,0,0,999\n1,3,0,left,0\n")
        ...     for problem in find_problems(path, format="dcase2022"):
        ...         print(f"{problem.line}: {problem.rule}")
        1: elevation must lie in -90..90
        2: a row must be numbers separated by commas
    """
    form = edition(
        format,
        classes=classes,
        frame_s=frame_s,
        num_frames=num_frames,
        distance_unit=distance_unit,
    )
    table = read_table(path, form)
    problems = list(table.problems)
    if table.columns:
        sound = np.ones(len(table.lines), dtype=np.bool_)
        for rule, bad in errors(table.columns, form, num_frames):
            if (sound & bad).any():
                problems.append(table.problem(np.flatnonzero(sound & bad), rule))
            sound &= ~bad
        rows = np.flatnonzero(sound)
        columns = {name: column[rows] for name, column in table.columns.items()}
        for rule, bad in doubts(columns, form, strict=strict, units=distance_unit is None):
            if bad.any():
                problems.append(table.problem(rows[bad], rule))
        if len(rows) and no_distance(columns):
            rule = "distances that are all 0 are read as unknown"
            problems.append(table.problem(rows, rule)._replace(note=True))
    return sorted(problems, key=lambda problem: problem.line)
