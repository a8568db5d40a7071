"""`seldkit localize`: where the sounds of a recording come from."""

import argparse
import sys
from pathlib import Path
from typing import get_args

from torch import Tensor

from seldkit.cli.messages import note
from seldkit.cli.recordings import a_format_of, add_convention, as_heard, read_array
from seldkit.events import Events
from seldkit.geometry import azimuth_elevation_deg
from seldkit.io import audio_info, read_audio, write_events
from seldkit.io.editions import FORMATS, Kind
from seldkit.localization import localize
from seldkit.localization.sightings import Method

EXAMPLE = """examples:
  seldkit localize meeting.flac --array array.json --max-sources 3
  seldkit localize street.wav --array foa --order fuma

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
    add_convention(parser.add_argument_group("with --array foa, if it is not AmbiX"))
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write a row for each sound; return the exit code."""
    array = read_array(args.array)
    if array != "foa" and (args.order or args.normalization):
        raise ValueError(
            f"--order and --normalization are for --array foa, got --array {args.array}"
        )
    capsules = a_format_of(args)
    sample_rate = audio_info(args.recording).sample_rate
    highest = None
    if capsules is not None:
        note(capsules.told(sample_rate))
        _, highest = capsules.band_hz(sample_rate)
    heard = as_heard(args.recording, args, capsules, sample_rate)
    events = localize(
        heard if isinstance(heard, Tensor) else read_audio(heard)[0],
        array,
        sample_rate,
        method=args.method,
        max_sources=args.max_sources,
        fmax=highest,
    )
    sys.stdout.write(_table(events))
    if args.out is not None:
        edition = FORMATS[args.format]
        # What sounds has no name, which an event list would ask for.
        kind: Kind | None = "output" if edition.names_classes("label") else None
        write_events(args.out, events.at(edition.frame_s), format=args.format, kind=kind)
    return 0


def _table(events: Events) -> str:
    rows = [("source", "start", "end", "azimuth", "elevation")]
    for span in events.spans():
        azimuth, elevation = azimuth_elevation_deg(span.direction)
        times = f"{span.start_s:.1f} s", f"{span.end_s:.1f} s"
        rows.append((str(span.source), *times, f"{azimuth:.1f}°", f"{elevation:.1f}°"))
    return "".join("  ".join(cell.rjust(9) for cell in row) + "\n" for row in rows)
