"""The aggregated losses of track-wise networks: activity and direction in one vector."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._typing import Bool, Float
from seldkit.losses._aggregated import (
    dot,
    pair_slopes,
    pairs_by_hand,
    products_cost,
    squares,
    sum_slopes,
    sums_by_hand,
)
from seldkit.losses._by_hand import ByHand
from seldkit.losses._checks import check_outputs
from seldkit.losses._module import LossModule
from seldkit.losses._order import in_cheapest_order
from seldkit.losses._reduce import (
    Error,
    check_error,
    full_pair,
    mean_error,
    num_places,
    own_precision,
)
from seldkit.losses.direction import fade
from seldkit.outputs import SELDOutput


def aggregated_pit_loss(
    preds: SELDOutput,
    target: SELDOutput,
    *,
    error: Error = "mse",
    mask: Bool[Tensor, "batch time"] | None = None,
) -> Float[Tensor, ""]:
    r"""Error of the vectors of tracks and classes under the best assignment of tracks (AGG1).

    The vector of a track and a class is the track's probability of the class times its direction,
    of unit length. The assignment is chosen for each frame and all classes together.

    No permutation is tried, and for the squared error no tensor `(track, cls, axis)` is made. In

    $$\lVert a_i u_i^\top - b_j v_j^\top \rVert^2 = |a_i|^2 |u_i|^2
    - 2 (a_i \cdot b_j)(u_i \cdot v_j) + |b_j|^2 |v_j|^2$$

    every permutation adds the same first and last terms, so the best one has the largest sum of
    $(a_i \cdot b_j)(u_i \cdot v_j)$. This expansion loses all digits where prediction and target
    agree; so the chosen pairs are valued in another, whose terms vanish with the error:

    $$\lVert a u^\top - b v^\top \rVert^2 = |a - b|^2 |u|^2
    + 2 \, (a - b) \cdot b \; (u - v) \cdot u + |b|^2 |u - v|^2.$$

    Note:
        A direction matters as much as its track is active: where the probability nears 0, so does
        the gradient of the direction. That gradient also grows as 1 / length of a direction, up to
        a length of 0.01; shorter vectors fade, as the fourth power of their length, and the zero
        vector, which points nowhere, has no gradient.

    Source: the aggregated losses of PSELDNets (Hu et al., github.com/Jinbo-Hu/PSELDNets), method
    `mACCDOA_pit`: with the mean over tracks, where the formula there has a sum.

    Args:
        preds: Logits `(batch, time, track, cls)` and directions `(batch, time, track, axis)`, of
            any length. Distances do not count.
        target: Activities in 0..1 and unit vectors, same shapes; silent tracks are all zeros.
        error: Mean squared (`"mse"`) or mean absolute (`"l1"`) error.
        mask: Which frames count; None for all.

    Returns:
        A scalar, averaged over batch, frames that count, tracks, classes and axes; 0, with a
        gradient of zeros, if none counts.

    Raises:
        TypeError: If one is no `SELDOutput`, holds integers where only an activity may, or the mask
            does not hold booleans.
        ValueError: If shapes differ or are wrong, or `error` is unknown; on the processor, if an
            activity of the target is not in 0..1.

    Examples:
        >>> activity, direction = torch.eye(2).reshape(1, 1, 2, 2), torch.eye(3)[:2]
        >>> target = SELDOutput(activity, direction.expand(1, 1, 2, 3))
        >>> swapped = SELDOutput(80 * target.activity.flip(2) - 40, target.direction.flip(2))
        >>> aggregated_pit_loss(swapped, target).round(decimals=6)
        tensor(0.)
    """
    check_inputs("aggregated_pit_loss", preds, target, error, mask)
    with own_precision(preds.activity):
        preds, target = full_pair(preds, target, mask)
        return best_pairs(preds, target, error, mask)


def aggregated_sum_loss(
    preds: SELDOutput,
    target: SELDOutput,
    *,
    error: Error = "mse",
    mask: Bool[Tensor, "batch time"] | None = None,
) -> Float[Tensor, ""]:
    """Error of the vectors of classes, summed over tracks (AGG2).

    The sum over tracks of probability times direction is an ACCDOA vector, and this is its loss:
    tracks have no order, and there is nothing to permute. Two sounds of one class add up to one
    vector, which may be longer than 1.

    It is never larger than the squared number of tracks times
    [`aggregated_pit_loss`][seldkit.losses.aggregated_pit_loss] (`"mse"`; the number of tracks
    itself with `"l1"`).

    Source: the aggregated losses of PSELDNets (Hu et al., github.com/Jinbo-Hu/PSELDNets), method
    `ACCDOA`.

    Args:
        preds: Logits `(batch, time, track, cls)` and directions `(batch, time, track, axis)`, of
            any length. Distances do not count.
        target: Activities in 0..1 and unit vectors, same shapes; silent tracks are all zeros.
        error: Mean squared (`"mse"`) or mean absolute (`"l1"`) error.
        mask: Which frames count; None for all.

    Returns:
        A scalar, averaged over batch, frames that count, classes and axes; 0, with a gradient of
        zeros, if none counts.

    Raises:
        TypeError: If one is no `SELDOutput`, holds integers where only an activity may, or the mask
            does not hold booleans.
        ValueError: If shapes differ or are wrong, or `error` is unknown; on the processor, if an
            activity of the target is not in 0..1.

    Examples:
        A sound on two tracks, each with the probability 1/2, is one sound:

        >>> activity, left = torch.tensor([[1.0], [0.0]]), torch.tensor([0.0, 1.0, 0.0])
        >>> target = SELDOutput(activity[None, None], (activity * left)[None, None])
        >>> preds = SELDOutput(torch.zeros(1, 1, 2, 1), left.expand(1, 1, 2, 3))
        >>> aggregated_sum_loss(preds, target)
        tensor(0.)
    """
    check_inputs("aggregated_sum_loss", preds, target, error, mask)
    with own_precision(preds.activity):
        preds, target = full_pair(preds, target, mask)
        return sums_of_tracks(preds, target, error, mask)


class _AggregatedLoss(LossModule):
    _loss: Callable[..., Tensor]

    def __init__(self, *, error: Error = "mse") -> None:
        check_error(error)
        super().__init__(error=error)

    def forward(
        self,
        preds: SELDOutput,
        target: SELDOutput,
        mask: Bool[Tensor, "batch time"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the loss."""
        return self._loss(preds, target, mask=mask, **self._settings())


class AggregatedPITLoss(_AggregatedLoss):
    """Module form of [`aggregated_pit_loss`][seldkit.losses.aggregated_pit_loss]."""

    _loss = staticmethod(aggregated_pit_loss)


class AggregatedSumLoss(_AggregatedLoss):
    """Module form of [`aggregated_sum_loss`][seldkit.losses.aggregated_sum_loss]."""

    _loss = staticmethod(aggregated_sum_loss)


def check_inputs(
    loss: str, preds: SELDOutput, target: SELDOutput, error: str, mask: Tensor | None
) -> None:
    """Raise unless both are track-wise outputs of one shape, and the error is known."""
    check_error(error)
    activity, places = "batch time track cls", "batch time track"
    check_outputs(loss, preds, target, activity, places, distance=None, mask=mask)


def best_pairs(preds: SELDOutput, target: SELDOutput, error: Error, mask: Tensor | None) -> Tensor:
    """Return the error of the vectors of outputs under the best assignment of tracks."""
    if error == "l1":
        a, u = _factors(preds.activity, preds.direction)
        with torch.no_grad():
            vectors = _vectors(a, u).flatten(-2), _vectors(*target[:2]).flatten(-2)
            cost = torch.cdist(*vectors, p=1)
        target = in_cheapest_order(target, cost)
        return mean_error(_vectors(a, u), _vectors(*target[:2]), error, mask)
    places = num_places(preds.activity, mask) * preds.direction.shape[-1]
    return _PAIRS(preds[:2], target[:2], places)


def sums_of_tracks(
    preds: SELDOutput, target: SELDOutput, error: Error, mask: Tensor | None
) -> Tensor:
    """Return the error of the vectors of outputs summed over tracks."""
    if error == "l1":
        a, u = _factors(preds.activity, preds.direction)
        b, v, _ = target
        return mean_error(u.mT @ a, v.mT @ b, error, mask)
    tracks, axes = preds.direction.shape[2:]
    return _SUMS(preds[:2], target[:2], num_places(preds.activity, mask) * axes / tracks)


def _factors(logits: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    """Return activity and direction of the prediction; blank frames have no direction."""
    unit = functional.normalize(direction, dim=-1)
    return logits.sigmoid(), unit * fade(direction).unsqueeze(-1)


def _pairs(logits: Tensor, direction: Tensor, b: Tensor, v: Tensor) -> Float[Tensor, ""]:
    a, u = _factors(logits, direction)
    with torch.no_grad():
        cost = products_cost(a, u, b, v)
    b, v, _ = in_cheapest_order(SELDOutput(b, v), cost)
    more, turn = a - b, u - v
    parts = dot(more, more), dot(more, b), dot(b, b), dot(u, u), dot(turn, u), dot(turn, turn)
    return squares(*parts).sum()


def _sums(logits: Tensor, direction: Tensor, b: Tensor, v: Tensor) -> Float[Tensor, ""]:
    a, u = _factors(logits, direction)
    # Axes before classes: the same sums over tracks, in long runs.
    return functional.mse_loss(u.mT @ a, v.mT @ b, reduction="sum")


_PAIRS = ByHand(_pairs, pairs_by_hand, pair_slopes)
_SUMS = ByHand(_sums, sums_by_hand, sum_slopes)


def _vectors(
    activity: Float[Tensor, "batch time track cls"],
    direction: Float[Tensor, "batch time track axis"],
) -> Float[Tensor, "batch time track axis cls"]:
    return direction.unsqueeze(-1) * activity.unsqueeze(-2)
