"""What files hold, as a short text that changes with it."""

import hashlib
import unicodedata
from collections.abc import Iterable
from pathlib import Path

_BLOCK, _BLOCKS = 2**16, 16


def file_fingerprint(folder: Path, files: Iterable[Path]) -> str:
    """Return a text that changes with the names of files below a folder and what they hold.

    Files of up to a megabyte are read whole, of larger ones as much, from their beginning to their
    end. Where the folder is does not matter.
    """
    total = hashlib.sha256()
    for path in files:
        add_file(total, folder, path)
    return total.hexdigest()[:16]


def add_file(total: "hashlib._Hash", folder: Path, path: Path) -> None:
    """Add a file's name, size and contents to a hash."""
    size = path.stat().st_size
    total.update(f"{name_below(folder, path)}\n{size}\n".encode())
    with path.open("rb") as file:
        if size <= _BLOCK * _BLOCKS:
            total.update(file.read())
            return
        for number in range(_BLOCKS):
            file.seek((size - _BLOCK) * number // (_BLOCKS - 1))
            total.update(file.read(_BLOCK))


def name_below(folder: Path, path: Path) -> str:
    """Return what a file is called below the folder, alike on all systems."""
    name = path.relative_to(folder) if path.is_relative_to(folder) else path
    return unicodedata.normalize("NFC", name.as_posix())
