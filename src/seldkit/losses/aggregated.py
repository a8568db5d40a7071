"""The aggregated losses of track-wise networks: activity and direction in one vector."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._typing import Bool, Float
from seldkit.assignment import cheapest_matching
from seldkit.losses._checks import check_outputs
from seldkit.losses._module import LossModule
from seldkit.losses._reduce import (
    Error,
    check_error,
    full_pair,
    mean_error,
    num_places,
    own_precision,
)
from seldkit.losses.direction import fade
from seldkit.losses.tracks import moved
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
        return best_pairs(*factors(preds, target, mask), error, mask)


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
        return sums_of_tracks(*factors(preds, target, mask), error, mask)


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


def factors(
    preds: SELDOutput, target: SELDOutput, mask: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return activity and direction of the prediction, then of the target, in one precision.

    Frames that do not count have no direction, so no vectors, on both sides.
    """
    preds, target = full_pair(preds, target, mask)
    direction = functional.normalize(preds.direction, dim=-1)
    direction = direction * fade(preds.direction).unsqueeze(-1)
    return preds.activity.sigmoid(), direction, target.activity, target.direction


def best_pairs(
    a: Tensor, u: Tensor, b: Tensor, v: Tensor, error: Error, mask: Tensor | None
) -> Tensor:
    """Return the error of the vectors under the best assignment of tracks."""
    with torch.no_grad():
        index = cheapest_matching(_pairwise_cost(a, u, b, v, error))
    b, v, _ = moved(SELDOutput(b, v), index)
    if error == "l1":
        return mean_error(_vectors(a, u), _vectors(b, v), error, mask)
    more, turn = a - b, u - v
    squares = _dot(more, more) * _dot(u, u) + _dot(b, b) * _dot(turn, turn)
    squares = squares + 2 * _dot(more, b) * _dot(turn, u)
    return squares.sum() / (num_places(a, mask) * u.shape[-1])


def _pairwise_cost(
    a: Tensor, u: Tensor, b: Tensor, v: Tensor, error: Error
) -> Float[Tensor, "batch time track track"]:
    """Return what orders permutations as the error does."""
    if error == "l1":
        return torch.cdist(_vectors(a, u).flatten(-2), _vectors(b, v).flatten(-2), p=1)
    return -(a @ b.mT) * (u @ v.mT)


def sums_of_tracks(
    a: Tensor, u: Tensor, b: Tensor, v: Tensor, error: Error, mask: Tensor | None
) -> Tensor:
    """Return the error of the vectors summed over tracks."""
    # Axes before classes: the same sums over tracks, in long runs.
    return mean_error(u.mT @ a, v.mT @ b, error, mask)


def _vectors(
    activity: Float[Tensor, "batch time track cls"],
    direction: Float[Tensor, "batch time track axis"],
) -> Float[Tensor, "batch time track axis cls"]:
    return direction.unsqueeze(-1) * activity.unsqueeze(-2)


def _dot(x: Tensor, y: Tensor) -> Tensor:
    return (x * y).sum(dim=-1)
