"""The loss of activity: cross-entropy that looks at what is hard."""

from functools import partial
from math import gcd, inf
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._checks import (
    check_choice,
    check_floating,
    check_number,
    check_same_shape,
    check_shape,
)
from seldkit._typing import Bool, Float
from seldkit.losses._by_hand import ByHand
from seldkit.losses._checks import check_activity, check_mask, check_same_device, check_tensors
from seldkit.losses._module import LossModule
from seldkit.losses._reduce import blank, frame_weight, full, num_places, own_precision

MANY = 2**17
"""As many cross-entropies take their time by the bytes that move, fewer by the number of steps."""

FACTORS = 64
"""As many numbers in 1/2..1 have a product that float32 can hold."""

Reduction = Literal["mean", "sum", "none", "positives"]
REDUCTIONS = ("mean", "sum", "none", "positives")
Alpha = float | Float[Tensor, "*cls"] | None


def focal_loss(
    logits: Float[Tensor, "*axes cls"],
    target: Float[Tensor, "*axes cls"],
    *,
    gamma: float = 2.0,
    alpha: Alpha = None,
    reduction: Reduction = "mean",
    mask: Bool[Tensor, "batch time"] | None = None,
) -> Tensor:
    r"""Binary cross-entropy that counts a place less the better it is already predicted.

    $$\alpha_t (1 - p_t)^\gamma \operatorname{BCE}(x, y), \qquad
    1 - p_t = p (1 - y) + (1 - p) y, \qquad \alpha_t = \alpha y + (1 - \alpha) (1 - y)$$

    with the logit $x$, the probability $p = \sigma(x)$ and the target $y$. $1 - p_t$ is a sum of
    positive terms, so nothing cancels, and the loss and its gradient are finite for every finite
    logit. In SELD most classes are silent in most frames: $\gamma$ keeps them from drowning the
    rest, $\alpha$ weighs active against silent places.

    Source: Lin et al., "Focal loss for dense object detection", ICCV 2017, equations 4 and 5.

    Args:
        logits: Activity before the sigmoid, any shape whose last axis is the classes.
        target: Activity in 0..1, same shape; booleans and integers will do. Soft targets, as mixing
            makes them, are allowed.
        gamma: How fast easy places lose weight, at least 0. 0 is the binary cross-entropy.
        alpha: Weight in 0..1 of active places, against `1 - alpha` of silent ones; a number (a
            tensor of one is one), or a tensor of one for each class. None leaves both at 1. Lin et
            al. use 0.25 with `gamma=2`.
        reduction: `"mean"` over all places, `"sum"`, `"none"`, or `"positives"`: the sum divided
            by the number of active places (the sum of soft targets), at least one.
        mask: Which frames count, where the first axes are batch and time; None for all. With
            `reduction="none"` the others are 0.

    Returns:
        A scalar, or the loss of each place with `reduction="none"`. Under a mask the mean of no
        places is 0, with a gradient of zeros; that of an empty batch is nan.

    Raises:
        TypeError: If one is no tensor, logits are no floats, the mask does not hold booleans, or a
            setting is no number.
        ValueError: If shapes differ, `gamma` or `alpha` are out of range, there are not as many
            `alpha` as classes, or `reduction` is unknown; on the processor, if `target` is not in
            0..1.

    Examples:
        Halfway, with a probability of 1/2, a place counts a quarter of its cross-entropy ln 2:

        >>> focal_loss(torch.zeros(1, 3), torch.tensor([[1.0, 0.0, 0.0]])).round(decimals=3)
        tensor(0.1730)
    """
    check_tensors("focal_loss", logits=logits, target=target)
    check_same_shape(logits=logits, target=target)
    check_floating(logits=logits)
    check_same_device(logits=logits, target=target)
    check_mask(mask, logits)
    check_choice("reduction", reduction, REDUCTIONS)
    check_focus(gamma, alpha, logits.shape[-1] if logits.ndim else 1)
    with own_precision(logits):
        logits = blank(full(logits), mask)
        target = blank(target.to(logits.dtype), mask)
        check_activity("target", target)
        return activity_loss(logits, target, mask, gamma=gamma, alpha=alpha, reduction=reduction)


def activity_loss(
    logits: Float[Tensor, "*axes cls"],
    target: Float[Tensor, "*axes cls"],
    mask: Bool[Tensor, "batch time"] | None,
    *,
    gamma: float = 0.0,
    alpha: Alpha = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """Return the [`focal_loss`][seldkit.losses.focal_loss], by default without focus.

    Both in one precision, float32 at least, and zeros where frames do not count.
    """
    if gamma == 0 and alpha is None and reduction in ("mean", "sum"):
        return _cross_entropy(logits, target, mask, reduction)
    loss = functional.binary_cross_entropy_with_logits(
        logits, target, weight=frame_weight(logits, mask), reduction="none"
    )
    if gamma != 0:
        loss = loss * _misplaced(logits, target) ** gamma
    if alpha is not None:
        loss = loss * _balance(alpha, target)
    if reduction == "none":
        return loss
    if reduction == "mean":
        return loss.sum() / num_places(logits, mask)
    return loss.sum() if reduction == "sum" else loss.sum() / target.sum().clamp(min=1)


def _cross_entropy(
    logits: Tensor, target: Tensor, mask: Tensor | None, reduction: str
) -> Float[Tensor, ""]:
    """Return the sum or the mean of the cross-entropies."""
    if mask is None and logits.numel() < MANY:
        return functional.binary_cross_entropy_with_logits(logits, target, reduction=reduction)
    places = num_places(logits, mask) if reduction == "mean" else 1
    if mask is None:
        return _MANY_ENTROPIES((logits,), (target,), places)
    loss = functional.binary_cross_entropy_with_logits(
        logits, target, weight=frame_weight(logits, mask), reduction="sum"
    )
    return loss / places


def _many_entropies(logits: Tensor, target: Tensor) -> tuple[Tensor]:
    r"""Return the sum of cross-entropies by few logarithms.

    It is $\max(x, 0) - x y - \log \sigma(|x|)$. As $\sigma(|x|)$ lies in 1/2..1, dozens of them can
    be multiplied before the logarithm is taken.
    """
    near = logits.abs().sigmoid_()
    logs = near.reshape(gcd(near.numel(), FACTORS), -1).prod(dim=0).log_().sum()
    missed = torch.clamp(logits, min=0, out=near).addcmul_(logits, target, value=-1)
    return (missed.sum() - logs,)


_MANY_ENTROPIES = ByHand(
    partial(functional.binary_cross_entropy_with_logits, reduction="sum"),
    _many_entropies,
    lambda logits, target: (logits.sigmoid().sub_(target),),
)


class FocalLoss(LossModule):
    """Module form of [`focal_loss`][seldkit.losses.focal_loss]."""

    def __init__(
        self, *, gamma: float = 2.0, alpha: Alpha = None, reduction: Reduction = "mean"
    ) -> None:
        check_focus(gamma, alpha)
        check_choice("reduction", reduction, REDUCTIONS)
        super().__init__(gamma=gamma, alpha=alpha, reduction=reduction)

    def forward(
        self,
        logits: Float[Tensor, "*axes cls"],
        target: Float[Tensor, "*axes cls"],
        mask: Bool[Tensor, "batch time"] | None = None,
    ) -> Tensor:
        """Return the loss."""
        return focal_loss(logits, target, mask=mask, **self._settings())


def check_focus(gamma: float, alpha: Alpha, classes: int | None = None) -> None:
    """Raise unless both are numbers in range, and `alpha` one or as many as there are classes."""
    check_number(gamma=gamma)
    if not gamma >= 0:
        raise ValueError(f"gamma must be at least 0, got {gamma}")
    if gamma == inf:
        raise ValueError("gamma must be finite, got inf")
    if alpha is None:
        return
    if not isinstance(alpha, Tensor):
        check_number(alpha=alpha)
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha must be in 0..1, got {alpha}")
        return
    if alpha.ndim > 0:
        check_shape("alpha", alpha, "cls", **({} if classes is None else {"cls": classes}))
    # A compiled graph cannot depend on values, and an accelerator would have to be waited for.
    seen = not torch.compiler.is_compiling() and alpha.device.type == "cpu"
    if seen and not bool(((alpha >= 0) & (alpha <= 1)).all()):
        raise ValueError(f"alpha must be in 0..1, got {alpha.tolist()}")


def _misplaced(logits: Tensor, target: Tensor) -> Tensor:
    """Return the probability on the wrong side: 1 - p_t."""
    wrong = logits.sigmoid() * (1 - target) + (-logits).sigmoid() * target
    # A power below 1 has no finite slope at 0, nor a finite second derivative near it: from here
    # on the loss, which is smaller still, gains nothing from a smaller weight.
    return wrong.clamp(min=torch.finfo(wrong.dtype).tiny ** 0.5)


def _balance(alpha: float | Tensor, target: Tensor) -> Tensor:
    if isinstance(alpha, Tensor):
        alpha = alpha.to(target)
    return alpha * target + (1 - alpha) * (1 - target)
