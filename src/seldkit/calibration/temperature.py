"""Temperature scaling: logits divided by a number, so that probabilities mean what they say."""

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._checks import check_floating
from seldkit._typing import Float
from seldkit.calibration._places import Target, places

MAX_STEPS = 100
"""Newton's method needs about eight; halving the bracket alone would be done after sixty."""


def fit_temperature(
    logits: Float[Tensor, "*axes cls"],
    target: Target,
    *,
    per_class: bool = False,
    bounds: tuple[float, float] = (0.05, 20.0),
) -> Float[Tensor, "*cls"]:
    r"""Fit the temperature $T$ for which $\sigma(x / T)$ explains the target best.

    It minimises the mean negative log-likelihood, which is the binary cross-entropy of
    $\sigma(x / T)$. In $1 / T$ this is convex, so there is one minimum, and Newton's method, kept
    between bounds, finds it. $T > 1$ says that the network was too sure of itself. On the data it
    is fitted to, the likelihood never gets worse than without.

    A common temperature keeps the order of all scores: which class or track comes first, and what
    thresholds can tell apart. Temperatures by class keep the order within a class.

    Source: Guo et al., "On calibration of modern neural networks", ICML 2017, section 4.2, with a
    sigmoid for each class in place of the softmax.

    Args:
        logits: Activity before the sigmoid, `(..., cls)`.
        target: Activity in 0..1, of the same shape.
        per_class: Whether each class gets a temperature of its own. One that is never active, or
            always, keeps 1: nothing tells how sure to be.
        bounds: Where the temperature must lie, 1 among them. Classes that the logits separate
            without error want 0, those about which they say nothing infinity.

    Returns:
        One temperature, or one for each class, `[cls]`, of the type and device of the logits:
        `(logits / temperature).sigmoid()`. It may as well be divided out of the weight and bias of
        the layer that makes the logits.

    Raises:
        TypeError: If the logits hold integers.
        ValueError: If shapes differ or there is no place, a logit is not finite, a target is not in
            0..1, or the bounds are not positive with 1 between them.

    Examples:
        Logits of ±4 claim to err once in 55 times. They err once in four times, as logits of
        ±ln 3 do:

        >>> logits = torch.tensor([[4.0], [4.0], [4.0], [4.0], [-4.0], [-4.0], [-4.0], [-4.0]])
        >>> target = torch.tensor([[1], [1], [1], [0], [0], [0], [0], [1]])
        >>> temperature = fit_temperature(logits, target)
        >>> (logits[0] / temperature).sigmoid().round(decimals=4)
        tensor([0.7500])
    """
    low, high = bounds
    if not 0 < low <= 1 <= high:
        raise ValueError(f"bounds must be positive with 1 between them, got {bounds}")
    check_floating(logits=logits)
    x, y = places("logits", logits, target, soft=True)
    if not per_class:
        x, y = x.reshape(-1, 1), y.reshape(-1, 1)
    fitted = (1 / _best_scale(x, y, 1 / high, 1 / low)).clamp(low, high)
    fitted = fitted.to(logits.dtype).double()  # rounded first, so that the comparison holds
    told = (y.sum(dim=0) > 0) & ((1 - y).sum(dim=0) > 0)
    better = told & (_likelihood_loss(x / fitted, y) < _likelihood_loss(x, y))
    temperature = fitted.where(better, 1.0).to(logits)
    return temperature if per_class else temperature.squeeze(0)


def _likelihood_loss(x: Tensor, y: Tensor) -> Float[Tensor, " cls"]:
    return functional.binary_cross_entropy_with_logits(x, y, reduction="none").mean(dim=0)


def _best_scale(
    x: Float[Tensor, "place cls"], y: Float[Tensor, "place cls"], low: float, high: float
) -> Float[Tensor, " cls"]:
    """Return the factor of the logits, within its bounds, where the loss has its minimum."""

    def slope(scale: Tensor) -> Tensor:
        return (x * ((scale * x).sigmoid() - y)).sum(dim=0)

    one = torch.ones_like(x[0])
    below, above = low * one, high * one
    above = above.where(slope(below) < 0, below)  # the loss rises all the way: stay at the bound
    below = below.where(slope(above) > 0, above)
    scale = one.clamp(below, above)
    for _ in range(MAX_STEPS):
        p = (scale * x).sigmoid()
        s = (x * (p - y)).sum(dim=0)
        below, above = scale.where(s <= 0, below), scale.where(s >= 0, above)
        newton = scale - s / (x.square() * p * (1 - p)).sum(dim=0)
        inside = (newton > below) & (newton < above)  # never with a curvature of zero
        step = newton.where(inside, (below * above).sqrt())
        if ((step - scale).abs() <= 1e-12 * scale).all():
            break
        scale = step
    return scale
