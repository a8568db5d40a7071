"""Columns of numbers from whatever holds them: tensors, arrays, lists, columns of data frames."""

from itertools import chain
from numbers import Real
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from seldkit._checks import integer, shortest

Column = Tensor | ArrayLike
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


def group(*columns: Tensor) -> Tensor:
    """Return the number of the group of each row: rows are of one if they agree in all columns.

    Args:
        columns: Integers, `int64 [row]` each.

    Returns:
        Groups, from 0 in rising order of the columns, the first one foremost.

    Examples:
        >>> group(torch.tensor([7, 3, 7, 7]), torch.tensor([1, 0, 1, 0]))
        tensor([2, 0, 2, 1])
    """
    groups = torch.zeros_like(columns[0])
    for column in columns:
        values, number = column.unique(return_inverse=True)
        _, groups = (groups * len(values) + number).unique(return_inverse=True)
    return groups


def number_within(*columns: Tensor) -> Tensor:
    """Number the rows of each group from 0, in their order; see `group`.

    Examples:
        >>> number_within(torch.tensor([7, 3, 7, 7, 3]))
        tensor([0, 0, 1, 2, 1])
    """
    groups = group(*columns)
    order = groups.argsort(stable=True)
    size = groups.bincount()
    start = size.cumsum(dim=0) - size
    number = torch.arange(len(groups)) - start.repeat_interleave(size)
    return torch.empty_like(number).index_put_((order,), number)


def same(a: object, b: object) -> bool:
    """Return whether two columns, numbers or None are equal."""
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return torch.equal(a, b)
    return a is b if isinstance(a, Tensor) or isinstance(b, Tensor) else a == b


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
