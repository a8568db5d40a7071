"""The loss of class-wise networks: one activity and one direction for each class."""

from functools import partial
from typing import overload

import torch
from torch import Tensor, nn

from seldkit._checks import check_choice
from seldkit._typing import Bool
from seldkit.losses._checks import check_activity, check_outputs
from seldkit.losses._reduce import full_pair, mean, weighted_mean
from seldkit.losses.activity import activity_loss
from seldkit.losses.direction import DIRECTION_ERRORS, DirectionError, direction_error
from seldkit.losses.distance import DISTANCE_ERRORS, DistanceError, distance_error
from seldkit.losses.tasks import DistanceTaskLosses, TaskLosses
from seldkit.outputs import SELDOutput


@overload
def class_wise_loss(
    preds: SELDOutput,
    target: SELDOutput,
    *,
    direction: DirectionError = "mse",
    masked: bool = True,
    distance: None = None,
    mask: Bool[Tensor, "batch time"] | None = None,
) -> TaskLosses: ...


@overload
def class_wise_loss(
    preds: SELDOutput,
    target: SELDOutput,
    *,
    direction: DirectionError = "mse",
    masked: bool = True,
    distance: DistanceError,
    mask: Bool[Tensor, "batch time"] | None = None,
) -> DistanceTaskLosses: ...


def class_wise_loss(
    preds: SELDOutput,
    target: SELDOutput,
    *,
    direction: DirectionError = "mse",
    masked: bool = True,
    distance: DistanceError | None = None,
    mask: Bool[Tensor, "batch time"] | None = None,
) -> TaskLosses | DistanceTaskLosses:
    """Binary cross-entropy of the activities, and error of the directions of each class.

    Masked, the directions of silent classes are free and the activity alone tells silence, as in
    the baseline of DCASE 2020 (whose root of the summed squares, over their number, is the mean
    here). Unmasked, they are pulled to the zeros of the target, as in SELDnet.

    Source: Adavanne et al., "Sound event localization and detection of overlapping sources using
    convolutional recurrent neural networks", IEEE JSTSP 2019 (unmasked); Politis, Adavanne and
    Virtanen, "A dataset of reverberant spatial sound scenes with moving sources for sound event
    localization and detection", DCASE 2020 (masked).

    Args:
        preds: Logits `(batch, time, cls)` and directions `(batch, time, cls, axis)`.
        target: Activities in 0..1 and directions, same shapes; silent classes are all zeros.
        direction: `"mse"` and `"l1"` (means over the axes), `"cosine"` (1 - cos) or `"angular"`
            (the angle in radians). A silent class has the cosine 0 and the angle π/2, whatever is
            predicted.
        masked: Average the direction error over active classes only.
        distance: Error of the distances `(batch, time, cls)`, in metres, where they are learned:
            `"mse"`, `"mae"`, or relative to the target `"mspe"` and `"mape"`; always averaged over
            active classes only. None leaves distances alone.
        mask: Which frames count; None for all.

    Returns:
        The losses of the tasks, each a mean over the frames that count; 0, with a gradient of
        zeros, where no frame does or a masked one has nothing active.

    Raises:
        TypeError: If one is no `SELDOutput`, holds integers where only an activity may, or the mask
            does not hold booleans.
        ValueError: If shapes differ or are wrong, an error is unknown, distances are missing or
            only on one side; on the processor, if an activity of the target is not in 0..1.

    Examples:
        >>> target = SELDOutput(torch.eye(2)[None, :1], torch.eye(3)[None, None, :2])
        >>> preds = SELDOutput(60 * target.activity - 30, target.direction.flip(2))
        >>> class_wise_loss(preds, target, direction="cosine").doa
        tensor(1.)
    """
    _check_errors(direction, distance)
    axes = "batch time cls"
    check_outputs("class_wise_loss", preds, target, axes, axes, distance=distance, mask=mask)
    with torch.autocast(preds.activity.device.type, enabled=False):
        preds, target = full_pair(preds, target, mask)
        check_activity("target.activity", target.activity)
        sed = activity_loss(preds.activity, target.activity, mask)
        errors = direction_error(preds.direction, target.direction, direction)
        doa = weighted_mean(errors, target.activity) if masked else mean(errors, mask)
        if distance is None or preds.distance is None or target.distance is None:
            return TaskLosses(sed, doa)
        far = distance_error(preds.distance, target.distance, distance)
        return DistanceTaskLosses(sed, doa, weighted_mean(far, target.activity))


class ClassWiseLoss(nn.Module):
    """Module form of [`class_wise_loss`][seldkit.losses.class_wise_loss]."""

    def __init__(
        self,
        *,
        direction: DirectionError = "mse",
        masked: bool = True,
        distance: DistanceError | None = None,
    ) -> None:
        super().__init__()
        _check_errors(direction, distance)
        self.direction: DirectionError = direction
        self.masked = masked
        self.distance: DistanceError | None = distance

    def forward(
        self,
        preds: SELDOutput,
        target: SELDOutput,
        mask: Bool[Tensor, "batch time"] | None = None,
    ) -> TaskLosses | DistanceTaskLosses:
        """Return the losses of the tasks; of distances too if the module was made with them."""
        loss = partial(
            class_wise_loss,
            preds,
            target,
            direction=self.direction,
            masked=self.masked,
            mask=mask,
        )
        return loss() if self.distance is None else loss(distance=self.distance)

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        distance = "" if self.distance is None else f", distance={self.distance!r}"
        return f"direction={self.direction!r}, masked={self.masked}{distance}"


def _check_errors(direction: DirectionError, distance: DistanceError | None) -> None:
    check_choice("direction", direction, DIRECTION_ERRORS)
    check_choice("distance", distance, (None, *DISTANCE_ERRORS))
