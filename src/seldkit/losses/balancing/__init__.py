"""Balancers: what makes one number of the losses of several tasks."""

from seldkit.losses.balancing.base import Balancer
from seldkit.losses.balancing.dynamic import DynamicWeightAverage
from seldkit.losses.balancing.fixed import FixedWeights
from seldkit.losses.balancing.grad_norm import GradNorm
from seldkit.losses.balancing.loss_scale import LossScaleBalancer
from seldkit.losses.balancing.random import RandomWeights
from seldkit.losses.balancing.uncertainty import UncertaintyWeights

__all__ = [
    "Balancer",
    "DynamicWeightAverage",
    "FixedWeights",
    "GradNorm",
    "LossScaleBalancer",
    "RandomWeights",
    "UncertaintyWeights",
]
