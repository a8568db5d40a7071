"""Calls of builders as JSON, and back: what was a tuple, an array or a call is one again."""

from collections.abc import Callable, Mapping
from math import isfinite
from numbers import Integral
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seldkit._builders import Recipe, recipe_of
from seldkit.pipeline.known import Builder, known_builders

Make = Callable[[str, dict[str, Any]], Any]


def call_to_plain(
    part: str,
    thing: object,
    known: Mapping[str, Builder],
    functions: dict[str, Builder],
) -> dict[str, Any]:
    """Return the call that makes a thing again, with all arguments, as JSON can hold it.

    Args:
        part: What it is, for messages.
        thing: A module of a builder, a dataclass, or a recipe.
        known: The builders of such parts in the library.
        functions: Takes the builders of all calls by their names.

    Raises:
        ValueError: If the call is not known, or an argument is not plain.
    """
    recipe = recipe_of(thing)
    if recipe is None:
        raise ValueError(
            f"{part} must come from a builder to be saved: decorate the function or class that"
            " makes it with seldkit.pipeline.builder, or make it a dataclass"
        )
    name, arguments = recipe.call
    function = recipe.function or known.get(name)
    if function is None:
        raise ValueError(f"{part} was built in another process, by {name!r}; build it in this one")
    if {functions.setdefault(name, function), known.get(name, function)} != {function}:
        raise ValueError(f"{part} comes from one of two builders called {name!r}: rename one")
    plain = {key: _to_plain(f"{name}({key}=...)", x, functions) for key, x in arguments.items()}
    for key, value in recipe.defaults.items():
        try:
            plain[key] = _to_plain(key, value, functions)
        except ValueError:  # Such a default cannot change without a change of the builder.
            continue
    return {"builder": name, "arguments": dict(sorted(plain.items()))}


def from_plain(value: Any, make: Make) -> Any:
    """Return what JSON held, `make` being given each call's name and arguments.

    Raises:
        ValueError: If something is not what `call_to_plain` writes.
    """
    if isinstance(value, list):
        return [from_plain(one, make) for one in value]
    if not isinstance(value, dict):
        return value
    try:
        match sorted(value):
            case ["arguments", "builder"]:
                arguments = {key: from_plain(x, make) for key, x in value["arguments"].items()}
            case ["tuple"]:
                return tuple(from_plain(value["tuple"], make))
            case ["dict"]:
                return {from_plain(k, make): from_plain(x, make) for k, x in value["dict"]}
            case ["float"]:
                return float(value["float"])
            case ["dtype", "shape", "tensor"]:
                flat = from_plain(value["tensor"], make)
                return torch.tensor(flat, dtype=_dtype(value["dtype"])).reshape(value["shape"])
            case ["array", "dtype", "shape"]:
                flat = from_plain(value["array"], make)
                return np.array(flat, dtype=value["dtype"]).reshape(value["shape"])
            case keys:
                raise ValueError(f"there is nothing with the keys {keys}")
    except (AttributeError, TypeError, RuntimeError) as error:
        raise ValueError(f"{_short(value)} is damaged: {error}") from error
    return make(value["builder"], arguments)


def _to_plain(place: str, value: Any, functions: dict[str, Builder]) -> Any:
    def inside(values: Any) -> list[Any]:
        return [_to_plain(place, one, functions) for one in values]

    if value is None or isinstance(value, bool | np.bool_):
        return None if value is None else bool(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, float | np.floating):
        number = float(value)
        return number if isfinite(number) else {"float": repr(number)}
    if isinstance(value, list):
        return inside(value)
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return {"tuple": inside(value)}
    if isinstance(value, dict):
        return {"dict": [inside(pair) for pair in value.items()]}
    if isinstance(value, Tensor) and not value.is_complex():
        flat = inside(value.detach().flatten().tolist())
        return {"tensor": flat, "dtype": str(value.dtype)[6:], "shape": list(value.shape)}
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        flat = inside(value.flatten().tolist())
        return {"array": flat, "dtype": value.dtype.str, "shape": list(value.shape)}
    if isinstance(value, Recipe) or recipe_of(value) is not None:
        return call_to_plain(place, value, known_builders(), functions)
    raise ValueError(
        f"builders' arguments must be plain to be saved: Object of type {type(value).__name__} is"
        f" neither plain nor made by a builder, given as {place}: {_short(value)}"
    )


def _dtype(name: object) -> torch.dtype:
    dtype = getattr(torch, str(name), None)
    if not isinstance(dtype, torch.dtype):
        raise ValueError(f"{name!r} is no dtype")
    return dtype


def _short(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{text[:77]}..."
