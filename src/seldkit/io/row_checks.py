"""Rules that the rows of a label file keep."""

import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from math import isfinite, sqrt
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from seldkit._checks import shortest
from seldkit.events.rows import DAY_S, MAX_CLASSES
from seldkit.geometry import angle_deg, unit_vector, within
from seldkit.io.columns import COLUMNS, KEY, Columns
from seldkit.io.editions import Edition

Check = Literal["raise", "strict", "warn", "off"]
CHECKS = ("raise", "strict", "warn", "off")
Finding = tuple[str, NDArray[np.bool_]]
"""A rule, and which rows break it."""

POSITIONS = (("x_m", "y_m", "z_m"), ("rho_m", "z_m"))
"""The columns that make up a distance in metres."""

LEAST_CM = 10
MOST_M = 50
"""Distances of which half are nearer, or farther, are in the other unit."""

JUMP_DEG = 15
"""Sources stay below it from frame to frame: the most is 13° in 119 of the 121 clips of STARSS22,
and in the two others a label slips by 25° and by 71°."""

LONGEST = 2.0
"""The longest vector that means a direction: systems write those of their networks as they are."""

SLACK_S = 1e-8
"""By how much the end of an event in a list may lie before its start, which is rounding."""


def errors(columns: Columns, edition: Edition, num_frames: int | None = None) -> Iterator[Finding]:
    """Find rows, or events of a list, that mean nothing in a clip of so many frames.

    What the smallest or the largest value of a column keeps to, all rows do.
    """
    values = np.array([*columns.values()])
    low, high = (
        dict(zip(columns, each.tolist(), strict=True))
        for each in (values.min(axis=1, initial=np.inf), values.max(axis=1, initial=-np.inf))
    )
    if not all(map(isfinite, (*low.values(), *high.values()))):
        yield "values must be finite", ~np.isfinite(values).all(axis=0)
    for name in KEY:
        if name in columns:
            column, least = columns[name], -1 if name == "source" else 0
            bad = column != np.rint(column)
            if not low[name] >= least:
                bad |= column < least
            yield f"{name} must be a whole number, at least {least}", bad
    most = {"frame": edition.max_frames, "class": MAX_CLASSES, "source": 2**53}
    for name, limit in most.items():
        if name in columns and not high[name] < limit:
            within_a_day = "lie within a day, " if name == "frame" else "be "
            yield f"{name} must {within_a_day}below {limit}", columns[name] >= limit
    for name in ("distance_cm", "distance_m", "rho_m"):
        if name in columns and not low[name] >= 0:
            yield "distance must not be negative", columns[name] < 0
    if "x" in columns:
        axes = [columns[axis] for axis in "xyz"]
        nowhere = reduce(np.logical_and, [axis == 0 for axis in axes])
        yield "direction must not be the zero vector", nowhere
        if not max(max(-low[axis], high[axis]) for axis in "xyz") <= LONGEST / sqrt(3):
            rule = f"direction must not be longer than {LONGEST:.0f}, as x, y, z"
            if "distance_m" not in columns:
                rule += ": azimuth, elevation and distance are read as dcase2023 or dcase2024"
            yield rule, np.hypot.reduce(axes, axis=0) > LONGEST
    if "onscreen" in columns:
        yield "onscreen must be 0 or 1", ~np.isin(columns["onscreen"], (0, 1))
    if num_frames is not None and "frame" in columns and not high["frame"] < num_frames:
        yield f"frame must be below num_frames={num_frames}", columns["frame"] >= num_frames
    if "start" in columns:
        start, end = columns["start"], columns["end"]
        yield "start must not be negative", start < 0
        yield "end must not be before start", end < start - SLACK_S
        longest = min(DAY_S, edition.max_frames * edition.frame_s)
        yield f"end must be in seconds, within a day, below {shortest(longest)}", end >= longest
        if edition.duration_s is not None:
            rule = f"start must be before the end of the clip at {shortest(edition.duration_s)} s"
            yield rule, start >= edition.duration_s


def doubts(
    columns: Columns, edition: Edition, *, strict: bool, units: bool = True, merged: bool = False
) -> Iterator[Finding]:
    """Find rows, or events of a list, that can hardly be meant.

    Rows that name no source (-1) are independent estimates in any order. Cartesian rows are
    outputs of systems, which write source 0 throughout, so that the number tells nothing.

    Args:
        columns: The rows or events.
        edition: What the format allows.
        strict: Whether to find what published labels hold now and then, too.
        units: Whether to doubt the unit of distances, which the caller may have told.
        merged: Whether the rows are merged into an event list, which has no order of its own.
    """
    for name, values in columns.items():
        limit = COLUMNS[name].range_deg
        if limit is not None and len(values) and np.abs(values).max() > limit:
            beyond = ~within(torch.from_numpy(np.abs(values)), limit).numpy()
            yield f"{name} must lie in -{limit}..{limit}", beyond
    if units:
        yield from _other_unit(columns)
    if "source" not in columns:
        if strict and "start" in columns:
            yield "events must not repeat", _again(list(columns.values()))
        return
    named = (columns["source"] >= 0) | merged
    frame = np.where(named, columns["frame"], -1)
    if np.count_nonzero(frame[1:] < frame[:-1]):
        yield "rows must be sorted by frame", named & (frame < np.maximum.accumulate(frame))
    dummy = merged or (edition.dummy_source and not columns["source"].any())
    if dummy or "azimuth" not in columns:
        return
    again = named & _again([columns[name] for name in KEY])
    equal = again & _again([*columns.values()]) if np.count_nonzero(again) else again
    yield "a source must be in one place at a time", again & ~equal
    if strict or not edition.repeats:
        yield "rows must not repeat", equal
    if strict:
        rule = f"a source must not move by more than {JUMP_DEG}° in a frame"
        yield rule, named & _jumps(columns)


def report(
    findings: Iterable[Finding],
    check: Check,
    problem: Callable[[NDArray[np.intp], str], object],
) -> None:
    """Raise for the first broken rule, or warn once for each; call it at the public door."""
    if check == "off":
        return
    for rule, bad in findings:
        if np.count_nonzero(bad):  # quicker than any
            text = str(problem(np.flatnonzero(bad), rule))
            if check != "warn":
                raise ValueError(text)
            warnings.warn(text, stacklevel=3)


def _other_unit(columns: Columns) -> Iterator[Finding]:
    """Find distances that are metres in a column of centimetres, or the other way round."""
    if "distance_cm" in columns:
        known = columns["distance_cm"] > 0
        near = known & (columns["distance_cm"] < LEAST_CM)
        if 2 * near.sum() > known.sum():
            yield "distance must be in centimetres, and looks like metres", near
    for axes in (("distance_m",), *POSITIONS):
        if set(axes) <= columns.keys():
            distance = np.hypot.reduce([columns[axis] for axis in axes], axis=0)
            far = distance > MOST_M
            if 2 * far.sum() > (distance > 0).sum():
                yield "distance must be in metres, and looks like centimetres", far


def _again(columns: list[NDArray[np.float64]]) -> NDArray[np.bool_]:
    """Mark the rows that equal an earlier row."""
    order = np.lexsort(columns)
    ordered = [column[order] for column in columns]
    again = np.zeros(len(order), dtype=np.bool_)
    again[order[1:]] = reduce(np.logical_and, [column[1:] == column[:-1] for column in ordered])
    return again


def _jumps(columns: Columns) -> NDArray[np.bool_]:
    """Mark the rows that are far from where their source was in the frame before."""
    order = np.lexsort([columns[name] for name in KEY])
    frame, label, source = (columns[name][order] for name in KEY)
    level = np.zeros(len(order))
    direction = unit_vector(
        torch.from_numpy(columns["azimuth"][order]),
        torch.from_numpy(columns.get("elevation", level)[order]),
    )
    step = angle_deg(direction[1:], direction[:-1]).numpy()
    on = (np.diff(frame) == 1) & (np.diff(label) == 0) & (np.diff(source) == 0)
    jumps = np.zeros(len(order), dtype=np.bool_)
    jumps[order[1:]] = on & (step > JUMP_DEG)
    return jumps
