"""Events that maps over start and duration propose."""

from typing import NamedTuple

import torch
from torch import Tensor

from seldkit._checks import (
    check_count,
    check_finite,
    check_rate,
    check_same_shape,
    check_shape,
    check_weight,
    check_within,
)
from seldkit._typing import Float, Int
from seldkit.models.proposal_maps import ProposalMaps, interval_iou, places
from seldkit.outputs import SELDOutput


class EventProposals(NamedTuple):
    """Events of one clip, the best first.

    Attributes:
        start: First frame of each.
        stop: The frame after the last.
        label: Class.
        score: In 0 to 1.
    """

    start: Int[Tensor, " event"]
    stop: Int[Tensor, " event"]
    label: Int[Tensor, " event"]
    score: Float[Tensor, " event"]


def propose_events(
    scores: ProposalMaps,
    *,
    threshold: float = 0.5,
    overlap: float = 0.5,
    smoothness_weight: float = 1.0,
    max_candidates: int = 1000,
) -> EventProposals:
    """Return the events that maps propose.

    The score of an event is `overlap * smoothness ** smoothness_weight`; of those from the
    threshold on [`temporal_nms`][seldkit.models.temporal_nms] keeps the best ones of each class.
    The maps of made events give back these events, if `overlap` does not exceed the threshold, no
    event is longer than the maps, and they move evenly or `smoothness_weight` is 0.

    Args:
        scores: In 0 to 1, `(cls, duration, start)`: of a network the sigmoid of its logits.
        threshold: Least score.
        overlap: Of two events of a class that overlap by this much the better one is kept.
        smoothness_weight: How much smoothness counts.
        max_candidates: How many of the best places are looked at.

    Raises:
        ValueError: If shapes are wrong, scores are not finite, or a number is out of range.

    Examples:
        >>> from seldkit.models import proposal_targets
        >>> activity = torch.tensor([0, 1, 1, 1, 0, 0, 1, 1, 0]).float().unsqueeze(1)
        >>> target = SELDOutput(activity, torch.zeros(9, 1, 3))
        >>> found = propose_events(proposal_targets(target, max_duration=5))
        >>> sorted(zip(found.start.tolist(), found.stop.tolist()))
        [(1, 4), (6, 8)]
    """
    check_shape("overlap", scores.overlap, "cls duration start")
    check_same_shape(overlap=scores.overlap, smoothness=scores.smoothness)
    check_finite("overlap", scores.overlap)
    check_finite("smoothness", scores.smoothness)
    check_within("overlap", scores.overlap, 1)
    check_within("smoothness", scores.smoothness, 1)
    check_rate(overlap=overlap)
    check_weight(threshold=threshold, smoothness_weight=smoothness_weight)
    check_count(max_candidates=max_candidates)
    durations, time = scores.overlap.shape[1:]
    score = scores.overlap * scores.smoothness**smoothness_weight
    score = score.where(places(durations, time, like=score), 0.0).flatten()
    score, order = score.sort(descending=True, stable=True)
    kept = score[:max_candidates] >= max(threshold, torch.finfo(score.dtype).tiny)
    score, order = score[:max_candidates][kept], order[:max_candidates][kept]
    label, start = order // (durations * time), order % time
    stop = start + order // time % durations + 1
    best = temporal_nms(start, stop, score, label=label, overlap=overlap)
    return EventProposals(start[best], stop[best], label[best], score[best])


def temporal_nms(
    start: Tensor,
    stop: Tensor,
    score: Tensor,
    *,
    label: Tensor | None = None,
    overlap: float = 0.5,
) -> Int[Tensor, " kept"]:
    """Return which intervals are kept, the best first: none overlaps a better one that is kept.

    Args:
        start: Where each begins.
        stop: Where each ends.
        score: How good each is; of equal ones the first is the better.
        label: Intervals of different labels do not matter to each other; None for one label.
        overlap: Least intersection over union that counts.

    Raises:
        ValueError: If shapes differ, scores are not finite, or `overlap` is out of range.

    Examples:
        >>> start, stop = torch.tensor([0, 1, 8]), torch.tensor([10, 11, 12])
        >>> temporal_nms(start, stop, torch.tensor([0.8, 0.9, 0.5]))
        tensor([1, 2])
    """
    check_same_shape(start=start, stop=stop, score=score)
    check_finite("score", score)
    check_rate(overlap=overlap)
    order = score.argsort(descending=True, stable=True)
    start, stop = start[order], stop[order]
    near = interval_iou(start, stop, start[:, None], stop[:, None]) >= max(overlap, 1e-12)
    if label is not None:
        near &= label[order] == label[order][:, None]
    near = near.triu(1)  # rows are better than columns
    kept = torch.ones_like(start, dtype=torch.bool)
    while True:  # after each round one more of the best is settled, and mostly all
        after = ~(near & kept[:, None]).any(dim=0)
        if after.equal(kept):
            return order[kept]
        kept = after


def proposed_output(output: SELDOutput, proposals: EventProposals) -> SELDOutput:
    """Return an output in which a class is active where an event of it is proposed.

    Args:
        output: In the class-wise format without the batch axis; its activity is left aside.
        proposals: Events of the clip.

    Returns:
        The same directions, with the logits of the best event's score in each frame.
    """
    check_shape("activity", output.activity, "time cls")
    time, classes = output.activity.shape
    frame = torch.arange(time, device=output.activity.device).unsqueeze(1)
    inside = (frame >= proposals.start) & (frame < proposals.stop)
    # In half precision the probability next to 1 has no logit.
    exact = torch.promote_types(output.activity.dtype, torch.float32)
    score = torch.where(inside, proposals.score.to(output.activity.device, exact), 0.0)
    activity = score.new_zeros(time, classes)
    activity = activity.scatter_reduce(1, proposals.label.expand_as(score), score, "amax")
    return output._replace(activity=activity.logit(eps=1e-6).to(output.activity.dtype))
