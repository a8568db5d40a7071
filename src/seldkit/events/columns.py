"""Columns of numbers from whatever holds them: tensors, arrays, lists, columns of data frames."""

from collections.abc import Sequence
from itertools import chain
from numbers import Real
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from seldkit._checks import integer, shortest

# A tuple is a sequence for NumPy, but not by the protocol that its annotation names.
Column = Tensor | ArrayLike | Sequence[float]
"""A tensor, or anything that NumPy takes; a column of a data frame may have any index."""


def whole(name: str, column: Column, limit: int = 2**63) -> Tensor:
    """Return integers below a limit as `int64`, copied to the CPU.

    Raises:
        TypeError: If anything else is in the column; `True` is no number, and `1.0` no integer.
        ValueError: If a value is too large.
    """
    values = _numbers(name, column)
    if (
        values.dtype.kind == "f"
        and isinstance(column, (list, tuple))
        and {*map(type, column)} == {int}
    ):
        values = np.array(column, dtype=object)  # NumPy makes floats of integers from 2**63
    if values.dtype == object:
        for row, value in enumerate(values.flat):
            integer(f"{name} in row {row}", value)
    elif values.size and values.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold integers, got {values.dtype}{_first_odd(values)}")
    if values.size:
        off = ((values >= limit) | (values < -(2**63))).astype(bool)
        if off.any():
            row = int(off.argmax())
            raise ValueError(f"{name} must be below {limit}, got {values.flat[row]} in row {row}")
    return torch.from_numpy(values.astype(np.int64))


def real(name: str, column: Column) -> Tensor:
    """Return numbers as `float64`, copied to the CPU.

    Raises:
        TypeError: If anything else is in the column; `True` is no number, and neither is `"1"`.
    """
    values = _numbers(name, column)
    if values.dtype == object:
        for row, value in enumerate(values.flat):
            if isinstance(value, (bool, np.bool_, str)) or not hasattr(value, "__float__"):
                raise TypeError(f"{name} must hold numbers, got {value!r} in row {row}")
    elif values.dtype.kind not in "iuf":
        raise TypeError(f"{name} must hold numbers, got {values.dtype}")
    return torch.from_numpy(values.astype(np.float64))


def vectors(name: str, column: Column) -> Tensor:
    """Return vectors as `float64 [row, axis]`, copied to the CPU; no rows if there are none."""
    values = real(name, column)
    return values if values.numel() else values.reshape(0, 3)


def flags(name: str, column: Column) -> Tensor:
    """Return booleans, copied to the CPU.

    Raises:
        TypeError: If anything is in the column but booleans, or zeros and ones of any number.
    """
    values = _array(name, column)
    if values.size and values.dtype.kind not in "biufO":
        raise TypeError(f"{name} must hold booleans, or 0 and 1, got {values.dtype}")
    if values.dtype == object:
        known = np.array([isinstance(v, (Real, np.bool_)) and v in (0, 1) for v in values.flat])
    else:
        known = np.isin(values, (0, 1)).reshape(-1)
    if not known.all():
        row = int(known.argmin())
        raise TypeError(
            f"{name} must hold booleans, or 0 and 1, got {values.flat[row]} in row {row}"
        )
    return torch.from_numpy(values.astype(np.bool_))


def one_key(*columns: Tensor) -> Tensor:
    """Return a number for each row, in the order of the columns, of which the first is foremost.

    Args:
        columns: Integers, `int64 [row]` each.

    Returns:
        Numbers from 0, equal where rows agree in all columns.

    Examples:
        >>> one_key(torch.tensor([7, 3, 7, 7]), torch.tensor([1, 0, 1, 0]))
        tensor([9, 0, 9, 8])
    """
    key, size = torch.zeros_like(columns[0]), 1
    for column in columns:
        low, high = (int(column.min()), int(column.max())) if len(column) else (0, 0)
        if size * (high - low + 1) >= 2**63:
            key, column = (values.unique(return_inverse=True)[1] for values in (key, column))
            size, low, high = len(key), 0, len(key) - 1
        key = key * (high - low + 1) + (column - low)
        size *= high - low + 1
    return key


def number_within(*columns: Tensor) -> Tensor:
    """Number the rows that agree in all columns from 0, in their order.

    Examples:
        >>> number_within(torch.tensor([7, 3, 7, 7, 3]))
        tensor([0, 0, 1, 2, 1])
    """
    key = one_key(*columns)
    order = key.argsort(stable=True)
    place = torch.arange(len(key))
    repeats = key[order].diff(prepend=key.new_tensor([-1])) == 0
    first = place.masked_fill(repeats, 0).cummax(dim=0).values
    return torch.empty_like(key).index_put_((order,), place - first)


def same(a: object, b: object) -> bool:
    """Return whether two columns, numbers or None are equal."""
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return torch.equal(a, b)
    return a is b if isinstance(a, Tensor) or isinstance(b, Tensor) else a == b


def summary(things: Any, counts: dict[str, int], optional: Sequence[str]) -> str:
    """Return how rows show themselves: counts, frames, and which optional columns they have."""
    classes = {"class": len(things.label.unique())}
    told = [f"{n} {name}{_plural(name) * (n != 1)}" for name, n in (counts | classes).items()]
    text = ", ".join(told)
    if len(things):
        text += f", frames {int(things.frame.min())}..{int(things.frame.max())}"
    if things.num_frames is not None:
        text += f" of {things.num_frames}"
    known = [f"frame_s={shortest(things.frame_s)}"]
    known += [name for name in optional if getattr(things, name) is not None]
    return f"{type(things).__name__}({', '.join([text, *known])})"


def _plural(name: str) -> str:
    return "es" if name.endswith("s") else "s"


def _numbers(name: str, column: Column) -> NDArray[Any]:
    """Return a column as an array, unless `True` hides among the numbers of a list."""
    if isinstance(column, (list, tuple)):
        kinds = set(map(type, column))
        if kinds and kinds <= {list, tuple}:
            kinds = set(map(type, chain.from_iterable(column)))
        if kinds & {bool, np.bool_}:
            raise TypeError(f"{name} must hold numbers, got bool")
    return _array(name, column)


def _array(name: str, column: Column) -> NDArray[Any]:
    if isinstance(column, Tensor):
        values = column.detach().cpu()
        if values.dtype == torch.bfloat16:  # which NumPy does not have
            values = values.float()
        return values.resolve_conj().resolve_neg().numpy()
    try:
        return np.asarray(column)
    except ValueError as error:  # a ragged list
        raise ValueError(f"{name} must hold rows of one length: {error}") from error


def _first_odd(values: NDArray[Any]) -> str:
    """Say why floats are no integers; data frames hold them where a value is missing."""
    if values.dtype.kind != "f":
        return ""
    odd = (values != np.round(values)).reshape(-1)
    if not odd.any():
        return " of whole numbers: convert them to integers first"
    row = int(odd.argmax())
    return f" with {shortest(values.flat[row])} in row {row}"
