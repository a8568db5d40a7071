"""Recordings as a system hears them: found in folders, and brought into its convention."""

import argparse
import json
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from torch import Tensor

from seldkit.ambisonics import Normalization, Order, convert, encode, usable_band_hz
from seldkit.ambisonics.steering import Capsules
from seldkit.arrays import ArrayGeometry
from seldkit.data.folder import files_below
from seldkit.io import read_audio
from seldkit.io.audio import SUFFIXES

A_FORMAT = "a-format"
A_FORMAT_M = 0.0147
"""How far the capsules of an A-format recording are taken to be from their middle."""


class Microphones(NamedTuple):
    """What recorded the channels, where that was no ambisonics.

    Attributes:
        name: What the user called it.
        array: Where the microphones are.
        capsules: Of which kind they are.
    """

    name: str
    array: ArrayGeometry
    capsules: Capsules

    def band_hz(self, sample_rate: float) -> tuple[float, float]:
        """Return from where to where what is encoded tells directions, in hertz.

        Raises:
            ValueError: If it does so nowhere.
        """
        try:
            return usable_band_hz(self.array, sample_rate, capsules=self.capsules)
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from error

    def told(self, sample_rate: float) -> str:
        """Return that in words."""
        low, high = self.band_hz(sample_rate)
        return f"ambisonics encoded of {self.name} tells directions from {low:.0f} to {high:.0f} Hz"


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
        choices=(*get_args(Order), A_FORMAT),
        help="order of the channels: acn is W, Y, Z, X (default), fuma W, X, Y, Z, and a-format the"
        " capsules front left up, front right down, back left down and back right up, 1.5 cm from"
        " their middle, of which ambisonics is encoded",
    )
    group.add_argument(
        "--normalization",
        choices=get_args(Normalization),
        help="gain of the channels: sn3d (default; both are AmbiX), n3d with Y, Z, X at √3, fuma"
        " with W at 1/√2, which is the default for --order fuma",
    )


def add_array(group: "argparse._ArgumentGroup") -> None:
    """Add what tells where the microphones are, of which ambisonics is to be encoded."""
    group.add_argument(
        "--array",
        metavar="ARRAY.json",
        help="where the microphones of a small array are, of which ambisonics is encoded: a file"
        ' that holds {"positions": [[x, y, z], ...]} in metres, in the order of the channels',
    )
    group.add_argument(
        "--capsules",
        choices=get_args(Capsules),
        help="of that array: omni in the open (default), cardioid looking outwards, or sphere, on"
        " the surface of a rigid sphere as the MIC format of DCASE",
    )


def read_array(place: str) -> ArrayGeometry | Literal["foa"]:
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


def microphones_of(args: argparse.Namespace) -> Microphones | None:
    """Return what recorded the files; None if that was ambisonics.

    Raises:
        OSError: If the file of an array cannot be read.
        ValueError: If it holds no array, or the options contradict each other.
    """
    array = None if args.array is None else read_array(args.array)
    if isinstance(array, ArrayGeometry):
        if args.order or args.normalization:
            raise ValueError(
                "--array is for microphones, --order and --normalization are for ambisonics: give"
                " one of them"
            )
        return Microphones(args.array, array, args.capsules or "omni")
    if args.capsules:
        raise ValueError(f"--capsules is for --array ARRAY.json, got {args.capsules} alone")
    return a_format_of(args)


def a_format_of(args: argparse.Namespace) -> Microphones | None:
    """Return the capsules of an A-format recording; None if it is ambisonics.

    Raises:
        ValueError: If a normalisation is given, which capsules do not have.
    """
    if args.order != A_FORMAT:
        return None
    if args.normalization:
        raise ValueError(
            f"--normalization is for ambisonics, got {args.normalization} with --order {A_FORMAT}"
        )
    return Microphones("A-format", ArrayGeometry.tetrahedron(A_FORMAT_M), "cardioid")


def as_heard(
    path: Path, args: argparse.Namespace, microphones: Microphones | None, sample_rate: int | None
) -> Path | Tensor:
    """Return a recording as a system takes it: the file itself, unless it must be converted.

    Args:
        path: The file.
        args: The options, of which order and normalisation are read.
        microphones: Of which ambisonics is encoded, if it is not there.
        sample_rate: Of what is returned, in hertz; that of the file if None.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is no audio, or not of the channels that its convention has.
    """
    if microphones is not None:
        waveform, rate = read_audio(path, sample_rate=sample_rate)
        return encode(waveform, microphones.array, rate, capsules=microphones.capsules)
    if args.order is None and args.normalization is None:
        return path
    order: Order = "acn" if args.order is None else args.order
    usual: Normalization = "fuma" if order == "fuma" else "sn3d"
    normalization = usual if args.normalization is None else args.normalization
    waveform, _ = read_audio(path, sample_rate=sample_rate)
    return convert(waveform, order=order, normalization=normalization)
