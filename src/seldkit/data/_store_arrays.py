"""The arrays of a store: waveforms and labels in .npy files that are checked as they are opened."""

import io
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from seldkit.data._store_records import digest
from seldkit.events import Events

FULL_SCALE = 32768
"""Integer of a 16-bit file that stands for 1."""

Array = NDArray[Any]


def write_waveform(
    path: Path, blocks: Iterable[Tensor], shape: tuple[int, int], dtype: str
) -> None:
    """Write a waveform that comes in blocks, without holding more than a block.

    It is written, not mapped: on a full disk a write is an error, and a map kills the process.

    Args:
        path: The file.
        blocks: `float32` blocks, `(channel, sample)`.
        shape: Channels and samples of all blocks together.
        dtype: `"int16"` or `"float32"`.

    Raises:
        ValueError: If samples do not fit 16 bits exactly.
    """
    header = _header(shape, dtype)
    place, size = 0, np.dtype(dtype).itemsize
    with path.open("wb") as file:
        file.write(header)
        for block in blocks:
            samples = block.numpy() if dtype == "float32" else _integers(block.numpy())
            for channel, row in enumerate(samples):
                file.seek(len(header) + (channel * shape[1] + place) * size)
                file.write(row.astype(_stored(dtype), copy=False).tobytes())
            place += block.shape[1]


def open_array(path: Path, shape: tuple[int, ...], dtype: Any) -> Array:
    """Map an array, or raise `ValueError` unless its file is as long and begins as it must.

    Args:
        path: The file.
        shape: Shape that the array must have.
        dtype: Kind of its values.
    """
    header = _header(shape, dtype)
    length = len(header) + int(np.prod(shape)) * np.dtype(dtype).itemsize
    try:
        with path.open("rb") as file:
            start = file.read(len(header))
        found = path.stat().st_size
    except FileNotFoundError as error:
        raise ValueError(f"the store is damaged: there is no {path}") from error
    if found != length:
        raise ValueError(f"{path} is damaged: it must be of {length} bytes, got {found}")
    if start != header:
        raise ValueError(f"{path} is damaged: it does not begin with the header of {shape}")
    if not np.prod(shape):  # nothing can be mapped
        return np.empty(shape, _stored(dtype))
    return np.memmap(path, _stored(dtype), "r", len(header), shape)


def waveform_window(samples: Array, start: int, stop: int) -> NDArray[np.float32]:
    """Return a part of a waveform in memory, full scale 1."""
    part = samples[:, start:stop]
    if part.dtype.kind == "i":
        return np.multiply(part, np.float32(1 / FULL_SCALE), dtype=np.float32)
    return np.array(part, dtype=np.float32)


def checksum(path: Path) -> str:
    """Return a checksum of a file."""
    total = 0
    with path.open("rb") as file:
        while piece := file.read(2**20):
            total = zlib.crc32(piece, total)
    return f"{total:08x}"


def labels_to_bytes(events: Events) -> bytes:
    """Return a file of the rows of events, each column as it is."""
    columns = {"frame": events.frame, "label": events.label, "source": events.source}
    if events.given_deg is None:
        columns["direction"] = events.direction
    else:  # from which the direction is made again
        columns["azimuth_deg"], columns["elevation_deg"] = events.given_deg
    columns |= {"distance": events.distance} if events.distance is not None else {}
    columns |= {"onscreen": events.onscreen} if events.onscreen is not None else {}
    arrays = {name: column.numpy() for name, column in columns.items()}
    kinds = [
        (name, array.dtype.newbyteorder("<"), array.shape[1:]) for name, array in arrays.items()
    ]
    table = np.empty(len(events), kinds)
    for name, array in arrays.items():
        table[name] = array
    file = io.BytesIO()
    np.save(file, table, allow_pickle=False)
    return file.getvalue()


def read_labels(path: Path) -> Array:
    """Return the rows of a file, or raise `ValueError` unless it holds what its name says."""
    try:
        text = path.read_bytes()
    except FileNotFoundError as error:
        raise ValueError(f"the store is damaged: there is no {path}") from error
    if digest(text) != path.stem:
        raise ValueError(f"{path} is damaged: its contents are not what was written")
    rows: Array = np.load(io.BytesIO(text), allow_pickle=False)
    return rows


def events_of(rows: Array, num_frames: int | None, frame_s: float) -> Events:
    """Return rows as events."""
    columns = {name: rows[name] for name in rows.dtype.names or ()}
    given = "azimuth_deg" in columns
    make: Any = Events.from_degrees if given else Events
    events: Events = make(**columns, num_frames=num_frames, frame_s=frame_s)
    return events


def _integers(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """Return the integers that a 16-bit file holds, or raise unless they are just those."""
    scaled = samples * np.float32(FULL_SCALE)  # exact, a power of two
    whole: NDArray[np.int16] = np.rint(scaled).clip(-FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
    if wrong := int((whole != scaled).sum()):
        raise ValueError(
            "16 bits must hold the samples exactly, which is so for 16-bit files at their own rate,"
            f" got {wrong} of {samples.size} between or beyond: dtype='float32' holds them"
        )
    return whole


def _stored(dtype: Any) -> np.dtype[Any]:
    stored: np.dtype[Any] = np.dtype(dtype).newbyteorder("<")
    return stored


def _header(shape: tuple[int, ...], dtype: Any) -> bytes:
    """Return the beginning of an .npy file, by which other programs read it."""
    file = io.BytesIO()
    descr = np.lib.format.dtype_to_descr(_stored(dtype))
    values = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, values)
    return file.getvalue()
