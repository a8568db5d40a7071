"""How far an estimated direction is off, and the loss of the directions that matter."""

from math import pi
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._checks import check_choice, check_floating, check_number, check_same_shape
from seldkit._typing import Bool, Float
from seldkit.losses._checks import check_activity, check_mask, check_same_device, check_tensors
from seldkit.losses._module import LossModule
from seldkit.losses._reduce import blank, full, mean, mean_error, own_precision, weighted_mean

DirectionError = Literal["mse", "l1", "cosine", "angular"]
DIRECTION_ERRORS: tuple[DirectionError, ...] = get_args(DirectionError)

NO_LENGTH = 1e-7
"""A vector that is not longer than this points nowhere."""

SHORT = 0.01
"""A vector that is shorter than this points less and less anywhere."""


def active_direction_loss(
    preds: Float[Tensor, "*places axis"],
    target: Float[Tensor, "*places axis"],
    activity: Float[Tensor, "*places"],
    *,
    inactive_weight: float = 0.0,
    direction: DirectionError = "mse",
    mask: Bool[Tensor, "batch time"] | None = None,
) -> Float[Tensor, ""]:
    r"""Mean error of the directions of what is active.

    With activity $a$, error $e$ and the weight $\lambda$ of silent places

    $$\frac{\sum w e}{\sum w}, \qquad w = a + \lambda (1 - a).$$

    A silent place points nowhere, so a network that learns by this loss alone does not know when
    there is silence: the activity must come from elsewhere. With $\lambda > 0$ the squared and the
    absolute error pull silent directions to the target's zeros; cosine and angle cannot.

    Args:
        preds: Directions `(..., axis)`, of any length.
        target: Directions, same shape; of length 1 where active.
        activity: Activity of each place, `(...)`, in 0..1; booleans and integers will do.
        inactive_weight: Weight of silent places, in 0..1: 0 leaves them out, 1 takes the plain
            mean.
        direction: `"mse"` and `"l1"` (means over the axes), `"cosine"` (1 - cos) or `"angular"`
            (the angle in radians).
        mask: Which frames count, where the first places are batch and time; None for all.

    Returns:
        A scalar; 0, with a gradient of zeros, where no place has a weight. (The plain mean of an
        empty batch is nan.)

    Raises:
        TypeError: If one is no tensor, directions are no floats, or the mask does not hold
            booleans.
        ValueError: If shapes differ, `direction` is unknown or `inactive_weight` is out of range;
            on the processor, if the activity is not in 0..1.

    Examples:
        >>> preds, target = torch.tensor([[0.0, 1.0, 0.0], [9.0, 9.0, 9.0]]), torch.eye(3)[:2]
        >>> active_direction_loss(preds, target, torch.tensor([1.0, 0.0]), direction="cosine")
        tensor(1.)
    """
    check_directions(direction, inactive_weight)
    check_tensors("active_direction_loss", preds=preds, target=target, activity=activity)
    check_same_shape(preds=preds, target=target)
    check_floating(preds=preds, target=target)
    check_same_device(preds=preds, target=target, activity=activity)
    if preds.ndim < 1:
        raise ValueError("preds must be (..., axis), got shape ()")
    if activity.shape != preds.shape[:-1]:
        want, got = tuple(preds.shape[:-1]), tuple(activity.shape)
        raise ValueError(f"activity must have the shape of preds without axis, {want}, got {got}")
    check_mask(mask, activity)
    with own_precision(preds):
        preds = blank(full(preds), mask)
        target, active = (blank(x.to(preds.dtype), mask) for x in (target, activity))
        check_activity("activity", active)
        return direction_loss(preds, target, active, direction, inactive_weight, mask)


class ActiveDirectionLoss(LossModule):
    """Module form of [`active_direction_loss`][seldkit.losses.active_direction_loss]."""

    def __init__(self, *, inactive_weight: float = 0.0, direction: DirectionError = "mse") -> None:
        check_directions(direction, inactive_weight)
        super().__init__(inactive_weight=inactive_weight, direction=direction)

    def forward(
        self,
        preds: Float[Tensor, "*places axis"],
        target: Float[Tensor, "*places axis"],
        activity: Float[Tensor, "*places"],
        mask: Bool[Tensor, "batch time"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the loss."""
        return active_direction_loss(preds, target, activity, mask=mask, **self._settings())


def direction_error(
    preds: Float[Tensor, "*#axes axis"],
    target: Float[Tensor, "*#axes axis"],
    error: DirectionError,
) -> Float[Tensor, "*axes"]:
    r"""Return the error of each direction.

    The cosine is $\langle \hat d, d \rangle / (\lVert \hat d \rVert \lVert d \rVert + 10^{-7})$.
    The angle is $2 \operatorname{atan2}(\lVert \hat u - u \rVert, \lVert \hat u + u \rVert)$ of the
    unit vectors, whose gradient is finite for equal and opposite directions too, and 0 there. The
    zero vector has the cosine 0 and the angle $\pi / 2$ to every other, both without gradient.
    The direction of a vector shorter than 0.01 fades: cosine and angle go to those values as the
    fourth power of its length, so no gradient is larger than about 400. Second derivatives of both
    are nan at the zero vector itself: the length has none there.

    Args:
        preds: Vectors `(..., axis)` of any length, broadcast against the target.
        target: Vectors `(..., axis)`.
        error: `"mse"` and `"l1"` (means over the axes), `"cosine"` (1 - cos) or `"angular"` (the
            angle in radians).

    Raises:
        ValueError: If `error` is unknown.

    Examples:
        >>> direction_error(torch.eye(3), torch.tensor([0.0, 2.0, 0.0]), "cosine")
        tensor([1., 0., 1.])
    """
    check_choice("error", error, DIRECTION_ERRORS)
    if error == "mse":
        return (preds - target).square().mean(dim=-1)
    if error == "l1":
        return (preds - target).abs().mean(dim=-1)
    return 1 - _cosine(preds, target) if error == "cosine" else _angle(preds, target)


def fade(x: Float[Tensor, "*axes axis"]) -> Float[Tensor, "*axes"]:
    r"""Return how far a vector has a direction: 1, or less the shorter it is than 0.01.

    The gradient of a direction grows as 1 / length. With $(\lVert x \rVert / 0.01)^4$ as a factor
    it vanishes at the zero vector, and what is differentiated is smooth there.
    """
    return (x.square().sum(dim=-1) / SHORT**2).clamp(max=1).square()


def place_weight(
    activity: Float[Tensor, "*places"], inactive_weight: float
) -> Float[Tensor, "*places"]:
    """Return what a place counts: a silent one `inactive_weight`, soft activities in between."""
    return activity if inactive_weight == 0 else activity + inactive_weight * (1 - activity)


def direction_loss(
    preds: Float[Tensor, "*places axis"],
    target: Float[Tensor, "*places axis"],
    activity: Float[Tensor, "*places"] | None,
    error: DirectionError,
    inactive_weight: float,
    mask: Bool[Tensor, "batch time"] | None,
) -> Float[Tensor, ""]:
    """Return the mean error under the weights of places, which is plain where all are 1.

    Then no activity is needed. All in one precision, and zeros in frames that do not count.
    """
    if inactive_weight == 1 and error in ("mse", "l1"):
        return mean_error(preds, target, error, mask)
    errors = direction_error(preds, target, error)
    if inactive_weight == 1 or activity is None:
        return mean(errors, mask)
    return weighted_mean(errors, blank(place_weight(activity, inactive_weight), mask))


def check_directions(direction: str, inactive_weight: float) -> None:
    """Raise unless the error of directions is known and silent places have a weight in 0..1."""
    check_choice("direction", direction, DIRECTION_ERRORS)
    check_number(inactive_weight=inactive_weight)
    if not 0 <= inactive_weight <= 1:
        raise ValueError(f"inactive_weight must be in 0..1, got {inactive_weight}")


def _cosine(a: Tensor, b: Tensor) -> Tensor:
    lengths: Tensor = torch.linalg.vector_norm(a, dim=-1) * torch.linalg.vector_norm(b, dim=-1)
    return fade(a) * fade(b) * (a * b).sum(dim=-1) / (lengths + NO_LENGTH)


def _angle(a: Tensor, b: Tensor) -> Tensor:
    known = fade(a) * fade(b)
    a, b = (functional.normalize(x, dim=-1) for x in (a, b))
    apart, together = (torch.linalg.vector_norm(x, dim=-1) for x in (a - b, a + b))
    together = torch.where(known > 0, together, 1)  # two zero vectors have no slope, not nan
    return known * 2 * torch.atan2(apart, together) + (1 - known) * (pi / 2)
