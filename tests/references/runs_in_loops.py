"""Post-processing of one row, frame by frame and run by run: the reference."""

from itertools import groupby

from torch import Tensor


def runs(row: Tensor) -> list[tuple[bool, int, int]]:
    """Return value, start and stop of each run."""
    found, start = [], 0
    for value, frames in groupby(row.tolist()):
        stop = start + len(list(frames))
        found.append((bool(value), start, stop))
        start = stop
    return found


def hysteresis(scores: Tensor, low: float, high: float) -> Tensor:
    """Keep runs greater than `low` whose maximum is greater than `high`."""
    out = scores > low
    for value, start, stop in runs(scores > low):
        out[start:stop] = value and bool(scores[start:stop].max() > high)
    return out


def fill_gaps(activity: Tensor, max_frames: int) -> Tensor:
    """Fill short silences inside."""
    out = activity.clone()
    for value, start, stop in runs(activity):
        if not value and 0 < start and stop < len(activity) and stop - start <= max_frames:
            out[start:stop] = True
    return out


def drop_short(activity: Tensor, min_frames: int) -> Tensor:
    """Drop short bursts."""
    out = activity.clone()
    for value, start, stop in runs(activity):
        if value and stop - start < min_frames:
            out[start:stop] = False
    return out
