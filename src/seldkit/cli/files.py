"""Label files in folders: which there are, and which reference belongs to which prediction."""

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from seldkit._files import finished


class ClipFiles(NamedTuple):
    """The files of one clip.

    Attributes:
        name: What both files are called, without the suffix.
        reference: The labels; None where there is only a prediction.
        prediction: What a system found; None where there are only labels.
    """

    name: str
    reference: Path | None
    prediction: Path | None


def find_files(place: Path, suffix: str = ".csv") -> list[Path]:
    """Return a file itself, or all files of a kind that are anywhere in a folder, sorted.

    The suffix may be in capitals; files whose names begin with a dot are passed over.

    Raises:
        OSError: If there is neither a file nor a folder, or a folder cannot be looked into.
        ValueError: If a folder holds no such file.
    """
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise FileNotFoundError(f"{place} is neither a file nor a folder")
    files = []
    for folder, folders, names in os.walk(place, onerror=_fail):
        folders[:] = finished(folders)
        fitting = (name for name in names if name.lower().endswith(suffix))
        files += [Path(folder, name) for name in fitting if not name.startswith(".")]
    if not files:
        raise ValueError(f"{place} holds no {suffix} file")
    return sorted(files)


def match_files(
    reference: Path,
    prediction: Path,
    *,
    prefix: str = "",
    suffix: str = ".csv",
    endings: Sequence[str] = (),
) -> list[ClipFiles]:
    """Return the clips of a reference and a prediction, in the order of their names.

    Two files belong together. The files of two folders do if they have one name, wherever in the
    folders they stand; if a name occurs twice in one of them, paths below the folders decide.

    Args:
        reference: A file or a folder.
        prediction: A file or a folder.
        prefix: What names may begin with on one side only.
        suffix: What files of a folder are looked for.
        endings: What names may end in on one side only.

    Raises:
        OSError: If there is neither a file nor a folder, or a folder cannot be looked into.
        ValueError: If a folder holds no CSV file, or two files of one side are called the same.
    """
    if reference.is_file() and prediction.is_file():
        return [ClipFiles(reference.stem, reference, prediction)]
    sides = [(place, find_files(place, suffix)) for place in (reference, prediction)]
    if any(len({path.stem for path in files}) < len(files) for _, files in sides):
        named = [[(below(place, path), path) for path in files] for place, files in sides]
    else:
        named = [[(path.stem, path) for path in files] for _, files in sides]
    exact = {name for name, _ in named[0]} & {name for name, _ in named[1]}
    references, predictions = (_by_name(side, prefix, endings, exact) for side in named)
    names = sorted(references.keys() | predictions.keys())
    return [ClipFiles(name, references.get(name), predictions.get(name)) for name in names]


def read_names(path: Path) -> tuple[str, ...]:
    """Return the names of classes that a text file holds, one a line.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is no text, there is no name, or one stands there twice.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} must be a text file in UTF-8, got {error}") from error
    names = tuple(line.strip() for line in lines if line.strip())
    if len(set(names)) < len(names) or not names:
        raise ValueError(f"{path} must hold the names of classes, one a line, each once")
    return names


def _fail(error: OSError) -> None:
    raise error


def below(place: Path, path: Path) -> str:
    """Return a path without its suffix, as seen from a place: the folder, or a file in it."""
    folder = place if place.is_dir() else place.parent
    return path.relative_to(folder).with_suffix("").as_posix()


def _by_name(
    files: list[tuple[str, Path]], prefix: str, endings: Sequence[str], exact: Collection[str]
) -> dict[str, Path]:
    """Return files by the names of their clips: without prefix or ending unless both have it."""
    named: dict[str, Path] = {}
    for name, path in files:
        folder, slash, stem = name.rpartition("/")
        for ending in endings:
            stem = stem.removesuffix(ending)
        clip = name if name in exact else f"{folder}{slash}{stem.removeprefix(prefix)}"
        if clip in named:
            raise ValueError(f"files must have names of their own, got {named[clip]} and {path}")
        named[clip] = path
    return named
