"""The settings of what is built: plain numbers and words, checked by their annotations."""

import inspect
import math
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial, wraps
from types import NoneType
from typing import Any, ParamSpec, TypeVar, get_args, get_origin

from torch import nn

from seldkit._checks import check_choice, check_number, check_rate, integer, literal_words

P = ParamSpec("P")
T = TypeVar("T")
_RATES = ("dropout", "drop_path", "rate")


def plain_settings(
    *, from_zero: Collection[str] = ()
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Decorate what builds something: numbers and words are checked, numbers become Python's.

    An argument that is annotated as an integer, or as a sequence of integers, is a count: from 1,
    of Python or NumPy. One that is annotated as a float is a finite number, and a rate in [0, 1)
    where its name ends in `dropout`, `drop_path` or `rate`. `True` is no number. One that is
    annotated as a `Literal` is one of its words.

    Args:
        from_zero: Names of counts that may be 0.

    Examples:
        >>> @plain_settings(from_zero=["num_layers"])
        ... def network(num_layers: int, *, widths: Sequence[int] = (8,), dropout: float = 0.1):
        ...     return num_layers, widths, dropout
        >>> network(0, widths=[4, 2])
        (0, (4, 2), 0.1)
        >>> network(1, widths=[4, 0])
        Traceback (most recent call last):
        ...
        ValueError: widths[1] must be at least 1, got 0
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        signature = inspect.signature(function)
        rules = {
            name: rule
            for name, parameter in signature.parameters.items()
            if (rule := _rule(name, parameter.annotation, name in from_zero)) is not None
        }

        @wraps(function)
        def build(*args: P.args, **kwargs: P.kwargs) -> T:
            bound = signature.bind(*args, **kwargs)
            for name, rule in rules.items():
                if name in bound.arguments:
                    bound.arguments[name] = rule(bound.arguments[name])
            return function(*bound.args, **bound.kwargs)

        return build

    return decorate


class Shown(nn.Module):
    """A module that shows its settings as its constructor takes them.

    A constructor keeps its arguments under their names. Modules are left out, which torch shows
    below, and so is what is None.

    Examples:
        >>> class Scale(Shown):
        ...     def __init__(self, channels: int, *, scale: float = 1.0):
        ...         super().__init__()
        ...         self.channels, self.scale = channels, scale
        >>> Scale(8)
        Scale(8, scale=1.0)
    """

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        words, by_name = [], False
        for name, parameter in inspect.signature(type(self)).parameters.items():
            value = getattr(self, name, None)
            by_name |= parameter.kind is parameter.KEYWORD_ONLY
            if value is None or isinstance(value, nn.Module):
                by_name = True
            else:
                words.append(f"{name}={value!r}" if by_name else repr(value))
        return ", ".join(words)


def _rule(name: str, annotation: Any, from_zero: bool) -> Callable[[object], object] | None:
    """Return what checks an argument and makes it plain; None for what is no number and no word."""
    kinds = _kinds(annotation)
    optional = NoneType in kinds
    words = literal_words(annotation)
    if words and kinds - {NoneType} == {*words} - {None}:
        return partial(_word, name, words)
    if kinds - {NoneType} == {int}:
        depth = _depth(annotation)
        return partial(_counts, name, depth, optional, 0 if from_zero else 1)
    if kinds - {NoneType} == {float}:
        return partial(_number, name, optional)
    return None


def _kinds(annotation: Any) -> set[Any]:
    """Return the types in an annotation, without those that hold them."""
    inner = get_args(annotation)
    return set().union(*map(_kinds, inner)) if inner else {annotation}


def _depth(annotation: Any) -> int:
    """Return how many sequences are in one another."""
    depths = [_depth(inner) for inner in get_args(annotation)]
    return max(depths, default=0) + (get_origin(annotation) is Sequence)


def _counts(name: str, depth: int, optional: bool, least: int, value: object) -> object:
    if value is None and optional:
        return None
    if depth and isinstance(value, Iterable) and not isinstance(value, str):
        return tuple(
            _counts(f"{name}[{i}]", depth - 1, False, least, entry) for i, entry in enumerate(value)
        )
    if depth and "[" not in name:
        raise TypeError(f"{name} must be a list of integers, got {value!r}")
    count = integer(name, value)
    if count < least:
        raise ValueError(f"{name} must be at least {least}, got {count}")
    return count


def _word(name: str, known: Sequence[object], value: object) -> object:
    check_choice(name, value, known)
    return value


def _number(name: str, optional: bool, value: Any) -> object:
    if value is None and optional:
        return None
    check_number(**{name: value})
    if name.endswith(_RATES):
        check_rate(**{name: value})
    elif not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value}")
    return float(value)
