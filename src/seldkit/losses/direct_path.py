"""The loss of direct-path phases, summed over the sources or on tracks."""

from torch import Tensor

from seldkit._checks import check_floating, check_same_shape, check_shape
from seldkit._typing import Bool, Float
from seldkit.assignment import best_permutation
from seldkit.losses._checks import check_mask, check_same_device, check_some, check_tensors
from seldkit.losses._module import LossModule
from seldkit.losses._reduce import blank, full, mean, mean_error, own_precision


def direct_path_loss(
    preds: Float[Tensor, "batch time *track pair part freq"],
    target: Float[Tensor, "batch time *track pair part freq"],
    *,
    mask: Bool[Tensor, "batch time"] | None = None,
) -> Float[Tensor, ""]:
    """Mean squared error of the phases of the direct sounds.

    Without tracks the phases of all sources are summed, so nothing has to be assigned. With tracks
    each frame counts under its best assignment of predicted to target tracks; silent tracks, whose
    target is a diffuse field, are learned like the others.

    Source: Yang et al., "SRP-DNN: Learning direct-path phase difference for multiple moving sound
    source localization", ICASSP 2022; Wang et al., "IPDnet: A universal direct-path IPD estimation
    network for sound source localization", IEEE/ACM TASLP 2024.

    Args:
        preds: What a network estimates: `(batch, time, pair, part, freq)`, or
            `(batch, time, track, pair, part, freq)`.
        target: What it should, of [`DirectPathPhase`][seldkit.formats.DirectPathPhase], same shape.
        mask: Which frames count; None for all.

    Returns:
        The mean over batch, frames, tracks and phases; 0, with a gradient of zeros, if no frame
        counts.

    Raises:
        TypeError: If one holds no floats, or the mask no booleans.
        ValueError: If shapes differ or are wrong.

    Examples:
        >>> import torch
        >>> target = torch.tensor([1.0, -1.0]).reshape(1, 1, 2, 1, 1, 1)
        >>> direct_path_loss(target.flip(2), target)
        tensor(0.)
        >>> direct_path_loss(target.flip(2).squeeze(1), target.squeeze(1))
        tensor(4.)
    """
    check_tensors("direct_path_loss", preds=preds, target=target)
    axes = "batch time track pair part freq" if preds.ndim == 6 else "batch time pair part freq"
    check_shape("preds", preds, axes)
    check_some("preds", preds)
    check_same_shape(preds=preds, target=target)
    check_floating(preds=preds, target=target)
    check_same_device(preds=preds, target=target)
    check_mask(mask, preds)
    with own_precision(preds):
        preds = blank(full(preds), mask)
        target = blank(target.to(preds.dtype), mask)
        if preds.ndim == 5:
            return mean_error(preds, target, "mse", mask)
        cost = (preds.unsqueeze(3) - target.unsqueeze(2)).square().mean(dim=(4, 5, 6))
        return mean(best_permutation(cost)[0], mask)


class DirectPathLoss(LossModule):
    """Module form of [`direct_path_loss`][seldkit.losses.direct_path_loss]."""

    def forward(
        self,
        preds: Float[Tensor, "batch time *track pair part freq"],
        target: Float[Tensor, "batch time *track pair part freq"],
        mask: Bool[Tensor, "batch time"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the loss."""
        return direct_path_loss(preds, target, mask=mask)
