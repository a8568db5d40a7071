"""`seldkit synth`: a corpus of labelled scenes."""

import argparse
import math
import sys
from pathlib import Path
from typing import Any

from seldkit.arrays import ArrayGeometry
from seldkit.cli.files import read_names
from seldkit.cli.progress import Progress
from seldkit.data.published import PUBLISHED
from seldkit.events import Events
from seldkit.io import read_events
from seldkit.synth import FolderSounds, SceneStatistics, SceneSynthesizer, write_scenes
from seldkit.synth.scene_settings import RANGES

EXAMPLE = """example:
  seldkit synth corpus --sounds recordings --minutes 600 --workers 8 --seed 1

The folder of sounds holds a folder for each class. Scenes come as STARSS23 is published: foa_dev
(mic_dev with --format mic), metadata_dev, and a manifest that tells all settings and what the
scenes hold. The same words make the same bytes, with any number of workers; after a kill they go
on where it stopped."""

NUMBERS = {
    "moving": (float, "probability that an event moves"),
    "max_polyphony": (int, "most events at once"),
    "sample_rate": (int, "in hertz"),
    "image_order": (int, "most reflections that are followed one by one"),
}


def add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str
) -> None:
    """Add `synth` to the commands of a program."""
    parser = commands.add_parser(
        "synth",
        help=summary,
        description="Make labelled scenes out of mono sounds, in rooms or in the open.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("out", type=Path, metavar="OUT", help="folder to write to")
    add("--minutes", type=float, required=True, metavar="N", help="how much to make")
    add("--sounds", type=Path, metavar="DIR", help="recordings (default: the built-in sounds)")
    add("--folds", nargs="+", metavar="FOLD", help="folds of the recordings to draw from")
    add(
        "--classes",
        metavar="NAMES",
        help="classes to draw from, by number: a file with one name a line, or the corpus whose"
        f" classes they are: {', '.join(PUBLISHED)} (default: those of the recordings, sorted)",
    )
    add(
        "--missing",
        choices=("error", "keep"),
        default="error",
        help="what classes are that have no recordings: an error (default), or keep their numbers",
    )
    add("--seed", type=int, default=0, metavar="S", help="other seeds, other scenes (default: 0)")
    add("--workers", type=int, metavar="K", help="processes (default: one for each processor)")
    add("--duration", type=float, default=60.0, metavar="S", help="of a scene (default: 60 s)")
    add(
        "--format",
        choices=("foa", "mic"),
        default="foa",
        help="first-order ambisonics, or the"
        " tetrahedron of four microphones of the MIC format, without a sphere between them",
    )
    add("--layout", choices=("starss23", "flat"), default="starss23", help="how files lie")
    add("--fold", type=int, default=1, metavar="F", help="fold in the names (default: 1)")
    add("--file-type", choices=("flac", "wav"), default="flac", help="of the audio")
    add(
        "--responses",
        type=Path,
        metavar="PATH",
        help="measured rooms: a folder with a responses.csv, or a SOFA file",
    )
    add("--noise", type=Path, metavar="DIR", help="recorded ambient noise")
    add(
        "--class-weight",
        action="append",
        default=[],
        metavar="NAME=W",
        help="how often a class is drawn, 1 if not told; may be repeated",
    )
    add("--anechoic", action="store_true", help="no room")
    add("--same-class-overlap", action="store_true", help="let events of one class overlap")
    add("--no-noise", action="store_true", help="no ambient noise")
    for name, (kind, told) in NUMBERS.items():
        add(
            _option(name),
            type=kind,
            metavar="N",
            default=argparse.SUPPRESS,
            help=f"{told} (default: {getattr(SceneSynthesizer, name)})",
        )
    for name in RANGES:
        low, high = getattr(SceneSynthesizer, name)
        add(
            _option(name),
            nargs=2,
            type=float,
            metavar=("LOW", "HIGH"),
            default=argparse.SUPPRESS,
            help=f"(default: {low:g} {high:g})",
        )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the scenes and tell what they hold; return the exit code."""
    synthesizer = SceneSynthesizer(_sounds(args), **_settings(args))
    if not 0 < args.minutes < math.inf:
        raise ValueError(f"--minutes must be positive, got {args.minutes}")
    count = math.ceil(round(args.minutes * 60 / synthesizer.duration_s, 6))
    scenes = write_scenes(
        synthesizer,
        args.out,
        count,
        seed=args.seed,
        layout=args.layout,
        file_type=args.file_type,
        fold=args.fold,
        num_workers=args.workers,
    )
    statistics = SceneStatistics()
    try:
        with Progress(count, "scenes") as progress:
            for files in scenes:
                statistics.add(SceneStatistics.of([_labels(files.labels, synthesizer)]))
                progress.advance()
    except ValueError as error:  # whose note says at which scene
        told = [str(error), *getattr(error, "__notes__", ())]
        raise ValueError("\n  ".join(told)) from error
    minutes = count * synthesizer.duration_s / 60
    sys.stdout.write(f"{count} scenes, {minutes:g} minutes, in {args.out}\n\n")
    sys.stdout.write(statistics.text(synthesizer.classes))
    return 0


def _labels(path: Path, synthesizer: SceneSynthesizer) -> Events:
    return read_events(path, format="dcase2023", num_frames=synthesizer.num_frames)


def _sounds(args: argparse.Namespace) -> FolderSounds | None:
    if args.sounds is not None:
        classes = None if args.classes is None else _classes(args.classes)
        try:
            return FolderSounds(
                args.sounds, classes=classes, missing=args.missing, folds=args.folds
            )
        except ValueError as error:
            raise ValueError(str(error).replace("missing='keep'", "--missing keep")) from error
    for option in ("folds", "classes"):
        if getattr(args, option):
            raise ValueError(f"--{option} needs --sounds: the built-in sounds are as they are")
    return None


def _classes(name: str) -> tuple[str, ...]:
    """Return the classes of a published corpus, or those that a file names."""
    return PUBLISHED[name].classes if name in PUBLISHED else read_names(Path(name))


def _settings(args: argparse.Namespace) -> dict[str, Any]:
    given = vars(args)
    settings: dict[str, Any] = {
        "duration_s": args.duration,
        "array": ArrayGeometry.tetrahedron() if args.format == "mic" else None,
        "responses": args.responses,
        "noise": args.noise,
        "class_weights": _weights(args.class_weight),
        "anechoic": args.anechoic,
        "same_class_overlap": args.same_class_overlap,
    }
    settings |= {name: given[name] for name in NUMBERS if name in given}
    settings |= {name: tuple(given[name]) for name in RANGES if name in given}
    return settings | ({"snr_db": None} if args.no_noise else {})


def _weights(words: list[str]) -> dict[str, float] | None:
    weights = {}
    for word in words:
        name, _, weight = word.rpartition("=")
        try:
            weights[name] = float(weight)
        except ValueError as error:
            raise ValueError(f"--class-weight must be NAME=NUMBER, got {word!r}") from error
    return weights or None


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
