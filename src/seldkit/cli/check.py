"""`seldkit check`: all that is wrong with label files."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from seldkit.cli.files import find_files, read_names
from seldkit.cli.options import check_number
from seldkit.cli.tables import write_json
from seldkit.events.rows import MAX_FRAMES
from seldkit.io import find_problems
from seldkit.io.editions import FORMATS

EXAMPLE = """example:
  seldkit check metadata_dev --format dcase2023

Every line that cannot be read or can hardly be meant is told, with its number; those beyond the
limit of a file are counted. The exit code is 0 if there is none, 1 if there are some, and 2 if
there is nothing to check."""

LIMIT = 20
"""How many problems of a file are told unless another number is asked for."""


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `check` to the commands of a program."""
    parser = commands.add_parser(
        "check",
        help="find all that is wrong with label files",
        description="Find all that is wrong with label files.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "labels", nargs="+", type=Path, metavar="LABELS", help="a label file, or a folder of them"
    )
    parser.add_argument(
        "--format", required=True, choices=FORMATS, metavar="FORMAT", help=", ".join(FORMATS)
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="also find what published labels hold now and then: repeated rows, sources that jump",
    )
    parser.add_argument(
        "--num-frames", type=int, metavar="N", help="length of every clip, in label frames"
    )
    parser.add_argument(
        "--classes",
        type=Path,
        metavar="FILE",
        help="names of the classes, one a line (event lists)",
    )
    parser.add_argument(
        "--limit",
        type=int,
        default=LIMIT,
        metavar="N",
        help="tell at most so many problems of each file (default: %(default)s), 0 for all",
    )
    parser.add_argument(
        "--json",
        metavar="FILE",
        help="also write all problems to a JSON file; - is the standard output, in place of the"
        " text",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the problems and a last line that counts them; return the exit code."""
    check_number("--num-frames", args.num_frames, MAX_FRAMES)
    if args.limit < 0:
        raise ValueError(f"--limit must be a number of problems or 0 for all, got {args.limit}")
    classes = read_names(args.classes) if args.classes else None
    files = [path for place in args.labels for path in find_files(place)]
    told: list[dict[str, object]] = []
    for path in files:
        problems, messages = _problems(path, args, classes)
        told += problems
        if args.json != "-":
            shown = messages[: args.limit or None]
            sys.stdout.writelines(f"{message}\n" for message in shown)
            if len(shown) < len(messages):
                sys.stdout.write(f"{path}: and {len(messages) - len(shown)} more\n")
    num_problems = sum(not problem.get("note") for problem in told)
    if args.json != "-":
        sys.stdout.write(f"{_count(len(files), 'file')}, {_count(num_problems, 'problem')}\n")
    if args.json:
        numbers = {"num_files": len(files), "num_problems": num_problems}
        text = json.dumps({"format": args.format, **numbers, "problems": told}, indent=2)
        write_json(args.json, f"{text}\n")
    return 1 if num_problems else 0


def _problems(
    path: Path, args: argparse.Namespace, classes: Sequence[str] | None
) -> tuple[list[dict[str, object]], list[str]]:
    """Return all problems of a file, by the parts of each and as messages; a note is no problem."""
    try:
        problems = find_problems(
            path,
            format=args.format,
            num_frames=args.num_frames,
            strict=args.strict,
            classes=classes,
        )
    except (OSError, ValueError) as error:  # it cannot be opened, or is no text at all
        return [{"path": str(path), "line": None, "rule": str(error), "text": None}], [str(error)]
    parts = [{**problem._asdict(), "path": str(path)} for problem in problems]
    messages = [
        f"note: {problem}" if part.get("note") else str(problem)
        for part, problem in zip(parts, problems, strict=True)
    ]
    return parts, messages


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
