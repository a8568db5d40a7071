"""One balancer of each kind, and losses for them."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from seldkit.losses import (
    Balancer,
    DynamicWeightAverage,
    FixedWeights,
    GradNorm,
    LossScaleBalancer,
    RandomWeights,
    UncertaintyWeights,
)

SHARED = nn.Parameter(torch.ones((), dtype=torch.float64))
"""What stands for the shared layer: every loss is a number times it."""

BALANCERS: dict[str, Callable[[], Balancer]] = {
    "fixed": lambda: FixedWeights(sed=0.3, doa=0.7),
    "running": LossScaleBalancer,
    "periods": lambda: LossScaleBalancer({"sed": 0.3, "doa": 0.7}, record=3, exponent=0.5),
    "dynamic": lambda: DynamicWeightAverage(record=2),
    "random": lambda: RandomWeights(seed=7),
    "uncertainty": lambda: UncertaintyWeights(classification=("sed",)).double(),
    "grad_norm": lambda: GradNorm(SHARED).double(),
}


def losses(sed: float, doa: float) -> dict[str, Tensor]:
    """Return two losses that the shared layer has a part in."""
    return {"sed": sed * SHARED, "doa": doa * SHARED}


def trace(balancer: Balancer, pairs: list[tuple[float, float]]) -> list[tuple[float, ...]]:
    """Return total and weights of one training step after the other."""
    optimizer = torch.optim.SGD([*balancer.parameters(), torch.zeros(1, requires_grad=True)], 0.1)
    rows = []
    for sed, doa in pairs:
        total = balancer(losses(sed, doa))
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        rows.append((total.item(), *balancer.weights.values()))
    return rows
