"""Maps of two scores over start and duration: what they ought to be, and how far they are off."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._checks import check_count, check_floating, check_same_shape, check_shape
from seldkit._typing import Bool, Float
from seldkit.outputs import SELDOutput


class ProposalMaps(NamedTuple):
    """Two scores of each class for every event that there could be.

    Place `[d, s]` is the event from frame `s` to `s + d`, both in it. Predictions are logits,
    targets lie in 0 to 1.

    Attributes:
        overlap: Temporal intersection over union with the event of the class that it fits best,
            `(*batch, cls, duration, start)`.
        smoothness: How smoothly the class moves in that time, `exp(-mean |second difference|)` of
            its direction: 1 where it rests or moves evenly.
    """

    overlap: Float[Tensor, "*batch cls duration start"]
    smoothness: Float[Tensor, "*batch cls duration start"]


def proposal_targets(target: SELDOutput, max_duration: int) -> ProposalMaps:
    """Return the maps of a clip whose events are known.

    An event is a run of frames in which a class is active.

    Args:
        target: In the class-wise format without the batch axis: activity `(time, cls)` of 0 and 1,
            direction `(time, cls, axis)`.
        max_duration: Durations of the maps, in frames.

    Raises:
        TypeError: If activity or direction hold no floats.
        ValueError: If a shape is wrong, or the duration is not positive.

    Examples:
        >>> activity = torch.tensor([[0.0], [1.0], [1.0], [0.0]])  # frames 1 and 2
        >>> maps = proposal_targets(SELDOutput(activity, torch.zeros(4, 1, 3)), max_duration=3)
        >>> maps.overlap[0].round(decimals=2)
        tensor([[0.0000, 0.5000, 0.5000, 0.0000],
                [0.3300, 1.0000, 0.3300, 0.0000],
                [0.6700, 0.6700, 0.0000, 0.0000]])
    """
    activity, direction = target.activity, target.direction
    check_shape("activity", activity, "time cls")
    time, classes = activity.shape
    check_shape("direction", direction, "time cls axis", time=time, cls=classes)
    check_floating(activity=activity, direction=direction)
    check_count(max_duration=max_duration)
    active = functional.pad((activity > 0).int(), (0, 0, 1, 1)).diff(dim=0).T
    label, first = (active > 0).nonzero().unbind(dim=1)
    last = (active < 0).nonzero()[:, 1]
    start = torch.arange(time, device=activity.device)
    stop = start + torch.arange(1, max_duration + 1, device=activity.device).unsqueeze(1)
    overlap = interval_iou(start, stop, first[:, None, None], last[:, None, None])
    best = overlap.new_zeros(classes, max_duration, time)
    place = label[:, None, None].expand_as(overlap)
    best = best.scatter_reduce(0, place, overlap, "amax").to(activity.dtype)
    return ProposalMaps(best * places(max_duration, time, like=best), _smoothness(target, stop))


def places(max_duration: int, time: int, *, like: Tensor) -> Bool[Tensor, "duration start"]:
    """Return which events end within a clip."""
    start = torch.arange(time, device=like.device)
    return start + torch.arange(1, max_duration + 1, device=like.device).unsqueeze(1) <= time


def interval_iou(
    start: Tensor, stop: Tensor, other_start: Tensor, other_stop: Tensor
) -> Float[Tensor, "*axes"]:
    """Return the intersection over union of intervals, broadcast; 0 where they do not meet."""
    shared = torch.minimum(stop, other_stop) - torch.maximum(start, other_start)
    shared = shared.clamp(min=0)
    share: Tensor = shared / ((stop - start) + (other_stop - other_start) - shared)
    return share


def proposal_losses(maps: ProposalMaps, target: ProposalMaps) -> dict[str, Tensor]:
    """Return the losses of predicted maps: `"overlap"` and `"smoothness"`, ready for any balancer.

    Overlaps are compared by the binary cross-entropy, its mean over events that overlap half or
    more and its mean over the others, added; smoothness where there is any overlap. Events that end
    behind the clip do not count. Our choice: no loss of these maps is told.

    Args:
        maps: Logits, `(batch, cls, duration, start)`.
        target: The same in 0 to 1, of [`proposal_targets`][seldkit.models.proposal_targets].
    """
    check_same_shape(overlap=maps.overlap, target=target.overlap)
    check_same_shape(smoothness=maps.smoothness, target=target.smoothness)
    valid = places(*maps.overlap.shape[-2:], like=maps.overlap)
    wanted = target.overlap
    error = functional.binary_cross_entropy_with_logits(maps.overlap, wanted, reduction="none")
    near, far = valid & (wanted >= 0.5), valid & (wanted < 0.5)
    jerk = functional.binary_cross_entropy_with_logits(
        maps.smoothness, target.smoothness, reduction="none"
    )
    return {
        "overlap": _mean_where(error, near) + _mean_where(error, far),
        "smoothness": _mean_where(jerk, valid & (wanted > 0)),
    }


def _smoothness(target: SELDOutput, stop: Tensor) -> Tensor:
    """Return the smoothness of each class from every frame to before `duration start` others."""
    active, direction = target.activity > 0, target.direction
    direction = direction.to(torch.promote_types(direction.dtype, torch.float32))
    time = len(active)
    turns = functional.pad(direction, (0, 0, 0, 0, 1, 1))
    turns = (turns[2:] - 2 * turns[1:-1] + turns[:-2]).norm(dim=-1)
    beside = functional.pad(active, (0, 0, 1, 1))
    whole = beside[2:] & beside[1:-1] & beside[:-2]  # and so are both neighbours
    sums = functional.pad(torch.stack((turns * whole, whole.to(turns))), (0, 0, 1, 0)).cumsum(1)
    first = (torch.arange(time, device=stop.device) + 1).clamp(max=time)
    last = (stop - 1).clamp(max=time).maximum(first)
    total, count = (sums[:, last] - sums[:, first.expand_as(last)]).permute(0, 3, 1, 2)
    smoothness: Tensor = (-total / count.clamp(min=1)).exp()
    return smoothness.to(target.direction.dtype)


def _mean_where(x: Tensor, mask: Tensor) -> Tensor:
    mask = mask.expand_as(x)
    return (x * mask).sum() / mask.sum().clamp(min=1)
