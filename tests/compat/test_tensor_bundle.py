"""TensorFlow's variable files are read as they are written, and what is no such file is refused."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from seldkit.compat._tensor_bundle import read_bundle

Arrays = Mapping[str, np.ndarray]
KINDS = {"float32": 1, "float64": 2, "int32": 3, "int64": 9, "float16": 19}
MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")


def number(value: int) -> bytes:
    """Return a number in groups of seven bits."""
    low, high = value & 127, value >> 7
    return bytes([low | 128]) + number(high) if high else bytes([low])


def field(index: int, value: int | bytes) -> bytes:
    """Return a field of a message."""
    if isinstance(value, int):
        return number(index << 3) + number(value)
    return number(index << 3 | 2) + number(len(value)) + value


def entry(kind: int, shape: Sequence[int], shard: int, offset: int, size: int) -> bytes:
    """Return what an index says of a variable."""
    dims = b"".join(field(2, field(1, length)) for length in shape)
    checksum = number(6 << 3 | 5) + b"\1\2\3\4"
    place = (field(3, shard) if shard else b"") + field(4, offset) + field(5, size)
    return field(1, kind) + field(2, dims) + place + checksum


def block(entries: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Return a block: names without what they share with the one before, and one restart."""
    data, last = b"", b""
    for name, value in entries:
        shared = next(
            (i for i, (a, b) in enumerate(zip(last, name, strict=False)) if a != b),
            min(len(last), len(name)),
        )
        data += number(shared) + number(len(name) - shared) + number(len(value))
        data, last = data + name[shared:] + value, name
    return data + bytes(4) + (1).to_bytes(4, "little")


def table(entries: Sequence[tuple[bytes, bytes]], per_block: int, compression: int = 0) -> bytes:
    """Return a whole table."""
    data, places = b"", []
    for first in range(0, len(entries), per_block):
        some = entries[first : first + per_block]
        places.append((some[-1][0], number(len(data)) + number(len(block(some)))))
        data += block(some) + bytes([compression]) + b"crc!"
    start = len(data)
    data += block(places) + b"\0crc!"
    footer = number(0) + number(0) + number(start) + number(len(block(places)))
    return data + footer.ljust(40, b"\0") + MAGIC


def write(prefix: Path, arrays: Arrays, *, per_block: int = 3, shards: int = 1) -> None:
    """Write variables, those of an index on the shard of the same remainder."""
    files = [b""] * shards
    entries = [(b"", field(1, shards) + field(3, field(1, 1)))]
    for i, (name, array) in enumerate(sorted(arrays.items())):
        data, shard = array.tobytes(), i % shards
        kind = KINDS[array.dtype.name]
        place = entry(kind, array.shape, shard, len(files[shard]), len(data))
        entries.append((name.encode(), place))
        files[shard] += data
    text = entry(7, [], 0, len(files[0]), 5)
    entries.append((b"zzz_text", text))
    prefix.with_name(f"{prefix.name}.index").write_bytes(table(entries, per_block))
    for shard, data in enumerate(files):
        name = f"{prefix.name}.data-{shard:05d}-of-{shards:05d}"
        prefix.with_name(name).write_bytes(data)


ARRAYS: Arrays = {
    "layer/kernel": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "layer/bias": np.linspace(0, 1, 300),
    "layer/biased": np.array([1, -2], dtype=np.float16),
    "step": np.array(-5),
    "other": np.arange(3, dtype=np.int32),
}


@pytest.mark.parametrize(("per_block", "shards"), [(1, 1), (2, 3), (100, 2)])
def test_what_is_written_is_read(tmp_path: Path, per_block: int, shards: int) -> None:
    write(tmp_path / "variables", ARRAYS, per_block=per_block, shards=shards)
    found = read_bundle(tmp_path / "variables")
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert torch.equal(found[name], torch.as_tensor(array))
        assert found[name].dtype == torch.as_tensor(array).dtype


def damaged(index: bytes) -> list[tuple[bytes, str]]:
    """Return indices that are wrong, and what is said of them."""
    sliced = entry(1, [2], 0, 0, 8) + field(7, b"")
    return [
        (b"", "does not end as an index of variables does"),
        (index[:-1], "does not end as an index of variables does"),
        (index[:200] + index[-48:], "is damaged or cut short"),
        (table([(b"", b"")], 1, compression=1), "is compressed"),
        (table([(b"", field(2, 1))], 1), "its numbers are big-endian"),
        (table([(b"", b""), (b"a", entry(14, [2], 0, 0, 4))], 2), "a is of type 14 or in slices"),
        (table([(b"", b""), (b"a", sliced)], 2), "a is of type 1 or in slices"),
        (table([(b"", b""), (b"a", entry(1, [2], 0, 0, 4))], 2), "a does not fit its place"),
        (table([(b"", b""), (b"a", entry(1, [2], 1, 0, 8))], 2), "a does not fit its place"),
        (table([(b"", b""), (b"a", entry(1, [2], 0, 9999, 8))], 2), "00001 ends before a does"),
        (
            table([(b"", b""), (b"a", entry(1, [2**40], 0, 0, 2**42))], 2),
            "00001 ends before a does",
        ),
        (table([(b"", b""), (b"a", number(1 << 3 | 3))], 2), "has a field of unknown kind 3"),
        (table([(b"", b""), (b"a", b"\xff" * 11)], 2), "is damaged: a number has no end"),
    ]


def test_files_that_are_none(tmp_path: Path) -> None:
    prefix = tmp_path / "variables"
    write(prefix, ARRAYS)
    index = tmp_path / "variables.index"
    for data, message in damaged(index.read_bytes()):
        index.write_bytes(data)
        with pytest.raises(ValueError, match=rf"variables\.index cannot be read: .*{message}"):
            read_bundle(prefix)
    with pytest.raises(FileNotFoundError, match=r"nothing\.index"):
        read_bundle(tmp_path / "nothing")


def test_any_byte_may_be_wrong(tmp_path: Path) -> None:
    """Whatever stands in the index, it is read or refused: no other error, no endless loop."""
    prefix = tmp_path / "variables"
    write(prefix, ARRAYS)
    index = tmp_path / "variables.index"
    data, generator = index.read_bytes(), np.random.default_rng(0)
    for place in generator.integers(0, len(data), 300):
        index.write_bytes(data[:place] + generator.bytes(1) + data[place + 1 :])
        try:
            read_bundle(prefix)
        except (ValueError, FileNotFoundError):
            continue
