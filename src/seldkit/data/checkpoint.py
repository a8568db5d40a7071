"""Checkpoints of a training run: safetensors and JSON in one file, never pickle."""

import json
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor


@runtime_checkable
class Stateful(Protocol):
    """What a checkpoint holds: a module, an optimiser, a schedule."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state as nested dictionaries and lists of tensors and plain values."""
        ...

    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any:
        """Take up a state."""
        ...


def save_checkpoint(path: str | Path, *, epoch: int, **parts: Stateful) -> None:
    """Write the state of a training run to one file, which replaces the last one whole.

    Args:
        path: The file, `.safetensors`.
        epoch: Number of epochs done.
        parts: What has a state, by name: the model, the optimiser, the schedule.

    Raises:
        TypeError: If a state holds anything but tensors and plain values.

    Examples:
        >>> import tempfile
        >>> model = torch.nn.Linear(2, 2)
        >>> path = Path(tempfile.mkdtemp()) / "last.safetensors"
        >>> save_checkpoint(path, epoch=3, model=model)
        >>> load_checkpoint(path, model=model)
        3
    """
    tensors: dict[str, Tensor] = {}
    tree = {name: _pack(part.state_dict(), name, tensors) for name, part in parts.items()}
    text = json.dumps({"epoch": epoch, "parts": tree})
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written beside and moved: a run stopped half-way leaves the last checkpoint readable.
    draft = path.with_suffix(".draft")
    save_file(tensors, draft, metadata={"checkpoint": text})
    draft.replace(path)


def load_checkpoint(path: str | Path, **parts: Stateful) -> int:
    """Take up the state of a training run and return the number of epochs it has done.

    Args:
        path: A file that `save_checkpoint` wrote.
        parts: The same names as were saved.

    Raises:
        FileNotFoundError: If there is no such file.
        KeyError: If the names differ from those saved; the error lists both.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no checkpoint {path}")
    with safe_open(path, "pt") as file:
        saved = json.loads(file.metadata()["checkpoint"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    if set(parts) != set(saved["parts"]):
        raise KeyError(f"checkpoint holds {sorted(saved['parts'])}, asked for {sorted(parts)}")
    for name, part in parts.items():
        part.load_state_dict(_unpack(saved["parts"][name], tensors))
    return int(saved["epoch"])


def _pack(value: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    """Return what JSON can hold and put tensors aside under their path.

    Dictionaries become lists of pairs, because those of optimisers have numbers for keys.
    """
    if isinstance(value, Tensor):
        # A copy, because parts may share tensors, which the file format refuses.
        tensors[path] = value.detach().clone(memory_format=torch.contiguous_format)
        return {"tensor": path}
    if isinstance(value, dict):
        return {"pairs": [[k, _pack(v, f"{path}/{k}", tensors)] for k, v in value.items()]}
    if isinstance(value, list | tuple):
        return [_pack(v, f"{path}/{i}", tensors) for i, v in enumerate(value)]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a checkpoint holds tensors and plain values, got {type(value)} at {path}")


def _unpack(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_unpack(v, tensors) for v in value]
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        return tensors[value["tensor"]]
    return {k: _unpack(v, tensors) for k, v in value["pairs"]}
