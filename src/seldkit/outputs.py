"""What networks return, and their targets."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from torch import Tensor


class SELDOutput(NamedTuple):
    """Activity and direction of each track or class, and the distance where there is one.

    Attributes:
        activity: `batch time track cls` (track-wise) or `batch time cls` (class-wise); logits in a
            prediction, 0 or 1 in a target.
        direction: `batch time track axis`, `batch time track cls axis` (track-wise, with a
            direction for each class) or `batch time cls axis`; unit vectors in a target, zeros
            where nothing is active.
        distance: The axes of the direction without the last, in metres; None where it is not
            estimated.
    """

    activity: Tensor
    direction: Tensor
    distance: Tensor | None = None


Output = TypeVar("Output", SELDOutput, Tensor)


def combine(function: Callable[[list[Tensor]], Tensor], outputs: Sequence[Output]) -> Output:
    """Make one output of several: apply a function to all activities, to all directions, ...

    Args:
        function: From a list of tensors to one tensor, such as `torch.stack`.
        outputs: Outputs or targets of one kind: `SELDOutput`, or the tensors of ACCDOA.

    Examples:
        >>> import torch
        >>> outputs = [SELDOutput(torch.zeros(5, 2, 14), torch.zeros(5, 2, 3))] * 8
        >>> combine(torch.stack, outputs).activity.shape
        torch.Size([8, 5, 2, 14])
    """
    first = outputs[0]
    if isinstance(first, Tensor):
        return function(list(outputs))
    activity, direction, distance = zip(*outputs, strict=True)
    return SELDOutput(
        function(list(activity)),
        function(list(direction)),
        None if first.distance is None else function(list(distance)),
    )
