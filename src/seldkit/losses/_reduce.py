"""What the losses share: the precision they are computed in, and the mean over active places."""

import torch
from torch import Tensor

from seldkit._typing import Float
from seldkit.outputs import SELDOutput


def full(x: Tensor) -> Tensor:
    """Return half-precision values, as autocast leaves them, in float32; float64 stays."""
    return x if x.dtype == torch.float64 else x.float()


def full_pair(preds: SELDOutput, target: SELDOutput) -> tuple[SELDOutput, SELDOutput]:
    """Return both outputs in one precision, float32 or float64: that of the predicted activity."""
    dtype = full(preds.activity).dtype
    preds, target = (
        SELDOutput(
            output.activity.to(dtype),
            output.direction.to(dtype),
            None if output.distance is None else output.distance.to(dtype),
        )
        for output in (preds, target)
    )
    return preds, target


def weighted_mean(
    values: Float[Tensor, "*#axes"], weight: Float[Tensor, "*#axes"]
) -> Float[Tensor, ""]:
    """Return the mean with weights, and a differentiable 0 where no weight is above 0."""
    values, weight = torch.broadcast_tensors(values, weight)
    total = weight.sum()
    return (values * weight).sum() / torch.where(total > 0, total, 1)
