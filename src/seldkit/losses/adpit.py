r"""Auxiliary duplicating permutation-invariant training (ADPIT), for multi-ACCDOA.

The $n$ sources of a class are put on all $N$ tracks: each is used, and some are used twice, so that
no track has to learn silence. The loss is that of the best of these arrangements, for each frame
and class on its own.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._checks import check_number
from seldkit._typing import Bool, Float
from seldkit.losses._arrangement import best_arranged, nearness
from seldkit.losses._by_hand import ByHand
from seldkit.losses._checks import check_activity, check_vectors
from seldkit.losses._module import LossModule
from seldkit.losses._reduce import blank, full, mean_error, num_places, own_precision
from seldkit.losses.activity import activity_loss


def adpit_loss(
    preds: Float[Tensor, "batch time track cls axis"],
    target: Float[Tensor, "batch time track cls axis"],
    *,
    onscreen: bool = False,
    axis_weights: Sequence[float] | None = None,
    relative_distance: bool = False,
    mask: Bool[Tensor, "batch time"] | None = None,
) -> Float[Tensor, ""]:
    """Mean squared error under the best arrangement of a class's sources on the tracks.

    Every way to put the sources of a class on the tracks so that each is used may be the best: for
    three tracks 1 with one source, 6 with two and 6 with three. Silent classes are pulled to zero
    on all tracks: no place is masked.

    The best arrangement is found as a matching of tracks to sources, exactly and for any number of
    tracks. Of arrangements that cost exactly the same the first counts: A, A, B for two sources.

    Source: Shimada et al., "Multi-ACCDOA: localizing and detecting overlapping sounds from the
    same class with auxiliary duplicating permutation invariant training", ICASSP 2022; with a
    distance, the baseline of DCASE 2024 task 3; with `relative_distance`, Berg et al., "The LU
    system for DCASE 2024 sound event localization and detection challenge"; with `onscreen`, the
    audio-visual baseline of 2025.

    Args:
        preds: Predicted vectors of any length, and what follows them: a distance, an on-screen
            logit.
        target: Target vectors, same shape. The active places of a class may be any of its tracks,
            each source once; inactive places are all zeros. A place is active where any entry but
            the on-screen one is not 0.
        onscreen: Whether the last entry says if the source is on screen: a logit in the prediction,
            0 or 1 in the target. It has no say in the arrangement; its binary cross-entropy, over
            silent classes too, is added to the error of the other entries.
        axis_weights: Factors of the squared errors, one for each entry but the on-screen one, such
            as a small one for the distance. By default all are 1.
        relative_distance: Whether the squared error of the distance, which is the last entry but
            for the on-screen one, is divided by the target's distance and 0.001 m; where that is 0
            it is not. So errors near by count more, in the arrangement too. It is no relative
            squared error: the distance is not squared.
        mask: Which frames count; None for all.

    Returns:
        A scalar, averaged over every axis and the frames that count; 0, with a gradient of zeros,
        if none does.

    Raises:
        TypeError: If one is no tensor of floats, or the mask does not hold booleans.
        ValueError: If shapes differ or are wrong, `axis_weights` are not one factor from 0 up for
            each entry, or there are too few entries for a distance; on the processor, if what the
            target has on screen is not in 0..1.

    Examples:
        The first two tracks predict one source, the last the other:

        >>> left, front = torch.tensor([0.0, 1.0, 0.0]), torch.tensor([1.0, 0.0, 0.0])
        >>> target = torch.stack((front, left, 0 * left)).reshape(1, 1, 3, 1, 3)
        >>> preds = torch.stack((left, left, front)).reshape(1, 1, 3, 1, 3)
        >>> adpit_loss(preds, target)
        tensor(0.)
    """
    axes = "batch time track cls axis"
    check_vectors("adpit_loss", preds, target, axes, onscreen=onscreen, mask=mask)
    entries = preds.shape[-1] - onscreen
    _check_factors(axis_weights, entries)
    _check_distance(relative_distance, entries)
    with own_precision(preds):
        preds = blank(full(preds), mask)
        target = blank(target.to(preds.dtype), mask)
        if axis_weights is None and not (onscreen or relative_distance):
            return _SQUARES((preds,), (target,), num_places(preds, mask))
        if onscreen:
            check_activity("onscreen of target", target[..., -1])
        target = best_arranged(preds.detach(), target, entries, axis_weights, relative_distance)
        vectors, wanted = preds[..., :entries], target[..., :entries]
        if axis_weights is not None:
            scale = preds.new_tensor(axis_weights).sqrt()
            vectors, wanted = vectors * scale, wanted * scale
        if relative_distance:
            far = nearness(target[..., entries - 1 : entries]).sqrt()
            scale = torch.cat((torch.ones_like(wanted[..., :-1]), far), dim=-1)
            vectors, wanted = vectors * scale, wanted * scale
        error = mean_error(vectors, wanted, "mse", mask)
        if not onscreen:
            return error
        return error + activity_loss(preds[..., -1], target[..., -1], mask)


def arrange_sources(
    preds: Float[Tensor, "batch time track cls axis"],
    target: Float[Tensor, "batch time track cls axis"],
    *,
    onscreen: bool = False,
    axis_weights: Sequence[float] | None = None,
    relative_distance: bool = False,
) -> Float[Tensor, "batch time track cls axis"]:
    """Return the target with the sources of each class where the tracks predict them best.

    It is what [`adpit_loss`][seldkit.losses.adpit_loss] holds the prediction against: every source
    of a class is on one track at least, and no track of the class is empty. Any loss that compares
    track with track will do then.

    Args:
        preds: As in [`adpit_loss`][seldkit.losses.adpit_loss].
        target: Likewise.
        onscreen: Whether the last entry has no say in the arrangement.
        axis_weights: Factors of the squared errors when the arrangement is chosen.
        relative_distance: Likewise, as in [`adpit_loss`][seldkit.losses.adpit_loss].

    Returns:
        The rows of the target, as they are, in the precision of the prediction, float32 at least.
        The choice has no gradient.

    Raises:
        TypeError: As [`adpit_loss`][seldkit.losses.adpit_loss].
        ValueError: Likewise.

    Examples:
        >>> left, front = torch.tensor([0.0, 1.0, 0.0]), torch.tensor([1.0, 0.0, 0.0])
        >>> target = torch.stack((front, left, 0 * left)).reshape(1, 1, 3, 1, 3)
        >>> preds = torch.stack((left, 0.1 * front, 2 * front)).reshape(1, 1, 3, 1, 3)
        >>> arrange_sources(preds, target)[0, 0, :, 0, 0]  # x: left, front, front
        tensor([0., 1., 1.])
    """
    axes = "batch time track cls axis"
    check_vectors("arrange_sources", preds, target, axes, onscreen=onscreen, mask=None)
    entries = preds.shape[-1] - onscreen
    _check_factors(axis_weights, entries)
    _check_distance(relative_distance, entries)
    with own_precision(preds):
        preds, target = full(preds).detach(), target.to(full(preds).dtype)
        arranged = best_arranged(preds, target, entries, axis_weights, relative_distance)
        return arranged.contiguous()


def _squares(preds: Tensor, target: Tensor) -> Float[Tensor, ""]:
    """Return the sum of the squared errors under the best arrangement."""
    arranged = best_arranged(preds.detach(), target, preds.shape[-1], None, False)
    return functional.mse_loss(preds, arranged, reduction="sum")


def _squares_by_hand(preds: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return the same, and the errors."""
    errors = best_arranged(preds, target, preds.shape[-1], None, False).sub_(preds)
    return errors.square().sum(), errors


_SQUARES = ByHand(_squares, _squares_by_hand, lambda _preds, _target, errors: (-2 * errors,))


class ADPITLoss(LossModule):
    """Module form of [`adpit_loss`][seldkit.losses.adpit_loss]."""

    def __init__(
        self,
        *,
        onscreen: bool = False,
        axis_weights: Sequence[float] | None = None,
        relative_distance: bool = False,
    ) -> None:
        _check_factors(axis_weights)
        factors = None if axis_weights is None else tuple(axis_weights)
        super().__init__(
            onscreen=onscreen, axis_weights=factors, relative_distance=relative_distance
        )

    def forward(
        self,
        preds: Float[Tensor, "batch time track cls axis"],
        target: Float[Tensor, "batch time track cls axis"],
        mask: Bool[Tensor, "batch time"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the loss."""
        return adpit_loss(preds, target, mask=mask, **self._settings())


def _check_factors(axis_weights: Sequence[float] | None, entries: int | None = None) -> None:
    if axis_weights is None:
        return
    for factor in axis_weights:
        check_number(axis_weights=factor)
    if not all(0 <= factor < float("inf") for factor in axis_weights):
        raise ValueError(f"axis_weights must be finite and from 0 up, got {tuple(axis_weights)}")
    if entries is not None and len(axis_weights) != entries:
        got = f"got {len(axis_weights)} for {entries}"
        raise ValueError(f"axis_weights must be one factor for each entry of the axis, {got}")


def _check_distance(relative_distance: bool, entries: int) -> None:
    if relative_distance and entries < 3:
        raise ValueError(
            f"relative_distance needs a vector and a distance, three entries or more, got {entries}"
        )
