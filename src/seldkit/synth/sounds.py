"""Where the sounds of a scene come from."""

import csv
from collections import OrderedDict
from collections.abc import Collection
from os import PathLike
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from seldkit._checks import check_positive
from seldkit._typing import Float
from seldkit.io import read_audio

SUFFIXES = (".flac", ".ogg", ".wav")


@runtime_checkable
@runtime_checkable
class Sounds(Protocol):
    """What a scene asks of its sounds: names of classes, and one sound of a class at a time.

    Its `repr` should name its settings: by it `write_scenes` knows scenes again.
    """

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; label `i` is the i-th name."""

    def draw(
        self, label: int, generator: np.random.Generator, sample_rate: int
    ) -> Float[NDArray[np.float32], " sample"]:
        """Return a sound of a class, at any level; equal generators give equal sounds."""


class FolderSounds:
    """Mono recordings in a folder, each of one class.

    The folder holds a folder for each class, which holds WAV, FLAC or OGG files at any depth. Or it
    holds a `metadata.csv` with the columns `file` (relative to the folder), `class` and, where the
    recordings are divided into folds, `fold`. Labels are in sorted order of the names of all
    classes, whichever folds are chosen. The two channels of a stereo recording are averaged.

    Args:
        folder: The folder.
        folds: Folds to draw from, such as `(1, 2, 3)`; all if None.
        cache_mb: Decoded recordings kept in memory, in megabytes; the least recently used one goes
            first. What is drawn does not depend on it.

    Raises:
        FileNotFoundError: If there is no such folder, or no file that `metadata.csv` names.
        ValueError: If there is no class, a class has no recordings, a column is missing, or a fold
            is unknown.
    """

    def __init__(
        self,
        folder: str | PathLike[str],
        *,
        folds: Collection[int | str] | None = None,
        cache_mb: float = 512.0,
    ) -> None:
        check_positive(cache_mb=cache_mb)
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise FileNotFoundError(f"there is no folder {self.folder}")
        self.folds = None if folds is None else tuple(sorted(folds, key=str))
        self.cache_mb = cache_mb
        self._recordings = _from_table(self.folder, folds) or _from_folders(self.folder, folds)
        for name, paths in self._recordings.items():
            if not paths:
                among = "" if folds is None else f" in the folds {_words(folds)}"
                raise ValueError(f"class {name!r} has no recordings in {self.folder}{among}")
        self._cache: OrderedDict[tuple[Path, int], NDArray[np.float32]] = OrderedDict()

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, sorted."""
        return tuple(self._recordings)

    def draw(
        self, label: int, generator: np.random.Generator, sample_rate: int
    ) -> Float[NDArray[np.float32], " sample"]:
        """Return one recording of a class, whole.

        Args:
            label: Class, from 0.
            generator: Chooses the recording.
            sample_rate: Rate of the returned samples, in hertz.

        Raises:
            ValueError: If the recording cannot be read, is silent, or has more than two channels.
        """
        paths = self._recordings[self.classes[label]]
        key = paths[generator.integers(len(paths))], sample_rate
        if key not in self._cache:
            self._cache[key] = _read_mono(*key)
            while len(self._cache) > 1 and self._cached_bytes() > self.cache_mb * 1e6:
                self._cache.popitem(last=False)
        self._cache.move_to_end(key)
        return self._cache[key]

    def __len__(self) -> int:
        return sum(len(paths) for paths in self._recordings.values())

    def __repr__(self) -> str:
        return f"FolderSounds({str(self.folder)!r}, folds={self.folds})"

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_cache": OrderedDict()}

    def _cached_bytes(self) -> int:
        return sum(recording.nbytes for recording in self._cache.values())


def _from_table(folder: Path, folds: Collection[int | str] | None) -> dict[str, list[Path]] | None:
    """Read the recordings of each class from `metadata.csv`, or None where there is none."""
    table = folder / "metadata.csv"
    if not table.is_file():
        return None
    with table.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    needed = ["file", "class"] if folds is None else ["file", "class", "fold"]
    missing = [column for column in needed if not rows or not all(r.get(column) for r in rows)]
    if missing:
        raise ValueError(f"{table} must have rows with, each, the columns {_words(missing)}")
    chosen = None if folds is None else {str(fold) for fold in folds}
    if chosen is not None:
        known = {row["fold"] for row in rows}
        if not chosen or chosen - known:
            raise ValueError(f"folds must be some of {_words(known)}, got {_words(folds or ())}")
    recordings: dict[str, list[Path]] = {name: [] for name in sorted({r["class"] for r in rows})}
    for row in rows:
        if chosen is None or row["fold"] in chosen:
            recordings[row["class"]].append(folder / row["file"])
            if not (folder / row["file"]).is_file():
                raise FileNotFoundError(f"{table} names {row['file']}, which is not there")
    return recordings


def _from_folders(folder: Path, folds: Collection[int | str] | None) -> dict[str, list[Path]]:
    """Find the recordings of each class in the folder of its name."""
    if folds is not None:
        raise ValueError(f"folds need a metadata.csv, and {folder} has none")
    classes = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not classes:
        raise ValueError(f"{folder} must hold a folder for each class or a metadata.csv")
    return {
        path.name: sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
        for path in classes
    }


def _read_mono(path: Path, sample_rate: int) -> NDArray[np.float32]:
    waveform, _ = read_audio(path, sample_rate=sample_rate)
    if len(waveform) > 2:
        raise ValueError(f"{path} must be mono or stereo, got {len(waveform)} channels")
    mono: NDArray[np.float32] = waveform.mean(dim=0).numpy()
    if not mono.any():
        raise ValueError(f"{path} is silent")
    mono.setflags(write=False)
    return mono


def _words(values: Collection[object]) -> str:
    return ", ".join(sorted(map(str, values))) or "none"
