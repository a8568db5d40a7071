"""Which track of the target each predicted track is held against."""

from math import inf
from typing import TypeVar

import torch
from torch import Tensor

from seldkit._checks import check_number, check_shape
from seldkit._typing import Bool, Float, Int
from seldkit.assignment import cheapest_matching
from seldkit.losses._checks import check_outputs, check_tensors
from seldkit.losses._reduce import blank, full_pair, own_precision
from seldkit.losses.activity import Alpha, activity_loss, check_focus
from seldkit.losses.direction import DirectionError, direction_error, place_weight
from seldkit.losses.distance import DistanceError, distance_error
from seldkit.losses.spans import Per, Span, check_span, span_cost
from seldkit.losses.tasks import Terms, check_terms, place_activity
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
    span = Span(per, chunk, window)
    terms = Terms(direction, inactive_weight, distance, gamma, alpha)
    check_matching("match_tracks", preds, target, span, selection, terms, mask)
    with own_precision(preds.activity):
        pair = full_pair(preds, target, mask)
        return cheapest_tracks(*pair, span, selection, terms, mask)


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
    _check_integers("index", index)
    first = tracks * torch.arange(sizes[:2].numel(), device=index.device).unsqueeze(1)
    return _moved(target, index.reshape(-1, tracks) + first)


@torch.no_grad()
def cheapest_tracks(
    preds: SELDOutput,
    target: SELDOutput,
    span: Span,
    selection: Selection,
    terms: Terms,
    mask: Bool[Tensor, "batch time"] | None,
) -> Int[Tensor, "batch time track"]:
    """Return what `match_tracks` does, of outputs in one precision, blank where masked."""
    cost = selection[0] * _activity_cost(preds.activity, target.activity, terms)
    cost = cost + selection[1] * _direction_cost(preds.direction, target, terms)
    metres = preds.distance, target.distance
    if len(selection) > 2 and terms.distance and metres[0] is not None and metres[1] is not None:
        far = distance_error(*_pairs(metres[0], metres[1]), terms.distance)
        cost = cost + selection[2] * _weighted(far, target, 0.0)
    cost = span_cost(blank(cost, mask), target.activity, span, mask)
    return cheapest_matching(cost).expand(preds.activity.shape[:3])


def in_best_order(
    preds: SELDOutput,
    target: SELDOutput,
    span: Span,
    selection: Selection,
    terms: Terms,
    mask: Bool[Tensor, "batch time"] | None,
) -> SELDOutput:
    """Return the target as `cheapest_tracks` orders it; of two tracks in few steps."""
    plain = _is_cross_entropy(terms) and _is_plain_square(terms) and len(selection) == 2
    if not (plain and span.per == "frame" and preds.activity.shape[2] == 2):
        return reorder(target, cheapest_tracks(preds, target, span, selection, terms, mask))
    logits, direction, _ = preds
    gain = selection[0] * _gain(logits.detach(), target.activity.detach())
    gain = gain + 2 * selection[1] * _gain(direction.detach(), target.direction.detach())
    rows = torch.arange(2 * gain.numel(), device=gain.device).view(-1, 2)
    return _moved(target, rows ^ (gain < 0).view(-1, 1))


def _moved(target: Target, rows: Int[Tensor, "frame track"]) -> Target:
    """Return the target of these rows, tracks of all frames counted through: fast to move whole."""
    rows = rows.flatten()
    return apply(lambda x: x.flatten(0, 2).index_select(0, rows).view(x.shape), target)


def check_settings(span: Span, selection: Selection, terms: Terms) -> None:
    """Raise unless every setting is known and in range."""
    check_span(span)
    check_terms(terms)
    for i, weight in enumerate(selection):
        check_number(**{f"selection[{i}]": weight})
    known = len(selection) in ((2,) if terms.distance is None else (2, 3))
    if not (known and all(0 <= weight < inf for weight in selection)):
        tasks = (
            "SED and DOA" if terms.distance is None else "SED, DOA and, if it takes part, distance"
        )
        raise ValueError(f"selection must be weights of {tasks}, at least 0, got {selection}")


def check_matching(
    loss: str,
    preds: SELDOutput,
    target: SELDOutput,
    span: Span,
    selection: Selection,
    terms: Terms,
    mask: Tensor | None,
) -> None:
    """Raise unless both are track-wise outputs of one shape, and the settings fit them."""
    check_settings(span, selection, terms)
    activity = "batch time track cls"
    by_class = isinstance(preds, SELDOutput) and preds.direction.ndim == 5
    places = activity if by_class else "batch time track"
    check_outputs(loss, preds, target, activity, places, distance=terms.distance, mask=mask)
    check_chunk(loss, span, preds.activity)
    check_focus(terms.gamma, terms.alpha, preds.activity.shape[-1])


def check_chunk(loss: str, span: Span, x: Tensor) -> None:
    """Raise unless chunks, if any are given, are integers, one for each clip and frame of `x`."""
    if span.chunk is not None:
        check_tensors(loss, chunk=span.chunk)
        check_shape("chunk", span.chunk, "batch time", batch=x.shape[0], time=x.shape[1])
        _check_integers("chunk", span.chunk)


def _check_integers(name: str, x: Tensor) -> None:
    if x.is_floating_point() or x.dtype == torch.bool:
        raise TypeError(f"{name} must hold integers, got {x.dtype}")


def _activity_cost(
    logits: Float[Tensor, "batch time track cls"],
    target: Float[Tensor, "batch time track cls"],
    terms: Terms,
) -> Float[Tensor, "batch time track track"]:
    if _is_cross_entropy(terms):
        return -_products(logits, target)
    x, y = torch.broadcast_tensors(*_pairs(logits, target))
    losses = activity_loss(x, y, None, gamma=terms.gamma, alpha=terms.alpha, reduction="none")
    return losses.mean(dim=-1)


def _direction_cost(
    direction: Tensor, target: SELDOutput, terms: Terms
) -> Float[Tensor, "batch time track track"]:
    if _is_plain_square(terms):
        return -2 * _products(direction, target.direction)
    errors = direction_error(*_pairs(direction, target.direction), terms.direction)
    return _weighted(errors, target, terms.inactive_weight)


# What one track costs alone settles no choice. Of BCE(x, y) = softplus(x) - x y and of
# |x - y|² = |x|² - 2 x y + |y|² the products remain.


def _is_cross_entropy(terms: Terms) -> bool:
    return terms.gamma == 0 and terms.alpha is None


def _is_plain_square(terms: Terms) -> bool:
    return terms.direction == "mse" and terms.inactive_weight == 1


def _products(x: Tensor, y: Tensor) -> Float[Tensor, "batch time track track"]:
    """Return the mean product of each track with each."""
    x, y = x.flatten(3), y.flatten(3)
    return x @ y.mT / x.shape[-1]


def _gain(x: Tensor, y: Tensor) -> Float[Tensor, "batch time"]:
    """Return by how much the products of two tracks are more than those of the tracks swapped."""
    return (x.diff(dim=2) * y.diff(dim=2)).flatten(2).mean(dim=-1)


def _weighted(
    errors: Tensor, target: SELDOutput, inactive_weight: float
) -> Float[Tensor, "batch time track track"]:
    """Return the errors of pairs of tracks under the weights of places, as means over classes."""
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
