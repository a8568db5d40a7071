"""Which track of the target each predicted track is held against."""

from math import inf

import torch
from torch import Tensor

from seldkit._checks import check_number, check_shape, check_within
from seldkit._typing import Bool, Float, Int
from seldkit.assignment import cheapest_matching
from seldkit.losses._checks import check_outputs, check_tensors
from seldkit.losses._order import Target, either, flipped, moved
from seldkit.losses._reduce import blank, full_pair, own_precision
from seldkit.losses.activity import Alpha, activity_loss, check_focus
from seldkit.losses.direction import DirectionError, direction_error, place_weight
from seldkit.losses.distance import DistanceError, distance_error
from seldkit.losses.spans import Per, Span, check_span, span_cost
from seldkit.losses.tasks import Terms, check_terms, place_activity
from seldkit.outputs import SELDOutput

Selection = tuple[float, float] | tuple[float, float, float]


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
        ValueError: If it has not the shape `(batch, time, track)` of the target; on the processor,
            if it names a track that is not there.

    Examples:
        >>> reorder(torch.tensor([[[0.5, 0.7]]]), torch.tensor([[[1, 0]]]))
        tensor([[[0.7000, 0.5000]]])
    """
    x = target if isinstance(target, Tensor) else target.activity
    batch, time, tracks = x.shape[:3]
    check_shape("index", index, "batch time track", batch=batch, time=time, track=tracks)
    _check_integers("index", index)
    check_within("index", index, tracks - 1)
    return moved(target, index)


@torch.no_grad()
def cheapest_tracks(
    preds: SELDOutput,
    target: SELDOutput,
    span: Span,
    selection: Selection,
    terms: Terms,
    mask: Bool[Tensor, "batch time"] | None,
    more: Float[Tensor, "batch time track track"] | None = None,
) -> Int[Tensor, "batch time track"]:
    """Return what `match_tracks` does, of outputs in one precision, blank where masked.

    What each predicted track costs more with each of the target may be added.
    """
    cost = _cost(preds, target, selection, terms)
    metres = preds.distance, target.distance
    if len(selection) > 2 and terms.distance and metres[0] is not None and metres[1] is not None:
        far = distance_error(*_pairs(metres[0], metres[1]), terms.distance)
        cost = cost + selection[2] * _weighted(far, target, 0.0)
    if more is not None:
        cost = cost + more
    cost = span_cost(blank(cost, mask), target.activity, span, mask)
    index = cheapest_matching(cost)
    return index.expand(preds.activity.shape[:3]) if span.per == "clip" else index


def in_best_order(
    preds: SELDOutput,
    target: SELDOutput,
    span: Span,
    selection: Selection,
    terms: Terms,
    mask: Bool[Tensor, "batch time"] | None,
) -> SELDOutput:
    """Return the target as `cheapest_tracks` orders it; of two tracks in few steps."""
    by_products = _is_cross_entropy(terms) and _is_plain_square(terms) and len(selection) == 2
    if by_products and span.per == "frame" and preds.activity.shape[2] == 2:
        return _better_of_two(preds, target, selection)
    return moved(target, cheapest_tracks(preds, target, span, selection, terms, mask))


def _better_of_two(preds: SELDOutput, target: SELDOutput, selection: Selection) -> SELDOutput:
    """Return the target with its two tracks exchanged where the products are more then."""
    other = flipped(target)
    with torch.no_grad():
        sed = _products_by_frame(preds.activity, other.activity - target.activity)
        doa = _products_by_frame(preds.direction, other.direction - target.direction)
        gain = torch.add(float(selection[0]) * sed, doa, alpha=2 * float(selection[1]))
    return either(target, other, gain > 0)


def _products_by_frame(x: Tensor, y: Tensor) -> Float[Tensor, "batch time"]:
    """Return the sum of all products in each frame, as a mean over what a track has."""
    x, y = x.flatten(2), y.flatten(2)
    products: Tensor = torch.linalg.vecdot(x, y)
    return products.div_(x.shape[2])


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


def _cost(
    preds: SELDOutput, target: SELDOutput, selection: Selection, terms: Terms
) -> Float[Tensor, "batch time track track"]:
    """Return the costs of activity and direction under their weights.

    What one track costs alone settles no choice. Of BCE(x, y) = softplus(x) - x y and of
    |x - y|² = |x|² - 2 x y + |y|² the products remain.
    """
    x, y = _frames(preds.activity), _frames(target.activity)
    weight, doa_weight = float(selection[0]), float(selection[1])
    if _is_cross_entropy(terms):
        cost, weight = torch.bmm(x, y.mT), -weight / x.shape[2]
    else:
        x, y = torch.broadcast_tensors(x.unsqueeze(2), y.unsqueeze(1))
        cost = activity_loss(x, y, None, gamma=terms.gamma, alpha=terms.alpha, reduction="none")
        cost = cost.mean(dim=-1)
    if _is_plain_square(terms):
        p, t = _frames(preds.direction), _frames(target.direction)
        cost = torch.baddbmm(cost, p, t.mT, beta=weight, alpha=-2 * doa_weight / p.shape[2])
        return cost.view(*preds.activity.shape[:2], *cost.shape[1:])
    errors = direction_error(*_pairs(preds.direction, target.direction), terms.direction)
    errors = _weighted(errors, target, terms.inactive_weight)
    return weight * cost.view_as(errors) + doa_weight * errors


def _is_cross_entropy(terms: Terms) -> bool:
    return terms.gamma == 0 and terms.alpha is None


def _is_plain_square(terms: Terms) -> bool:
    return terms.direction == "mse" and terms.inactive_weight == 1


def _frames(x: Tensor) -> Float[Tensor, "frame track entry"]:
    x = x.flatten(0, 1)
    return x.flatten(2) if x.ndim > 3 else x


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
