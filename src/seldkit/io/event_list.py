"""Event lists, a line for each event with its start and its end, and the rows of its frames."""

from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray

from seldkit.events.columns import number_within
from seldkit.io.columns import Columns
from seldkit.io.editions import Edition

Times = NDArray[np.float64]

STEP = 1e-9
"""How fine times are written, in seconds."""


def to_rows(events: Columns, edition: Edition) -> Columns:
    """Return a row for each frame of each event, sorted by frame, then in the order of the list.

    What reaches beyond the clip is cut. The source of a row is the number of its event.
    """
    first, stop = _frames(events["start"], events["end"], edition)
    count = np.maximum(stop - first, 0).astype(np.int64)
    event = np.repeat(np.arange(len(count)), count)
    frame = first[event] + number_within(torch.from_numpy(event)).numpy()
    order = np.argsort(frame, kind="stable")
    event = event[order]
    rows = {name: column[event] for name, column in events.items() if name not in ("start", "end")}
    return {"frame": frame[order], "source": event.astype(np.float64)} | rows


def _frames(start: Times, end: Times, edition: Edition) -> tuple[Times, Times]:
    """Return the first frame of events, and the one after their last.

    - `touched`: from the frame in which the event starts to the one behind that in which it ends,
      `floor(rate * start)` to `ceil(rate * end)`, both included.
    - `rounded`: from the edge of a frame nearest to the start to the one nearest to the end.
    - `squeezed`: the same, then all of the clip is squeezed into one frame less, and the frame of
      the end belongs to the event.
    """
    clip_s = edition.duration_s
    if clip_s is None and edition.usual_s is not None and (end <= edition.usual_s).all():
        clip_s = edition.usual_s
    clip = np.inf if clip_s is None else round(clip_s / edition.frame_s)
    if edition.frames == "squeezed":
        whole = np.rint([start / edition.frame_s, end / edition.frame_s])
        first, last = np.floor(np.interp(whole, (0, clip), (0, clip - 1)))
        return first, last + 1
    if edition.frames == "rounded":
        first, stop = np.rint(start / edition.frame_s), np.rint(end / edition.frame_s)
    else:
        rate = 1 / edition.frame_s  # as published: 0.58 * 50 is below 29, 0.58 / 0.02 is 29
        first, stop = np.floor(start * rate), np.ceil(end * rate) + 1
    return first, np.minimum(stop, clip)


def from_rows(rows: Columns, edition: Edition) -> Columns:
    """Return events that cover rows and give them back, sorted by frame, in their order.

    An event is a run of frames in which one source stays in one place. Where rows change their
    order from one frame to the next, runs are cut short. Times are those from which the frame rule
    of the format makes the same frames again.
    """
    order = np.argsort(rows["frame"], kind="stable")
    rows = {name: column[order] for name, column in rows.items()}
    keys = list(zip(*(rows[name].tolist() for name in rows if name != "frame"), strict=True))
    first, last = _runs(rows["frame"].tolist(), keys)
    start, end = _times(rows["frame"][first], rows["frame"][last], edition)
    events = {name: column[first] for name, column in rows.items() if name != "frame"}
    return events | {"start": start, "end": end}


def _times(first: Times, last: Times, edition: Edition) -> tuple[Times, Times]:
    """Return times of which a frame rule makes the first and the last frame of events."""
    rate = 1 / edition.frame_s
    if edition.frames == "squeezed":
        return (first + 0.75) * edition.frame_s, (last + 1) * edition.frame_s
    if edition.frames == "rounded":
        return first * edition.frame_s, (last + 1) * edition.frame_s
    start, end = np.round(first * edition.frame_s, 9), np.round(last * edition.frame_s, 9)
    # 0.58 * 50 is a hair below 29, so that a start there would be in frame 28
    start = np.where(np.floor(start * rate) < first, start + STEP, start)
    return start, np.where(np.ceil(end * rate) > last, end - STEP, end)


def _runs(frame: list[float], key: list[tuple[float, ...]]) -> tuple[list[int], list[int]]:
    """Return the first and the last row of each run, in an order that all frames agree with.

    Runs go on as long as they keep the order that they had in the previous frame. A new run is put
    in front of the next one that goes on, or last.
    """
    end = -1
    before = {end: end}  # which run stands in front of which
    first: list[int] = []
    last: list[int] = []
    place: dict[int, int] = {}  # where the runs of the previous frame stand in it
    previous = -np.inf
    for now, rows in groupby(range(len(frame)), frame.__getitem__):
        going = place if now == previous + 1 else {}
        runs: list[int] = []
        reached = -1
        for row in rows:
            on = (r for r, p in going.items() if p > reached and key[last[r]] == key[row])
            run = next(on, len(first))
            if run == len(first):
                first.append(row)
                last.append(row)
            else:
                last[run] = row
                reached = going[run]
            runs.append(run)
        behind = end
        for run in reversed(runs):
            if run not in before:
                before[run], before[behind] = before[behind], run
            behind = run
        place = {run: i for i, run in enumerate(runs)}
        previous = now
    order = []
    run = end
    while (run := before[run]) != end:
        order.append(run)
    return [first[run] for run in reversed(order)], [last[run] for run in reversed(order)]
