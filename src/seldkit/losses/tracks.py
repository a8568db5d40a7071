"""Which track of the target each predicted track is held against."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from seldkit._typing import Bool, Float, Int
from seldkit.assignment import cheapest_matching
from seldkit.losses._reduce import blank, each
from seldkit.losses.activity import Alpha, activity_loss
from seldkit.losses.direction import DirectionError, direction_error
from seldkit.losses.distance import DistanceError, distance_error
from seldkit.losses.spans import Per, span_cost
from seldkit.outputs import SELDOutput


@torch.no_grad()
def match_tracks(
    preds: SELDOutput,
    target: SELDOutput,
    *,
    per: Per,
    chunk: Int[Tensor, "batch time"] | None,
    window: int | None,
    selection: tuple[float, ...],
    direction: DirectionError,
    masked: bool,
    distance: DistanceError | None,
    gamma: float,
    alpha: Alpha,
    mask: Bool[Tensor, "batch time"] | None,
) -> Int[Tensor, "batch time track"]:
    """Return the target's track for each predicted one, so that the selected loss is smallest.

    The arguments are those of [`trackwise_pit_loss`][seldkit.losses.trackwise_pit_loss]; both
    outputs are in one precision, and zeros in frames that do not count.
    """
    cost = selection[0] * _activity_cost(preds.activity, target.activity, gamma, alpha)
    active = place_activity(target) if masked else None
    error = partial(direction_error, error=direction)
    cost = cost + selection[1] * _place_cost(preds.direction, target.direction, active, error)
    if (
        len(selection) > 2
        and distance
        and preds.distance is not None
        and target.distance is not None
    ):
        active = place_activity(target)
        far = partial(distance_error, error=distance)
        cost = cost + selection[2] * _place_cost(preds.distance, target.distance, active, far)
    cost = blank(cost, mask)
    cost = span_cost(cost, target.activity, per=per, chunk=chunk, window=window, mask=mask)
    return cheapest_matching(cost).expand(preds.activity.shape[:3])


def reorder(target: SELDOutput, index: Int[Tensor, "batch time track"]) -> SELDOutput:
    """Return the target with its tracks in another order in each frame.

    Args:
        target: Of tracks, `batch time track ...`.
        index: Which track comes to each place.
    """
    frames, tracks = index.shape[:2].numel(), index.shape[2]
    first = tracks * torch.arange(frames, device=index.device).unsqueeze(1)
    rows = (index.reshape(frames, tracks) + first).flatten()  # whole rows are the fastest to move

    def moved(x: Tensor) -> Tensor:
        return x.flatten(0, 2).index_select(0, rows).view(x.shape)

    return each(moved, target)


def place_activity(target: SELDOutput) -> Tensor:
    """Return how active each place that has a direction is: each class, or the track as a whole."""
    return target.activity if target.direction.ndim == 5 else target.activity.amax(dim=-1)


def _activity_cost(
    logits: Float[Tensor, "batch time track cls"],
    target: Float[Tensor, "batch time track cls"],
    gamma: float,
    alpha: Alpha,
) -> Float[Tensor, "batch time track track"]:
    if gamma == 0 and alpha is None:
        # BCE(x, y) = softplus(x) - x y, and what one track costs alone settles no choice.
        return logits @ target.mT / -logits.shape[-1]
    x, y = torch.broadcast_tensors(logits.unsqueeze(3), target.unsqueeze(2))
    return activity_loss(x, y, None, gamma=gamma, alpha=alpha, reduction="none").mean(dim=-1)


def _place_cost(
    preds: Tensor,
    target: Tensor,
    weight: Tensor | None,
    error: Callable[[Tensor, Tensor], Tensor],
) -> Float[Tensor, "batch time track track"]:
    errors = error(preds.unsqueeze(3), target.unsqueeze(2))  # of classes too, if they have places
    if weight is None:
        return errors if errors.ndim == 4 else errors.mean(dim=-1)
    errors = errors * weight.unsqueeze(2)
    return errors if errors.ndim == 4 else errors.sum(dim=-1)
