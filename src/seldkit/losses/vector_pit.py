"""Permutation-invariant training of tracks that are vectors alone."""

import torch
from torch import Tensor

from seldkit._typing import Bool, Float, Int
from seldkit.losses._checks import check_vectors
from seldkit.losses._module import LossModule
from seldkit.losses._order import in_cheapest_order
from seldkit.losses._reduce import Error, blank, check_error, full, mean_error, own_precision
from seldkit.losses.spans import Per, Span, check_span, span_cost
from seldkit.losses.tracks import check_chunk


def vector_pit_loss(
    preds: Float[Tensor, "batch time track axis"],
    target: Float[Tensor, "batch time track axis"],
    *,
    per: Per = "frame",
    chunk: Int[Tensor, "batch time"] | None = None,
    window: int | None = None,
    error: Error = "mse",
    mask: Bool[Tensor, "batch time"] | None = None,
) -> Float[Tensor, ""]:
    """Mean error of vectors under the best assignment of tracks.

    For networks that localize without classes: vectors whose length is the activity, with zeros
    where there is nothing, or directions alone. With activities and classes beside them it is
    [`trackwise_pit_loss`][seldkit.losses.trackwise_pit_loss].

    Source: the sliding window as Diaz-Guerra et al., "Position tracking of a varying number of
    sound sources with sliding permutation invariant training", EUSIPCO 2023. What a window does at
    the ends of a clip is our choice: less of it is filled.

    Args:
        preds: Vectors `(batch, time, track, axis)`, with any number of axes.
        target: The same of the target.
        per: For what the assignment is chosen: each `"frame"` (tPIT), `"chunk"` (cPIT),
            `"stretch"` in which the same tracks are active, the whole `"clip"`, or each frame by
            the errors in a `"window"` around it (sPIT). A track is active where it is not zero. A
            window of 1 is `"frame"`, one of twice the clip `"clip"`.
        chunk: For `per="chunk"`, number of the chunk that each frame belongs to, any integers, in
            place of the events'.
        window: Length of the window in frames, odd.
        error: `"mse"`, the squared error, or `"l1"`, the absolute one, as means over the axes.
        mask: Which frames count, for the loss and for the choice; None for all. The others keep
            their place in a window, and neither begin nor end a chunk.

    Returns:
        A scalar, averaged over batch, frames, tracks and axes; 0, with a gradient of zeros, where
        a mask leaves nothing. (The mean of an empty batch is nan.)

    Raises:
        TypeError: If one is no tensor of floats, the chunk no integers, the mask no booleans.
        ValueError: If shapes differ or are wrong, a choice is unknown, or an argument is given that
            the others make no use of.

    Examples:
        >>> both = torch.eye(3)[:2].expand(1, 4, 2, 3)
        >>> exchanged = both.clone()
        >>> exchanged[0, 2:] = both[0, 2:].flip(1)
        >>> vector_pit_loss(exchanged, both)  # each frame by itself
        tensor(0.)
        >>> vector_pit_loss(exchanged, both, per="clip")  # half of the frames are wrong
        tensor(0.3333)
    """
    span = Span(per, chunk, window)
    _check_settings(span, error)
    check_vectors(
        "vector_pit_loss", preds, target, "batch time track axis", onscreen=False, mask=mask
    )
    check_chunk("vector_pit_loss", span, preds)
    with own_precision(preds):
        preds = blank(full(preds), mask)
        target = blank(target.to(preds.dtype), mask)
        with torch.no_grad():
            if error == "mse":  # squares of one track alone settle no choice
                cost = -(preds @ target.mT)
            else:
                cost = (preds.unsqueeze(3) - target.unsqueeze(2)).abs().sum(dim=-1)
            if per in ("chunk", "stretch"):
                active = (target != 0).any(dim=3, keepdim=True).to(preds.dtype)
            else:
                active = target  # of which no event is sought
            cost = span_cost(cost, active, span, mask)
        return mean_error(preds, in_cheapest_order(target, cost), error, mask)


class VectorPITLoss(LossModule):
    """Module form of [`vector_pit_loss`][seldkit.losses.vector_pit_loss]."""

    def __init__(
        self, *, per: Per = "frame", window: int | None = None, error: Error = "mse"
    ) -> None:
        _check_settings(Span(per, None, window), error)
        window = None if window is None else int(window)
        super().__init__(per=per, window=window, error=error)

    def forward(
        self,
        preds: Float[Tensor, "batch time track axis"],
        target: Float[Tensor, "batch time track axis"],
        chunk: Int[Tensor, "batch time"] | None = None,
        mask: Bool[Tensor, "batch time"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the loss."""
        return vector_pit_loss(preds, target, chunk=chunk, mask=mask, **self._settings())


def _check_settings(span: Span, error: str) -> None:
    check_span(span)
    check_error(error)
