"""What a pipeline is saved as, and whether that makes the same pipeline again."""

import dataclasses
import inspect
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from seldkit._builders import Call, Recipe, kept
from seldkit._files import version
from seldkit.features import Standardize
from seldkit.pipeline.known import Builder, known_builders
from seldkit.pipeline.loading import OPTIONAL, VERSION, build
from seldkit.pipeline.plain import call_to_plain
from seldkit.pipeline.structure import (
    Difference,
    differences,
    kept_state,
    modules,
    same,
    settings,
    share_tensors,
    unwrapped,
)


class Rebuilt(NamedTuple):
    """A module and what its builder makes of the same arguments.

    Attributes:
        part: What it is to the pipeline.
        trained: The module.
        built: The other one, with the same tensors.
        differing: Settings in which they differ, unless these change whenever a module runs.
    """

    part: str
    trained: nn.Module
    built: nn.Module
    differing: list[Difference]


def describe(
    parts: Mapping[str, Any], values: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Rebuilt], bytes]:
    """Return the description of a pipeline, its modules built again, and its weights.

    Raises:
        ValueError: If a part cannot be built again by its name and arguments, or differs from what
            is built so.
    """
    calls: dict[str, Any] = {}
    states: dict[str, Any] = {}
    again: dict[str, Rebuilt] = {}
    tensors: dict[str, Tensor] = {}
    for part, thing in parts.items():
        if thing is None and part in OPTIONAL:
            calls[part] = None
            continue
        thing = unwrapped(thing) if isinstance(thing, nn.Module) else thing
        functions: dict[str, Builder] = {}
        calls[part] = call_to_plain(part, _settings_of(thing), known_builders(part), functions)
        built = build(json.loads(json.dumps(calls[part])), functions, functions)
        if not (isinstance(thing, nn.Module) and isinstance(built, nn.Module)):
            if not _same_things(thing, built):
                _refuse(part, [Difference(f"{part} is {thing!r:.80}, not {built!r:.80}")])
            continue
        if state := kept_state(thing, built):
            states[part] = state
        found = [] if type(thing) is Standardize else list(differences(part, thing, built))
        if part in OPTIONAL or not all(difference.setting for difference in found):
            _refuse(part, found)
        tensors |= _tensors(part, thing, built)
        share_tensors(thing, built)
        again[part] = Rebuilt(part, thing, built, found)
    head = {"seldkit": version(), "version": VERSION}
    return head | calls | dict(values) | {"kept": states}, again, save(tensors)


def compare_outputs(rebuilt: Rebuilt, given: Tensor) -> Any:
    """Return the output of a module, which must be that of the one built again.

    Settings that have no name, and functions put in the place of others, show in it.

    Raises:
        ValueError: If they differ by more than rounding, or in their settings.
    """
    part, trained, built, found = rebuilt
    before = {name: kept(value) for name, value in settings(part, built).items()}
    outputs = []
    with torch.random.fork_rng(devices=[]):
        for module in (trained, built):
            torch.default_generator.manual_seed(0)
            outputs.append(module(given))
    after = settings(part, built)
    _refuse(part, [d for d in found if same(before.get(d.setting), after.get(d.setting))])
    ours, theirs = (list(_flat(output)) for output in outputs)
    if [x.shape for x in ours] != [x.shape for x in theirs]:
        raise ValueError(f"{part} returns other shapes than what its builder makes")
    for a, b in zip(ours, theirs, strict=True):
        rounding = 3 * torch.finfo(a.dtype).eps ** 0.5 if a.is_floating_point() else 0.0
        a, b = a.double(), b.double()
        limit = rounding * a.nan_to_num(0, 0, 0).abs().amax() if a.numel() else 0.0
        if not ((a - b).abs().nan_to_num(0) <= limit).all() or (a.isnan() != b.isnan()).any():
            _refuse(part, [Difference(f"its output differs by {(a - b).abs().max():.3g}")])
    return outputs[0]


def _settings_of(thing: Any) -> Any:
    """Return what tells how a part is made: of `Standardize` its settings, by their names."""
    if type(thing) is not Standardize:
        return thing
    names = inspect.signature(Standardize).parameters
    return Recipe(Standardize, Call("Standardize", {name: getattr(thing, name) for name in names}))


def _same_things(thing: Any, built: Any) -> bool:
    """Return whether two things that are no modules are equal, by their attributes at least."""
    if not same(thing, built):
        return False
    if dataclasses.is_dataclass(thing) or not hasattr(thing, "__dict__"):
        return True
    ours, theirs = ({**vars(x), "built_by": None} for x in (thing, built))
    return same(ours, theirs)


def _refuse(part: str, found: Sequence[Difference]) -> None:
    """Raise `ValueError` that says the differences, if there are any."""
    if found:
        texts = "; ".join(difference.text for difference in found[:5])
        more = f" and {len(found) - 5} more" if len(found) > 5 else ""
        raise ValueError(
            f"{part} is not what its builder makes of its arguments: {texts}{more}. What was"
            " changed after it was built must be an argument of a builder to be saved"
        )


def _tensors(part: str, trained: nn.Module, built: nn.Module) -> dict[str, Tensor]:
    """Return copies of a module's tensors by name: weights, and tables that are not as built."""
    tensors: dict[str, Tensor] = {}
    again = dict(modules(built, f"{part}."))
    for prefix, module in modules(trained, f"{part}."):
        if type(module).get_extra_state is not nn.Module.get_extra_state:
            raise ValueError(f"{prefix[:-1]} keeps extra state, which cannot be saved")
        for name, tensor in (*module._parameters.items(), *module._buffers.items()):
            if tensor is None or (
                name in module._non_persistent_buffers_set
                and same(tensor, again[prefix]._buffers[name])
            ):
                continue
            if is_lazy(tensor):
                raise ValueError(f"{prefix}{name} has no shape yet: run the network once")
            # A copy, because parts may share tensors, which the file format refuses.
            copy = tensor.detach().clone(memory_format=torch.contiguous_format)
            tensors[prefix + name] = copy
    return tensors


def _flat(output: Any) -> Iterator[Tensor]:
    """Yield the tensors of an output."""
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, list | tuple | dict):
        for one in output.values() if isinstance(output, dict) else output:
            yield from _flat(one)
