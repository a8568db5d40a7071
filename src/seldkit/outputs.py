"""What networks with separate activity and direction outputs return, and their target."""

from typing import NamedTuple

from torch import Tensor


class SELDOutput(NamedTuple):
    """Activity and direction of each track or class, and the distance where there is one.

    Attributes:
        activity: `batch time track cls` (track-wise) or `batch time cls` (class-wise); logits in a
            prediction, 0 or 1 in a target.
        direction: `batch time track axis` or `batch time cls axis`; unit vectors in a target, zeros
            where nothing is active.
        distance: `batch time track` or `batch time cls`, in metres; None where it is not estimated.
    """

    activity: Tensor
    direction: Tensor
    distance: Tensor | None = None
