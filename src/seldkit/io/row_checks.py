"""Rules that the rows of a label file keep."""

import warnings
from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seldkit.io.columns import KEY, Columns

Check = Literal["raise", "warn", "off"]
Finding = tuple[str, NDArray[np.bool_]]
"""A rule, and which rows break it."""


def errors(columns: Columns, num_frames: int | None = None) -> Iterator[Finding]:
    """Find rows that mean nothing."""
    yield "values must be finite", ~np.all([np.isfinite(c) for c in columns.values()], axis=0)
    for name in KEY:
        if name in columns:
            column, least = columns[name], -1 if name == "source" else 0
            bad = (column != column.round()) | (column < least) | (column > 2**53)
            yield f"{name} must be a whole number, at least {least}", bad
    for name in ("distance_cm", "distance_m"):
        if name in columns:
            yield "distance must not be negative", columns[name] < 0
    if "x" in columns:
        vectors = [columns[axis] for axis in "xyz"]
        yield "direction must not be the zero vector", ~np.any(vectors, axis=0)
    if num_frames is not None:
        yield f"frame must be below num_frames={num_frames}", columns["frame"] >= num_frames


def doubts(columns: Columns, *, repeats: bool) -> Iterator[Finding]:
    """Find rows that can hardly be meant.

    Rows that name no source (-1) are independent estimates in any order. Cartesian rows are
    outputs of systems, which write source 0 throughout, so that the number tells nothing.

    Args:
        columns: The rows.
        repeats: Whether the same row may stand there twice.
    """
    for name, limit in (("azimuth", 180), ("elevation", 90)):
        if name in columns:
            yield f"{name} must lie in -{limit}..{limit}", np.abs(columns[name]) > limit
    if "source" not in columns:
        return
    named = columns["source"] >= 0
    frame = np.where(named, columns["frame"], -1)
    yield "rows must be sorted by frame", named & (frame < np.maximum.accumulate(frame))
    if "azimuth" in columns:
        again = named & _again([columns[name] for name in KEY])
        equal = named & _again(list(columns.values()))
        yield "a source must be in one place at a time", again & ~equal
        if not repeats:
            yield "rows must not repeat", equal


def report(
    findings: Iterator[Finding], check: Check, error: Callable[[int, str], ValueError]
) -> None:
    """Raise for the first broken rule, or warn once for each; call it at the public door."""
    if check == "off":
        return
    for rule, bad in findings:
        if bad.any():
            problem = error(int(bad.argmax()), rule)
            if check == "raise":
                raise problem
            warnings.warn(f"{problem} (the first of {bad.sum()})", stacklevel=3)


def _again(columns: list[NDArray[np.float64]]) -> NDArray[np.bool_]:
    """Mark the rows that equal an earlier row."""
    order = np.lexsort(columns)
    ordered = np.stack(columns)[:, order]
    again = np.zeros(len(order), dtype=np.bool_)
    again[order[1:]] = (ordered[:, 1:] == ordered[:, :-1]).all(axis=0)
    return again
