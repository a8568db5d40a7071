"""Input checks whose messages name the argument, the rule and the value received."""

import importlib
import math
import operator
import sys
from collections.abc import Iterable, Sequence
from numbers import Real
from types import ModuleType, NoneType
from typing import Literal, Protocol, get_args, get_origin, runtime_checkable

import torch
from torch import Size, Tensor


@runtime_checkable
class Shaped(Protocol):
    """A tensor, or what has axes as one."""

    @property
    def shape(self) -> Size:
        """Length of each axis."""
        ...

    @property
    def ndim(self) -> int:
        """Number of axes."""
        ...


def check_shape(name: str, x: Shaped, axes: str, **sizes: int) -> None:
    """Raise `ValueError` unless `x` has one axis per word of `axes`, with the given sizes.

    Args:
        name: Argument name, quoted in the message.
        x: Tensor to check.
        axes: Axis names separated by spaces, such as `"batch channel sample"`; one with a plus,
            such as `"batch time+ channel"`, must not be empty.
        sizes: Required length of any of those axes.

    Examples:
        >>> import torch
        >>> check_shape("waveform", torch.zeros(2, 3, 8), "batch channel sample", channel=4)
        Traceback (most recent call last):
        ...
        ValueError: waveform must be (batch, channel=4, sample), got shape (2, 3, 8)
    """
    words = axes.replace("+", "").split()
    wrong_rank = x.ndim != len(words)
    if wrong_rank or any(x.shape[words.index(axis)] != n for axis, n in sizes.items()):
        want = ", ".join(f"{w}={sizes[w]}" if w in sizes else w for w in words)
        raise ValueError(f"{name} must be ({want}), got shape {tuple(x.shape)}")
    for word, size in zip(axes.split(), x.shape, strict=True):
        if word.endswith("+") and size < 1:
            raise ValueError(f"{name} must not be empty along {word[:-1]}, got {tuple(x.shape)}")


def check_same_shape(**tensors: Tensor) -> None:
    """Raise `ValueError` unless all tensors have one shape."""
    first, *others = (t.shape for t in tensors.values())
    if any(shape != first for shape in others):
        got = ", ".join(f"{name} {tuple(t.shape)}" for name, t in tensors.items())
        raise ValueError(f"{' and '.join(tensors)} must have the same shape, got {got}")


def check_vectors(**tensors: Tensor) -> None:
    """Raise `ValueError` unless the last axis of every tensor is x, y, z."""
    for name, x in tensors.items():
        if x.ndim < 1 or x.shape[-1] != 3:
            raise ValueError(f"{name} must be (..., axis=3), got shape {tuple(x.shape)}")


def check_finite(name: str, x: Tensor) -> None:
    """Raise `ValueError` if `x` holds nan or infinity, and say how many."""
    if not x.isfinite().all():
        bad = int((~x.isfinite()).sum())
        raise ValueError(f"{name} must be finite, got nan or infinity in {bad} of {x.numel()}")


def check_floating(**tensors: Tensor) -> None:
    """Raise `TypeError` unless every tensor holds real floats: integers lose what lies between.

    Examples:
        >>> import torch
        >>> check_floating(waveform=torch.zeros(4, 8, dtype=torch.int16))
        Traceback (most recent call last):
        ...
        TypeError: waveform must hold floats, got torch.int16
    """
    for name, x in tensors.items():
        if not x.is_floating_point():
            raise TypeError(f"{name} must hold floats, got {x.dtype}")


def check_number(**values: object) -> None:
    """Raise `TypeError` unless every value is a real number of Python or NumPy; `True` is none."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, Real):
            raise TypeError(f"{name} must be a number, got {value!r}")


def check_positive(**values: object) -> None:
    """Raise unless every value is a number greater than zero; nan is not."""
    check_number(**values)
    for name, value in values.items():
        if not value > 0:  # type: ignore[operator]  # a number
            raise ValueError(f"{name} must be positive, got {value}")


def check_weight(**values: object) -> None:
    """Raise unless every value is a finite number that is not negative."""
    check_number(**values)
    for name, value in values.items():
        if not 0 <= value < math.inf:  # type: ignore[operator]  # a number
            raise ValueError(f"{name} must be finite and at least 0, got {value}")


def integer(name: str, value: object) -> int:
    """Return an integer of Python or NumPy as Python's, or raise `TypeError`; `True` is none.

    Examples:
        >>> integer("num_frames", True)
        Traceback (most recent call last):
        ...
        TypeError: num_frames must be an integer, got True
    """
    if not isinstance(value, bool) and hasattr(value, "__index__"):
        try:
            return operator.index(value)
        except TypeError:  # an array or tensor of several numbers, or of floats
            pass
    raise TypeError(f"{name} must be an integer, got {value!r}")


def check_count(**values: object) -> None:
    """Raise `TypeError` unless every value is an integer, `ValueError` unless it is from 1.

    Examples:
        >>> check_count(num_classes=13, num_tracks=0)
        Traceback (most recent call last):
        ...
        ValueError: num_tracks must be at least 1, got 0
    """
    for name, value in values.items():
        if integer(name, value) < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")


def plain_numbers(name: str, value: object) -> float | tuple[float, ...]:
    """Return a number, or a list of them, of Python, NumPy or torch as Python's floats.

    Settings are kept so: what holds them compares by value and can be written as JSON.

    Raises:
        TypeError: If an entry is no number; `True` is none.

    Examples:
        >>> import torch
        >>> plain_numbers("threshold", torch.tensor([0.5, 0.25])), plain_numbers("threshold", 1)
        ((0.5, 0.25), 1.0)
    """
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, Sequence) and not isinstance(value, str):
        entries = [entry.item() if hasattr(entry, "item") else entry for entry in value]
        for entry in entries:
            check_number(**{name: entry})
        return tuple(map(float, entries))
    check_number(**{name: value})
    return float(value)  # type: ignore[arg-type]  # a number


def whole_number(name: str, value: float) -> int:
    """Return a value that must be a whole number from 1, but for rounding, or raise `ValueError`.

    Examples:
        >>> whole_number("chunk_s * label_rate", 0.7 * 10)
        7
    """
    if not math.isfinite(value) or abs(value - round(value)) > 1e-6 or round(value) < 1:
        raise ValueError(f"{name} must be a whole number, got {shortest(value)}")
    return round(value)


def check_within(name: str, x: Tensor, largest: int) -> None:
    """Raise `ValueError` if a value is not from 0 to the largest.

    On the processor alone: an accelerator would have to be waited for, and a graph, or a function
    under `vmap`, cannot depend on values.
    """
    if torch.compiler.is_compiling() or x.device.type != "cpu" or x.numel() == 0:
        return
    try:
        low, high = map(float, x.detach().aminmax())
    except RuntimeError:  # under vmap there are no values yet
        return
    if low < 0 or high > largest:
        raise ValueError(f"{name} must be in 0..{largest}, got {low:g} to {high:g}")


def check_rate(**values: float) -> None:
    """Raise `ValueError` naming the first value that is no rate of dropout."""
    for name, value in values.items():
        if not 0 <= value < 1:
            raise ValueError(f"{name} must be in [0, 1), got {value}")


def check_one_length(**lists: Sequence[object]) -> None:
    """Raise `ValueError` unless all lists, one entry for each block, are as long and not empty.

    Examples:
        >>> check_one_length(widths=(8, 16), pool_time=(2, 2), pool_freq=(2,))
        Traceback (most recent call last):
        ...
        ValueError: widths, pool_time and pool_freq must have one length, got 2, 2 and 1
    """
    lengths = [len(values) for values in lists.values()]
    if len(set(lengths)) > 1 or not all(lengths):
        *names, last_name = lists
        *others, last = map(str, lengths)
        raise ValueError(
            f"{', '.join(names)} and {last_name} must have one length,"
            f" got {', '.join(others)} and {last}"
        )


def check_pair(name: str, values: Sequence[object], entries: str) -> None:
    """Raise `ValueError` unless there are two entries.

    Examples:
        >>> check_pair("snr_db", (5.0,), "low and high")
        Traceback (most recent call last):
        ...
        ValueError: snr_db must be low and high, got (5.0,)
    """
    if len(values) != 2:
        raise ValueError(f"{name} must be {entries}, got {values}")


def shortest(value: float | Tensor) -> str:
    """Return the shortest text that tells a number from every other: 90, and 90.0000001.

    Examples:
        >>> shortest(90.0), shortest(90.0000001)
        ('90', '90.0000001')
    """
    return repr(float(value)).removesuffix(".0")


def check_choice(name: str, value: object, known: Iterable[object]) -> None:
    """Raise `ValueError` that lists the known values unless `value` is one of them."""
    known = list(known)
    if value not in known:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, known))}, got {value!r}")


def check_literal(name: str, value: object, words: object) -> None:
    """Raise `ValueError` unless `value` is one of the words of a `Literal`, such as its annotation.

    Args:
        name: Argument name, quoted in the message.
        value: What was given.
        words: A `Literal`, or one of them or None: `Literal["db", "natural"] | None`.

    Examples:
        >>> from typing import Literal
        >>> check_literal("log", "bel", Literal["db", "natural"] | None)
        Traceback (most recent call last):
        ...
        ValueError: log must be one of 'db', 'natural', None, got 'bel'
    """
    check_choice(name, value, literal_words(words))


def literal_words(kind: object) -> list[object]:
    """Return the words of a `Literal`, or of one of them or None.

    What is compiled cannot ask for them: it takes them from a constant of its file.

    Examples:
        >>> from typing import Literal
        >>> literal_words(Literal["db", "natural"] | None)
        ['db', 'natural', None]
    """
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    return [None] if kind is NoneType else [w for one in get_args(kind) for w in literal_words(one)]


def require(module: str, extra: str) -> ModuleType:
    """Import an optional dependency, or say which extra installs it."""
    places = list(sys.path)
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{module} is needed here: pip install 'seldkit[{extra}]'", name=module
        ) from error
    finally:
        sys.path[:] = places  # ONNX Runtime adds a folder that holds a `metrics` of its own
