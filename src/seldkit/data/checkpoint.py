"""Checkpoints of a training run: safetensors and JSON in one file, never pickle."""

import json
import zlib
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from seldkit._checks import integer
from seldkit._files import replacing, sweep
from seldkit.data._tree import pack, unpack

LAYOUT = 2
"""Number of the way in which a checkpoint is written."""


@runtime_checkable
class Stateful(Protocol):
    """What a checkpoint holds: a module, an optimiser, a schedule."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state as nested dictionaries and lists of tensors and plain values."""
        ...

    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any:
        """Take up a state."""
        ...


Part = Stateful | torch.Generator | np.random.Generator


def save_checkpoint(path: str | PathLike[str], *, epoch: int, **parts: Part) -> None:
    """Write the state of a training run to one file, which replaces the last one whole.

    Tensors come back in their memory order, channels last for instance, in which fused optimisers
    read them: a run that goes on from a checkpoint is bit for bit the run that was never stopped,
    if all that it depends on is saved. A process that is killed at any moment leaves the last
    checkpoint or the new one.

    Args:
        path: The file, `.safetensors`.
        epoch: Number of epochs done.
        parts: What has a state, by name: the model, the optimiser, the schedule, balancers,
            generators of torch or NumPy, and the
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
    epoch = integer("epoch", epoch)
    if epoch < 0:
        raise ValueError(f"epoch must not be negative, got {epoch}")
    tensors: dict[str, Tensor] = {}
    tree = {name: pack(_state(name, part), name, tensors) for name, part in parts.items()}
    text = json.dumps({"epoch": epoch, "parts": tree})
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent)
    # One entry, because several would come in any order: the same state makes the same bytes.
    record = json.dumps({"layout": LAYOUT, "crc32": _checksum(text, tensors), "state": text})
    with replacing(path) as draft:
        save_file(tensors, draft, metadata={"checkpoint": record})


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
        _check(name, part)
    saved, tensors = _read(Path(path))
    if set(parts) != set(saved["parts"]):
        raise KeyError(
            f"{path}: checkpoint holds {sorted(saved['parts'])}, asked for {sorted(parts)}"
        )
    for name, part in parts.items():
        try:
            _take_up(part, unpack(saved["parts"][name], tensors))
        except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise ValueError(f"{path} does not fit {name}: {error}") from error
    return int(saved["epoch"])


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
    if layout != LAYOUT:
        raise ValueError(
            f"{path} was written by another version of seldkit: its layout is {layout}, this one"
            f" reads {LAYOUT}"
        )
    state = str(record.get("state"))
    if record.get("crc32") != _checksum(state, tensors):
        raise ValueError(f"{path} is damaged: its contents are not what was written")
    saved: dict[str, Any] = json.loads(state)
    return saved, tensors


def _checksum(text: str, tensors: Mapping[str, Tensor]) -> str:
    total = zlib.crc32(text.encode())
    for name in sorted(tensors):
        tensor, values = tensors[name], tensors[name].reshape(-1)
        total = zlib.crc32(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode(), total)
        total = zlib.crc32(values.view(torch.uint8).numpy().data, total) if len(values) else total
    return f"{total:08x}"


def _check(name: str, part: object) -> None:
    if not isinstance(part, Stateful | torch.Generator | np.random.Generator):
        raise TypeError(f"{name} must have a state, got {type(part).__name__}")


def _state(name: str, part: Part) -> Any:
    _check(name, part)
    if isinstance(part, torch.Generator):
        return part.get_state()
    return part.bit_generator.state if isinstance(part, np.random.Generator) else part.state_dict()


def _take_up(part: Part, state: Any) -> None:
    if isinstance(part, torch.Generator):
        part.set_state(state)
    elif isinstance(part, np.random.Generator):
        part.bit_generator.state = state
    else:
        part.load_state_dict(state)
        if hasattr(part, "param_groups"):
            _lay_out(part)


def _lay_out(optimizer: Any) -> None:
    """Give the state of each weight its memory order: fused optimisers read both side by side."""
    for weight, state in optimizer.state.items():
        for name, value in state.items():
            if not isinstance(value, Tensor) or value.shape != weight.shape:
                continue
            like = torch.empty_like(weight, dtype=value.dtype, device=value.device)
            if value.stride() != like.stride():
                state[name] = like.detach().copy_(value)
