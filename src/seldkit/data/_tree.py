"""A state as JSON and a table of tensors."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor


def pack(value: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    """Return what JSON can hold, and put tensors aside under their path.

    Dictionaries become lists of pairs, because those of optimisers have numbers for keys. A tensor
    whose memory is in another order than its axes, such as channels last, is noted with its
    strides.

    Args:
        value: A state: nested dictionaries, lists and tuples of tensors and plain values.
        path: Its name.
        tensors: Where the tensors go.

    Raises:
        TypeError: If there is anything else in it.
        ValueError: If two names are written in the same way.
    """
    if isinstance(value, Tensor):
        return _pack_tensor(value, path, tensors)
    if isinstance(value, Mapping):
        names = [_name(key, path) for key in value]
        if len(set(names)) < len(names):
            twice = [name for name, times in Counter(names).items() if times > 1]
            raise ValueError(f"a checkpoint needs names that differ, got twice {twice} in {path}")
        pairs = zip(names, value.items(), strict=True)
        return {"pairs": [[key, pack(v, f"{path}/{name}", tensors)] for name, (key, v) in pairs]}
    if isinstance(value, list | tuple):
        items = [pack(v, f"{path}/{i}", tensors) for i, v in enumerate(value)]
        return {"tuple": items} if isinstance(value, tuple) else items
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a checkpoint holds tensors and plain values, got {type(value)} at {path}")


def unpack(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    """Return the state that was packed."""
    if isinstance(value, list):
        return [unpack(v, tensors) for v in value]
    if not isinstance(value, dict):
        return value
    if "tuple" in value:
        return tuple(unpack(v, tensors) for v in value["tuple"])
    if "tensor" in value:
        tensor = tensors[value["tensor"]]
        if "stride" not in value:
            return tensor
        return torch.empty_strided(tensor.shape, value["stride"], dtype=tensor.dtype).copy_(tensor)
    return {k: unpack(v, tensors) for k, v in value["pairs"]}


def _pack_tensor(value: Tensor, path: str, tensors: dict[str, Tensor]) -> dict[str, Any]:
    if path in tensors:
        raise ValueError(f"a checkpoint needs names that differ, got {path!r} twice")
    kept = value.detach().cpu().resolve_conj().resolve_neg()
    # A copy, because parts may share tensors, which the file format refuses.
    tensors[path] = kept.clone(memory_format=torch.contiguous_format)
    stride = torch.empty_like(kept).stride()  # that of the tensor, or a dense one in its order
    same = stride == tensors[path].stride()
    return {"tensor": path} if same else {"tensor": path, "stride": stride}


def _name(key: object, path: str) -> str:
    if key is not None and not isinstance(key, bool | int | float | str):
        raise TypeError(f"a checkpoint has plain names, got {key!r} of {type(key)} in {path}")
    return str(key)
