"""What networks return, and their targets."""

from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
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

    def map(self, function: Callable[[Tensor], Tensor]) -> "SELDOutput":
        """Return the output with a function applied to each of its tensors.

        Examples:
            >>> import torch
            >>> output = SELDOutput(torch.zeros(8, 100, 2, 14), torch.zeros(8, 100, 2, 3))
            >>> output.map(lambda x: x[:, :40]).direction.shape
            torch.Size([8, 40, 2, 3])
        """
        return SELDOutput(
            function(self.activity),
            function(self.direction),
            None if self.distance is None else function(self.distance),
        )

    def items(self) -> Iterator["SELDOutput"]:
        """Return the clips of a batch, each without the batch axis, as formats decode them.

        Examples:
            >>> import torch
            >>> batch = SELDOutput(torch.zeros(8, 100, 2, 14), torch.zeros(8, 100, 2, 3))
            >>> [clip.activity.shape for clip in batch.items()][:1]
            [torch.Size([100, 2, 14])]
        """
        return (self.map(itemgetter(number)) for number in range(len(self.activity)))


Output = TypeVar("Output", SELDOutput, Tensor)


def apply(function: Callable[[Tensor], Tensor], output: Output) -> Output:
    """Apply a function to an output of any format: to the tensor, or to each of a `SELDOutput`.

    Args:
        function: From a tensor to a tensor.
        output: A `SELDOutput`, or a tensor of the ACCDOA family.

    Raises:
        TypeError: If the output is neither.

    Examples:
        >>> import torch
        >>> apply(lambda x: x[:40], torch.zeros(100, 14, 3)).shape
        torch.Size([40, 14, 3])
    """
    if isinstance(output, Tensor):
        return function(output)
    _check(output)
    return output.map(function)


def combine(function: Callable[[list[Tensor]], Tensor], outputs: Sequence[Output]) -> Output:
    """Make one output of several: apply a function to all activities, to all directions, ...

    Args:
        function: From a list of tensors to one tensor, such as `torch.stack`.
        outputs: At least one, all of one kind: `SELDOutput`, or tensors of the ACCDOA family.

    Raises:
        TypeError: If they are of several kinds, or of none of these.
        ValueError: If there are none, or some have distances and others have not.

    Examples:
        >>> import torch
        >>> outputs = [SELDOutput(torch.zeros(5, 2, 14), torch.zeros(5, 2, 3))] * 8
        >>> combine(torch.stack, outputs).activity.shape
        torch.Size([8, 5, 2, 14])
    """
    if not len(outputs):
        raise ValueError("outputs must hold at least one, got none")
    first = outputs[0]
    for number, output in enumerate(outputs):
        _check(output)
        if isinstance(output, Tensor) != isinstance(first, Tensor):
            raise TypeError(
                f"outputs must be of one kind, but number 0 is a {type(first).__name__} and number"
                f" {number} a {type(output).__name__}"
            )
    if isinstance(first, Tensor):
        return function(list(outputs))
    activity, direction, distance = zip(*outputs, strict=True)
    there = [x is not None for x in distance]
    if any(there) and not all(there):
        raise ValueError(
            "outputs must all have a distance or none, but number"
            f" {there.index(True)} has one and number {there.index(False)} has none"
        )
    return SELDOutput(
        function(list(activity)),
        function(list(direction)),
        function(list(distance)) if all(there) else None,
    )


def _check(output: object) -> None:
    if not isinstance(output, SELDOutput | Tensor):
        raise TypeError(f"output must be a SELDOutput or a tensor, got {type(output).__name__}")
