"""`seldkit plot`: pictures of labels, of predictions beside them, and of recordings."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seldkit._checks import require
from seldkit._files import finished, result
from seldkit.cli.clips import choose_files
from seldkit.cli.files import ClipFiles, below, find_files, match_files, read_names
from seldkit.cli.options import check_number
from seldkit.events import Events
from seldkit.io import read_audio, read_events
from seldkit.io.audio import SUFFIXES
from seldkit.io.editions import FORMATS
from seldkit.io.row_checks import CHECKS
from seldkit.plot import plot_events, plot_polar, plot_scene, plot_sky

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EXAMPLE = """examples:
  seldkit plot mix001.csv --audio mix001.wav --out mix001.pdf
  seldkit plot metadata_dev --prediction predictions --audio foa_dev --out pictures
  seldkit plot mix001.csv --kind polar --time 12.5 --dark

A file makes a picture, a folder one for each clip; the path of each is told. What a system found is
drawn alone if it stands in the place of the labels. The exit code is 0, or 2 if a file is missing
or not in order."""

KINDS: Mapping[str, Callable[..., Any]] = {
    "scene": plot_scene,
    "events": plot_events,
    "sky": plot_sky,
    "polar": plot_polar,
}
MAX_DPI = 2400


def add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str
) -> None:
    """Add `plot` to the commands of a program."""
    parser = commands.add_parser(
        "plot",
        help=summary,
        description="Draw labels, what a system found, and the recording, over time or in the sky.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("labels", type=Path, metavar="LABELS", help="a label file, or a folder of them")
    add("--prediction", type=Path, metavar="PATH", help="what a system found: a file or a folder")
    add("--audio", type=Path, metavar="PATH", help="the recording, or a folder of them (scene)")
    add(
        "--out",
        type=Path,
        metavar="PATH",
        help="the picture, whose ending says of which type (default: NAME.png), or for a folder of"
        " labels the folder of the pictures (default: pictures)",
    )
    add("--type", metavar="TYPE", default="png", help="of pictures in a folder (default: png)")
    add(
        "--kind",
        choices=KINDS,
        default="scene",
        help="scene (default): spectrogram, classes, azimuth, elevation and distance over time;"
        " events: without the first two; sky: all directions in a rectangle; polar: one moment from"
        " above",
    )
    add("--time", type=float, metavar="S", help="the moment, in seconds (polar)")
    for option, what in (
        ("--format", "layout of the files (default: dcase2023)"),
        ("--prediction-format", "layout of the predictions, where it is another one"),
    ):
        add(option, choices=FORMATS, metavar="NAME", help=what)
    add(
        "--check",
        choices=CHECKS,
        default="raise",
        help="what to do about rows that can hardly be meant (default: %(default)s an error)",
    )
    add("--classes", type=Path, metavar="FILE", help="names of the classes, one a line")
    add("--title", metavar="TEXT", help="heading of the picture (default: the name of the clip)")
    add("--dark", action="store_true", help="for a dark page")
    add("--dpi", type=int, default=150, metavar="N", help="dots per inch (default: %(default)s)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Draw the pictures and tell their paths; return the exit code."""
    check_number("--dpi", args.dpi, MAX_DPI)
    if (args.time is None) == (args.kind == "polar"):
        given = "none" if args.time is None else f"--time {args.time:g}"
        raise ValueError(f"--time is needed for --kind polar, and for it alone, got {given}")
    if args.audio is not None and args.kind != "scene":
        raise ValueError(f"--audio is for --kind scene, got --kind {args.kind}")
    names = read_names(args.classes) if args.classes else None
    clips = _clips(args.labels, args.prediction)
    for clip in clips:
        with _style(dark=args.dark):
            figure = _draw(clip, args, names)
            path = _picture(clip.name, args)
            path.parent.mkdir(parents=True, exist_ok=True)
            save_picture(figure, path, args.dpi)
        sys.stdout.write(f"{path}\n")
    return 0


def save_picture(figure: "Figure", path: Path, dpi: int) -> None:
    """Write a picture of the kind that the suffix tells."""
    with result(path) as draft:
        figure.savefig(draft, dpi=dpi)


def _clips(labels: Path, prediction: Path | None) -> list[ClipFiles]:
    if prediction is not None:
        return choose_files(match_files(labels, prediction), missing="skip", extra="skip")
    return [ClipFiles(below(labels, path), path, None) for path in find_files(labels)]


def _draw(clip: ClipFiles, args: argparse.Namespace, names: Sequence[str] | None) -> "Figure":
    format = args.format or "dcase2023"
    known = {"check": args.check, "classes": names}
    sides: list[Events] = []
    for path, layout in (
        (clip.reference, format),
        (clip.prediction, args.prediction_format or format),
    ):
        if path is not None:
            sides.append(read_events(path, format=layout, **known))
    settings: dict[str, Any] = {"classes": names or _published(format, sides)}
    settings["title"] = clip.name if args.title is None else args.title
    if args.kind == "polar":
        settings["time_s"] = args.time
    if args.audio is not None:
        recording = _recording(clip.name, args.audio)
        settings["waveform"], settings["sample_rate"] = read_audio(recording)
    figure: Figure = KINDS[args.kind](*sides, **settings)
    return figure


def _published(format: str, sides: Sequence[Events]) -> Sequence[str] | None:
    """Return the names that the classes of a format have, if they are enough."""
    published = FORMATS[format].classes
    most = max((int(events.label.max()) for events in sides if len(events)), default=-1)
    return published if most < len(published) else None


def _recording(name: str, place: Path) -> Path:
    """Return the recording of a clip: a file itself, or the one of its name in a folder."""
    if not place.is_dir():
        return place
    stem = Path(name).name
    found = [
        path
        for path in place.rglob(f"{stem}.*")
        if path.suffix.lower() in SUFFIXES and len(finished(path.parts)) == len(path.parts)
    ]
    if len(found) != 1:
        raise ValueError(f"{place} must hold one recording of {stem}, got {len(found)}")
    return found[0]


def _picture(name: str, args: argparse.Namespace) -> Path:
    """Return where the picture of a clip goes."""
    if args.labels.is_dir():
        folder: Path = args.out or Path("pictures")
        return folder / f"{name}.{args.type}"
    path = Path(args.out or f"{name}.png")
    return path if path.suffix else path.with_name(f"{path.name}.png")


def _style(*, dark: bool) -> AbstractContextManager[None]:
    if not dark:
        return nullcontext()
    style: AbstractContextManager[None] = require("matplotlib.style", "plot").context(
        "dark_background"
    )
    return style
