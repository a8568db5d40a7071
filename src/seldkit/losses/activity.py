"""The loss of activity: cross-entropy that looks at what is hard."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_choice, check_same_shape, check_shape
from seldkit._typing import Float
from seldkit.losses._reduce import full

Reduction = Literal["mean", "sum", "none", "positives"]
REDUCTIONS = ("mean", "sum", "none", "positives")


def focal_loss(
    logits: Float[Tensor, "*axes cls"],
    target: Float[Tensor, "*axes cls"],
    *,
    gamma: float = 2.0,
    alpha: float | Float[Tensor, " cls"] | None = None,
    reduction: Reduction = "mean",
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
        target: Activity in 0..1, same shape. Soft targets, as mixing makes them, are allowed.
        gamma: How fast easy places lose weight, at least 0. 0 is the binary cross-entropy.
        alpha: Weight in 0..1 of active places, against `1 - alpha` of silent ones; one number, or
            one for each class. None leaves both at 1. Lin et al. use 0.25 with `gamma=2`.
        reduction: `"mean"` over all places, `"sum"`, `"none"`, or `"positives"`: the sum divided
            by the number of active places (the sum of soft targets), at least one.

    Returns:
        A scalar, or the loss of each place with `reduction="none"`.

    Raises:
        ValueError: If shapes differ, `gamma` or `alpha` are out of range, there are not as many
            `alpha` as classes, or `reduction` is unknown.

    Examples:
        Halfway, with a probability of 1/2, a place counts a quarter of its cross-entropy ln 2:

        >>> focal_loss(torch.zeros(1, 3), torch.tensor([[1.0, 0.0, 0.0]])).round(decimals=3)
        tensor(0.1730)
    """
    check_same_shape(logits=logits, target=target)
    _check_settings(gamma, alpha, reduction)
    with torch.autocast(logits.device.type, enabled=False):
        logits = full(logits)
        target = target.to(logits.dtype)
        loss = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
        loss = loss * _misplaced(logits, target) ** gamma
        if alpha is not None:
            loss = loss * _balance(alpha, target)
        if reduction == "none":
            return loss
        if reduction == "mean":
            return loss.mean()
        return loss.sum() if reduction == "sum" else loss.sum() / target.sum().clamp(min=1)


class FocalLoss(nn.Module):
    """Module form of [`focal_loss`][seldkit.losses.focal_loss].

    Weights of classes move with the module; they are a setting, so `state_dict` leaves them out.
    """

    alpha: float | Tensor | None

    def __init__(
        self,
        *,
        gamma: float = 2.0,
        alpha: float | Float[Tensor, " cls"] | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__()
        _check_settings(gamma, alpha, reduction)
        self.gamma = gamma
        self.reduction: Reduction = reduction
        if isinstance(alpha, Tensor):
            check_shape("alpha", alpha, "cls")
            if not bool(((alpha >= 0) & (alpha <= 1)).all()):
                raise ValueError(f"alpha must be in 0..1, got {alpha.tolist()}")
            self.register_buffer("alpha", alpha.clone(), persistent=False)
        else:
            self.alpha = alpha

    def forward(
        self, logits: Float[Tensor, "*axes cls"], target: Float[Tensor, "*axes cls"]
    ) -> Tensor:
        """Return the loss."""
        return focal_loss(
            logits, target, gamma=self.gamma, alpha=self.alpha, reduction=self.reduction
        )

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        alpha = self.alpha.tolist() if isinstance(self.alpha, Tensor) else self.alpha
        return f"gamma={self.gamma}, alpha={alpha}, reduction={self.reduction!r}"


def _check_settings(gamma: float, alpha: float | Tensor | None, reduction: str) -> None:
    check_choice("reduction", reduction, REDUCTIONS)
    check_focus(gamma, alpha)


def check_focus(gamma: float, alpha: float | Tensor | None) -> None:
    """Raise `ValueError` unless both are in range; weights of classes are checked elsewhere."""
    if not gamma >= 0:
        raise ValueError(f"gamma must be at least 0, got {gamma}")
    if not (alpha is None or isinstance(alpha, Tensor) or 0 <= alpha <= 1):
        raise ValueError(f"alpha must be in 0..1, got {alpha}")


def _misplaced(logits: Tensor, target: Tensor) -> Tensor:
    """Return the probability on the wrong side: 1 - p_t."""
    wrong = logits.sigmoid() * (1 - target) + (-logits).sigmoid() * target
    # A power below 1 has no finite slope at 0, nor a finite second derivative near it: from here
    # on the loss, which is smaller still, gains nothing from a smaller weight.
    return wrong.clamp(min=torch.finfo(wrong.dtype).tiny ** 0.5)


def _balance(alpha: float | Tensor, target: Tensor) -> Tensor:
    if isinstance(alpha, Tensor):
        check_shape("alpha", alpha, "cls", cls=target.shape[-1])
        alpha = alpha.to(target)
    return alpha * target + (1 - alpha) * (1 - target)
