"""Events in label files, in and out."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from seldkit._checks import check_choice
from seldkit.events import Events
from seldkit.io.columns import Columns, decimals, from_events, to_events
from seldkit.io.editions import FrameRule, edition
from seldkit.io.event_list import from_rows, to_rows
from seldkit.io.row_checks import Check, doubts, errors, report
from seldkit.io.table import read_table

CHECKS = ("raise", "strict", "warn", "off")


def read_events(
    path: str | PathLike[str],
    *,
    format: str = "dcase2023",
    num_frames: int | None = None,
    check: Check = "raise",
    classes: Sequence[str] | None = None,
    frame_s: float | None = None,
    frame_rule: FrameRule = "published",
) -> Events:
    """Read the events of a label file or of a system's output.

    Rows keep their order, and an empty file is no events. What stands in a row depends on the
    format, and within a format on the number of columns:

    - `dcase2020`, `dcase2021`, `dcase2022`: 5 columns frame, class, source, azimuth, elevation; or
      6 columns frame, class, source, x, y, z.
    - `dcase2023`, `dcase2024`: 5 columns as above, or 6 with the distance in centimetres; 4 columns
      frame, class, azimuth, elevation; or 7 columns frame, class, source, x, y, z, distance in
      metres, as the official systems write it.
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
    brought to unit length; a position at the origin is in front, at distance 0. A source of -1
    means that sources are not told apart.

    An event list gives a row for each frame of each event, sorted by frame, then in the order of
    the list; the source of a row is the number of its event. Which frames an event covers is
    `frame_rule`:

    - `"published"`, in `dcase2019`: every frame that the event touches.
    - `"published"`, in `l3das`: times are rounded to whole frames and the clip is squeezed into one
      frame less, and the frame of the end belongs to the event: 10.0 s of 30 s is in frame 99.
    - `"plain"`: from the rounded start up to the rounded end, which does not belong to the event.

    `check` is about rows that parse but can hardly be meant:

    - An azimuth beyond ±180°, an elevation beyond ±90° or a theta beyond ±360°.
    - Most distances below 10 in a column of centimetres, which look like metres, or above 50 in one
      of metres, which look like centimetres.
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
        frame_s: Length of a frame of an event list, in seconds. Default: 0.02 in `dcase2019`, 0.1
            in `l3das`.
        frame_rule: Which frames an event of a list covers.

    Returns:
        Events, with distances in metres where the file has them.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line does not parse, has the wrong number of columns, an unknown or
            negative class, a negative frame or time, an end before its start, a frame or start
            beyond the clip, a vector of no length, a negative distance or an `onscreen` but 0 and
            1, or fails the check. The message names the file, the line and its text.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "clip.csv"
        ...     _ = path.write_text("0,3,0,90,0,250")
        ...     events = read_events(path)
        >>> events.direction.round(decimals=3), events.distance
        (tensor([[0., 1., 0.]], dtype=torch.float64), tensor([2.5000], dtype=torch.float64))
    """
    check_choice("check", check, CHECKS)
    form = edition(
        format, classes=classes, frame_s=frame_s, frame_rule=frame_rule, num_frames=num_frames
    )
    table = read_table(path, form)
    if table.problems:
        raise ValueError(str(table.problems[0]))
    columns = table.columns
    if not columns:
        return Events.from_degrees([], [], [], [], num_frames=num_frames)
    report(errors(columns, form, num_frames), "raise", table.problem)
    report(doubts(columns, form, strict=check in ("strict", "warn")), check, table.problem)
    return to_events(to_rows(columns, form) if "start" in columns else columns, num_frames)


def write_events(
    path: str | PathLike[str],
    events: Events,
    *,
    format: str,
    check: Check = "raise",
    classes: Sequence[str] | None = None,
    frame_s: float | None = None,
) -> None:
    """Write events to a label file, in rows that the official readers take.

    What is written is read again as the same rows in the same order:

    - `dcase2020` to `dcase2024`: polar rows, as labels are. Since 2023 they have a column for the
      distance if the events have one.
    - `dcase2025`: the header and its rows. Where events do not say what is on screen, 0 is written,
      as the official audio systems do.
    - `dcase2019`: an event list with its header. A run of frames in which a source stays in one
      place is one line; runs are cut where rows change their order. `dist` is left out if the
      events have no distance.
    - `l3das21`, `l3das22`, `l3das23`: rows without a header, as systems write them: the position is
      direction times distance.

    Angles are written in degrees as plain numbers with up to 9 decimals (2e-11 rad), distances in
    whole centimetres, or in metres with up to 12 decimals. What the format has no column for is
    left out.

    Args:
        path: File to write; its folder must exist.
        events: Written in their order.
        format: One of the names that [`read_events`][seldkit.io.read_events] takes.
        check: What to do about rows that fail the check of `read_events`, but for its doubts about
            the unit of distances.
        classes: Names of the classes in `dcase2019`.
        frame_s: Length of a frame in `dcase2019`, in seconds.

    Raises:
        FileNotFoundError: If the folder does not exist.
        ValueError: If the format is unknown, a source is below -1, a class has no name, the format
            needs a distance that the events do not have, or the events fail the check.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> events = Events.from_degrees([0, 1], [3, 3], [30.0, 32.5], [0.0, -10.0])
        >>> with TemporaryDirectory() as folder:
        ...     write_events(Path(folder) / "clip.csv", events, format="dcase2022")
        ...     print((Path(folder) / "clip.csv").read_text(), end="")
        0,3,0,30,0
        1,3,0,32.5,-10
    """
    check_choice("check", check, CHECKS)
    form = edition(format, classes=classes, frame_s=frame_s)
    columns = from_events(events, form.writes)
    lines = _lines(columns)

    def problem(row: int, rule: str) -> str:
        return f"events for {path}, row {row}: {rule}, got {lines[row]!r}"

    if form.merges:
        rule = f"class must be below {len(form.classes)}, the number of names"
        report([(rule, columns["class"] >= len(form.classes))], "raise", problem)
    report(errors(columns, form), "raise", problem)
    strict = check in ("strict", "warn")
    report(doubts(columns, form, strict=strict, written=True), check, problem)
    if form.merges:
        columns = from_rows(columns, form.frame_s)
        lines = _lines(
            {name: columns[name] for name in form.header.values() if name in columns}, form.classes
        )
    if form.headed:
        lines.insert(0, ",".join(name for name, column in form.header.items() if column in columns))
    text = "".join(f"{line}\n" for line in lines)
    Path(path).write_text(text, encoding="utf-8", newline="\n")


def _lines(columns: Columns, classes: Sequence[str] = ()) -> list[str]:
    """Return a line for each row, with names for classes if there are any."""
    texts = {
        name: [_plain(value, decimals(name)) for value in column.tolist()]
        for name, column in columns.items()
    }
    if classes:
        texts["class"] = [classes[int(label)] for label in columns["class"]]
    return [",".join(row) for row in zip(*texts.values(), strict=True)]


def _plain(value: float, decimals: int) -> str:
    """Return a number without noise: 30, not 29.999999999999996."""
    text = f"{value:.{decimals}f}"
    if decimals:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
