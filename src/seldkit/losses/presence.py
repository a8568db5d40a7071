"""The loss of which classes sound at all, wherever they are."""

from typing import Literal, get_args

import torch
from torch import Tensor

from seldkit._checks import check_choice, check_floating, check_shape
from seldkit._typing import Bool, Float
from seldkit.losses._checks import (
    check_activity,
    check_mask,
    check_same_device,
    check_some,
    check_tensors,
)
from seldkit.losses._module import LossModule
from seldkit.losses._reduce import blank, full, own_precision
from seldkit.losses.activity import Alpha, activity_loss, check_focus

Span = Literal["frame", "clip"]
SPANS = get_args(Span)


def presence_loss(
    logits: Float[Tensor, "batch time cls"],
    activity: Float[Tensor, "batch time track cls"],
    *,
    per: Span = "frame",
    gamma: float = 0.0,
    alpha: Alpha = None,
    mask: Bool[Tensor, "batch time"] | None = None,
) -> Float[Tensor, ""]:
    """Binary cross-entropy of whether a class is active on any track.

    An auxiliary task for a track-wise network, which needs no assignment of tracks.

    Args:
        logits: One for each class and frame, `(batch, time, cls)`.
        activity: Activity of the target in 0..1, `(batch, time, track, cls)`; booleans and integers
            will do.
        per: Judge each `"frame"`, or the `"clip"` by the maximum over its frames. Frames that have
            the same maximum share its gradient.
        gamma: As in [`focal_loss`][seldkit.losses.focal_loss]; 0 is the binary cross-entropy.
        alpha: Likewise, the weight of what is present; None leaves both at 1.
        mask: Which frames count; None for all. A clip without any does not count.

    Returns:
        A scalar, averaged over batch, classes and, by frame, time; 0, with a gradient of zeros, if
        nothing counts.

    Raises:
        TypeError: If one is no tensor, logits are no floats, the mask does not hold booleans, or a
            setting is no number.
        ValueError: If shapes differ, `per` is unknown or a setting is out of range; on the
            processor, if the activity is not in 0..1.

    Examples:
        >>> activity = torch.tensor([[[[0.0, 1.0], [0.0, 0.0]]]])  # class 1, on the first track
        >>> presence_loss(torch.tensor([[[-20.0, 20.0]]]), activity).round(decimals=3)
        tensor(0.)
    """
    check_choice("per", per, SPANS)
    check_tensors("presence_loss", logits=logits, activity=activity)
    check_shape("logits", logits, "batch time cls")
    sizes = dict(zip(("batch", "time", "cls"), logits.shape, strict=True))
    check_shape("activity", activity, "batch time track cls", **sizes)
    check_some("activity", activity)
    check_floating(logits=logits)
    check_same_device(logits=logits, activity=activity)
    check_mask(mask, logits)
    check_focus(gamma, alpha, logits.shape[-1])
    with own_precision(logits):
        logits = blank(full(logits), mask)
        present = blank(activity.amax(dim=2).to(logits.dtype), mask)
        check_activity("activity", present)
        if per == "clip" and logits.shape[1] > 0:
            logits, present, mask = _of_clips(logits, present, mask)
        return activity_loss(logits, present, mask, gamma=gamma, alpha=alpha)


class PresenceLoss(LossModule):
    """Module form of [`presence_loss`][seldkit.losses.presence_loss]."""

    def __init__(self, *, per: Span = "frame", gamma: float = 0.0, alpha: Alpha = None) -> None:
        check_choice("per", per, SPANS)
        check_focus(gamma, alpha)
        super().__init__(per=per, gamma=gamma, alpha=alpha)

    def forward(
        self,
        logits: Float[Tensor, "batch time cls"],
        activity: Float[Tensor, "batch time track cls"],
        mask: Bool[Tensor, "batch time"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the loss."""
        return presence_loss(logits, activity, mask=mask, **self._settings())


def _of_clips(
    logits: Float[Tensor, "batch time cls"],
    present: Float[Tensor, "batch time cls"],
    mask: Bool[Tensor, "batch time"] | None,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return what is said and what is true of each clip, as if it were one frame."""
    if mask is not None:
        logits = logits.masked_fill(~mask.unsqueeze(2), torch.finfo(logits.dtype).min)
        mask = mask.any(dim=1, keepdim=True)
        # A clip that does not count has a logit all the same.
        logits = torch.where(mask.unsqueeze(2), logits, 0)
    return logits.amax(dim=1, keepdim=True), present.amax(dim=1, keepdim=True), mask
