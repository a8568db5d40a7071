"""Builders remember how they were called, so that a saved model can be built again by name."""

import dataclasses
import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Call(NamedTuple):
    """The name of a builder and the arguments it was given."""

    name: str
    arguments: dict[str, Any]


def builder(function: Callable[P, T]) -> Callable[P, T]:
    """Decorate a builder, so that what it builds can be saved by the builder's name and arguments.

    The arguments must be plain: numbers, text, booleans, None, and lists of these; each has a name.

    Raises:
        TypeError: If the function takes arguments without a name (`*args` or before a `/`).

    Examples:
        >>> from torch import nn
        >>> @builder
        ... def two_layers(width: int) -> nn.Module:
        ...     return nn.Sequential(nn.Linear(3, width), nn.Linear(width, 3))
        >>> built_by(two_layers(8))
        Call(name='two_layers', arguments={'width': 8})
    """
    signature = inspect.signature(function)
    kinds = {parameter.kind for parameter in signature.parameters.values()}
    if kinds & {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL}:
        raise TypeError(f"a builder's arguments must have names, got {signature}")
    rest = [p.name for p in signature.parameters.values() if p.kind is p.VAR_KEYWORD]

    @wraps(function)
    def build(*args: P.args, **kwargs: P.kwargs) -> T:
        built = function(*args, **kwargs)
        arguments = dict(signature.bind(*args, **kwargs).arguments)
        for name in rest:
            arguments |= arguments.pop(name, {})
        built.built_by = Call(function.__name__, arguments)  # type: ignore[attr-defined]
        return built

    return build


def built_by(thing: object) -> Call | None:
    """Return the call that makes a thing again, or None where that is not known."""
    if dataclasses.is_dataclass(thing):
        fields = [field.name for field in dataclasses.fields(thing) if field.init]
        return Call(type(thing).__name__, {name: getattr(thing, name) for name in fields})
    return getattr(thing, "built_by", None)


def call_to_save(name: str, part: object) -> Call:
    """Return the call that makes a part again, or raise `ValueError` where that is not known."""
    call = built_by(part)
    if call is None:
        raise ValueError(
            f"{name} must come from a builder to be saved: decorate the function that makes it"
            " with seldkit.pipeline.builder"
        )
    return call
