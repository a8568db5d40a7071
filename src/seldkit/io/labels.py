"""Events in label files, in and out."""

from os import PathLike
from pathlib import Path

from seldkit._checks import check_choice
from seldkit.events import Events
from seldkit.io.columns import from_events, to_events
from seldkit.io.dcase import FORMATS
from seldkit.io.row_checks import Check, doubts, errors, report
from seldkit.io.rows import read_rows

CHECKS = ("raise", "warn", "off")


def read_events(
    path: str | PathLike[str],
    *,
    format: str = "dcase2023",
    num_frames: int | None = None,
    check: Check = "raise",
) -> Events:
    """Read the events of a label file or of a system's output.

    Rows keep their order, and an empty file is no events. Polar and Cartesian rows are told apart
    by their number of columns, which depends on the format:

    - `dcase2020`, `dcase2021`, `dcase2022`: 5 columns frame, class, source, azimuth, elevation; or
      6 columns frame, class, source, x, y, z.
    - `dcase2023`: 5 columns as above, or 6 with the distance in centimetres; 4 columns frame,
      class, azimuth, elevation; or 7 columns frame, class, source, x, y, z, distance in metres, as
      the official system writes it.

    Vectors are brought to unit length. A source of -1 means that sources are not told apart.

    `check` is about rows that parse but can hardly be meant:

    - An azimuth beyond ±180° or an elevation beyond ±90°.
    - Rows that are not sorted by frame. Rows of source -1 or without a source may be.
    - One source in two places in one frame. Cartesian rows may be: systems write source 0 in all.
    - The same polar row twice, in `dcase2020` and `dcase2021`. Since 2022 it is no error: the
      labels of STARSS22 repeat rows, and the official scores count each.

    Args:
        path: Text file of comma-separated numbers without a header.
        format: One of the names above.
        num_frames: Length of the clip in frames, which the file does not tell; travels with the
            events.
        check: `"raise"` an error, `"warn"` once for each of these rules, or say nothing (`"off"`).

    Returns:
        Events, with distances in metres where the file has them.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line does not parse, has the wrong number of columns, a negative frame or
            class, a frame beyond `num_frames`, a vector of no length or a negative distance, or
            fails the check. The message names the file, the line and its text.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "clip.csv"
        ...     _ = path.write_text("0,3,0,90,0,250")
        ...     events = read_events(path)
        >>> events.direction.round(decimals=3), events.distance
        (tensor([[0., 1., 0.]], dtype=torch.float64), tensor([2.5000], dtype=torch.float64))
    """
    check_choice("format", format, FORMATS)
    check_choice("check", check, CHECKS)
    layouts = {len(names): names for names in FORMATS[format].reads}
    rows = read_rows(path, layouts)
    if not rows.lines:
        return Events.from_degrees([], [], [], [], num_frames=num_frames)
    columns = dict(zip(layouts[rows.numbers.shape[1]], rows.numbers.T, strict=True))
    report(errors(columns, num_frames), "raise", rows.error)
    report(doubts(columns, repeats=FORMATS[format].repeats), check, rows.error)
    return to_events(columns, num_frames)


def write_events(
    path: str | PathLike[str], events: Events, *, format: str, check: Check = "raise"
) -> None:
    """Write events to a label file, in polar rows that the official readers take.

    Angles are written in degrees as plain numbers with up to 9 decimals (2e-11 rad), distances in
    whole centimetres. `dcase2023` has a column for the distance if the events have one; what the
    format has no column for is left out.

    Args:
        path: File to write; its folder must exist.
        events: Written in their order.
        format: One of the names that [`read_events`][seldkit.io.read_events] takes.
        check: What to do about rows that fail the check of `read_events`.

    Raises:
        FileNotFoundError: If the folder does not exist.
        ValueError: If the format is unknown, a source is below -1, or the events fail the check.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> events = Events.from_degrees([0, 1], [3, 3], [30.0, 32.5], [0.0, -10.0])
        >>> with TemporaryDirectory() as folder:
        ...     write_events(Path(folder) / "clip.csv", events, format="dcase2022")
        ...     print((Path(folder) / "clip.csv").read_text(), end="")
        0,3,0,30,0
        1,3,0,32.5,-10
    """
    check_choice("format", format, FORMATS)
    check_choice("check", check, CHECKS)
    columns = from_events(events, FORMATS[format].writes)
    texts = zip(*(map(_plain, column.tolist()) for column in columns.values()), strict=True)
    lines = [",".join(row) for row in texts]

    def error(row: int, rule: str) -> ValueError:
        return ValueError(f"events for {path}, row {row}: {rule}, got {lines[row]!r}")

    report(errors(columns), "raise", error)
    report(doubts(columns, repeats=FORMATS[format].repeats), check, error)
    text = "".join(f"{line}\n" for line in lines)
    Path(path).write_text(text, encoding="utf-8", newline="\n")


def _plain(value: float) -> str:
    """Return up to 9 decimals without noise: 30, not 29.999999999999996."""
    text = f"{value:.9f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
