"""The loss of the ACCDOA format: activity and direction in one vector for each class."""

from torch import Tensor

from seldkit._typing import Bool, Float
from seldkit.losses._checks import check_activity, check_vectors
from seldkit.losses._module import LossModule
from seldkit.losses._reduce import Error, blank, check_error, full, mean_error, own_precision
from seldkit.losses.activity import activity_loss


def accdoa_loss(
    preds: Float[Tensor, "batch time cls axis"],
    target: Float[Tensor, "batch time cls axis"],
    *,
    error: Error = "mse",
    onscreen: bool = False,
    mask: Bool[Tensor, "batch time"] | None = None,
) -> Float[Tensor, ""]:
    """Mean error of the activity-coupled vectors.

    A vector points to the sound of its class and is as long as the sound is active, so one error
    trains detection and localization. Silent classes are pulled to zero: no place is masked. A
    distance, where the vectors hold one, is an entry like the others.

    Source: Shimada et al., "ACCDOA: activity-coupled Cartesian direction of arrival
    representation for sound event localization and detection", ICASSP 2021, equation 4; with
    `onscreen`, the audio-visual baseline of DCASE 2025 task 3.

    Args:
        preds: Predicted vectors.
        target: Target vectors, same shape; silent classes are all zeros.
        error: Mean squared (`"mse"`) or mean absolute (`"l1"`) error.
        onscreen: Whether the last entry says if the sound is on screen: a logit in the prediction,
            0 or 1 in the target. Its binary cross-entropy, over silent classes too, and the error
            of the other entries count half each.
        mask: Which frames count; None for all.

    Returns:
        A scalar, averaged over every axis and the frames that count; 0, with a gradient of zeros,
        if none does.

    Raises:
        TypeError: If one is no tensor of floats, or the mask does not hold booleans.
        ValueError: If shapes differ or are wrong, or `error` is unknown; on the processor, if what
            the target has on screen is not in 0..1.

    Examples:
        >>> import torch
        >>> target = torch.tensor([0.0, 1.0, 0.0]).expand(1, 1, 1, 3)
        >>> accdoa_loss(target, target), accdoa_loss(-target, target)
        (tensor(0.), tensor(1.3333))
    """
    check_error(error)
    axes = "batch time cls axis"
    check_vectors("accdoa_loss", preds, target, axes, onscreen=onscreen, mask=mask)
    with own_precision(preds):
        preds = blank(full(preds), mask)
        target = blank(target.to(preds.dtype), mask)
        if not onscreen:
            return mean_error(preds, target, error, mask)
        loss = mean_error(preds[..., :-1], target[..., :-1], error, mask)
        check_activity("onscreen of target", target[..., -1])
        return (loss + activity_loss(preds[..., -1], target[..., -1], mask)) / 2


class ACCDOALoss(LossModule):
    """Module form of [`accdoa_loss`][seldkit.losses.accdoa_loss]."""

    def __init__(self, *, error: Error = "mse", onscreen: bool = False) -> None:
        check_error(error)
        super().__init__(error=error, onscreen=onscreen)

    def forward(
        self,
        preds: Float[Tensor, "batch time cls axis"],
        target: Float[Tensor, "batch time cls axis"],
        mask: Bool[Tensor, "batch time"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the loss."""
        return accdoa_loss(preds, target, mask=mask, **self._settings())
