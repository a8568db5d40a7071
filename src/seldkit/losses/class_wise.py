"""The loss of class-wise networks: one activity and one direction for each class."""

from typing import Literal, TypedDict, Unpack, get_args, overload

from torch import Tensor

from seldkit._checks import check_choice
from seldkit._typing import Bool
from seldkit.losses._checks import check_outputs
from seldkit.losses._module import LossModule
from seldkit.losses._reduce import full_pair, mean, own_precision
from seldkit.losses.activity import Alpha, check_focus
from seldkit.losses.direction import DirectionError, place_weight
from seldkit.losses.distance import DistanceError
from seldkit.losses.tasks import (
    DistanceTaskLosses,
    TaskLosses,
    Terms,
    check_terms,
    place_activity,
    task_losses,
)
from seldkit.outputs import SELDOutput

Over = Literal["active", "all"]
_OVER = get_args(Over)


class Options(TypedDict, total=False):
    """The arguments of a loss of outputs that do not say which losses come out."""

    direction: DirectionError
    inactive_weight: float
    gamma: float
    alpha: Alpha
    mask: Bool[Tensor, "batch time"] | None


class Choices(Options, total=False):
    """And of a class-wise one."""

    over: Over


@overload
def class_wise_loss(
    preds: SELDOutput,
    target: SELDOutput,
    *,
    distance: None = None,
    **options: Unpack[Choices],
) -> TaskLosses: ...


@overload
def class_wise_loss(
    preds: SELDOutput,
    target: SELDOutput,
    *,
    distance: DistanceError,
    **options: Unpack[Choices],
) -> DistanceTaskLosses: ...


def class_wise_loss(
    preds: SELDOutput,
    target: SELDOutput,
    *,
    direction: DirectionError = "mse",
    inactive_weight: float = 0.0,
    over: Over = "active",
    distance: DistanceError | None = None,
    gamma: float = 0.0,
    alpha: Alpha = None,
    mask: Bool[Tensor, "batch time"] | None = None,
) -> TaskLosses | DistanceTaskLosses:
    """Binary cross-entropy of the activities, and error of the directions of each class.

    By default the directions of silent classes are free and the activity alone tells silence, as in
    the baseline of DCASE 2020 (whose root of the summed squares, over their number, is the mean
    here). With `inactive_weight=1` they are pulled to the zeros of the target, as in SELDnet.

    Source: Adavanne et al., "Sound event localization and detection of overlapping sources using
    convolutional recurrent neural networks", IEEE JSTSP 2019 (weight 1); Politis, Adavanne and
    Virtanen, "A dataset of reverberant spatial sound scenes with moving sources for sound event
    localization and detection", DCASE 2020 (weight 0); Dong et al., arXiv 2501.10755, ICASSP 2025
    (over all).

    Args:
        preds: Logits `(batch, time, cls)` and directions `(batch, time, cls, axis)`.
        target: Activities in 0..1 and directions, same shapes; silent classes are all zeros. Under
            label smoothing a silent class is a little active, so its direction counts a little,
            too.
        direction: `"mse"` and `"l1"` (means over the axes), `"cosine"` (1 - cos) or `"angular"`
            (the angle in radians). A silent class has the cosine 0 and the angle π/2, whatever is
            predicted.
        inactive_weight: Weight of silent classes in the mean of the direction errors, in 0..1: 0
            leaves them out, 1 takes the plain mean.
        over: By what the weighted errors of places are divided: `"active"` by the sum of their
            weights, so that a frame with one sound counts as one with many; `"all"` by the number
            of places, as NERC-SLIP's losses do, which then count a place that is silent as
            rightly predicted.
        distance: Error of the distances `(batch, time, cls)`, in metres, where they are learned:
            `"mse"`, `"mae"`, or relative to the target `"mspe"` and `"mape"`; silent classes never
            count. None leaves distances alone.
        gamma: As in [`focal_loss`][seldkit.losses.focal_loss]; 0 is the binary cross-entropy.
        alpha: Likewise, the weight of active classes; None leaves both at 1.
        mask: Which frames count; None for all.

    Returns:
        The losses of the tasks, each a mean over the frames that count; 0, with a gradient of
        zeros, where no frame does or no class has a weight.

    Raises:
        TypeError: If one is no `SELDOutput`, holds integers where only an activity may, or the mask
            does not hold booleans, or a setting is no number.
        ValueError: If shapes differ or are wrong, a setting is unknown or out of range, distances
            are missing or only on one side; on the processor, if an activity of the target is not
            in 0..1.

    Examples:
        >>> import torch
        >>> target = SELDOutput(torch.eye(2)[None, :1], torch.eye(3)[None, None, :2])
        >>> preds = SELDOutput(60 * target.activity - 30, target.direction.flip(2))
        >>> class_wise_loss(preds, target, direction="cosine").doa
        tensor(1.)
    """
    terms = Terms(direction, inactive_weight, distance, gamma, alpha)
    check_terms(terms)
    check_choice("over", over, _OVER)
    axes = "batch time cls"
    check_outputs("class_wise_loss", preds, target, axes, axes, distance=distance, mask=mask)
    check_focus(gamma, alpha, preds.activity.shape[-1])
    with own_precision(preds.activity):
        preds, target = full_pair(preds, target, mask)
        losses = task_losses(preds, target, terms, mask)
        if over == "active":
            return losses
        active = place_activity(target)
        share = mean(place_weight(active, inactive_weight), mask)
        if isinstance(losses, TaskLosses):
            return losses._replace(doa=losses.doa * share)
        return losses._replace(
            doa=losses.doa * share, distance=losses.distance * mean(active, mask)
        )


class ClassWiseLoss(LossModule):
    """Module form of [`class_wise_loss`][seldkit.losses.class_wise_loss]."""

    def __init__(
        self,
        *,
        direction: DirectionError = "mse",
        inactive_weight: float = 0.0,
        over: Over = "active",
        distance: DistanceError | None = None,
        gamma: float = 0.0,
        alpha: Alpha = None,
    ) -> None:
        terms = Terms(direction, inactive_weight, distance, gamma, alpha)
        check_focus(gamma, alpha)
        check_terms(terms)
        check_choice("over", over, _OVER)
        super().__init__(**terms._asdict(), over=over)

    def forward(
        self,
        preds: SELDOutput,
        target: SELDOutput,
        mask: Bool[Tensor, "batch time"] | None = None,
    ) -> TaskLosses | DistanceTaskLosses:
        """Return the losses of the tasks; of distances too if the module was made with them."""
        losses: TaskLosses | DistanceTaskLosses
        losses = class_wise_loss(preds, target, mask=mask, **self._settings())
        return losses
