"""`seldkit predict`: what sounds in recordings, when and from where."""

import argparse
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import Tensor

from seldkit._checks import require
from seldkit._files import sweep
from seldkit.ambisonics import RecordingWarning
from seldkit.ambisonics.findings import LOW_HZ
from seldkit.cli.found import Found
from seldkit.cli.messages import note
from seldkit.cli.naming import Namer, add_names, load_namer
from seldkit.cli.plot import save_picture
from seldkit.cli.progress import Progress
from seldkit.cli.recordings import (
    Microphones,
    add_array,
    add_convention,
    as_heard,
    find_recordings,
    microphones_of,
)
from seldkit.cli.systems import add_model, load_system
from seldkit.events import Events
from seldkit.io import audio_info, read_audio, write_events, write_label_track
from seldkit.io.audacity import label_track
from seldkit.io.editions import FORMATS
from seldkit.pipeline import Pipeline
from seldkit.pipeline.audio import check_channels
from seldkit.pipeline.sound_field import Check
from seldkit.plot import plot_scene

EXAMPLE = """examples:
  seldkit predict street.wav --model trained
  seldkit predict recordings --model trained --csv found --plot pictures
  seldkit predict street.wav --model trained --labels audacity > street.txt
  seldkit predict meeting.wav --array array.json
  seldkit predict street.wav --order a-format
  seldkit predict phone.wav --names yamnet

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
    add_names(parser)
    add_convention(parser.add_argument_group("ambisonic recordings, if they are not AmbiX"))
    add_array(parser.add_argument_group("recordings of microphones, for a system of ambisonics"))
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
    if args.names and args.labels:
        raise ValueError("--names are told in the text or by --json, not with --labels")
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
            sweep(folder)
    microphones = microphones_of(args)
    namer = load_namer(args.names)
    system = load_system(args.model)
    if microphones is not None:
        note(microphones.told(system.extractor.sample_rate))
    code = 0
    for path, found in _predictions(system, files, args, microphones, namer):
        if found is None:
            code = 2
            continue
        if found.events is not None:
            _write(args, system, path, names[path], found.events)
        sys.stdout.write(_told(args, system, path, found, several=several))
        sys.stdout.flush()
    return code


def _predictions(
    system: Pipeline,
    files: list[Path],
    args: argparse.Namespace,
    microphones: Microphones | None,
    namer: Namer | None,
) -> Iterator[tuple[Path, Found | None]]:
    """Yield what is found in each file; None where one cannot be used and is passed over."""
    heard_s = [_duration_s(path) for path in files]
    with Progress(sum(heard_s), "s") as progress:

        def advance(model: object, given: tuple[Any, ...], output: object) -> None:
            progress.advance(len(given[0]) * (system.hop_s or 0.0))

        handle = system.model.register_forward_hook(advance)
        try:
            for number, path in enumerate(files):
                found: Found | None = None
                try:
                    found, notes = _find(system, path, args, microphones, namer)
                except (OSError, ValueError) as error:
                    if not args.skip:
                        raise
                    notes = [f"skipped: {error}"]
                progress.advance(sum(heard_s[: number + 1]) - progress.done)
                progress.clear()
                for text in notes:
                    note(text)
                yield path, found
        finally:
            handle.remove()


def _find(
    system: Pipeline,
    path: Path,
    args: argparse.Namespace,
    microphones: Microphones | None,
    namer: Namer | None,
) -> tuple[Found, list[str]]:
    """Return what is found in a file and what it warns of; every error tells the file's name."""
    rate = system.extractor.sample_rate
    try:
        if namer is not None and microphones is None:
            info = audio_info(path)
            try:
                shape = info.num_channels, info.num_samples
                check_channels("audio", shape, system.extractor.in_channels)
            except ValueError as error:
                found = Found(info.duration_s, None, None, namer.stretches(path, None))
                return found, [f"{path}: names alone, without directions: {error}"]
        audio = as_heard(path, args, microphones, rate)
        own_rate = rate if isinstance(audio, Tensor) else None
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", RecordingWarning)
            events = system.predict(audio, own_rate, check=_check_of(microphones, rate))
        name = "" if audio is path else f"{path}: "  # which a file's own warnings tell
        notes = [f"{name}{warning.message}" for warning in caught]
        found = Found((events.num_frames or 0) * events.frame_s, events)
        if namer is not None:
            directed = system.extractor.reads_foa
            spans = namer.spans(events, audio, own_rate) if directed else None
            found = found._replace(spans=spans, stretches=namer.stretches(audio, own_rate))
        return found, notes
    except ValueError as error:
        if str(path) in str(error):
            raise
        raise ValueError(f"{path}: {error}") from error


def _check_of(microphones: Microphones | None, rate: int) -> Check:
    """Return None where what is encoded lacks dipoles at low frequencies, as is told already."""
    if microphones is not None and microphones.band_hz(rate)[0] > LOW_HZ:
        return None
    return "warn"


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
        save_picture(figure, args.plot / f"{name}.png", dpi=150)


def _told(
    args: argparse.Namespace, system: Pipeline, path: Path, found: Found, *, several: bool
) -> str:
    """Return what is told of a file on the standard output."""
    if args.json:
        return found.as_json(path, system.classes)
    if args.labels and found.events is not None:
        return "" if args.csv is not None else label_track(found.events, system.classes)
    lines = found.lines(system.classes)
    return "".join(f"{line}\n" for line in ([f"{path}:"] if several else []) + lines)
