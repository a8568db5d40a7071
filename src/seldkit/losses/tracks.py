"""Which track of the target each predicted track is held against."""

from collections.abc import Callable
from functools import partial
from math import inf
from typing import TypeVar

import torch
from torch import Tensor

from seldkit._checks import check_choice, check_number, check_shape
from seldkit._typing import Bool, Float, Int
from seldkit.assignment import cheapest_matching
from seldkit.losses._checks import check_activity, check_outputs, check_tensors
from seldkit.losses._reduce import blank, full_pair
from seldkit.losses.activity import Alpha, activity_loss, check_focus
from seldkit.losses.direction import (
    DirectionError,
    check_directions,
    direction_error,
    place_weight,
)
from seldkit.losses.distance import DISTANCE_ERRORS, DistanceError, distance_error
from seldkit.losses.spans import Per, check_span, span_cost
from seldkit.outputs import SELDOutput, apply

Selection = tuple[float, float] | tuple[float, float, float]
Target = TypeVar("Target", SELDOutput, Tensor)


def match_tracks(
    preds: SELDOutput,
    target: SELDOutput,
    *,
    per: Per = "frame",
    chunk: Int[Tensor, "batch time"] | None = None,
    window: int | None = None,
    selection: Selection = (1.0, 1.0),
    direction: DirectionError = "mse",
    inactive_weight: float = 1.0,
    distance: DistanceError | None = None,
    gamma: float = 0.0,
    alpha: Alpha = None,
    mask: Bool[Tensor, "batch time"] | None = None,
) -> Int[Tensor, "batch time track"]:
    """Return the track of the target that each predicted track is held against.

    It is the assignment under which [`trackwise_pit_loss`][seldkit.losses.trackwise_pit_loss] is
    smallest, and what that loss begins with. Put the target in this order by
    [`reorder`][seldkit.losses.reorder], and any loss that compares track with track will do.

    Args:
        preds: Logits `(batch, time, track, cls)` and directions `(batch, time, track, axis)`, or a
            direction for each class, `(batch, time, track, cls, axis)`.
        target: Activities in 0..1 and directions, same shapes; silent tracks are all zeros.
        per: For what an assignment is chosen: `"frame"`, `"chunk"`, `"stretch"`, `"clip"` or
            `"window"`.
        chunk: For `per="chunk"`, number of the chunk of each frame, in place of the events'.
        window: For `per="window"`, its length in frames, odd.
        selection: Weights of SED, DOA and distance; two leave the distance out.
        direction: Error of a direction: `"mse"`, `"l1"`, `"cosine"` or `"angular"`.
        inactive_weight: Weight of silent places in the error of the directions, in 0..1.
        distance: Error of a distance: `"mse"`, `"mae"`, `"mspe"` or `"mape"`; it takes part where
            it has a weight.
        gamma: Focus of the activity, as in [`focal_loss`][seldkit.losses.focal_loss].
        alpha: Weight of active places, likewise.
        mask: Which frames count; None for all.

    Returns:
        Indices of tracks, each once in a frame. They have no gradient. Of equal assignments the
        first in lexical order is taken.

    Raises:
        TypeError: As [`trackwise_pit_loss`][seldkit.losses.trackwise_pit_loss].
        ValueError: Likewise.

    Examples:
        >>> activity, direction = torch.eye(2).reshape(1, 1, 2, 2), torch.eye(3)[:2]
        >>> target = SELDOutput(activity, direction.expand(1, 1, 2, 3))
        >>> preds = SELDOutput(40 * target.activity.flip(2) - 20, target.direction.flip(2))
        >>> index = match_tracks(preds, target)
        >>> index
        tensor([[[1, 0]]])
        >>> aligned = reorder(target, index)
        >>> (preds.direction * aligned.direction).sum(dim=-1)  # cosines
        tensor([[[1., 1.]]])
    """
    check_settings(per, window, selection, direction, inactive_weight, distance)
    check_inputs("match_tracks", preds, target, per, chunk, distance, mask)
    check_focus(gamma, alpha, preds.activity.shape[-1])
    with torch.autocast(preds.activity.device.type, enabled=False):
        preds, target = full_pair(preds, target, mask)
        check_activity("target.activity", target.activity)
        return cheapest_tracks(
            preds,
            target,
            per=per,
            chunk=chunk,
            window=window,
            selection=selection,
            direction=direction,
            inactive_weight=inactive_weight,
            distance=distance,
            gamma=gamma,
            alpha=alpha,
            mask=mask,
        )


def reorder(target: Target, index: Int[Tensor, "batch time track"]) -> Target:
    """Return the target with its tracks in another order in each frame.

    Args:
        target: Of tracks: an output, or a tensor `(batch, time, track, ...)`.
        index: Which track comes to each place, as [`match_tracks`][seldkit.losses.match_tracks]
            or a [`best_permutation`][seldkit.assignment.best_permutation] of your own costs says.

    Raises:
        TypeError: If the index does not hold integers.
        ValueError: If it has not the shape `(batch, time, track)` of the target.

    Examples:
        >>> reorder(torch.tensor([[[0.5, 0.7]]]), torch.tensor([[[1, 0]]]))
        tensor([[[0.7000, 0.5000]]])
    """
    x = target if isinstance(target, Tensor) else target.activity
    batch, time, tracks = sizes = x.shape[:3]
    check_shape("index", index, "batch time track", batch=batch, time=time, track=tracks)
    if index.is_floating_point() or index.dtype == torch.bool:
        raise TypeError(f"index must hold integers, got {index.dtype}")
    first = tracks * torch.arange(sizes[:2].numel(), device=index.device).unsqueeze(1)
    rows = (index.reshape(-1, tracks) + first).flatten()  # whole rows are the fastest to move

    def moved(x: Tensor) -> Tensor:
        return x.flatten(0, 2).index_select(0, rows).view(x.shape)

    return apply(moved, target)


@torch.no_grad()
def cheapest_tracks(
    preds: SELDOutput,
    target: SELDOutput,
    *,
    per: Per,
    chunk: Int[Tensor, "batch time"] | None,
    window: int | None,
    selection: Selection,
    direction: DirectionError,
    inactive_weight: float,
    distance: DistanceError | None,
    gamma: float,
    alpha: Alpha,
    mask: Bool[Tensor, "batch time"] | None,
) -> Int[Tensor, "batch time track"]:
    """Return what `match_tracks` does, of outputs in one precision, blank where masked."""
    cost = selection[0] * _activity_cost(preds.activity, target.activity, gamma, alpha)
    error = partial(direction_error, error=direction)
    cost = cost + selection[1] * _place_cost(
        preds.direction, target.direction, target, inactive_weight, error
    )
    if (
        len(selection) > 2
        and distance
        and preds.distance is not None
        and target.distance is not None
    ):
        far = partial(distance_error, error=distance)
        cost = cost + selection[2] * _place_cost(preds.distance, target.distance, target, 0.0, far)
    cost = blank(cost, mask)
    cost = span_cost(cost, target.activity, per=per, chunk=chunk, window=window, mask=mask)
    return cheapest_matching(cost).expand(preds.activity.shape[:3])


def place_activity(target: SELDOutput) -> Tensor:
    """Return how active each place that has a direction is: each class, or the track as a whole."""
    return target.activity if target.direction.ndim == 5 else target.activity.amax(dim=-1)


def check_settings(
    per: Per,
    window: int | None,
    selection: Selection,
    direction: DirectionError,
    inactive_weight: float,
    distance: DistanceError | None,
) -> None:
    """Raise unless every setting is known and in range."""
    check_span(per, window)
    check_directions(direction, inactive_weight)
    check_choice("distance", distance, (None, *DISTANCE_ERRORS))
    check_number(**{f"selection[{i}]": weight for i, weight in enumerate(selection)})
    known = len(selection) in ((2,) if distance is None else (2, 3))
    if not (known and all(0 <= weight < inf for weight in selection)):
        tasks = "SED and DOA" if distance is None else "SED, DOA and, if it takes part, distance"
        raise ValueError(f"selection must be weights of {tasks}, at least 0, got {selection}")


def check_inputs(
    loss: str,
    preds: SELDOutput,
    target: SELDOutput,
    per: Per,
    chunk: Tensor | None,
    distance: DistanceError | None,
    mask: Tensor | None,
) -> None:
    """Raise unless both are track-wise outputs of one shape, and the chunks fit them."""
    activity = "batch time track cls"
    by_class = isinstance(preds, SELDOutput) and preds.direction.ndim == 5
    places = activity if by_class else "batch time track"
    check_outputs(loss, preds, target, activity, places, distance=distance, mask=mask)
    if chunk is not None:
        if per != "chunk":
            raise ValueError(f"chunk needs per='chunk', got per={per!r}")
        check_tensors(loss, chunk=chunk)
        batch, time = preds.activity.shape[:2]
        check_shape("chunk", chunk, "batch time", batch=batch, time=time)
        if chunk.is_floating_point() or chunk.dtype == torch.bool:
            raise TypeError(f"chunk must hold integers, got {chunk.dtype}")


def _activity_cost(
    logits: Float[Tensor, "batch time track cls"],
    target: Float[Tensor, "batch time track cls"],
    gamma: float,
    alpha: Alpha,
) -> Float[Tensor, "batch time track track"]:
    if gamma == 0 and alpha is None:
        # BCE(x, y) = softplus(x) - x y, and what one track costs alone settles no choice.
        return logits @ target.mT / -logits.shape[-1]
    x, y = torch.broadcast_tensors(*_pairs(logits, target))
    return activity_loss(x, y, None, gamma=gamma, alpha=alpha, reduction="none").mean(dim=-1)


def _place_cost(
    preds: Tensor,
    wanted: Tensor,
    target: SELDOutput,
    inactive_weight: float,
    error: Callable[[Tensor, Tensor], Tensor],
) -> Float[Tensor, "batch time track track"]:
    errors = error(*_pairs(preds, wanted))  # of classes too, if they have places
    by_class = errors.ndim > 4
    if inactive_weight == 1:
        return errors.mean(dim=-1) if by_class else errors
    activity = place_activity(target)
    errors = errors * place_weight(activity, inactive_weight).unsqueeze(2)
    # A track that has one active class costs as much as one without classes.
    whole = 1 + inactive_weight * (activity.shape[-1] - 1)
    return errors.sum(dim=-1) / whole if by_class else errors


def _pairs(preds: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return views that broadcast to every pair of tracks, `(batch, time, track, track, ...)`."""
    return preds.unsqueeze(3), target.unsqueeze(2)
