"""A pipeline from what a folder holds: calls of builders and settings as JSON, and tensors."""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from seldkit._files import version
from seldkit.pipeline.folder import DESCRIPTION, HASH, WEIGHTS, read
from seldkit.pipeline.known import Builder, known_builders
from seldkit.pipeline.plain import from_plain
from seldkit.pipeline.structure import set_kept_state

VERSION = 1
"""Of the description: a higher one is of a later library."""

PARTS = ("extractor", "model", "format", "standardize", "postprocess")
VALUES = ("window_s", "hop_s", "label_rate", "classes")
OPTIONAL = ("standardize", "postprocess")

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
        _check_description(description)
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
    return parts | {name: description[name] for name in VALUES}, tensors


@contextmanager
def faults_of(path: Path) -> Iterator[None]:
    """Name a file in what goes wrong with its content, a `ValueError` unless a name is unknown."""
    try:
        yield
    except KeyError as error:
        raise KeyError(f"{path} cannot be loaded: {error.args[0]}") from error
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


def build(call: Mapping[str, Any], own: Mapping[str, Builder], inner: Mapping[str, Builder]) -> Any:
    """Build what a call says, without touching the state of random numbers.

    Args:
        call: As a description holds it.
        own: Builders of such a part, by name.
        inner: Builders of what stands in arguments, by name.

    Raises:
        KeyError: If a builder is unknown; the error lists the known ones.
        ValueError: If the call is damaged, or a builder does not take the arguments.
    """

    def make(known: Mapping[str, Builder], name: str, arguments: dict[str, Any]) -> Any:
        if name not in known:
            raise KeyError(f"builder {name!r} is unknown; known are {sorted(known)}")
        try:
            return known[name](**arguments)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name} cannot be called again: {error}") from error

    with torch.random.fork_rng(devices=[]):
        arguments = from_plain({"dict": list(call["arguments"].items())}, partial(make, inner))
        return make(own, call["builder"], arguments)


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


def _check_description(description: Mapping[str, Any]) -> None:
    """Raise `ValueError` unless a description has the version and the entries of this library."""
    number, written_by = description.get("version"), description.get("seldkit")
    here = version()
    if number is None or not isinstance(written_by, str):
        raise ValueError(
            "it does not say its version: it is none of a pipeline, or was written before"
            " pipelines stored all arguments; save the pipeline again"
        )
    if type(number) is not int or number < 1:
        raise ValueError(f"version must be a whole number from 1, got {number!r}")
    if number > VERSION or (_release(here) and _release(written_by) > _release(here)):
        raise ValueError(
            f"it was written by seldkit {written_by} (version {number} of the description), which"
            f" is newer than this seldkit {here} (version {VERSION}): update seldkit"
        )
    wanted = {HASH, "seldkit", "version", "kept", *PARTS, *VALUES}
    missing, unknown = sorted(wanted - description.keys()), sorted(description.keys() - wanted)
    if missing or unknown:
        raise ValueError(
            f"its entries are not those of a pipeline: missing {missing}, unknown {unknown}"
        )
    for part in PARTS:
        call = description[part]
        if not (call is None and part in OPTIONAL) and not _is_call(call):
            raise ValueError(f"{part} must be a builder and its arguments, got {call!r:.80}")
    kept = description["kept"]
    if not _is_nested(kept, 2):
        raise ValueError(f"kept must hold settings of parts, got {kept!r:.80}")
    if not isinstance(description[HASH], str):
        raise ValueError(f"{HASH} must be a text, got {description[HASH]!r:.80}")


def _is_call(value: object) -> bool:
    if not (isinstance(value, dict) and value.keys() == {"builder", "arguments"}):
        return False
    return isinstance(value["builder"], str) and isinstance(value["arguments"], dict)


def _is_nested(value: object, depth: int) -> bool:
    """Return whether something is dictionaries in dictionaries, so deep."""
    if not isinstance(value, dict):
        return False
    return depth == 0 or all(_is_nested(one, depth - 1) for one in value.values())


def _release(text: str) -> list[int]:
    """Return the numbers of a version, such as 0, 1 and 0; none of one that is unknown."""
    return [int(number) for number in re.findall(r"\d+", text)[:3]]
