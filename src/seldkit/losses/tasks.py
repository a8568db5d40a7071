"""The losses of the tasks of SELD, by name, and of outputs that are held place against place."""

from typing import NamedTuple

from torch import Tensor

from seldkit._checks import check_choice
from seldkit._typing import Bool
from seldkit.losses._reduce import weighted_mean
from seldkit.losses.activity import Alpha, activity_loss
from seldkit.losses.direction import DirectionError, check_directions, direction_loss
from seldkit.losses.distance import DISTANCE_ERRORS, DistanceError, distance_error
from seldkit.outputs import SELDOutput


class TaskLosses(NamedTuple):
    """The losses of the two tasks.

    Attributes:
        sed: Loss of the activity; a scalar.
        doa: Loss of the direction; a scalar.
    """

    sed: Tensor
    doa: Tensor


class DistanceTaskLosses(NamedTuple):
    """The losses of the three tasks, where distances are estimated too.

    Attributes:
        sed: Loss of the activity; a scalar.
        doa: Loss of the direction; a scalar.
        distance: Loss of the distance; a scalar.
    """

    sed: Tensor
    doa: Tensor
    distance: Tensor


class EventTaskLosses(NamedTuple):
    """The losses of the three tasks of a network that also says which tracks hold an event.

    Attributes:
        sed: Loss of the classes; a scalar.
        doa: Loss of the direction; a scalar.
        event: Loss of whether there is an event; a scalar.
    """

    sed: Tensor
    doa: Tensor
    event: Tensor


class Terms(NamedTuple):
    """What the losses of outputs are made of, in the words of `trackwise_pit_loss`."""

    direction: DirectionError
    inactive_weight: float
    distance: DistanceError | None
    gamma: float = 0.0
    alpha: Alpha = None


def check_terms(terms: Terms) -> None:
    """Raise unless the errors of places are known and in range; focus is checked with classes."""
    check_directions(terms.direction, terms.inactive_weight)
    check_choice("distance", terms.distance, (None, *DISTANCE_ERRORS))


def task_losses(
    preds: SELDOutput, target: SELDOutput, terms: Terms, mask: Bool[Tensor, "batch time"] | None
) -> TaskLosses | DistanceTaskLosses:
    """Return the losses of outputs in one precision, blank where masked, place against place."""
    active = None if terms.inactive_weight == 1 else place_activity(target)
    sed = activity_loss(preds.activity, target.activity, mask, gamma=terms.gamma, alpha=terms.alpha)
    doa = direction_loss(
        preds.direction, target.direction, active, terms.direction, terms.inactive_weight, mask
    )
    if terms.distance is None or preds.distance is None or target.distance is None:
        return TaskLosses(sed, doa)
    active = place_activity(target)
    far = distance_error(preds.distance, target.distance, terms.distance)
    return DistanceTaskLosses(sed, doa, weighted_mean(far, active))


def place_activity(target: SELDOutput) -> Tensor:
    """Return how active each place that has a direction is: each class, or the track as a whole."""
    by_class = target.direction.ndim > target.activity.ndim
    return target.activity if by_class else target.activity.amax(dim=-1)
