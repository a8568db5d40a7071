"""`seldkit localize`: where the sounds of a recording come from."""

import argparse
import json
import sys
from pathlib import Path
from typing import Literal, get_args

from seldkit.arrays import ArrayGeometry
from seldkit.events import Events
from seldkit.geometry import azimuth_elevation_deg
from seldkit.io import read_audio, write_events
from seldkit.io.editions import FORMATS
from seldkit.localization import localize
from seldkit.localization.sightings import Method

EXAMPLE = """example:
  seldkit localize meeting.flac --array array.json --max-sources 3

where array.json holds the places of the microphones in metres, in the order of the channels:
  {"positions": [[0.02, 0.02, 0.0], [-0.02, 0.02, 0.0], [-0.02, -0.02, 0.0], [0.02, -0.02, 0.0]]}
Axes: x front, y left, z up; azimuth counter-clockwise. A row is a stretch of time in which a source
is heard, with its mean direction; rows of one source have one number."""


def add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str
) -> None:
    """Add `localize` to the commands of a program."""
    parser = commands.add_parser(
        "localize",
        help=summary,
        description="Find where the sounds of a recording come from, without a network.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("recording", type=Path, metavar="REC", help="an audio file")
    parser.add_argument(
        "--array",
        required=True,
        metavar="ARRAY.json",
        help="where the microphones are, or foa for first-order ambisonics",
    )
    parser.add_argument(
        "--method",
        choices=get_args(Method),
        default="srp_phat",
        help="how (default: %(default)s); intensity is for ambisonics alone",
    )
    parser.add_argument(
        "--max-sources",
        type=int,
        default=1,
        metavar="N",
        help="how many sources sound at once, at most (default: %(default)s)",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="also write all frames to a label file"
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="dcase2023",
        metavar="NAME",
        help="layout of that file (default: %(default)s), one of those that ask for no distances",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write a row for each sound; return the exit code."""
    array = _array(args.array)
    waveform, sample_rate = read_audio(args.recording)
    events = localize(
        waveform, array, sample_rate, method=args.method, max_sources=args.max_sources
    )
    sys.stdout.write(_table(events))
    if args.out is not None:
        write_events(args.out, events, format=args.format)
    return 0


def _array(place: str) -> ArrayGeometry | Literal["foa"]:
    """Return the microphones that a file names.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it holds no places of microphones.
    """
    if place == "foa":
        return "foa"
    try:
        told = json.loads(Path(place).read_text(encoding="utf-8"))
        return ArrayGeometry(told["positions"] if isinstance(told, dict) else told)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f'{place} must hold {{"positions": [[x, y, z], ...]}} in metres, got {error!r}'
        ) from error


def _table(events: Events) -> str:
    rows = [("source", "start", "end", "azimuth", "elevation")]
    for span in events.spans():
        azimuth, elevation = azimuth_elevation_deg(span.direction)
        times = f"{span.start_s:.1f} s", f"{span.end_s:.1f} s"
        rows.append((str(span.source), *times, f"{azimuth:.1f}°", f"{elevation:.1f}°"))
    return "".join("  ".join(cell.rjust(9) for cell in row) + "\n" for row in rows)
