"""How many sources sound at once, and scores by it."""

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from seldkit._checks import check_choice, check_positive
from seldkit._typing import Bool, Int
from seldkit.events import Events
from seldkit.metrics.counts import Counts
from seldkit.metrics.seld import SELDMetrics

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
        ValueError: If `unit` is neither positive nor `"clip"`.

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
    num_classes = int(reference.label.max()) + 1 if len(reference) else 1
    cell = (reference.frame * num_classes + reference.label)[reference.frame < num_frames]
    size = cell.bincount(minlength=num_frames * num_classes).reshape(num_frames, num_classes)
    num_sources, same_class = size.sum(dim=1), (size > 1).any(dim=1)

    if not isinstance(unit, int):
        check_choice("unit", unit, ("clip",))
    unit_frames = unit if isinstance(unit, int) else max(num_frames, 1)
    check_positive(unit=unit_frames)
    if unit_frames > 1:
        place = torch.arange(num_frames) // unit_frames
        num_sources, same_class = _largest(num_sources, place), _largest(same_class, place)
    return Overlap(num_sources, same_class)


def by_overlap(
    clips: Sequence[Clip],
    metrics: SELDMetrics,
    *,
    unit: Unit = 1,
    same_class: bool | None = None,
    silent: bool = False,
) -> Mapping[int, SELDMetrics]:
    """Score apart the frames in which 1, 2, 3, ... sources sound at once.

    The events of a group's frames, predicted and true, are scored as if nothing happened in the
    others; how many frames of a clip count is still taken from the whole clip. What that means
    depends on the protocol:

    - It counts frame by frame (dcase2024, dcase2025, l3das): the counts of the groups add up to
      those of the whole.
    - It counts by seconds (dcase2020 to dcase2023): a second whose overlap changes is scored once
      in each group, each time from the group's frames alone. With `unit=10` seconds stay whole and
      the counts add up; a second then belongs to the largest overlap in any of its frames.
    - dcase2019 does both. With `unit=50`, its second, all counts add up; the frame recall looks at
      the frames of the group alone.

    Clips of L3DAS say in their names how many sources they hold at most: `unit="clip"` groups them
    so. A group has fewer classes than the whole, and published macro averages let those that are
    absent score 0: compare groups with `average="micro"` or `absent_classes="skip"`.

    Args:
        clips: Prediction and reference of each clip.
        metrics: How to score. It stays as it is, and its own clips do not count.
        unit: Frames that stay together, or `"clip"`, as in
            [`count_overlap`][seldkit.metrics.analysis.count_overlap].
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
    groups: dict[int, SELDMetrics] = {}
    frames: dict[int, list[int]] = {}
    for prediction, reference in clips:
        num_frames = metrics.scored_frames(prediction, reference)
        end = max(num_frames, first_frame_after(prediction), first_frame_after(reference))
        overlap = count_overlap(reference, end, unit=unit)
        sources = overlap.num_sources
        if same_class is not None:
            sources = sources.where(overlap.same_class == same_class, -1)
        for group in sources.unique().tolist():
            if group < (0 if silent else 1):
                continue
            inside = sources == group
            part = groups.setdefault(group, blank(metrics))
            part.update(
                prediction.select(inside[prediction.frame]),
                reference.select(inside[reference.frame]),
                num_frames=num_frames,
            )
            frames.setdefault(group, []).append(int(inside[:num_frames].sum()))
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


def _largest(values: Tensor, place: Int[Tensor, " frame"]) -> Tensor:
    """Return, in each frame, the largest value in any frame of its place."""
    whole = values.long()
    return torch.zeros_like(whole).scatter_reduce(0, place, whole, "amax")[place].to(values.dtype)


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
