"""How far an estimated distance is off."""

from typing import Literal, get_args

import torch
from torch import Tensor

from seldkit._checks import check_choice
from seldkit._typing import Float

DistanceError = Literal["mse", "mae", "mspe", "mape"]
DISTANCE_ERRORS: tuple[DistanceError, ...] = get_args(DistanceError)


def distance_error(
    preds: Float[Tensor, "*#axes"], target: Float[Tensor, "*#axes"], error: DistanceError
) -> Float[Tensor, "*axes"]:
    """Return the error of each distance: squared or absolute, in metres or relative to the target.

    A target of 0, as silent places have it, has no relative error: it adds 0 without gradient.

    Source: Krause, Politis and Mesaros, "Sound event detection and localization with distance
    estimation", EUSIPCO 2024, arXiv 2403.11827.

    Args:
        preds: Distances in metres, broadcast against the target.
        target: Distances in metres.
        error: `"mse"`, `"mae"`, or relative to the target `"mspe"` and `"mape"`.

    Raises:
        ValueError: If `error` is unknown.

    Examples:
        >>> distance_error(torch.tensor([1.0, 3.0]), torch.tensor([2.0, 2.0]), "mspe")
        tensor([0.2500, 0.2500])
    """
    check_choice("error", error, DISTANCE_ERRORS)
    difference = preds - target
    if error in ("mspe", "mape"):
        known = target != 0
        difference = torch.where(known, difference / torch.where(known, target, 1), 0)
    return difference.square() if error in ("mse", "mspe") else difference.abs()
