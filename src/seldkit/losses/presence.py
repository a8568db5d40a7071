"""The loss of which classes sound at all, wherever they are."""

from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_choice, check_shape
from seldkit._typing import Float
from seldkit.losses._reduce import full

Span = Literal["frame", "clip"]


def presence_loss(
    logits: Float[Tensor, "batch time cls"],
    activity: Float[Tensor, "batch time track cls"],
    *,
    per: Span = "frame",
) -> Float[Tensor, ""]:
    """Binary cross-entropy of whether a class is active on any track.

    An auxiliary task for a track-wise network, which needs no assignment of tracks.

    Args:
        logits: One for each class and frame, `(batch, time, cls)`.
        activity: Activity of the target in 0..1, `(batch, time, track, cls)`.
        per: Judge each `"frame"`, or the `"clip"` by the maximum over its frames.

    Returns:
        A scalar, averaged over batch, classes and, by frame, time.

    Raises:
        ValueError: If shapes differ or `per` is unknown.

    Examples:
        >>> activity = torch.tensor([[[[0.0, 1.0], [0.0, 0.0]]]])  # class 1, on the first track
        >>> presence_loss(torch.tensor([[[-20.0, 20.0]]]), activity).round(decimals=3)
        tensor(0.)
    """
    check_choice("per", per, get_args(Span))
    check_shape("logits", logits, "batch time cls")
    sizes = dict(zip(("batch", "time", "cls"), logits.shape, strict=True))
    check_shape("activity", activity, "batch time track cls", **sizes)
    present = activity.amax(dim=2)
    if per == "clip":
        logits, present = logits.amax(dim=1), present.amax(dim=1)
    with torch.autocast(logits.device.type, enabled=False):
        logits = full(logits)
        return functional.binary_cross_entropy_with_logits(logits, present.to(logits.dtype))


class PresenceLoss(nn.Module):
    """Module form of [`presence_loss`][seldkit.losses.presence_loss]."""

    def __init__(self, *, per: Span = "frame") -> None:
        super().__init__()
        check_choice("per", per, get_args(Span))
        self.per: Span = per

    def forward(
        self,
        logits: Float[Tensor, "batch time cls"],
        activity: Float[Tensor, "batch time track cls"],
    ) -> Float[Tensor, ""]:
        """Return the loss."""
        return presence_loss(logits, activity, per=self.per)

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        return f"per={self.per!r}"
