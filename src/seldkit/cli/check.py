"""`seldkit check`: all that is wrong with label files."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from seldkit.cli.files import find_files, read_names
from seldkit.io import find_problems
from seldkit.io.editions import FORMATS

EXAMPLE = """example:
  seldkit check metadata_dev --format dcase2023

Every line that cannot be read or can hardly be meant is told, with its number. The exit code is 0
if there is none, 1 if there are some, and 2 if there is nothing to check."""


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
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write every problem and a last line that counts them; return the exit code."""
    classes = read_names(args.classes) if args.classes else None
    files = [path for place in args.labels for path in find_files(place)]
    num_problems = 0
    for path in files:
        found = _problems(path, args, classes)
        sys.stdout.writelines(f"{problem}\n" for problem in found)
        num_problems += len(found)
    sys.stdout.write(f"{_count(len(files), 'file')}, {_count(num_problems, 'problem')}\n")
    return 1 if num_problems else 0


def _problems(path: Path, args: argparse.Namespace, classes: Sequence[str] | None) -> list[str]:
    try:
        problems = find_problems(
            path,
            format=args.format,
            num_frames=args.num_frames,
            strict=args.strict,
            classes=classes,
        )
    except ValueError as error:  # no text at all
        return [str(error)]
    return [str(problem) for problem in problems]


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
