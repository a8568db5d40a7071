"""Whether a module is what its builder makes, but for its weights."""

import dataclasses
from collections.abc import Iterator, Mapping
from functools import partial
from numbers import Real
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DataParallel, DistributedDataParallel

from seldkit.backbones import TaggingBackbone


def unwrapped(module: nn.Module) -> nn.Module:
    """Return the network inside `torch.compile`, `DistributedDataParallel` and the like."""
    if isinstance(module, DataParallel | DistributedDataParallel):
        return unwrapped(module.module)
    for name in ("_orig_mod", "_original_module"):  # of torch.compile and of Fabric
        inner = module._modules.get(name)
        if inner is not None:
            return unwrapped(inner)
    return module


def modules(module: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Yield all modules but wrappers, each with what the names of its tensors begin with.

    Examples:
        >>> [prefix for prefix, _ in modules(nn.Sequential(DataParallel(nn.ReLU())))]
        ['', '0.']
    """
    module = unwrapped(module)
    yield prefix, module
    for name, child in module._modules.items():
        if child is not None:
            yield from modules(child, f"{prefix}{name}.")


class Difference(NamedTuple):
    """Where a module differs from what its builder makes.

    Attributes:
        text: In words.
        setting: Name of the attribute that differs; empty for another difference.
    """

    text: str
    setting: str = ""


def differences(name: str, trained: Any, built: Any) -> Iterator[Difference]:
    """Yield where a module differs from what its builder makes.

    Compared are the kinds and names of all modules, their settings, which are the attributes
    without an underscore, what they print, and the names, shapes and ties of their tensors.
    """
    yield from _unlike(name, trained, built)
    if isinstance(trained, nn.Module) and isinstance(built, nn.Module):
        ties, made = (_ties(name, module) for module in (trained, built))
        for both in sorted(ties ^ made):
            more = "now" if both in ties else "no more"
            yield Difference(f"{' and '.join(both)} are one tensor {more}")


def settings(name: str, module: nn.Module) -> dict[str, Any]:
    """Return the public attributes of a module and of those in it, by their names."""
    return {
        f"{prefix}{key}": value
        for prefix, inner in modules(module, f"{name}.")
        for key, value in _settings(inner).items()
    }


def kept_state(trained: nn.Module, built: nn.Module) -> dict[str, dict[str, Any]]:
    """Return what may be set after the builder: precision, frozen parts, momentum."""
    state: dict[str, dict[str, Any]] = {}

    def differs(kind: str, name: str, now: Any, then: Any) -> None:
        if now != then:
            state.setdefault(kind, {})[name] = now

    pairs = sorted(_pairs(trained, built).items())
    for prefix, (now, then) in pairs:
        dtypes = [vars(module).get("dtype", "none") for module in (now, then)]
        if all(dtype is None or isinstance(dtype, torch.dtype) for dtype in dtypes):
            differs("dtype", prefix[:-1], *(dtype and str(dtype)[6:] for dtype in dtypes))
        if isinstance(now, _BatchNorm) and isinstance(then, _BatchNorm):
            differs("momentum", prefix[:-1], now.momentum, then.momentum)
        if isinstance(now, TaggingBackbone) and isinstance(then, TaggingBackbone):
            differs("frozen", prefix[:-1], list(now.frozen), list(then.frozen))
    set_kept_state(built, state)
    for prefix, (now, then) in pairs:
        for key in now._parameters.keys() & then._parameters.keys():
            ours, theirs = now._parameters[key], then._parameters[key]
            if ours is not None and theirs is not None:
                differs("requires_grad", prefix + key, ours.requires_grad, theirs.requires_grad)
    return state


def set_kept_state(module: nn.Module, state: Mapping[str, Mapping[str, Any]]) -> None:
    """Set what `kept_state` returned; `AttributeError` for names that a module lacks."""
    for path, name in state.get("dtype", {}).items():
        dtype = None if name is None else getattr(torch, name)
        if "dtype" not in vars(module.get_submodule(path)) or not (
            dtype is None or isinstance(dtype, torch.dtype)
        ):
            raise AttributeError(f"{path} has no precision {name!r}")
        vars(module.get_submodule(path))["dtype"] = dtype
    for path, momentum in state.get("momentum", {}).items():
        norm = module.get_submodule(path)
        if not isinstance(norm, _BatchNorm):
            raise AttributeError(f"{path} is no batch norm")
        norm.momentum = momentum
    for path, names in state.get("frozen", {}).items():
        backbone = module.get_submodule(path)
        if not isinstance(backbone, TaggingBackbone):
            raise AttributeError(f"{path} has no parts to freeze")
        if names:
            backbone.freeze(names[-1], since=names[0])
        else:
            backbone.unfreeze()
    for path, learns in state.get("requires_grad", {}).items():
        module.get_parameter(path).requires_grad_(learns)


def share_tensors(trained: nn.Module, built: nn.Module) -> None:
    """Give a module that was built again the trained tensors, which it must not change."""
    for now, then in _pairs(trained, built).values():
        for key, parameter in now._parameters.items():
            mine = then._parameters[key]
            if parameter is not None and mine is not None:
                mine.data = parameter.data
        for key, buffer in now._buffers.items():
            then._buffers[key] = None if buffer is None else buffer.clone()


def same(a: Any, b: Any) -> bool:
    """Return whether two settings are equal, whatever they are."""
    if a is b:
        return True
    if isinstance(a, Real) and isinstance(b, Real):
        return bool(a == b or (a != a and b != b))
    if isinstance(a, nn.Module) and isinstance(b, nn.Module):
        return next(differences("", a, b), None) is None
    if _kind(a) != _kind(b):
        return False
    if isinstance(a, Tensor):
        equal = a.shape == b.shape and a.dtype == b.dtype
        return equal and np.array_equal(_array(a), _array(b), equal_nan=not a.is_complex())
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, FunctionType):
        inside = [[c.cell_contents for c in f.__closure__ or ()] for f in (a, b)]
        return a.__code__ == b.__code__ and same(a.__defaults__, b.__defaults__) and same(*inside)
    if isinstance(a, partial):
        return all(same(getattr(a, k), getattr(b, k)) for k in ("func", "args", "keywords"))
    if dataclasses.is_dataclass(a):
        fields = [field.name for field in dataclasses.fields(a) if field.compare]
        return all(same(getattr(a, name), getattr(b, name)) for name in fields)
    # Of other things, such as generators, there is no telling but by their own word.
    return bool(np.all(a == b)) or type(a).__eq__ is vars(object)["__eq__"]


def _unlike(name: str, trained: Any, built: Any) -> Iterator[Difference]:
    if not (isinstance(trained, nn.Module) and isinstance(built, nn.Module)):
        if not same(trained, built):
            yield Difference(f"{name} is {_short(trained)}, not {_short(built)}")
        return
    trained, built = unwrapped(trained), unwrapped(built)
    if _kind(trained) != _kind(built):
        kinds = type(trained).__name__, type(built).__name__
        yield Difference(f"{name} is a {kinds[0]}, not a {kinds[1]}")
        return
    found = list(_unequal(name, _settings(trained), _settings(built), "is"))
    yield from found
    if not found and trained.extra_repr() != built.extra_repr():
        prints = trained.extra_repr(), built.extra_repr()
        yield Difference(f"{name} prints {prints[0]}, not {prints[1]}")
    for registry in ("_parameters", "_buffers"):
        shapes, others = (
            {key: None if x is None else tuple(x.shape) for key, x in vars(m)[registry].items()}
            for m in (trained, built)
        )
        for unequal in _unequal(name, shapes, others, "has shape"):
            yield Difference(unequal.text)
    for key in sorted(trained._modules.keys() | built._modules.keys()):
        if key in trained._modules and key in built._modules:
            yield from _unlike(f"{name}.{key}", trained._modules[key], built._modules[key])
        else:
            yield Difference(f"{name}.{key} is {'new' if key in trained._modules else 'gone'}")


def _unequal(
    name: str, ours: Mapping[str, Any], theirs: Mapping[str, Any], verb: str
) -> Iterator[Difference]:
    for key in sorted(ours.keys() | theirs.keys()):
        if key in ours and key in theirs and same(ours[key], theirs[key]):
            continue
        now, then = (_short(x[key]) if key in x else "absent" for x in (ours, theirs))
        yield Difference(f"{name}.{key} {verb} {now}, not {then}", f"{name}.{key}")


def _settings(module: nn.Module) -> dict[str, Any]:
    """Return a module's public attributes, among them what stands in for a method."""
    other = {"built_by", "training"}
    return {key: x for key, x in vars(module).items() if key[0] != "_" and key not in other}


def _ties(name: str, module: nn.Module) -> set[tuple[str, ...]]:
    """Return the names of parameters that are one and the same."""
    groups: dict[int, list[str]] = {}
    for prefix, inner in modules(module, f"{name}."):
        for key, parameter in inner._parameters.items():
            if parameter is not None:
                groups.setdefault(id(parameter), []).append(prefix + key)
    return {tuple(group) for group in groups.values() if len(group) > 1}


def _pairs(trained: nn.Module, built: nn.Module) -> dict[str, tuple[nn.Module, nn.Module]]:
    """Return the modules of both that have the same name, by what their tensors begin with."""
    now, then = dict(modules(trained)), dict(modules(built))
    return {prefix: (now[prefix], then[prefix]) for prefix in now.keys() & then.keys()}


def _kind(thing: object) -> tuple[str, str]:
    """Return the class by name, because a builder may define it anew in each call."""
    return type(thing).__module__, type(thing).__qualname__


def _array(x: Tensor) -> Any:
    x = x.detach().cpu()
    return (x.float() if x.dtype in (torch.bfloat16, torch.half) else x).numpy()


def _short(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."
