"""Sounds from the recordings in a folder."""

import hashlib
from collections.abc import Collection, Sequence
from os import PathLike
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seldkit._checks import check_count, check_literal, check_positive, integer
from seldkit._typing import Float
from seldkit.io import read_audio
from seldkit.synth.fingerprints import add_file, name_below
from seldkit.synth.folds import NUM_FOLDS, fold_by_hash
from seldkit.synth.ranges import checked_label
from seldkit.synth.recent import Recent
from seldkit.synth.recordings import read_rows, recordings_below

Missing = Literal["error", "keep"]


class FolderSounds:
    """Mono recordings in a folder, each of one class.

    The folder holds a folder for each class, which holds WAV, FLAC or OGG files at any depth. Or it
    holds a `metadata.csv` with the columns `file` (relative to the folder), `class` and, where the
    recordings are divided into folds, `fold`. Labels are in sorted order of the names of all
    classes, whichever folds are chosen, or as you say. Files of another rate are resampled, and the
    two channels of a stereo recording are averaged.

    Without a `metadata.csv` each class is divided into the folds 1 to 5 by a hash of the files'
    names, the same on every machine: about a fifth of its files each. A class of few files has one
    in each of the folds 1, 4, 3, 2 and 5, in this order, as far as they go. Where several files are
    pieces of one recording, only a `metadata.csv` keeps them together.

    Args:
        folder: The folder.
        classes: Names of the classes to draw from, by number; all, sorted, if None.
        missing: What classes are that the folder lacks: an `"error"` that names them, or `"keep"`
            their numbers, so that labels are those of another corpus; they are never drawn.
        folds: Folds to draw from, such as `(1, 2, 3)`; all if None.
        cache_mb: Decoded recordings kept in memory, in megabytes; the least recently used one goes
            first. What is drawn does not depend on it.

    Attributes:
        absent: Names of the classes that were kept without recordings.

    Raises:
        FileNotFoundError: If there is no such folder, or no file that `metadata.csv` names.
        TypeError: If `folds` or `classes` is no collection.
        ValueError: If there is no class, a class is missing, has no recordings or stands there
            twice, a column is missing, or a fold is unknown.
    """

    def __init__(
        self,
        folder: str | PathLike[str],
        *,
        classes: Sequence[str] | None = None,
        missing: Missing = "error",
        folds: Collection[int | str] | None = None,
        cache_mb: float = 512.0,
    ) -> None:
        check_positive(cache_mb=cache_mb)
        check_literal("missing", missing, Missing)
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise FileNotFoundError(f"there is no folder {self.folder}")
        if isinstance(folds, str) or (folds is not None and not isinstance(folds, Collection)):
            raise TypeError(f"folds must be a collection, such as (1, 2), got {folds!r}")
        self.folds = None if folds is None else tuple(sorted(folds, key=str))
        self.cache_mb = cache_mb
        rows = _from_table(self.folder, folds is not None) or _from_folders(self.folder)
        names = tuple(rows) if classes is None else _checked_names(classes)
        self.absent = tuple(name for name in names if name not in rows)
        if self.absent and (missing == "error" or len(self.absent) == len(names)):
            raise ValueError(
                f"classes must be some of {_words(rows)}, which {self.folder} has, got"
                f" {_words(self.absent)}: missing='keep' keeps their numbers"
            )
        found = _chosen(self.folder, rows, folds, [name for name in names if name in rows])
        self._recordings = {name: found.get(name, []) for name in names}
        self._recent: Recent[NDArray[np.float32]] = Recent(cache_mb)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, by number."""
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
            TypeError: If the class or the rate is no integer.
            ValueError: If the recording cannot be read, is silent, or has more than two channels,
                or there is no such class, or none of it.
        """
        name = self.classes[checked_label(label, self.classes)]
        if name in self.absent:
            raise ValueError(f"{self.folder} has no recordings of class {name!r}")
        paths = self._recordings[name]
        check_count(sample_rate=sample_rate)
        key = paths[generator.integers(len(paths))], integer("sample_rate", sample_rate)
        return self._recent.get(key, lambda: _read_mono(*key))

    def fingerprint(self) -> str:
        """Return a text that changes with the classes, with the files and with what they hold.

        Files of up to a megabyte are read whole, of larger ones as much, from their beginning to
        their end. Where the folder is does not matter.
        """
        total = hashlib.sha256()
        for name, paths in self._recordings.items():
            total.update(f"{name}\n".encode())
            for path in paths:
                add_file(total, self.folder, path)
        return f"FolderSounds of {len(self)} files {total.hexdigest()[:16]}"

    def __len__(self) -> int:
        return sum(len(paths) for paths in self._recordings.values())

    def __repr__(self) -> str:
        return f"FolderSounds({str(self.folder)!r}, folds={self.folds})"


def _from_table(folder: Path, need_folds: bool) -> dict[str, list[tuple[Path, str]]] | None:
    """Read the recordings of each class, with folds, from `metadata.csv`, or None without one."""
    table = folder / "metadata.csv"
    if not table.is_file():
        return None
    rows = read_rows(table, ["file", "class", "fold"] if need_folds else ["file", "class"])
    recordings: dict[str, list[tuple[Path, str]]] = {
        name: [] for name in sorted({r["class"] for r in rows})
    }
    for row in rows:
        recordings[row["class"]].append((folder / row["file"], row.get("fold") or ""))
    return recordings


def _from_folders(folder: Path) -> dict[str, list[tuple[Path, str]]]:
    """Find the recordings of each class in the folder of its name, and divide them into folds."""
    classes = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not classes:
        raise ValueError(f"{folder} must hold a folder for each class or a metadata.csv")
    recordings = {}
    for each in classes:
        files = recordings_below(each)
        folds = fold_by_hash([name_below(folder, file) for file in files])
        recordings[each.name] = list(zip(files, folds, strict=True))
    return recordings


def _chosen(
    folder: Path,
    recordings: dict[str, list[tuple[Path, str]]],
    folds: Collection[int | str] | None,
    classes: Collection[str],
) -> dict[str, list[Path]]:
    """Return the recordings of some folds, or raise unless each of some classes has one."""
    if folds is None:
        chosen = None
    else:
        chosen = {str(fold) for fold in folds}
        known = {fold for rows in recordings.values() for _, fold in rows}
        if not (folder / "metadata.csv").is_file():
            known = set(map(str, range(1, NUM_FOLDS + 1)))
        if not chosen or chosen - known:
            raise ValueError(f"folds must be some of {_words(known)}, got {_words(folds)}")
    found = {
        name: [path for path, fold in recordings[name] if chosen is None or fold in chosen]
        for name in classes
    }
    for name, paths in found.items():
        if not paths:
            among = "" if folds is None else f" in the folds {_words(folds)}"
            raise ValueError(
                f"class {name!r} has no recordings in {folder}{among}:"
                f" {len(recordings[name])} WAV, FLAC or OGG files in all"
            )
    return found


def _checked_names(classes: Sequence[str]) -> tuple[str, ...]:
    """Return names of classes, or raise unless they are a list of names that differ."""
    if isinstance(classes, str):
        raise TypeError(f"classes must be a sequence of names, got {classes!r}")
    names = tuple(classes)
    if not names or len(set(names)) < len(names):
        raise ValueError(f"classes must be names, each once, got {', '.join(names) or 'none'}")
    return names


def _read_mono(path: Path, sample_rate: int) -> NDArray[np.float32]:
    waveform, _ = read_audio(path, sample_rate=sample_rate)
    if len(waveform) > 2:
        raise ValueError(f"{path} must be mono or stereo, got {len(waveform)} channels")
    mono: NDArray[np.float32] = waveform.mean(dim=0).numpy()
    if not mono.any():
        cancel = ": its two channels cancel each other" if waveform.any() else ""
        raise ValueError(f"{path} is silent{cancel}")
    mono.setflags(write=False)
    return mono


def _words(values: Collection[object]) -> str:
    return ", ".join(sorted(map(str, values))) or "none"
