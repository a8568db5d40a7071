"""The aggregated losses of track-wise networks: activity and direction in one vector."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_choice
from seldkit._typing import Float
from seldkit.assignment import cheapest_matching
from seldkit.losses._checks import check_outputs
from seldkit.losses._reduce import full
from seldkit.outputs import SELDOutput

Error = Literal["mse", "l1"]


def aggregated_pit_loss(
    preds: SELDOutput, target: SELDOutput, *, error: Error = "mse"
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
        the gradient of the direction. That gradient also grows as 1 / length of a direction, as
        far as 1e12 where the length is 0: clip gradients.

    Source: the aggregated losses of PSELDNets (Hu et al., github.com/Jinbo-Hu/PSELDNets), method
    `mACCDOA_pit`: with the mean over tracks, where the formula there has a sum.

    Args:
        preds: Logits `(batch, time, track, cls)` and directions `(batch, time, track, axis)`, of
            any length. Distances do not count.
        target: Activities in 0..1 and unit vectors, same shapes; silent tracks are all zeros.
        error: Mean squared (`"mse"`) or mean absolute (`"l1"`) error.

    Returns:
        A scalar, averaged over batch, frames, tracks, classes and axes.

    Raises:
        ValueError: If shapes differ or are wrong, or `error` is unknown.

    Examples:
        >>> activity, direction = torch.eye(2).reshape(1, 1, 2, 2), torch.eye(3)[:2]
        >>> target = SELDOutput(activity, direction.expand(1, 1, 2, 3))
        >>> swapped = SELDOutput(80 * target.activity.flip(2) - 40, target.direction.flip(2))
        >>> aggregated_pit_loss(swapped, target).round(decimals=6)
        tensor(0.)
    """
    _check(preds, target, error)
    with torch.autocast(preds.activity.device.type, enabled=False):
        return _best_pairs(*_factors(preds, target), error)


def aggregated_sum_loss(
    preds: SELDOutput, target: SELDOutput, *, error: Error = "mse"
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

    Returns:
        A scalar, averaged over batch, frames, classes and axes.

    Raises:
        ValueError: If shapes differ or are wrong, or `error` is unknown.

    Examples:
        A sound on two tracks, each with the probability 1/2, is one sound:

        >>> activity, left = torch.tensor([[1.0], [0.0]]), torch.tensor([0.0, 1.0, 0.0])
        >>> target = SELDOutput(activity[None, None], (activity * left)[None, None])
        >>> preds = SELDOutput(torch.zeros(1, 1, 2, 1), left.expand(1, 1, 2, 3))
        >>> aggregated_sum_loss(preds, target)
        tensor(0.)
    """
    _check(preds, target, error)
    with torch.autocast(preds.activity.device.type, enabled=False):
        return _sums(*_factors(preds, target), error)


def aggregated_mixture_loss(
    preds: SELDOutput, target: SELDOutput, *, alpha: float = 0.5, error: Error = "mse"
) -> Float[Tensor, ""]:
    """Mixture of both aggregated losses: `alpha * AGG1 + (1 - alpha) * AGG2`.

    Source: the aggregated losses of PSELDNets (Hu et al., github.com/Jinbo-Hu/PSELDNets).

    Args:
        preds: Logits `(batch, time, track, cls)` and directions `(batch, time, track, axis)`.
        target: Activities in 0..1 and unit vectors, same shapes; silent tracks are all zeros.
        alpha: Weight in 0..1 of [`aggregated_pit_loss`][seldkit.losses.aggregated_pit_loss],
            against [`aggregated_sum_loss`][seldkit.losses.aggregated_sum_loss].
        error: Mean squared (`"mse"`) or mean absolute (`"l1"`) error.

    Returns:
        A scalar.

    Raises:
        ValueError: If shapes differ or are wrong, `alpha` is out of range, or `error` is unknown.

    Examples:
        >>> output = SELDOutput(torch.zeros(1, 1, 2, 1), torch.eye(3)[:2].expand(1, 1, 2, 3))
        >>> target = SELDOutput(torch.ones(1, 1, 2, 1), output.direction)
        >>> loss = AggregatedMixtureLoss(alpha=0.5)(output, target)  # AGG1 1/12, AGG2 2/12
        >>> loss.round(decimals=3)
        tensor(0.1250)
    """
    _check_alpha(alpha)
    _check(preds, target, error)
    with torch.autocast(preds.activity.device.type, enabled=False):
        factors = _factors(preds, target)
        return alpha * _best_pairs(*factors, error) + (1 - alpha) * _sums(*factors, error)


class AggregatedPITLoss(nn.Module):
    """Module form of [`aggregated_pit_loss`][seldkit.losses.aggregated_pit_loss]."""

    def __init__(self, *, error: Error = "mse") -> None:
        super().__init__()
        _check_error(error)
        self.error: Error = error

    def forward(self, preds: SELDOutput, target: SELDOutput) -> Float[Tensor, ""]:
        """Return the loss."""
        return aggregated_pit_loss(preds, target, error=self.error)

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        return f"error={self.error!r}"


class AggregatedSumLoss(nn.Module):
    """Module form of [`aggregated_sum_loss`][seldkit.losses.aggregated_sum_loss]."""

    def __init__(self, *, error: Error = "mse") -> None:
        super().__init__()
        _check_error(error)
        self.error: Error = error

    def forward(self, preds: SELDOutput, target: SELDOutput) -> Float[Tensor, ""]:
        """Return the loss."""
        return aggregated_sum_loss(preds, target, error=self.error)

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        return f"error={self.error!r}"


class AggregatedMixtureLoss(nn.Module):
    """Module form of [`aggregated_mixture_loss`][seldkit.losses.aggregated_mixture_loss]."""

    def __init__(self, *, alpha: float = 0.5, error: Error = "mse") -> None:
        super().__init__()
        _check_alpha(alpha)
        _check_error(error)
        self.alpha = alpha
        self.error: Error = error

    def forward(self, preds: SELDOutput, target: SELDOutput) -> Float[Tensor, ""]:
        """Return the loss."""
        return aggregated_mixture_loss(preds, target, alpha=self.alpha, error=self.error)

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        return f"alpha={self.alpha}, error={self.error!r}"


def _check_alpha(alpha: float) -> None:
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha must be in 0..1, got {alpha}")


def _check_error(error: str) -> None:
    check_choice("error", error, ("mse", "l1"))


def _check(preds: SELDOutput, target: SELDOutput, error: str) -> None:
    _check_error(error)
    check_outputs(preds, target, "batch time track cls", "batch time track", distance=None)


def _factors(preds: SELDOutput, target: SELDOutput) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return activity and direction of the prediction, then of the target, in one precision."""
    activity = full(preds.activity).sigmoid()
    direction = functional.normalize(full(preds.direction), dim=-1)
    wanted = target.activity.to(activity.dtype), target.direction.to(direction.dtype)
    return activity, direction, *wanted


def _best_pairs(a: Tensor, u: Tensor, b: Tensor, v: Tensor, error: Error) -> Tensor:
    with torch.no_grad():
        index = cheapest_matching(_pairwise_cost(a, u, b, v, error)).unsqueeze(-1)
    b, v = (x.take_along_dim(index, dim=2) for x in (b, v))
    if error == "l1":
        return functional.l1_loss(_vectors(a, u), _vectors(b, v))
    more, turn = a - b, u - v
    squares = _dot(more, more) * _dot(u, u) + _dot(b, b) * _dot(turn, turn)
    squares = squares + 2 * _dot(more, b) * _dot(turn, u)
    return squares.mean() / (a.shape[-1] * u.shape[-1])


def _pairwise_cost(
    a: Tensor, u: Tensor, b: Tensor, v: Tensor, error: Error
) -> Float[Tensor, "batch time track track"]:
    """Return what orders permutations as the error does."""
    if error == "l1":
        return torch.cdist(_vectors(a, u).flatten(-2), _vectors(b, v).flatten(-2), p=1)
    return -(a @ b.mT) * (u @ v.mT)


def _sums(a: Tensor, u: Tensor, b: Tensor, v: Tensor, error: Error) -> Tensor:
    # Axes before classes: the same sums over tracks, in long runs.
    preds, target = u.mT @ a, v.mT @ b
    return (
        functional.mse_loss(preds, target) if error == "mse" else functional.l1_loss(preds, target)
    )


def _vectors(
    activity: Float[Tensor, "batch time track cls"],
    direction: Float[Tensor, "batch time track axis"],
) -> Float[Tensor, "batch time track axis cls"]:
    return direction.unsqueeze(-1) * activity.unsqueeze(-2)


def _dot(x: Tensor, y: Tensor) -> Tensor:
    return (x * y).sum(dim=-1)
