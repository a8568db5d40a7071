"""How far probabilities are from what they say."""

import torch
from torch import Tensor

from seldkit._checks import check_count
from seldkit._typing import Float
from seldkit.calibration._places import Target, places


def expected_calibration_error(
    probability: Float[Tensor, "*axes cls"],
    target: Target,
    *,
    num_bins: int = 15,
    per_class: bool = False,
) -> Float[Tensor, "*cls"]:
    r"""Return the mean gap between how probable and how frequent activity is.

    Places of like probability, in bins of equal width, are looked at together:

    $$\mathrm{ECE} = \sum_b \frac{n_b}{n} \bigl| \bar p_b - \bar y_b \bigr|$$

    with $n_b$ of $n$ places in bin $b$, their mean probability $\bar p_b$ and share of activity
    $\bar y_b$. Most places are silent and known to be, so that the number is small for any network:
    compare it before and after calibration, on the same data.

    Source: Guo et al., "On calibration of modern neural networks", ICML 2017, equation 3, for
    binary decisions.

    Args:
        probability: Of activity, 0 to 1, `(..., cls)`.
        target: Activity, 0 or 1, of the same shape.
        num_bins: Number of bins. A probability on an edge falls into the lower bin.
        per_class: Whether to look at each class by itself.

    Returns:
        The error, 0 to 1, lower is better; `[cls]` if `per_class`; float64 on the CPU.

    Raises:
        TypeError: If `num_bins` is no integer.
        ValueError: If shapes differ or there is no place, a probability is not in 0..1, a target is
            neither 0 nor 1, or `num_bins` is not positive.

    Examples:
        >>> probability = torch.tensor([[0.75], [0.75], [0.75], [0.75], [0.2]])
        >>> target = torch.tensor([[1], [1], [1], [0], [0]])
        >>> expected_calibration_error(probability, target).round(decimals=3)
        tensor(0.0400, dtype=torch.float64)
    """
    check_count(num_bins=num_bins)
    p, y = places("probability", probability, target)
    off = (p < 0) | (p > 1)
    if off.any():
        raise ValueError(f"probability must lie in 0..1, got {p[off][0]:g}")
    if not per_class:
        p, y = p.reshape(-1, 1), y.reshape(-1, 1)
    num_classes = p.shape[1]
    edges = torch.arange(1, num_bins, dtype=torch.float64) / num_bins
    cell = torch.arange(num_classes) * num_bins + torch.bucketize(p, edges)
    gap = torch.zeros(num_classes * num_bins, dtype=torch.float64)
    gap.index_add_(0, cell.flatten(), (p - y).flatten())
    error = gap.reshape(num_classes, num_bins).abs().sum(dim=1) / len(p)
    return error if per_class else error.squeeze(0)
