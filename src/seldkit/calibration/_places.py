"""What all calibration reads: a score and a target for each place and class."""

from collections.abc import Sequence

import torch
from torch import Tensor

from seldkit._checks import check_finite, check_same_shape
from seldkit._typing import Bool, Float, Int

Target = Float[Tensor, "*axes cls"] | Int[Tensor, "*axes cls"] | Bool[Tensor, "*axes cls"]


def places(
    name: str, values: Tensor, target: Tensor, *, soft: bool = False
) -> tuple[Float[Tensor, "place cls"], Float[Tensor, "place cls"]]:
    """Return values and targets in float64 on the CPU, all axes but the classes as one.

    Args:
        name: Argument name of the values, quoted in messages.
        values: Scores, logits or probabilities, `(..., cls)`.
        target: What they should be, of the same shape.
        soft: Whether the target may lie between 0 and 1.
    """
    if values.ndim == 0 or not values.numel():
        raise ValueError(f"{name} must be (..., cls) and not empty, got {tuple(values.shape)}")
    check_same_shape(**{name: values, "target": target})
    check_finite(name, values)
    num_classes = values.shape[-1]
    x, y = (part.detach().cpu().double().reshape(-1, num_classes) for part in (values, target))
    off = ~((y >= 0) & (y <= 1)) if soft else (y != 0) & (y != 1)
    if off.any():
        rule = "lie in 0..1" if soft else "hold 0 and 1"
        raise ValueError(f"target must {rule}, got {y[off][0]:g}")
    return x, y


def grid_of(values: Sequence[float] | Tensor) -> Float[Tensor, " threshold"]:
    """Return the thresholds to try in rising order, or raise `ValueError`."""
    values = torch.as_tensor(values, dtype=torch.float64).detach().cpu()
    grid: Tensor = values.flatten().unique()
    if not len(grid):
        raise ValueError("grid must hold at least one threshold, got none")
    check_finite("grid", grid)
    return grid
