"""The options of `seldkit score`."""

import argparse
from pathlib import Path
from typing import Any

from seldkit.io.editions import FORMATS
from seldkit.io.row_checks import CHECKS
from seldkit.metrics.protocols import PROTOCOLS, takers
from seldkit.metrics.settings import CHOICES

COUNTING: dict[str, tuple[str, dict[str, Any]]] = {
    "counting": (
        "keep the slips of the published script, or not",
        {"choices": CHOICES["counting"]},
    ),
    "matching": (
        "over-count hits as published, or match one to one",
        {"choices": CHOICES["matching"]},
    ),
    "doa": ("directions as they are, or on a grid of 10 degrees", {"choices": CHOICES["doa"]}),
    "angle_threshold_deg": ("largest angle of a hit", {"type": float, "metavar": "X"}),
    "relative_distance_threshold": (
        "largest relative distance error of a hit, inf for any",
        {"type": float, "metavar": "X"},
    ),
    "distance_threshold_m": ("how near a hit must be", {"type": float, "metavar": "X"}),
    "require_onscreen": (
        "a hit must have the right on-screen flag",
        {"action": "store_const", "const": True},
    ),
    "block_frames": (
        "how many frames are counted together, those of a second unless said",
        {"type": int, "metavar": "N"},
    ),
}
"""What may be set in the counting of some protocols: what it does, and of what kind it is."""


def counting(args: argparse.Namespace) -> dict[str, Any]:
    """Return the options that are arguments of `SELDMetrics`."""
    names = ("average", "frames", "absent_classes", "frame_s", *COUNTING)
    return {name: getattr(args, name) for name in names}


def add_sides(parser: argparse.ArgumentParser) -> None:
    """Add the two sides, and the protocol by which they are compared."""
    for side, what in (("reference", "labels"), ("prediction", "what a system found")):
        parser.add_argument(
            side, type=Path, metavar=side.upper(), help=f"{what}: a file, or a folder of files"
        )
    parser.add_argument(
        "--protocol",
        required=True,
        choices=(*PROTOCOLS, "dcase2026"),
        metavar="NAME",
        help=f"whose rules to score by: {', '.join(PROTOCOLS)}, and dcase2026 for energy maps",
    )


def add_counting(group: "argparse._ArgumentGroup") -> None:
    """Add what `SELDMetrics` takes, under its names."""
    group.add_argument(
        "--average",
        choices=("macro", "micro", "pairs"),
        help="mean over classes, counts of all classes together or, in dcase2026, mean over pairs",
    )
    group.add_argument(
        "--frames",
        choices=("official", "clip"),
        default="official",
        help="frames to score: those of the published script, which may end before the last"
        " annotated one, or all",
    )
    group.add_argument(
        "--absent-classes",
        choices=("published", "skip"),
        default="published",
        help="whether classes that occur nowhere count in a macro average, as published, or not",
    )
    for name, (text, kind) in COUNTING.items():
        option = f"--{name.replace('_', '-')}"
        group.add_argument(option, help=f"{', '.join(takers(name))}: {text}", **kind)
    group.add_argument(
        "--num-classes",
        type=int,
        metavar="N",
        help="number of classes; by default that of the protocol's data, or as the labels need",
    )
    group.add_argument(
        "--frame-s",
        type=float,
        metavar="X",
        help="length of a label frame in seconds, in the files and in the counting; by default that"
        " of the format and of the protocol",
    )
    group.add_argument(
        "--num-frames",
        type=int,
        metavar="N",
        help="length of every clip in label frames; by default the protocol's and, with"
        " --frames clip, up to the last event of either side",
    )


def check_number(option: str, number: float | None, largest: float, smallest: float = 1) -> None:
    """Raise `ValueError` that names an option unless its number, if given, is in the range."""
    if number is not None and not smallest <= number <= largest:
        raise ValueError(f"{option} must be from {smallest} to {largest}, got {number}")


def add_files(group: "argparse._ArgumentGroup") -> None:
    """Add how files are read, and what becomes of those that have no counterpart."""
    for option, what in (
        ("--format", "layout of the files on both sides; by default that of the protocol"),
        ("--reference-format", "layout of the references"),
        ("--prediction-format", "layout of the predictions"),
    ):
        group.add_argument(option, choices=FORMATS, metavar="NAME", help=what)
    group.add_argument(
        "--check",
        choices=CHECKS,
        default="raise",
        help="what to do about rows that can hardly be meant (default: %(default)s an error)",
    )
    group.add_argument(
        "--missing",
        choices=("error", "empty", "skip"),
        default="error",
        help="what a reference without a prediction is: an error (default), a clip in which"
        " nothing was found, or left out as the published scripts do",
    )
    group.add_argument(
        "--extra",
        choices=("error", "skip"),
        default="error",
        help="what a prediction without a reference is: an error (default), or left out",
    )
    group.add_argument(
        "--classes", type=Path, metavar="FILE", help="names of the classes, one a line"
    )


def add_output(group: "argparse._ArgumentGroup") -> None:
    """Add what is told beside the scores, and where."""
    group.add_argument(
        "--jackknife",
        action="store_true",
        help="also 95%% confidence intervals, from leaving out one clip at a time",
    )
    group.add_argument("--by-class", action="store_true", help="also the scores of each class")
    group.add_argument(
        "--by-overlap",
        action="store_true",
        help="also the scores by how many sources sound at once: in a frame or, where the protocol"
        " counts seconds, at most in a second",
    )
    group.add_argument(
        "--tracks",
        action="store_true",
        help="also whether sources are followed, whatever their classes: CLEAR MOT with the angle"
        " of a hit, OSPA and GOSPA; a track is a class and a source number",
    )
    group.add_argument(
        "--json",
        metavar="FILE",
        help="also write all to a JSON file, unrounded; - is the standard output, in place of the"
        " tables",
    )
