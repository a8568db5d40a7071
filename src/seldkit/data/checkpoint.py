"""Checkpoints of a training run: safetensors and JSON in one file, never pickle."""

import json
import zlib
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from seldkit._checks import integer
from seldkit._files import check_written, replacing, sweep
from seldkit.data._group import place
from seldkit.data._parts import Part, check_part, state_of, take_up
from seldkit.data._tree import pack, unpack

LAYOUT = 2
"""Number of the way in which a checkpoint is written."""


def save_checkpoint(path: str | PathLike[str], *, epoch: int, **parts: Part) -> None:
    """Write the state of a training run to one file, which replaces the last one whole.

    Tensors come back in their memory order, channels last for instance, in which fused optimisers
    read them: a run that goes on from a checkpoint is bit for bit the run that was never stopped,
    if all that it depends on is saved. A process that is killed at any moment leaves the last
    checkpoint or the new one.

    In a `torch.distributed` group every process calls it and the first alone writes, what it holds
    itself: what differs between the processes is given as
    [`PerProcess`][seldkit.data.PerProcess]. Others may return before the file is there.

    Args:
        path: The file, `.safetensors`.
        epoch: Number of epochs done.
        parts: What has a state, by name: the model, the optimiser, the schedule, balancers,
            generators of torch and NumPy's `default_rng`, samplers, and the
            [settings][seldkit.data.RunSettings] of the run.

    Raises:
        TypeError: If a part has no state, or a state holds anything but tensors and plain values.
        ValueError: If names are the same when they are written: `1` and `"1"`, or `"a/b"` and a
            `"b"` in an `"a"`.

    Examples:
        >>> import tempfile
        >>> model = torch.nn.Linear(2, 2)
        >>> path = Path(tempfile.mkdtemp()) / "last.safetensors"
        >>> save_checkpoint(path, epoch=3, model=model)
        >>> load_checkpoint(path, model=model)
        3
    """
    snapshot = take_snapshot(epoch, parts)
    if snapshot is not None:
        write_snapshot(Path(path), snapshot)


def load_checkpoint(path: str | PathLike[str], **parts: Part) -> int:
    """Take up the state of a training run and return the number of epochs it has done.

    The state of an optimiser is laid out in memory as its weights are now, whichever way they were
    laid out when it was saved.

    Args:
        path: A file that `save_checkpoint` wrote.
        parts: The same names as were saved; taken up in this order.

    Raises:
        FileNotFoundError: If there is no such file.
        KeyError: If the names differ from those saved; the error lists both.
        TypeError: If a part has no state.
        ValueError: If the file is damaged or no checkpoint, or a state does not fit its part.
    """
    for name, part in parts.items():
        check_part(name, part)
    saved, tensors = _read(Path(path))
    if set(parts) != set(saved["parts"]):
        raise KeyError(
            f"{path}: checkpoint holds {sorted(saved['parts'])}, asked for {sorted(parts)}"
        )
    for name, part in parts.items():
        try:
            take_up(part, unpack(saved["parts"][name], tensors))
        except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise ValueError(f"{path} does not fit {name}: {error}") from error
    return int(saved["epoch"])


class Snapshot(NamedTuple):
    """A copy of the state of a run, as it is written."""

    text: str
    tensors: dict[str, Tensor]


def take_snapshot(epoch: int, parts: Mapping[str, Part]) -> Snapshot | None:
    """Return a copy of all states in the first process, None in others; all must call it."""
    epoch = integer("epoch", epoch)
    if epoch < 0:
        raise ValueError(f"epoch must not be negative, got {epoch}")
    # Those of all processes may take all processes to collect.
    states = {name: state_of(name, part) for name, part in parts.items()}
    if place()[0] > 0:
        return None
    tensors: dict[str, Tensor] = {}
    tree = {name: pack(state, name, tensors) for name, state in states.items()}
    return Snapshot(json.dumps({"epoch": epoch, "parts": tree}), tensors)


def write_snapshot(path: Path, snapshot: Snapshot) -> None:
    """Write a checkpoint, which replaces the last one whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent)
    # One entry, because several would come in any order: the same state makes the same bytes.
    record = {"layout": LAYOUT, "crc32": _checksum(*snapshot), "state": snapshot.text}
    with replacing(path) as draft:
        save_file(snapshot.tensors, draft, metadata={"checkpoint": json.dumps(record)})


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return what a checkpoint holds, or raise an error that names the file and its fault."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint {path}")
    try:
        with safe_open(path, "pt") as file:
            text = (file.metadata() or {}).get("checkpoint")
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is damaged or no checkpoint: {error}") from error
    if text is None:
        raise ValueError(f"{path} is no checkpoint: it holds tensors, but no state of a run")
    try:
        record = json.loads(text)
        layout = record.get("layout", 1)
    except (AttributeError, ValueError) as error:
        raise ValueError(f"{path} is damaged or no checkpoint: {error}") from error
    state = str(record.get("state"))
    whole = record.get("crc32") == _checksum(state, tensors)
    check_written(path, layout=layout, reads=LAYOUT, whole=whole)
    saved: dict[str, Any] = json.loads(state)
    return saved, tensors


def _checksum(text: str, tensors: Mapping[str, Tensor]) -> str:
    total = zlib.crc32(text.encode())
    for name in sorted(tensors):
        tensor, values = tensors[name], tensors[name].reshape(-1)
        total = zlib.crc32(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode(), total)
        total = zlib.crc32(values.view(torch.uint8).numpy().data, total) if len(values) else total
    return f"{total:08x}"
