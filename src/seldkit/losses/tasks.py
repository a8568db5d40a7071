"""The losses of the tasks of SELD, by name."""

from typing import NamedTuple

from torch import Tensor


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
