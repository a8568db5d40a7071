"""How many sources sound at once, and scores by it."""

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from seldkit._checks import check_choice, check_count, integer
from seldkit._typing import Bool, Int
from seldkit.events import Events
from seldkit.events.rows import MAX_FRAMES
from seldkit.metrics.counts import Counts
from seldkit.metrics.seld import SELDMetrics
from seldkit.metrics.timeline import Rows, join, most_by, number

Clip = tuple[Events, Events]
"""What a system found in a clip, and what there is."""

Unit = int | Literal["clip"]


class Overlap(NamedTuple):
    """How sources overlap in the frames of a clip.

    Attributes:
        num_sources: Number of sources, `[frame]`.
        same_class: Whether one class sounds more than once, `[frame]`.
    """

    num_sources: Int[Tensor, " frame"]
    same_class: Bool[Tensor, " frame"]


def count_overlap(reference: Events, num_frames: int | None = None, *, unit: Unit = 1) -> Overlap:
    """Count the sources that sound at once.

    Args:
        reference: The events of a clip; every row is a source.
        num_frames: How many frames to look at; by default those of the clip or, where it does not
            say, those up to the last event.
        unit: Frames that stay together, or `"clip"` for all of them: what is said of each is the
            largest number, and whether a class sounds twice, in any frame of its unit. Units are
            cut from the beginning of the clip.

    Raises:
        TypeError: If `unit` is neither an integer nor `"clip"`.
        ValueError: If `unit` is not positive, or a frame or `num_frames` is one that no clip has.

    Examples:
        >>> scene = Events.from_degrees([0, 2, 2], [4, 4, 1], [0, 0, 90], [0, 0, 0], num_frames=4)
        >>> count_overlap(scene)
        Overlap(num_sources=tensor([1, 0, 2, 0]), same_class=tensor([False, False, False, False]))
        >>> count_overlap(scene, unit="clip").num_sources
        tensor([2, 2, 2, 2])
    """
    if num_frames is None:
        num_frames = reference.num_frames
    if num_frames is None:
        num_frames = first_frame_after(reference)
    num_frames = integer("num_frames", num_frames)
    if not 0 <= num_frames <= MAX_FRAMES:
        raise ValueError(f"num_frames must lie in 0..{MAX_FRAMES}, a day, got {num_frames}")
    rows = join([reference.select(reference.frame < num_frames)])
    frame = torch.arange(num_frames)
    return overlap_at(rows, torch.zeros_like(frame), frame, unit)


def overlap_at(
    reference: Rows, clip: Int[Tensor, " row"], frame: Int[Tensor, " row"], unit: Unit
) -> Overlap:
    """Count the sources that sound at once in the units of some frames of some clips, `[row]`."""
    frames = _unit_frames(unit)
    clip_frames = 1 + max(
        int(column.max()) if len(column) else 0 for column in (reference.frame, frame)
    )
    # The frames in which something sounds, and the classes there.
    moment, (of_row,) = number(reference.clip * clip_frames + reference.frame)
    label, (of_label,) = number(reference.label)
    cell, (of_cell,) = number(of_row * max(len(label), 1) + of_label)
    twice = (of_cell.bincount() > 1).long()
    sources = of_row.bincount(minlength=len(moment))
    repeated = most_by(cell // max(len(label), 1), twice, len(moment))

    def units(clip: Tensor, frame: Tensor) -> Tensor:
        return clip * clip_frames + (0 if frames is None else frame // frames)

    known, (of_moment, asked) = number(
        units(moment // clip_frames, moment % clip_frames), units(clip, frame)
    )
    most = most_by(of_moment, sources, len(known))
    return Overlap(most[asked], most_by(of_moment, repeated, len(known))[asked] > 0)


def by_overlap(
    clips: Sequence[Clip],
    metrics: SELDMetrics,
    *,
    unit: Unit | None = None,
    same_class: bool | None = None,
    silent: bool = False,
) -> Mapping[int, SELDMetrics]:
    """Score apart the frames in which 1, 2, 3, ... sources sound at once.

    The events of a group's frames, predicted and true, are scored as if nothing happened in the
    others; how many frames of a clip count is still taken from the whole clip. What that means
    depends on the protocol:

    - It counts frame by frame (dcase2024, dcase2025, l3das): the counts of the groups add up to
      those of the whole.
    - It counts by seconds (dcase2020 to dcase2023): seconds stay whole, and each belongs to the
      largest overlap in any of its frames, so that the counts add up. With `unit=1` a second whose
      overlap changes is scored once in each group, each time from the group's frames alone.
    - dcase2019 does both: its counts add up, and the frame recall looks at the frames of the group
      alone.

    Clips of L3DAS say in their names how many sources they hold at most: `unit="clip"` groups them
    so. A group has fewer classes than the whole, and published macro averages let those that are
    absent score 0: compare groups with `average="micro"` or `absent_classes="skip"`.

    Args:
        clips: Prediction and reference of each clip.
        metrics: How to score. It stays as it is, and its own clips do not count.
        unit: Frames that stay together, or `"clip"`, as in
            [`count_overlap`][seldkit.metrics.analysis.count_overlap]; those that the protocol
            counts together unless said.
        same_class: Whether to look only at units in which one class sounds more than once (True),
            or only at all others (False).
        silent: Whether frames without any source make a group 0. All that can be found in it is
            false alarms: its counts tell how many, its scores mean nothing.

    Returns:
        From the number of sources to the metrics of the clips that have such frames, smallest
        first.

    Raises:
        ValueError: If an argument is wrong, or a clip does not suit the metrics.

    Examples:
        >>> speech = Events.from_degrees([0, 1, 1], [0, 0, 1], [0, 0, 90], [0, 0, 0], num_frames=2)
        >>> found = Events.from_degrees([0, 1], [0, 0], [5, 5], [0, 0])
        >>> metrics = SELDMetrics("dcase2024", num_classes=2, average="micro", frames="clip")
        >>> groups = by_overlap([(found, speech)], metrics)
        >>> {sources: round(group.compute().f_score, 3) for sources, group in groups.items()}
        {1: 1.0, 2: 0.667}
    """
    unit = metrics.block_frames if unit is None else unit
    groups: dict[int, SELDMetrics] = {}
    frames: dict[int, list[int]] = {}
    for prediction, reference in clips:
        num_frames = metrics.scored_frames(prediction, reference)
        end = max(num_frames, first_frame_after(prediction), first_frame_after(reference))
        unit_frames = _unit_frames(unit) or max(end, 1)
        # The units in which something sounds; there may be many others.
        start = number(reference.frame // unit_frames)[0] * unit_frames
        found, there, sounding = (
            _group(reference, frame, unit, same_class)
            for frame in (prediction.frame, reference.frame, start)
        )
        known = [group for group in sounding.unique().tolist() if group > 0]
        quiet = end - int(((start + unit_frames).clamp(max=end) - start).sum())
        for group in [0, *known] if silent and quiet and not same_class else known:
            part = groups.setdefault(group, blank(metrics))
            part.update(
                prediction.select(found == group),
                reference.select(there == group),
                num_frames=num_frames,
            )
            scored = ((start + unit_frames).clamp(max=num_frames) - start).clamp(min=0)
            if group:
                scored = scored[sounding == group]
            total = int(scored.sum())
            frames.setdefault(group, []).append(total if group else num_frames - total)
    return {
        group: _with_frames(groups[group], torch.tensor(frames[group]))
        for group in sorted(groups)
        # The frames of a group may all lie beyond those that the protocol scores.
        if group == 0 or groups[group].counts().by_class["Nref"].any()
    }


def blank(metrics: SELDMetrics) -> SELDMetrics:
    """Return metrics of the same settings without any clip."""
    new = copy(metrics)
    new.reset()
    return new


def first_frame_after(events: Events) -> int:
    """Return the number of the frame after the last event."""
    return int(events.frame.max()) + 1 if len(events) else 0


def _unit_frames(unit: Unit) -> int | None:
    """Return how many frames stay together, None for all of a clip."""
    if isinstance(unit, str):
        check_choice("unit", unit, ("clip",))
        return None
    check_count(unit=unit)
    return unit


def _group(
    reference: Events, frame: Int[Tensor, " row"], unit: Unit, same_class: bool | None
) -> Int[Tensor, " row"]:
    """Return how many sources sound in the units of frames, -1 where a unit is not asked for."""
    overlap = overlap_at(join([reference]), torch.zeros_like(frame), frame, unit)
    if same_class is None:
        return overlap.num_sources
    return overlap.num_sources.where(overlap.same_class == same_class, -1)


def _with_frames(metrics: SELDMetrics, num_frames: Int[Tensor, " clip"]) -> SELDMetrics:
    """Take back that frames of other groups, silent on both sides, were found right."""
    by_class, overall = metrics.counts()
    if "good_frames" not in overall:
        return metrics
    emptied = overall["num_frames"] - num_frames
    counted = {"good_frames": overall["good_frames"] - emptied, "num_frames": num_frames}
    corrected = blank(metrics)
    corrected.add_counts(Counts(by_class, {**overall, **counted}))
    return corrected
