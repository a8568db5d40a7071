"""Variables in TensorFlow's own files, read without TensorFlow.

`NAME.index` is a sorted table as LevelDB writes it: blocks of entries, whose names leave out what
they share with the one before, and a footer that tells where the list of blocks lies. The value of
an entry is a protocol-buffer message: type, shape and place of a variable in the files
`NAME.data-*`, where its bytes lie as they are. Nothing of this is code.
"""

from collections import defaultdict
from collections.abc import Iterator
from math import prod
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

_MAGIC = bytes.fromhex("57fb808b247547db")
_FOOTER = 48
_TYPES = {1: "<f4", 2: "<f8", 3: "<i4", 9: "<i8", 19: "<f2"}
_STRING = 7
_SLICES = 7


def read_bundle(prefix: Path) -> dict[str, Tensor]:
    """Return the variables of a bundle by name, those that hold text left out.

    Args:
        prefix: Path of its files without `.index` and `.data-00000-of-00001`.

    Raises:
        FileNotFoundError: If one of its files is missing.
        ValueError: If a file is damaged, or of a kind that is not read here: compressed,
            big-endian, with variables in slices or of another type than floats and signed integers.
    """
    index = prefix.with_name(f"{prefix.name}.index")
    try:
        entries = {name: _Message(value) for name, value in _table(index.read_bytes())}
        header = entries.pop("", _Message(b"")).numbers
        if header.get(2):
            raise ValueError("its numbers are big-endian")
        numeric = {n: e for n, e in entries.items() if e.numbers.get(1) != _STRING}
        count = header.get(1, 1)
        return {name: _variable(name, entry, prefix, count) for name, entry in numeric.items()}
    except ValueError as error:
        raise ValueError(f"{index} cannot be read: {error}") from error


class _Reader:
    """Numbers and bytes of a buffer, one after the other."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def take(self, count: int) -> bytes:
        """Return the next bytes."""
        taken = self.data[self.place : self.place + count]
        if len(taken) != count:
            raise ValueError("it is damaged or cut short")
        self.place += count
        return taken

    def integer(self) -> int:
        """Return the next number: seven bits a byte, the lowest first, the last below 128."""
        number = shift = 0
        while True:
            byte = self.take(1)[0]
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return number
            if shift > 63:
                raise ValueError("it is damaged: a number has no end")

    def __bool__(self) -> bool:
        return self.place < len(self.data)


def _table(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield names and values of a table."""
    if data[-len(_MAGIC) :] != _MAGIC:
        raise ValueError("it does not end as an index of variables does")
    footer = _Reader(data[-_FOOTER:])
    footer.integer(), footer.integer()  # place of a block about blocks, which is not needed
    for _, place in _block(data, footer):
        for name, value in _block(data, _Reader(place)):
            yield name.decode(errors="replace"), value


def _block(data: bytes, place: _Reader) -> Iterator[tuple[bytes, bytes]]:
    """Yield names and values of a block whose start and size come next."""
    reader = _Reader(data)
    reader.place, size = place.integer(), place.integer()
    block = reader.take(size)
    if reader.take(1) != b"\0":
        raise ValueError("it is compressed")
    num_restarts = int.from_bytes(block[-4:], "little")
    entries, name = _Reader(block[: max(size - 4 * (num_restarts + 1), 0)]), b""
    while entries:
        shared, new, length = entries.integer(), entries.integer(), entries.integer()
        name = name[:shared] + entries.take(new)
        yield name, entries.take(length)


class _Message:
    """The fields of a protocol-buffer message by number: integers, and bytes."""

    def __init__(self, data: bytes) -> None:
        self.numbers: dict[int, int] = {}
        self.parts: dict[int, list[bytes]] = defaultdict(list)
        reader = _Reader(data)
        while reader:
            field, kind = divmod(reader.integer(), 8)
            if kind == 0:
                self.numbers[field] = reader.integer()
            elif kind == 2:
                self.parts[field].append(reader.take(reader.integer()))
            elif kind in (1, 5):  # fixed size: checksums, which are not needed
                reader.take(8 if kind == 1 else 4)
            else:
                raise ValueError(f"it has a field of unknown kind {kind}")


def _variable(name: str, entry: _Message, prefix: Path, num_files: int) -> Tensor:
    """Read a variable from its place."""
    kind, shard, offset, num_bytes = (entry.numbers.get(field, 0) for field in (1, 3, 4, 5))
    if kind not in _TYPES or entry.parts[_SLICES]:
        raise ValueError(f"{name} is of type {kind} or in slices, which is not known here")
    dims = [dim for shape in entry.parts[2] for dim in _Message(shape).parts[2]]
    sizes = [_Message(dim).numbers.get(1, 0) for dim in dims]
    dtype = np.dtype(_TYPES[kind])
    if prod(sizes) * dtype.itemsize != num_bytes or shard >= num_files:
        raise ValueError(f"{name} does not fit its place")
    file = prefix.with_name(f"{prefix.name}.data-{shard:05d}-of-{num_files:05d}")
    if file.stat().st_size < offset + num_bytes:
        raise ValueError(f"{file.name} ends before {name} does")
    values = np.fromfile(file, dtype, count=prod(sizes), offset=offset)
    return torch.from_numpy(values.reshape(sizes))
