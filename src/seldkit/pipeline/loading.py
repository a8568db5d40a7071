"""A pipeline from what a folder holds."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from seldkit.pipeline.description import PARTS, SETTINGS, build, check_description
from seldkit.pipeline.folder import DESCRIPTION, HASH, WEIGHTS, read
from seldkit.pipeline.known import known_builders
from seldkit.pipeline.structure import set_kept_state

Arguments = dict[str, Any]


def read_pipeline(
    folder: Path, builders: Mapping[str, Callable[..., Any]]
) -> tuple[Arguments, dict[str, Tensor]]:
    """Return the arguments of a saved pipeline and its tensors.

    Raises:
        FileNotFoundError: If the folder holds no pipeline.
        KeyError: If a builder is unknown; the error lists the known ones.
        ValueError: If a file is damaged, foreign or newer than this library; the error names it.
    """
    description, weights = read(folder)
    with faults_of(folder / DESCRIPTION):
        check_description(description)
    try:
        tensors = load(weights)
    except SafetensorError as error:
        raise ValueError(f"{folder / WEIGHTS} is damaged: {error}") from error
    digest = hashlib.sha256(weights).hexdigest()
    if digest != description[HASH]:
        raise ValueError(
            f"{folder / WEIGHTS} is damaged or of another pipeline: its SHA-256 is {digest}, and"
            f" {DESCRIPTION} tells {description[HASH]}"
        )
    with faults_of(folder / DESCRIPTION):
        parts = _parts(description, builders)
    return parts | {name: description[name] for name in SETTINGS}, tensors


@contextmanager
def faults_of(path: Path) -> Iterator[None]:
    """Raise as `ValueError` that names a file what goes wrong with its content."""
    try:
        yield
    except (ArithmeticError, AttributeError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"{path} cannot be loaded: {error}") from error


def fill(pipeline: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Give a pipeline its tensors, in the precision they were saved in.

    Raises:
        ValueError: If names, shapes or kinds of number differ from those of the pipeline.
    """
    own: dict[str, tuple[nn.Module, str]] = {
        f"{path}.{name}": (module, name)
        for path, module in pipeline.named_modules(remove_duplicate=False)
        for name in (*module._parameters, *module._buffers)
        if getattr(module, name) is not None
    }
    saved = pipeline.state_dict().keys()
    missing, unknown = sorted(saved - tensors.keys()), sorted(tensors.keys() - own.keys())
    if missing or unknown:
        raise ValueError(f"its tensors are others: missing {missing}, unknown {unknown}")
    for name, tensor in tensors.items():
        module, key = own[name]
        place: Tensor = getattr(module, key)
        if place.shape != tensor.shape or place.is_floating_point() != tensor.is_floating_point():
            raise ValueError(
                f"{name} has shape {tuple(tensor.shape)} and {tensor.dtype}, where the pipeline"
                f" has {tuple(place.shape)} and {place.dtype}"
            )
        if key in module._parameters:
            place.data = place.data.to(tensor.dtype)
        else:
            module._buffers[key] = tensor.clone()
    with torch.no_grad():
        pipeline.load_state_dict({name: tensors[name] for name in saved})


def _parts(description: Mapping[str, Any], builders: Mapping[str, Callable[..., Any]]) -> Arguments:
    """Build the parts that a description tells of."""
    parts: Arguments = {}
    for part in PARTS:
        call = description[part]
        if call is None:
            parts[part] = None
            continue
        own, inner = (known_builders(kind) | dict(builders) for kind in (part, None))
        if call["builder"] not in own:
            raise KeyError(
                f"{part} builder {call['builder']!r} is unknown; known are {sorted(own)}"
            )
        parts[part] = build(call, own, inner)
        if part in description["kept"]:
            set_kept_state(parts[part], description["kept"][part])
    return parts
