"""Files that are whole at every moment, whoever writes them and whenever it is stopped."""

import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from tempfile import mkdtemp

ABANDONED_S = 3600.0
DRAFT = ".draft"
"""What the names of folders end in that hold a draft; they begin with a dot."""


@contextmanager
def result(path: Path) -> Iterator[Path]:
    """Give where to write what a user asked for: at the end it is there whole, or as it was.

    As [`replacing`][seldkit._files.replacing], but a link leads where it led, a device or a pipe is
    written to at once, and nobody waits for the disk: a kill leaves the old file or the new one,
    though a power failure may leave none.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: If its folder does not exist.
    """
    if path.exists() and not path.is_file():
        yield path
        return
    place = path.resolve()
    if not place.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {place.parent} to write {path.name} in")
    with replacing(place, flushed=False) as draft:
        yield draft


@contextmanager
def replacing(path: Path, *, overwrite: bool = True, flushed: bool = True) -> Iterator[Path]:
    """Give a draft of the same name elsewhere in the folder; it takes the file's place at the end.

    The place is taken at once, when all is on the disk: a process that is killed at any moment
    leaves the old file or the new one, and of two that write at once each leaves a whole one. Where
    the block raises, the old file stays.

    Args:
        path: The file. Its folder must exist.
        overwrite: Whether a file that is there is replaced; if not, it stays, and the draft goes.
        flushed: Whether all is on the disk first, so that a power failure changes nothing either.

    Examples:
        >>> path = Path(mkdtemp()) / "a.txt"
        >>> with replacing(path) as draft:
        ...     length = draft.write_text("whole")
        >>> path.read_text(), [file.name for file in path.parent.iterdir()]
        ('whole', ['a.txt'])
    """
    folder = Path(mkdtemp(DRAFT, ".", path.parent))
    try:
        draft = folder / path.name
        yield draft
        if flushed:
            flush(draft)
        if overwrite:
            draft.replace(path)
        else:
            _place_first(draft, path)
        if flushed:
            flush_names(path.parent)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Remove the drafts whose writers were killed: those that nobody has touched for an hour."""
    for draft in folder.glob(f".*{DRAFT}"):
        with suppress(OSError):
            touched = max(each.stat().st_mtime for each in (draft, *draft.iterdir()))
            if time.time() - touched > ABANDONED_S:
                shutil.rmtree(draft, ignore_errors=True)


def finished(folders: Iterable[str]) -> list[str]:
    """Return the names of folders but for those that a writer, who may have been killed, left.

    Examples:
        >>> finished(["foa_dev", ".x2h5.draft", ".hidden"])
        ['foa_dev', '.hidden']
    """
    return [name for name in folders if not (name.startswith(".") and name.endswith(DRAFT))]


def flush(path: Path, flags: int = os.O_RDWR) -> None:
    """Wait until what a file holds is on the disk."""
    number = os.open(path, flags)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def flush_names(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where the system can say."""
    with suppress(OSError):  # Windows cannot
        flush(folder, os.O_RDONLY)


def version() -> str:
    """Return the version of the library, or `unknown` where it is not installed."""
    try:
        return metadata.version("seldkit")
    except metadata.PackageNotFoundError:
        return "unknown"


def _place_first(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)  # unlike a rename, it leaves what is there
    except FileExistsError:
        pass
    except OSError:  # a disk without links
        if not path.exists():
            draft.replace(path)


def check_written(path: Path, *, layout: object, reads: int, whole: bool) -> None:
    """Raise `ValueError` unless a file has the layout that this version reads, and is whole."""
    if layout != reads:
        raise ValueError(
            f"{path} was written by another version of seldkit: its layout is {layout}, this one"
            f" reads {reads}"
        )
    if not whole:
        raise ValueError(f"{path} is damaged: its contents are not what was written")
