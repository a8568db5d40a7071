"""Label files in folders: which there are, and which reference belongs to which prediction."""

from pathlib import Path
from typing import NamedTuple


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


def find_files(place: Path) -> list[Path]:
    """Return a file itself, or all CSV files that are anywhere in a folder, sorted.

    Raises:
        FileNotFoundError: If there is neither a file nor a folder.
        ValueError: If a folder holds no CSV file.
    """
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise FileNotFoundError(f"{place} is neither a file nor a folder")
    files = sorted(path for path in place.rglob("*.csv") if not path.name.startswith("."))
    if not files:
        raise ValueError(f"{place} holds no .csv file")
    return files


def match_files(reference: Path, prediction: Path, *, prefix: str = "") -> list[ClipFiles]:
    """Return the clips of a reference and a prediction, in the order of their names.

    Two files belong together. The files of two folders do if they have one name, wherever in the
    folders they stand; if a name occurs twice in one of them, paths below the folders decide.

    Args:
        reference: A file or a folder.
        prediction: A file or a folder.
        prefix: What names may begin with on one side only.

    Raises:
        FileNotFoundError: If there is neither a file nor a folder.
        ValueError: If a folder holds no CSV file.
    """
    if reference.is_file() and prediction.is_file():
        return [ClipFiles(reference.stem, reference, prediction)]
    sides = [(place, find_files(place)) for place in (reference, prediction)]
    named = [{path.stem.removeprefix(prefix): path for path in files} for _, files in sides]
    if [len(names) for names in named] != [len(files) for _, files in sides]:
        named = [_by_path(place, files, prefix) for place, files in sides]
    references, predictions = named
    names = sorted(references.keys() | predictions.keys())
    return [ClipFiles(name, references.get(name), predictions.get(name)) for name in names]


def read_names(path: Path) -> tuple[str, ...]:
    """Return the names of classes that a text file holds, one a line.

    Raises:
        ValueError: If there is no name, or one stands there twice.
    """
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    names = tuple(line.strip() for line in lines if line.strip())
    if len(set(names)) < len(names) or not names:
        raise ValueError(f"{path} must hold the names of classes, one a line, each once")
    return names


def _by_path(place: Path, files: list[Path], prefix: str) -> dict[str, Path]:
    folder = place if place.is_dir() else place.parent
    return {
        path.relative_to(folder).with_name(path.stem.removeprefix(prefix)).as_posix(): path
        for path in files
    }
