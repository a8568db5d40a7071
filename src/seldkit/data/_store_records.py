"""What a store writes about itself: its settings, and a record of each clip."""

import json
import os
import zlib
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal, NamedTuple

from seldkit._files import check_written, replacing
from seldkit.data.splits import Fold

LAYOUT = 2
"""Number of the way in which a store is written."""

WAVEFORMS, LABELS, CLIPS = "waveforms", "labels", "clips"
"""Folders of a store."""

SETTINGS, INDEX = "store.json", "index.json"

DType = Literal["int16", "float32"]


class Settings(NamedTuple):
    """What all clips of a store have in common."""

    dtype: DType
    sample_rate: int
    num_channels: int
    classes: tuple[str, ...]


class Record(NamedTuple):
    """A clip of a store: what it is called, and how its arrays must be to be trusted.

    Attributes:
        name: Name of the clip.
        fold: Its fold, or None.
        waveform: Name of the waveform's file without suffix, a digest of the recording.
        num_samples: Samples of each channel.
        waveform_crc: Checksum of the waveform's file.
        labels: Name of the labels' file without suffix, a digest of its bytes.
        num_frames: What its events say, or None.
        frame_s: Length of a label frame, in seconds.
    """

    name: str
    fold: Fold | None
    waveform: str
    num_samples: int
    waveform_crc: str
    labels: str
    num_frames: int | None
    frame_s: float


def digest(text: bytes) -> str:
    """Return a name that only the same bytes have."""
    return blake2b(text, digest_size=16).hexdigest()


def file_digest(path: Path, settings: bytes) -> str:
    """Return a name for what becomes of a file under some settings."""
    whole = blake2b(settings, digest_size=16)
    with path.open("rb") as file:
        while piece := file.read(2**20):
            whole.update(piece)
    return whole.hexdigest()


def settle(folder: Path, settings: Settings) -> None:
    """Write the settings of a store, unless they are there, or raise if others are there."""
    path = folder / SETTINGS
    if not path.exists():
        _write(path, settings._asdict(), overwrite=False)
    # Read in any case: another process may have been the first.
    there = read_settings(folder)._asdict()
    others = [
        f"{name} {there[name]!r}, not {value!r}"
        for name, value in settings._asdict().items()
        if there[name] != value
    ]
    if others:
        raise ValueError(f"{folder} holds a store of other settings: {'; '.join(others)}")


def read_settings(folder: Path) -> Settings:
    """Return the settings of a store."""
    path = folder / SETTINGS
    if not path.is_file():
        raise FileNotFoundError(f"there is no store in {folder}: it has no {SETTINGS}")
    values = _read(path)
    return Settings(**{**values, "classes": tuple(values["classes"])})


def known_crc(folder: Path, record: Record) -> str | None:
    """Return the checksum that a store has for a waveform, None if the clip is not in it.

    Raises:
        ValueError: If it holds another clip of the name.
    """
    path = _record_path(folder, record.name)
    if not path.exists():
        return None
    there = read_record(path)
    _check_same(there, record._replace(waveform_crc=there.waveform_crc), folder)
    return there.waveform_crc


def write_record(folder: Path, record: Record) -> None:
    """Write the record of a clip, unless it is there, or raise if another is there."""
    path = _record_path(folder, record.name)
    _write(path, record._asdict(), overwrite=False)
    _check_same(read_record(path), record, folder)


def read_record(path: Path) -> Record:
    """Return a record, or raise `ValueError` if it is damaged."""
    return Record(**_read(path))


def read_records(folder: Path) -> list[Record]:
    """Return the records of a store, by name.

    The index spares opening a file for each clip. A record never changes, so what is missing from
    the index is read from its own file, and what has no file any more is passed over.
    """
    try:
        rows = _read(folder / INDEX)["records"]
    except (FileNotFoundError, ValueError):
        rows = []
    indexed = {_record_path(folder, row[0]).name: Record(*row) for row in rows}
    with os.scandir(folder / CLIPS) as entries:
        names = [entry.name for entry in entries if entry.name.endswith(".json")]
    found = (
        indexed[name] if name in indexed else read_record(folder / CLIPS / name) for name in names
    )
    return sorted(found, key=lambda record: record.name)


def write_index(folder: Path, records: list[Record]) -> None:
    """Write all records to one file."""
    _write(folder / INDEX, {"records": [list(record) for record in records]}, overwrite=True)


def _write(path: Path, values: dict[str, Any], *, overwrite: bool) -> None:
    text = json.dumps(values, ensure_ascii=False)
    with replacing(path, overwrite=overwrite) as draft:
        crc32 = f"{zlib.crc32(text.encode()):08x}"
        draft.write_text(
            json.dumps({"layout": LAYOUT, "crc32": crc32, "holds": text}), encoding="utf-8"
        )


def _read(path: Path) -> dict[str, Any]:
    """Return what a file holds, or raise `ValueError` if it is not what was written."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        layout, text = record["layout"], str(record["holds"])
        whole = record["crc32"] == f"{zlib.crc32(text.encode()):08x}"
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    check_written(path, layout=layout, reads=LAYOUT, whole=whole)
    values: dict[str, Any] = json.loads(text)
    return values


def _record_path(folder: Path, name: str) -> Path:
    """Return where the record of a clip stands: its name may be anything."""
    return folder / CLIPS / f"{digest(name.encode())}.json"


def _check_same(there: Record, record: Record, folder: Path) -> None:
    pairs = zip(Record._fields, there, record, strict=True)
    if others := [f"{name} {a!r}, not {b!r}" for name, a, b in pairs if a != b]:
        raise ValueError(
            f"clips of a store must have names that differ, but {folder} holds another"
            f" {record.name}: {'; '.join(others)}"
        )
