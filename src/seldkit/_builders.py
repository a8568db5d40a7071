"""Builders remember how they were called, so that a saved model can be built again by name."""

import dataclasses
import inspect
import sys
from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from torch import Tensor, nn

Maker = TypeVar("Maker", bound=Callable[..., Any])


class Call(NamedTuple):
    """The name of a builder and the arguments it was given."""

    name: str
    arguments: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a thing was made, so that it can be made again.

    Attributes:
        function: The builder; None where a process got the thing from another one, to which the
            builder cannot be sent.
        call: Its name and the arguments it was given. Where one of them came from a builder too,
            its recipe stands in its place.
        defaults: The other arguments with the values they had.
    """

    function: Callable[..., Any] | None
    call: Call
    defaults: dict[str, Any] = dataclasses.field(default_factory=dict)

    def __deepcopy__(self, memo: object) -> "Recipe":
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        function = self.function if _can_be_imported(self.function) else None
        return Recipe, (function, self.call, self.defaults)


def builder(maker: Maker) -> Maker:
    """Decorate a builder, so that what it builds can be saved by the builder's name and arguments.

    A builder is a function, or a class of yours, which stays what it is. The arguments are plain:
    numbers, text, booleans, None, lists, tuples and dictionaries of these, arrays and tensors, or
    what another builder or a dataclass made; each has a name. A default that is not plain may stay
    the default.

    Raises:
        TypeError: If the builder takes arguments without a name (`*args` or before a `/`).

    Examples:
        >>> from torch import nn
        >>> @builder
        ... def two_layers(width: int) -> nn.Module:
        ...     return nn.Sequential(nn.Linear(3, width), nn.Linear(width, 3))
        >>> built_by(two_layers(8))
        Call(name='two_layers', arguments={'width': 8})
    """
    signature = inspect.signature(maker)
    parameters = signature.parameters.values()
    if {p.kind for p in parameters} & {
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.VAR_POSITIONAL,
    }:
        raise TypeError(f"a builder's arguments must have names, got {signature}")
    rest = [p.name for p in parameters if p.kind is p.VAR_KEYWORD]
    defaults = {p.name: p.default for p in parameters if p.default is not p.empty}

    def recipe(made_by: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Recipe:
        """Return how it is called, before it sees the arguments, which it may change or return."""
        try:
            arguments = dict(signature.bind(*args, **kwargs).arguments)
        except TypeError as error:
            raise TypeError(f"{maker.__name__}: {error}") from error
        for name in rest:
            arguments |= arguments.pop(name, {})
        given = {name: kept(value) for name, value in arguments.items()}
        left = {name: kept(value) for name, value in defaults.items() if name not in given}
        return Recipe(made_by, Call(maker.__name__, given), left)

    if isinstance(maker, type):
        init = maker.__init__  # type: ignore[misc]

        @wraps(init)
        def remember(self: Any, *args: Any, **kwargs: Any) -> None:
            how = recipe(maker, *args, **kwargs)
            init(self, *args, **kwargs)
            if type(self) is maker:  # and not of a class below it, which is made otherwise
                vars(self)["built_by"] = how

        maker.__init__ = remember  # type: ignore[misc]
        return maker

    @wraps(maker)
    def build(*args: Any, **kwargs: Any) -> Any:
        how = recipe(build, *args, **kwargs)
        built = maker(*args, **kwargs)
        if not _is_dataclass(built):
            built.built_by = how
        return built

    build.is_builder = True  # type: ignore[attr-defined]
    return cast("Maker", build)


def builders_of(module: ModuleType) -> list[Callable[..., Any]]:
    """Return the builders and dataclasses that a module offers in its `__all__`."""
    offered = [getattr(module, name) for name in module.__all__]
    return [x for x in offered if hasattr(x, "is_builder") or dataclasses.is_dataclass(x)]


def built_by(thing: object) -> Call | None:
    """Return the call that makes a thing again, or None where that is not known."""
    recipe = recipe_of(thing)
    return None if recipe is None else recipe.call


def recipe_of(thing: object) -> Recipe | None:
    """Return how a thing was made, or None where that is not known."""
    if isinstance(thing, Recipe):
        return thing
    if _is_dataclass(thing):
        fields = [field.name for field in dataclasses.fields(thing) if field.init]  # type: ignore[arg-type]
        call = Call(type(thing).__name__, {name: getattr(thing, name) for name in fields})
        return Recipe(type(thing), call)
    return getattr(thing, "built_by", None)


def _is_dataclass(thing: object) -> bool:
    return dataclasses.is_dataclass(thing) and not isinstance(thing, type)


def kept(value: Any) -> Any:
    """Return an argument as it is now, whatever becomes of lists and arrays later."""
    if type(value) is list or type(value) is tuple:
        return type(value)(kept(one) for one in value)
    if type(value) is dict:
        return {key: kept(one) for key, one in value.items()}
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, nn.Module):
        return recipe_of(value) or value
    return value


def _can_be_imported(function: Any) -> bool:
    module = sys.modules.get(getattr(function, "__module__", ""))
    return function is not None and getattr(module, function.__qualname__, None) is function
