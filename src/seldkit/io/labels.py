"""Events from label files, and all that is wrong with one."""

from collections.abc import Sequence
from os import PathLike

import numpy as np

from seldkit._checks import check_choice
from seldkit.events import Events
from seldkit.io.columns import Unit, in_metres, no_distance, to_events
from seldkit.io.editions import FrameRule, find_edition
from seldkit.io.event_list import to_rows
from seldkit.io.row_checks import CHECKS, Check, doubts, errors, report
from seldkit.io.table import Problem, read_table


def read_events(
    path: str | PathLike[str],
    *,
    format: str = "dcase2023",
    num_frames: int | None = None,
    check: Check = "raise",
    classes: Sequence[str] | None = None,
    frame_s: float | None = None,
    frame_rule: FrameRule = "published",
    distance_unit: Unit | None = None,
) -> Events:
    """Read the events of a label file or of a system's output.

    Rows keep their order, and an empty file is no events. What stands in a row depends on the
    format, and within a format on the number of columns:

    - `dcase2020`, `dcase2021`, `dcase2022`: 5 columns frame, class, source, azimuth, elevation; 4
      columns without the source; or 6 columns frame, class, source, x, y, z.
    - `dcase2023`, `dcase2024`: 5 or 4 columns as above, or 6 with the distance in centimetres; or 7
      columns frame, class, source, x, y, z, distance in metres, as the official systems write it.
    - `dcase2025`: the header `frame,class,source,azimuth,distance,onscreen`, which must be there
      (the official reader skips the first line unseen), and rows of these; the distance is in
      centimetres, the elevation 0.
    - `dcase2019`: an event list with the header
      `sound_event_recording,start_time,end_time,ele,azi,dist`, times in seconds, classes by name,
      distances (which may be absent) in metres; or, without a header, 4 columns frame, class,
      azimuth, elevation. Frames last 20 ms.
    - `l3das21`, `l3das22`: an event list with a header that names `Start`, `End`, `Class`, `X`, `Y`
      and `Z`, positions in metres; or, without a header, 5 columns frame, class, x, y, z.
    - `l3das23`: the same with `rho` in metres, `theta` in degrees and `z` in metres:
      x = -rho sin(theta), y = rho cos(theta).

    Columns under a header are found by its names, in any order and among others. Vectors are
    brought to unit length; one longer than 2 is an error. A position at the origin is in front, at
    distance 0. Distances that are all 0 are unknown, since systems and generators write them so. A
    source of -1 means that sources are not told apart. Files are in UTF-8, or in UTF-16 with the
    mark that tells it.

    An event list gives a row for each frame of each event, sorted by frame, then in the order of
    the list; the source of a row is the number of its event. Which frames an event covers is
    `frame_rule`:

    - `"published"`, in `dcase2019`: from the frame of the start up to the one behind the end,
      `floor(50 start)` to `ceil(50 end)` in frames of 20 ms, both included. Sounds of one class
      that overlap, or follow each other, share frames: each has its row. The last frame is that of
      the clip, which lasts 60 s unless `num_frames` is given or events go on beyond it.
    - `"published"`, in `l3das`: times are rounded to whole frames and the clip is squeezed into one
      frame less, and the frame of the end belongs to the event: 10.0 s of 30 s is in frame 99.
    - `"plain"`: from the rounded start up to the rounded end, which does not belong to the event.

    `check` is about rows that parse but can hardly be meant:

    - An azimuth beyond ±180°, an elevation beyond ±90° or a theta beyond ±360°.
    - Most distances below 10 in a column of centimetres, which look like metres, or above 50 in one
      of metres, which look like centimetres; unless `distance_unit` is given.
    - Rows that are not sorted by frame. Rows of source -1 or without a source may be.
    - One source in two places in one frame. Cartesian rows may be: systems write source 0 in all;
      so they do in `dcase2025`, where it is allowed if all sources are 0.
    - The same polar row twice, in `dcase2020` and `dcase2021`.
    - If strict: the same row or event twice in the other formats, whose labels hold them (STARSS22
      does, and the official scores count each); and a source that moves by more than 15° from one
      frame to the next. In 119 of the 121 clips of STARSS22 no source does, the others have a slip.

    Args:
        path: Text file of comma-separated values.
        format: One of the names above.
        num_frames: Length of the clip in frames, which the file does not tell; travels with the
            events. What an event list holds beyond it is cut. Event lists of `l3das` take 60 s in
            2021 and 30 s after it unless it is given.
        check: `"raise"` an error, or `"strict"` one for the strict rules, too; `"warn"` once for
            each of all these rules; or say nothing (`"off"`).
        classes: Names of the classes in an event list, by number. Default: the 11 of TAU Spatial
            Sound Events 2019, and the 14 of L3DAS, in their published order.
        frame_s: Length of a frame, in seconds, which travels with the events; an event list is read
            in frames of it. Default: 0.02 in `dcase2019`, else 0.1.
        frame_rule: Which frames an event of a list covers.
        distance_unit: What distances and positions are in, whatever the format says: centimetres
            (`"cm"`) or metres (`"m"`), which some generators write.

    Returns:
        Events in frames of `frame_s`, with distances in metres where the file has them.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line does not parse, has the wrong number of columns, an unknown or
            negative class, a negative frame or time, an end before its start, a frame or start
            beyond the clip or a day, a vector of no length or longer than 2, a negative distance or
            an `onscreen` but 0 and 1, or fails the check. The message names the file, the first
            line, its text and how many there are.

    Examples:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "clip.csv"
        ...     _ = path.write_text("0,3,0,90,0,250")
        ...     events = read_events(path)
        >>> events.direction.round(decimals=3), events.distance
        (tensor([[0., 1., 0.]], dtype=torch.float64), tensor([2.5000], dtype=torch.float64))
    """
    check_choice("check", check, CHECKS)
    edition = find_edition(
        format,
        classes=classes,
        frame_s=frame_s,
        frame_rule=frame_rule,
        num_frames=num_frames,
        distance_unit=distance_unit,
    )
    table = read_table(path, edition)
    if table.problems:
        raise ValueError(str(table.problems[0]))
    columns = table.columns
    if not columns:
        return Events([], [], [], num_frames=num_frames, frame_s=edition.frame_s)
    report(errors(columns, edition, num_frames), "raise", table.problem)
    strict = check in ("strict", "warn")
    units = distance_unit is None
    report(doubts(columns, edition, strict=strict, units=units), check, table.problem)
    columns = in_metres(columns, distance_unit)
    rows = to_rows(columns, edition) if "start" in columns else columns
    return to_events(rows, num_frames, edition.frame_s)


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
    edition = find_edition(
        format,
        classes=classes,
        frame_s=frame_s,
        num_frames=num_frames,
        distance_unit=distance_unit,
    )
    table = read_table(path, edition)
    problems = list(table.problems)
    if table.columns:
        sound = np.ones(len(table.lines), dtype=np.bool_)
        for rule, bad in errors(table.columns, edition, num_frames):
            if (sound & bad).any():
                problems.append(table.problem(np.flatnonzero(sound & bad), rule))
            sound &= ~bad
        rows = np.flatnonzero(sound)
        columns = {name: column[rows] for name, column in table.columns.items()}
        for rule, bad in doubts(columns, edition, strict=strict, units=distance_unit is None):
            if bad.any():
                problems.append(table.problem(rows[bad], rule))
        if len(rows) and no_distance(columns):
            rule = "distances that are all 0 are read as unknown"
            problems.append(table.problem(rows, rule)._replace(note=True))
    return sorted(problems, key=lambda problem: problem.line)
