"""Events to label files."""

from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from seldkit._checks import check_choice
from seldkit._files import result
from seldkit.events import Events
from seldkit.events.frames import check_frame_s
from seldkit.io.classes import check_class_names
from seldkit.io.columns import COLUMNS, Columns, from_events, rounded
from seldkit.io.editions import FrameRule, Kind, find_edition
from seldkit.io.event_list import from_rows
from seldkit.io.row_checks import CHECKS, Check, doubts, errors, report


def write_events(
    path: str | PathLike[str],
    events: Events,
    *,
    format: str,
    kind: Kind | None = None,
    check: Check = "raise",
    classes: Sequence[str] | None = None,
    frame_rule: FrameRule = "published",
) -> None:
    """Write events to a label file, in rows that the official readers take.

    Official scripts read labels and outputs of systems by different rules: those of 2023 and 2024
    take the distances of labels to be centimetres, and those of outputs to be metres. `kind` says
    which of both to write:

    | format | `"label"` | `"output"` |
    | --- | --- | --- |
    | `dcase2019` | event list with a header | frame, class, azimuth, elevation in whole degrees |
    | `dcase2020` to `dcase2022` | polar rows | frame, class, source, x, y, z |
    | `dcase2023`, `dcase2024` | polar rows, distance in cm | ..., x, y, z, distance in m |
    | `dcase2025` | rows under a header, distance in cm | the same |
    | `l3das21` to `l3das23` | event list with a header | frame, class, position |

    What is written is read again as the same rows in the same order, but for sources where a file
    has no column for them:

    - Polar rows of 2023 and 2024 have a column for the distance if the events have one. Outputs
      always have it, and hold 0 where a system does not tell it.
    - In `dcase2025`, 0 is written where events do not say what is on screen, as the official audio
      systems do.
    - In an event list a run of frames in which a source stays in one place is one line, and
      `frame_rule` tells from which times readers make the same frames again; runs are cut where
      rows change their order. In `dcase2019`, `dist` is left out if the events have no distance.
    - Positions of `l3das` are direction times distance.

    Angles are written in degrees as plain numbers with up to 9 decimals (2e-11 rad), vectors with
    up to 12, distances in whole centimetres, or in metres with up to 12 decimals. What the format
    has no column for is left out.

    Args:
        path: File to write; its folder must exist.
        events: Written in their order, in frames of the format: 20 ms in `dcase2019`, else 100 ms.
            Event lists of `frame_rule="plain"` hold times, and take frames of any length.
        format: One of the names that [`read_events`][seldkit.io.read_events] takes.
        kind: What the events are: labels, or the output of a system. Default: labels, and outputs
            in `l3das`.
        check: What to do about rows that fail the check of `read_events`, but for its doubts about
            the unit of distances.
        classes: Names of the classes in an event list.
        frame_rule: The rule by which the event list will be read, as for `read_events`.

    Raises:
        FileNotFoundError: If the folder does not exist.
        ValueError: If the format or the kind is unknown, the events have frames of another length
            (`events.at` changes it), a source is below -1, a class has no name, the format needs a
            distance that the events do not have, or the events fail the check; in an event list,
            also if a name of a class would be read as another, or the last frame lies just behind
            the clips of the corpus, where readers cut it.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> events = Events.from_degrees([0, 1], [3, 3], [30, 0], [0, -90], distance=[2, 1.5])
        >>> with TemporaryDirectory() as folder:
        ...     for kind in ("label", "output"):
        ...         write_events(Path(folder) / "clip.csv", events, format="dcase2024", kind=kind)
        ...         print((Path(folder) / "clip.csv").read_text(), end="")
        0,3,0,30,0,200
        1,3,0,0,-90,150
        0,3,0,0.866025403784,0.5,0,2
        1,3,0,0,0,-1,1.5
    """
    check_choice("check", check, CHECKS)
    check_choice("kind", kind, (None, "label", "output"))
    edition = find_edition(format, classes=classes, frame_rule=frame_rule)
    kind = kind or edition.kind
    merged = edition.names_classes(kind)
    if merged and frame_rule == "plain":
        edition = edition._replace(frame_s=events.frame_s)
    check_frame_s("events", events.frame_s, edition.frame_s)
    if kind == "output" and edition.zero_distance and events.distance is None:
        events = replace(events, distance=torch.zeros(len(events)))
    whole_degrees = kind == "output" and edition.whole_degrees
    columns = from_events(events, edition.labels if kind == "label" else edition.outputs)
    columns = rounded(columns, whole_degrees=whole_degrees)
    lines = _lines(columns)

    def problem(rows: NDArray[np.intp], rule: str) -> str:
        more = f" (the first of {len(rows)} rows)" if len(rows) > 1 else ""
        return f"events for {path}, row {rows[0]}: {rule}, got {lines[rows[0]]!r}{more}"

    num_frames = None
    if merged:
        rule = f"class must be below {len(edition.classes)}, the number of names"
        report([(rule, columns["class"] >= len(edition.classes))], "raise", problem)
        check_class_names(edition.classes, without=",")
        if edition.duration_s is not None:
            num_frames = round(edition.duration_s / edition.frame_s)
        elif edition.usual_s is not None and edition.frames == "touched":
            behind = round(edition.usual_s / edition.frame_s)
            rule = (
                f"the last frame must not be {behind}, just behind a clip of {edition.usual_s:g} s"
            )
            last = columns["frame"] == columns["frame"].max(initial=0)
            report([(rule, last & (columns["frame"] == behind))], "raise", problem)
    report(errors(columns, edition, num_frames), "raise", problem)
    strict = check in ("strict", "warn")
    report(doubts(columns, edition, strict=strict, units=False, merged=merged), check, problem)
    if merged:
        columns = from_rows(columns, edition)
        columns = {name: columns[name] for name in edition.header.values() if name in columns}
        lines = _lines(columns, edition.classes)
    if kind in edition.headed:
        names = [name for name, column in edition.header.items() if column in columns]
        lines.insert(0, ",".join(names))
    text = "".join(f"{line}\n" for line in lines)
    with result(Path(path)) as draft:
        draft.write_text(text, encoding="utf-8", newline="\n")


def _lines(columns: Columns, classes: Sequence[str] = ()) -> list[str]:
    """Return a line for each row, with names for classes if there are any."""
    texts = {name: _plain(column, COLUMNS[name].decimals) for name, column in columns.items()}
    if classes:
        texts["class"] = [classes[int(label)] for label in columns["class"]]
    return list(map(",".join, zip(*texts.values(), strict=True)))


def _plain(column: NDArray[np.float64], decimals: int) -> list[str]:
    """Return rounded numbers without noise: 30, not 30.000 or -0."""
    if (column == np.rint(column)).all() and (np.abs(column) < 2**53).all():
        return list(map(str, column.astype(np.int64).tolist()))
    texts = map(f"%.{decimals}f".__mod__, (column + 0.0).tolist())  # -0.0 + 0.0 is 0.0
    if not decimals:
        return list(texts)
    return [text.rstrip("0").rstrip(".") if text[-1] == "0" else text for text in texts]
