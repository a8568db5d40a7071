"""`seldkit predict`: what sounds in recordings, when and from where."""

import argparse
import json
import math
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seldkit._checks import require
from seldkit.ambisonics import RecordingWarning
from seldkit.cli.messages import note
from seldkit.cli.progress import Progress
from seldkit.cli.recordings import add_convention, as_heard, find_recordings
from seldkit.cli.systems import add_model, load_system
from seldkit.events import Events, sentences
from seldkit.geometry import azimuth_elevation_deg
from seldkit.io import audio_info, read_audio, write_events, write_label_track
from seldkit.io.audacity import label_track
from seldkit.io.editions import FORMATS
from seldkit.pipeline import Pipeline
from seldkit.plot import plot_scene

EXAMPLE = """examples:
  seldkit predict street.wav --model trained
  seldkit predict recordings --model trained --csv found --plot pictures
  seldkit predict street.wav --model trained --labels audacity > street.txt

Each sound is a line: Alarm, 60 degrees, from 1.2 to 3.4 s. Degrees are azimuth, counter-clockwise:
0 is in front, 90 left, -90 right; elevations from 10 degrees on are told as up or down. Files are
resampled as they are read; their channels must be those that the system was trained on. The exit
code is 0, or 2 if a file cannot be used, also where the others are gone on with (--skip)."""


def add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str
) -> None:
    """Add `predict` to the commands of a program."""
    parser = commands.add_parser(
        "predict",
        help=summary,
        description="Tell what sounds in recordings, when and from where.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILES", help="recordings, or folders of them"
    )
    add_model(parser, option=True)
    add_convention(parser.add_argument_group("ambisonic recordings, if they are not AmbiX"))
    output = parser.add_argument_group("output")
    output.add_argument("--csv", type=Path, metavar="DIR", help="also write a label file for each")
    output.add_argument(
        "--format",
        choices=FORMATS,
        default="dcase2023",
        metavar="NAME",
        help=f"of the label files: {', '.join(FORMATS)} (default: %(default)s, as a system's"
        " output)",
    )
    output.add_argument("--plot", type=Path, metavar="DIR", help="also draw a picture of each")
    output.add_argument(
        "--labels",
        choices=("audacity",),
        help="a label track in place of the lines: of one file on the standard output, of several"
        " beside the label files of --csv",
    )
    output.add_argument(
        "--json", action="store_true", help="a line of JSON for each file in place of the text"
    )
    output.add_argument(
        "--skip", action="store_true", help="go on with the other files if one cannot be used"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Tell what sounds in each file; return the exit code."""
    if args.json and args.labels:
        raise ValueError("--json and --labels both take the place of the text: give one of them")
    files = find_recordings(args.files)
    several = len(files) > 1
    if args.labels and several and args.csv is None:
        raise ValueError(f"--labels of {len(files)} files needs --csv DIR to write them to")
    if args.plot is not None:
        require("matplotlib", "plot")
    names = _names(files) if several and (args.csv or args.plot) else {f: f.stem for f in files}
    for folder in (args.csv, args.plot):
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
    system = load_system(args.model)
    code = 0
    for path, events in _predictions(system, files, args):
        if events is None:
            code = 2
            continue
        _write(args, system, path, names[path], events)
        sys.stdout.write(_told(args, system, path, events, several=several))
        sys.stdout.flush()
    return code


def _predictions(
    system: Pipeline, files: list[Path], args: argparse.Namespace
) -> Iterator[tuple[Path, Events | None]]:
    """Yield the events of each file; None where one cannot be used and is passed over."""
    heard_s = [_duration_s(path) for path in files]
    with Progress(sum(heard_s), "s") as progress:

        def advance(model: object, given: tuple[Any, ...], output: object) -> None:
            progress.advance(len(given[0]) * (system.hop_s or 0.0))

        handle = system.model.register_forward_hook(advance)
        try:
            for number, path in enumerate(files):
                events: Events | None = None
                try:
                    events, notes = _predict(system, path, args)
                except (OSError, ValueError) as error:
                    if not args.skip:
                        raise
                    notes = [f"skipped: {error}"]
                progress.advance(sum(heard_s[: number + 1]) - progress.done)
                progress.clear()
                for text in notes:
                    note(text)
                yield path, events
        finally:
            handle.remove()


def _predict(system: Pipeline, path: Path, args: argparse.Namespace) -> tuple[Events, list[str]]:
    """Return the events of a file and what it warns of; every error tells the file's name."""
    try:
        audio = as_heard(path, args, system.extractor.sample_rate)
        rate = None if audio is path else system.extractor.sample_rate
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", RecordingWarning)
            events = system.predict(audio, rate)
        name = "" if audio is path else f"{path}: "  # which a file's own warnings tell
        return events, [f"{name}{warning.message}" for warning in caught]
    except ValueError as error:
        if str(path) in str(error):
            raise
        raise ValueError(f"{path}: {error}") from error


def _duration_s(path: Path) -> float:
    """Return how long a file is; 0 where it cannot be read, which is told when its turn comes."""
    try:
        return audio_info(path).duration_s
    except (OSError, ValueError):
        return 0.0


def _names(files: list[Path]) -> dict[Path, str]:
    """Return what is written of each file is called, or raise if two would be called the same."""
    names: dict[str, Path] = {}
    for path in files:
        if path.stem in names:
            raise ValueError(
                f"files must have names of their own, got {names[path.stem]} and {path}"
            )
        names[path.stem] = path
    return {path: name for name, path in names.items()}


def _write(
    args: argparse.Namespace, system: Pipeline, path: Path, name: str, events: Events
) -> None:
    """Write what is to be kept of a file."""
    if args.csv is not None:
        rows = events.at(FORMATS[args.format].frame_s)
        write_events(args.csv / f"{name}.csv", rows, format=args.format, kind="output")
        if args.labels:
            write_label_track(args.csv / f"{name}.txt", events, classes=system.classes)
    if args.plot is not None:
        waveform, rate = read_audio(path)
        figure = plot_scene(
            events, waveform=waveform, sample_rate=rate, classes=system.classes, title=path.name
        )
        figure.savefig(args.plot / f"{name}.png", dpi=150)


def _told(
    args: argparse.Namespace, system: Pipeline, path: Path, events: Events, *, several: bool
) -> str:
    """Return what is told of a file on the standard output."""
    if args.json:
        return json.dumps(_as_json(path, events, system.classes), allow_nan=False) + "\n"
    if args.labels:
        return "" if args.csv is not None else label_track(events, system.classes)
    lines = sentences(events, system.classes) or ["nothing found"]
    return "".join(f"{line}\n" for line in ([f"{path}:"] if several else []) + lines)


def _as_json(path: Path, events: Events, classes: tuple[str, ...] | None) -> dict[str, Any]:
    """Return the sounds of a file as JSON can hold them."""
    sounds = []
    for span in events.spans():
        azimuth, elevation = (round(x.item(), 1) for x in azimuth_elevation_deg(span.direction))
        unknown = math.isnan(azimuth)
        sounds.append(
            {
                "class": span.label,
                "name": None if classes is None else classes[span.label],
                "source": span.source,
                "start_s": span.start_s,
                "end_s": span.end_s,
                "azimuth_deg": None if unknown else azimuth,
                "elevation_deg": None if unknown else elevation,
            }
        )
    frames = events.num_frames
    seconds = None if frames is None else round(frames * events.frame_s, 9)
    return {"file": str(path), "duration_s": seconds, "sounds": sounds}
