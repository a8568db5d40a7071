"""What the losses share: their precision, the frames that count, and means over them."""

from contextlib import AbstractContextManager, nullcontext
from math import prod
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._checks import check_choice
from seldkit._typing import Bool, Float
from seldkit.losses._checks import check_activity
from seldkit.outputs import SELDOutput

Error = Literal["mse", "l1"]


def own_precision(x: Tensor) -> AbstractContextManager[Any]:
    """Return a context in which autocast leaves every precision as it is."""
    device = x.device.type
    return (
        torch.autocast(device, enabled=False)
        if torch.is_autocast_enabled(device)
        else nullcontext()
    )


def full(x: Tensor) -> Tensor:
    """Return half-precision values, as autocast leaves them, in float32; float64 stays."""
    return x if x.dtype == torch.float64 else x.float()


def full_pair(
    preds: SELDOutput, target: SELDOutput, mask: Bool[Tensor, "batch time"] | None
) -> tuple[SELDOutput, SELDOutput]:
    """Return both outputs in one precision, float32 or float64: that of the predicted activity.

    Frames that do not count are zeros.

    Raises:
        ValueError: On the processor, if an activity of the target is not in 0..1.
    """
    dtype = full(preds.activity).dtype

    def ready(x: Tensor) -> Tensor:
        return blank(x if x.dtype == dtype else x.to(dtype), mask)

    preds, target = preds.map(ready), target.map(ready)
    check_activity("target.activity", target.activity)
    return preds, target


def blank(x: Tensor, mask: Bool[Tensor, "batch time"] | None) -> Tensor:
    """Return zeros where frames do not count: neither value nor gradient comes from there."""
    return x if mask is None else torch.where(spread(mask, x), x, 0)


def spread(frames: Tensor, x: Tensor) -> Tensor:
    """Return a mask or weights `(batch, time)` with as many axes as `x (batch, time, ...)`."""
    return frames.reshape(*frames.shape, *[1] * (x.ndim - 2))


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


def mean_error(
    preds: Tensor, target: Tensor, error: Error, mask: Bool[Tensor, "batch time"] | None
) -> Float[Tensor, ""]:
    """Return the mean squared or absolute error of what is zeros in frames that do not count."""
    total = functional.mse_loss if error == "mse" else functional.l1_loss
    if mask is None:
        return total(preds, target)
    return total(preds, target, reduction="sum") / num_places(preds, mask)


def check_error(error: str) -> None:
    """Raise `ValueError` unless the error is known."""
    check_choice("error", error, ("mse", "l1"))


def weighted_mean(
    values: Float[Tensor, "*#axes"], weight: Float[Tensor, "*#axes"]
) -> Float[Tensor, ""]:
    """Return the mean with weights, and a differentiable 0 where no weight is above 0."""
    values, weight = torch.broadcast_tensors(values, weight)
    total = weight.sum()
    return (values * weight).sum() / torch.where(total > 0, total, 1)
