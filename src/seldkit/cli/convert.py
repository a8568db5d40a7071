"""`seldkit convert`: label files in another format, and what that loses."""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from seldkit.cli.files import below, find_files, read_names
from seldkit.cli.messages import note
from seldkit.cli.options import check_number
from seldkit.cli.progress import Progress
from seldkit.events import Events
from seldkit.geometry import angle_deg
from seldkit.io import read_events, read_label_track, write_events, write_label_track
from seldkit.io.editions import FORMATS

EXAMPLE = """examples:
  seldkit convert metadata_dev labels2022 --from dcase2023 --to dcase2022
  seldkit convert predictions tracks --from dcase2024 --to audacity --classes names.txt
  seldkit convert tracks mended --from audacity --to dcase2024 --classes names.txt

A folder is converted with all folders in it. What is written is read again: a note tells what it
does not hold any more. The exit code is 0, or 2 if a file cannot be read or written."""

AUDACITY = "audacity"
SUFFIXES = {AUDACITY: ".txt"}
FRAME_S = 0.1
"""Length of the frames that a label track is read in, unless said."""
DEGREE = 0.01
"""Directions that differ by less than this, in degrees, are not told as moved."""


def add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str
) -> None:
    """Add `convert` to the commands of a program."""
    parser = commands.add_parser(
        "convert",
        help=summary,
        description="Bring label files into another format, and tell what that loses.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("labels", type=Path, metavar="IN", help="a label file, or a folder of them")
    parser.add_argument(
        "out", type=Path, metavar="OUT", help="where to write: a file, or a folder for a folder"
    )
    parser.add_argument(
        "--from",
        dest="source",
        required=True,
        choices=(*FORMATS, AUDACITY),
        metavar="FORMAT",
        help=f"{', '.join(FORMATS)}, or {AUDACITY}: label tracks, whose names stand in --classes",
    )
    parser.add_argument(
        "--to",
        dest="target",
        required=True,
        choices=(*FORMATS, AUDACITY),
        metavar="FORMAT",
        help="one of the same; a label track holds one direction for each sound, or two",
    )
    parser.add_argument(
        "--kind",
        choices=("label", "output"),
        help="write labels, or what a system found: official scripts read both by different rules"
        " (default: labels, and outputs for l3das)",
    )
    parser.add_argument(
        "--classes", type=Path, metavar="FILE", help="names of the classes, one a line"
    )
    parser.add_argument(
        "--frame-s",
        type=float,
        metavar="X",
        help="length of a label frame in the files that are read, in seconds",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Convert the files, and tell how many and what is lost; return the exit code."""
    check_number("--frame-s", args.frame_s, 3600, smallest=0.001)
    if args.kind and args.target == AUDACITY:
        raise ValueError(f"--kind is for label files, got {args.kind} with --to {AUDACITY}")
    classes = read_names(args.classes) if args.classes else None
    files = find_files(args.labels, SUFFIXES.get(args.source, ".csv"))
    lost: Counter[str] = Counter()
    with Progress(len(files), "files") as progress:
        for path in files:
            out = _place(path, args)
            if out.resolve() == path.resolve():
                raise ValueError(f"OUT must be another place than IN, got {path} for both")
            out.parent.mkdir(parents=True, exist_ok=True)
            lost.update(_converted(path, out, args, classes))
            progress.advance()
    for what, count in lost.items():
        note(what if len(files) == 1 else f"{what}: in {count} of {len(files)} files")
    sys.stdout.write(f"{len(files)} file{'' if len(files) == 1 else 's'} in {args.out}\n")
    return 0


def _place(path: Path, args: argparse.Namespace) -> Path:
    """Return where a file is written."""
    if path == args.labels:
        return Path(args.out)
    suffix = SUFFIXES.get(args.target, ".csv")
    return Path(args.out, f"{below(args.labels, path)}{suffix}")


def _converted(
    path: Path, out: Path, args: argparse.Namespace, classes: Sequence[str] | None
) -> list[str]:
    """Write one file; return what it does not hold any more."""
    if args.source == AUDACITY:
        events = read_label_track(path, classes=classes, frame_s=args.frame_s or FRAME_S)
        names = classes
    else:
        events = read_events(path, format=args.source, frame_s=args.frame_s, classes=classes)
        names = classes or FORMATS[args.source].classes or None
    if args.target == AUDACITY:
        write_label_track(out, events, classes=names)
        return ["a label track holds sounds, not rows: one direction for each, or two if it moves"]
    edition = FORMATS[args.target]
    rows = events.at(edition.frame_s)
    write_events(out, rows, format=args.target, kind=args.kind, classes=names)
    coarser = f"frames of {events.frame_s:g} s became frames of {rows.frame_s:g} s"
    guessed = f"classes have the names of {args.target}: --classes tells their own"
    told = [coarser] * (rows.frame_s > events.frame_s)
    told += [guessed] * (names is None and edition.names_classes(args.kind))
    return told + _losses(rows, read_events(out, format=args.target, classes=names))


def _losses(rows: Events, again: Events) -> list[str]:
    """Return what rows that were written and read again lack."""
    told = []
    if len(again) != len(rows):
        return [f"of {len(rows)} rows {len(again)} are read again"]
    for name, words in (("distance", "distances"), ("onscreen", "what is on screen")):
        if getattr(rows, name) is not None and getattr(again, name) is None:
            told.append(f"{words} are left out")
    if not again.source.equal(rows.source):
        told.append("sources have other numbers")
    if len(rows):
        moved = angle_deg(rows.direction, again.direction).max().item()
        if moved > DEGREE:
            told.append(f"directions are moved by up to {moved:.0f} degrees")
    return told
