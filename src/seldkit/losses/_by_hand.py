"""Losses whose gradient is worked out by hand, in fewer steps than the graph would take."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor
from torch.autograd import forward_ad

from seldkit.losses._reduce import own_precision

Worked = tuple[Tensor | None, ...]
"""A loss, and what its slopes need beside the inputs."""


class ByHand(NamedTuple):
    """A loss of predictions and targets, as a formula and as worked out by hand.

    Attributes:
        formula: From predictions, then targets, to the loss.
        loss: From the same to the loss, a new tensor, and what the slopes need beside them.
        slopes: From all of these to the slopes, new tensors: the gradient of each prediction.
    """

    formula: Callable[..., Tensor]
    loss: Callable[..., Worked]
    slopes: Callable[..., tuple[Tensor, ...]]

    def __call__(
        self, preds: tuple[Tensor, ...], target: tuple[Tensor, ...], places: Tensor | float
    ) -> Tensor:
        """Return the loss, divided by the number of places that it is summed over.

        It is the formula, which autograd goes through, where working by hand has no place: in
        compiled graphs, under transforms of functions, on accelerators, for gradients of targets
        and for second derivatives.
        """
        if not all(map(_is_plain, preds)) or any(x.requires_grad for x in target):
            return self.formula(*preds, *target) / places
        loss: Tensor = _Worked.apply(self, places, len(preds), *preds, *target)  # type: ignore[no-untyped-call]
        return loss


def _is_plain(x: Tensor) -> bool:
    """Return whether a tensor has values, in the memory of the processor, and no tangent."""
    if torch.compiler.is_compiling() or x.device.type != "cpu" or x.numel() == 0:
        return False
    try:
        x.data_ptr()
    except RuntimeError:  # what stands for a tensor under transforms of functions has no memory
        return False
    return forward_ad.unpack_dual(x).tangent is None


class _Worked(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, form: ByHand, places: Tensor | float, count: int, *inputs: Tensor
    ) -> Tensor:
        loss, *kept = form.loss(*inputs)
        ctx.form, ctx.places, ctx.count, ctx.given = form, places, count, len(inputs)
        ctx.save_for_backward(*inputs, *kept)
        return cast(Tensor, loss).div_(places)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        nothing = (None,) * (ctx.given - ctx.count)
        with own_precision(gradient):
            slopes = _Worked._slopes(ctx, gradient / ctx.places)
            return None, None, None, *slopes, *nothing

    @staticmethod
    def _slopes(ctx: Any, gradient: Tensor) -> Iterator[Tensor | None]:
        saved = ctx.saved_tensors
        if not torch.is_grad_enabled():
            return (slope.mul_(gradient) for slope in ctx.form.slopes(*saved))
        inputs = saved[: ctx.given]  # for second derivatives
        learned = [x for x in inputs[: ctx.count] if x.requires_grad]
        loss = ctx.form.formula(*inputs)
        found = iter(torch.autograd.grad(loss, learned, gradient, create_graph=True))
        return (next(found) if x.requires_grad else None for x in inputs[: ctx.count])
