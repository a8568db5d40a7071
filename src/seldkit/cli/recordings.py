"""Recordings as a system hears them: found in folders, and brought into its convention."""

import argparse
from pathlib import Path
from typing import get_args

from torch import Tensor

from seldkit.ambisonics import Normalization, Order, convert
from seldkit.data.folder import files_below
from seldkit.io import read_audio
from seldkit.io.audio import SUFFIXES


def find_recordings(places: list[Path]) -> list[Path]:
    """Return files as they are named, and those of folders at any depth, sorted.

    Raises:
        OSError: If there is neither a file nor a folder.
        ValueError: If a folder holds no recording.
    """
    found: list[Path] = []
    for place in places:
        if place.is_file():
            found.append(place)
            continue
        if not place.is_dir():
            raise FileNotFoundError(f"{place} is neither a file nor a folder")
        below = sorted(path for path in files_below(place) if path.suffix.lower() in SUFFIXES)
        if not below:
            raise ValueError(f"{place} holds no recording: no {', '.join(SUFFIXES)}")
        found += below
    return found


def add_convention(group: "argparse._ArgumentGroup") -> None:
    """Add what tells in which convention ambisonic recordings are."""
    group.add_argument(
        "--order",
        choices=get_args(Order),
        help="order of the channels: acn is W, Y, Z, X (default), fuma W, X, Y, Z",
    )
    group.add_argument(
        "--normalization",
        choices=get_args(Normalization),
        help="gain of the channels: sn3d (default; both are AmbiX), n3d with Y, Z, X at √3, fuma"
        " with W at 1/√2, which is the default for --order fuma",
    )


def as_heard(path: Path, args: argparse.Namespace, sample_rate: int) -> Path | Tensor:
    """Return a recording as a system takes it: the file itself, unless it must be converted.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is no audio, or not of the channels that its convention has.
    """
    if args.order is None and args.normalization is None:
        return path
    order: Order = "acn" if args.order is None else args.order
    usual: Normalization = "fuma" if order == "fuma" else "sn3d"
    normalization = usual if args.normalization is None else args.normalization
    waveform, _ = read_audio(path, sample_rate=sample_rate)
    return convert(waveform, order=order, normalization=normalization)
