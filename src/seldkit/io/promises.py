"""How much sound the header of an audio file promises, to tell a whole file from half a one."""

from collections.abc import Iterator
from os import SEEK_END
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

PAGE = 65307
"""The longest page of an Ogg stream, in bytes."""


class Promise(NamedTuple):
    """Bytes of sound that a header promises, and those that follow it."""

    promised: int
    found: int


class _Chunks(NamedTuple):
    """How a file of chunks is laid out.

    Attributes:
        start: Where the first chunk stands.
        name: Bytes of the name of a chunk, before its size.
        size: Bytes of its size.
        whole: Whether the size counts the name and itself.
        pad: Bytes of which every chunk is a multiple.
        order: Of the bytes of a number.
        sound: The name of the chunk that holds the sound.
        skip: Bytes in it before the sound.
    """

    start: int
    name: int
    size: int
    whole: bool
    pad: int
    order: Literal["little", "big"]
    sound: bytes
    skip: int = 0


_WAV = _Chunks(12, 4, 4, whole=False, pad=2, order="little", sound=b"data")
_AIFF = _Chunks(12, 4, 4, whole=False, pad=2, order="big", sound=b"SSND", skip=8)
_W64 = _Chunks(40, 16, 8, whole=True, pad=8, order="little", sound=b"data")
_KINDS = {
    b"RIFF": _WAV,
    b"RF64": _WAV,
    b"BW64": _WAV,
    b"RIFX": _WAV._replace(order="big"),
    b"FORM": _AIFF,
    b"riff": _W64,
}


def promise(path: Path) -> Promise | None:
    """Return what the header of a WAV, RF64, W64, AIFF or AU file promises, if it does.

    A program that writes into a pipe cannot know how much is to come, and promises nothing.

    Source: the published descriptions of these formats.
    """
    with path.open("rb") as file:
        end = file.seek(0, SEEK_END)
        file.seek(0)
        kind = file.read(4)
        if kind in (b".snd", b"dns."):
            order: Literal["little", "big"] = "big" if kind == b".snd" else "little"
            start, size = (int.from_bytes(file.read(4), order) for _ in range(2))
        elif kind in _KINDS:
            start, size = _sound(file, _KINDS[kind], end)
        else:
            return None
    if size <= 0 or size in (0x7FFFF000, 2**63 - 1) or 0 <= 2**32 - size < 2**12 or size > 2**63:
        return None
    return Promise(size, max(0, min(size, end - start)))


def _sound(file: BinaryIO, layout: _Chunks, end: int) -> tuple[int, int]:
    """Return where the sound of a file of chunks starts and how long it says it is."""
    long = 0
    for name, start, size in _chunks(file, layout, end):
        if name == b"ds64":  # of a file beyond 4 GB: the size of all, then that of the sound
            long = int.from_bytes(file.read(16)[8:], "little")
        if name == layout.sound:
            size = long if long and size == 2**32 - 1 else size
            return start + layout.skip, size - layout.skip
    return end, 0


def _chunks(file: BinaryIO, layout: _Chunks, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the first four letters of each chunk, where what it holds starts, and its size."""
    place = layout.start
    head = layout.name + layout.size
    while place + head <= end:
        file.seek(place)
        name = file.read(layout.name)[:4]
        size = int.from_bytes(file.read(layout.size), layout.order) - layout.whole * head
        yield name, place + head, size
        place += head + max(size, 0)
        place += -place % layout.pad


def ends_early(path: Path) -> bool:
    """Return whether an Ogg stream stops before its last page, or within it."""
    with path.open("rb") as file:
        if file.read(4) != b"OggS":
            return False
        end = file.seek(0, SEEK_END)
        file.seek(max(0, end - 2 * PAGE))
        tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return True
    is_last = page[5] & 4
    return not is_last or len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]])
