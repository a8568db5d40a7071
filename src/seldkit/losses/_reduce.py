"""What the losses share: their precision, the frames that count, and means over them."""

from math import prod

import torch
from torch import Tensor

from seldkit._typing import Bool, Float
from seldkit.outputs import SELDOutput


def full(x: Tensor) -> Tensor:
    """Return half-precision values, as autocast leaves them, in float32; float64 stays."""
    return x if x.dtype == torch.float64 else x.float()


def full_pair(
    preds: SELDOutput, target: SELDOutput, mask: Bool[Tensor, "batch time"] | None
) -> tuple[SELDOutput, SELDOutput]:
    """Return both outputs in one precision, float32 or float64: that of the predicted activity.

    Frames that do not count are zeros.
    """
    dtype = full(preds.activity).dtype

    def ready(x: Tensor) -> Tensor:
        return blank(x.to(dtype), mask)

    return preds.map(ready), target.map(ready)


def blank(x: Tensor, mask: Bool[Tensor, "batch time"] | None) -> Tensor:
    """Return zeros where frames do not count: neither value nor gradient comes from there."""
    return x if mask is None else torch.where(spread(mask, x), x, 0)


def spread(mask: Bool[Tensor, "batch time"], x: Tensor) -> Tensor:
    """Return the mask with as many axes as `x (batch, time, ...)`."""
    return mask.reshape(*mask.shape, *[1] * (x.ndim - 2))


def frame_weight(x: Tensor, mask: Bool[Tensor, "batch time"] | None) -> Tensor | None:
    """Return 1 where frames of `x (batch, time, ...)` count and 0 elsewhere; None if all count."""
    return None if mask is None else spread(mask, x).to(x.dtype)


def num_places(x: Tensor, mask: Bool[Tensor, "batch time"] | None) -> Tensor | int:
    """Return how many entries of `x (batch, time, ...)` lie in frames that count.

    Under a mask at least 1, so that the mean over no frame is 0; that of an empty batch is nan.
    """
    return x.numel() if mask is None else (mask.sum() * prod(x.shape[2:])).clamp(min=1)


def mean(values: Tensor, mask: Bool[Tensor, "batch time"] | None) -> Float[Tensor, ""]:
    """Return the mean over the frames that count; as in `num_places` where none does."""
    weight = frame_weight(values, mask)
    return values.mean() if weight is None else (values * weight).sum() / num_places(values, mask)


def weighted_mean(
    values: Float[Tensor, "*#axes"], weight: Float[Tensor, "*#axes"]
) -> Float[Tensor, ""]:
    """Return the mean with weights, and a differentiable 0 where no weight is above 0."""
    values, weight = torch.broadcast_tensors(values, weight)
    total = weight.sum()
    return (values * weight).sum() / torch.where(total > 0, total, 1)
