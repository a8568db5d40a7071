"""The class-wise format of SELDnet: each class sounds from at most one direction at a time."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from seldkit._typing import Bool
from seldkit.events import Events
from seldkit.formats.activity import ActivityFormat
from seldkit.outputs import SELDOutput


@dataclass(frozen=True)
class ClassWise(ActivityFormat):
    """Whether each class sounds, and a direction for each class.

    Two events of one class in one frame are one too many. Distances travel if asked.

    Source: Adavanne et al., "Sound event localization and detection of overlapping sources using
    convolutional recurrent neural networks", IEEE JSTSP 13(1), 2019, section III-B.

    Args:
        num_classes: Number of classes.
        threshold: A class is active where its probability exceeds this; one number, or one for each
            class, in a list, an array or a tensor.
        overflow: What `encode` does with a second event of a class in one frame and with events
            beyond the clip: `"raise"`, or `"drop"`, which leaves them out; `fit` tells which. Of
            one class and frame the last row stays, as in the published code.
        distance: Whether targets and predictions hold distances, in metres.
        positions_m: For positions in place of directions, as L3DAS has them: the direction axes
            hold the position over this number of metres (one, or one for x, y and z), so that they
            lie in ±1, and events get their distances from it. The L3DAS baseline has 2, its winner
            of 2022 (2, 1.5, 1). Positions beyond do not fit. Excludes `distance`.

    Raises:
        TypeError: If a count is no integer, or a threshold no number.
        ValueError: If a count is not positive, there are not as many thresholds as classes, one is
            nan, `overflow` is unknown, or `positions_m` is not as said.

    Examples:
        >>> events = Events.from_degrees([0, 0], [1, 3], [90.0, 0.0], [0.0, 0.0])
        >>> activity, direction, _ = ClassWise(num_classes=5).encode(events, num_frames=2)
        >>> activity
        tensor([[0., 1., 0., 1., 0.],
                [0., 0., 0., 0., 0.]])
        >>> direction[0, 1].round()  # the left
        tensor([0., 1., 0.])
    """

    _activity_axes: ClassVar[str] = "time cls"

    def encode(self, events: Events, num_frames: int) -> SELDOutput:
        """Return the target of a clip, without the batch axis.

        Args:
            events: The events of the clip.
            num_frames: Number of frames of the target.

        Returns:
            Activity `(time, cls)`, 0 or 1; direction `(time, cls, axis)`, unit vectors or positions
            in ±1; distance `(time, cls)` in metres if the format has it. An inactive place is all
            zeros.

        Raises:
            ValueError: If a label is not below `num_classes`, an event is the second of its class
                in a frame or lies beyond `num_frames` (unless `overflow="drop"`), or distances are
                missing.
        """
        kept = self._to_encode(events, num_frames)
        return self._target(kept, {"time": kept.frame, "cls": kept.label}, num_frames)

    def decode(self, output: SELDOutput, *, logits: bool = True) -> Events:
        """Return the events of a network's output.

        With the default threshold a target of `encode` decodes to its events too, since 1 lies
        above and 0 at the threshold's logit.

        Args:
            output: Activity `(time, cls)` and direction `(time, cls, axis)` of any length; a
                direction of length zero counts as the front. Distances below zero count as zero.
            logits: Whether the activity holds logits; otherwise probabilities.

        Returns:
            One row for each active class and frame, sorted by frame, then class; `source` is 0.

        Raises:
            TypeError: If the output is a tensor.
            ValueError: If the shapes are not those of the format, or a value is nan.
        """
        active = self._probability(output, logits) > self._thresholds()
        frame, label = active.nonzero(as_tuple=True)
        return self._events(output, {"time": frame, "cls": label}, torch.zeros_like(frame))

    @property
    def _room(self) -> str:
        return "one event of a class"

    def _placed(self, events: Events) -> Bool[Tensor, " event"]:
        return self._last_of_each_cell(events)
