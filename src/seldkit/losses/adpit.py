r"""Auxiliary duplicating permutation-invariant training (ADPIT), for multi-ACCDOA.

The $n$ sources of a class are put on all $N$ tracks: each is used, and some are used twice, so that
no track has to learn silence. The loss is that of the best of these arrangements, for each frame
and class on its own.
"""

from collections.abc import Sequence
from functools import reduce
from operator import or_

import torch
from torch import Tensor

from seldkit._checks import check_number
from seldkit._typing import Bool, Float, Int
from seldkit.assignment.matching import cheapest_columns
from seldkit.losses._checks import check_activity, check_vectors
from seldkit.losses._module import LossModule
from seldkit.losses._reduce import blank, full, mean_error, own_precision
from seldkit.losses.activity import activity_loss


def adpit_loss(
    preds: Float[Tensor, "batch time track cls axis"],
    target: Float[Tensor, "batch time track cls axis"],
    *,
    onscreen: bool = False,
    axis_weights: Sequence[float] | None = None,
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
    distance, the baseline of DCASE 2024 task 3; with `onscreen`, the audio-visual one of 2025.

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
        mask: Which frames count; None for all.

    Returns:
        A scalar, averaged over every axis and the frames that count; 0, with a gradient of zeros,
        if none does.

    Raises:
        TypeError: If one is no tensor of floats, or the mask does not hold booleans.
        ValueError: If shapes differ or are wrong, or `axis_weights` are not one factor from 0 up
            for each entry.

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
    with own_precision(preds):
        preds = blank(full(preds), mask)
        target = blank(target.to(preds.dtype), mask)
        if onscreen:
            check_activity("onscreen of target", target[..., -1])
        target = _best_arranged(preds.detach(), target, entries, axis_weights)
        vectors, wanted = preds[..., :entries], target[..., :entries]
        if axis_weights is not None:
            scale = preds.new_tensor(axis_weights).sqrt()
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
    with own_precision(preds):
        preds = full(preds).detach()
        return _best_arranged(preds, target.to(preds.dtype), entries, axis_weights)


class ADPITLoss(LossModule):
    """Module form of [`adpit_loss`][seldkit.losses.adpit_loss]."""

    def __init__(
        self, *, onscreen: bool = False, axis_weights: Sequence[float] | None = None
    ) -> None:
        _check_factors(axis_weights)
        factors = None if axis_weights is None else tuple(axis_weights)
        super().__init__(onscreen=onscreen, axis_weights=factors)

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


def _best_arranged(
    preds: Float[Tensor, "batch time track cls axis"],
    target: Float[Tensor, "batch time track cls axis"],
    entries: int,
    axis_weights: Sequence[float] | None,
) -> Float[Tensor, "batch time track cls axis"]:
    active = reduce(or_, (entry != 0 for entry in target.unbind(-1)[:entries]))
    if axis_weights is None:
        return _arranged(preds, target, active, entries)
    scale = preds.new_tensor(axis_weights).sqrt()
    preds, scaled = preds[..., :entries] * scale, target[..., :entries] * scale
    rows = torch.cat((scaled, target), dim=-1)  # what has a say, and what is moved with it
    return _arranged(preds, rows, active, entries)[..., entries:]


def _arranged(
    preds: Float[Tensor, "batch time track cls entry"],
    target: Float[Tensor, "batch time track cls axis"],
    active: Bool[Tensor, "batch time track cls"],
    entries: int,
) -> Float[Tensor, "batch time track cls axis"]:
    """Return the target with the sources of each class where the tracks predict them best.

    Where several sources are rare, only their cells (a class in a frame) are searched. A compiled
    graph cannot depend on values, and an accelerator would have to wait for them.
    """
    frames = [x.flatten(0, 1) for x in (preds[..., :entries], target, active)]
    if torch.compiler.is_compiling() or target.device.type != "cpu":
        return _searched(*frames).view_as(target)
    several = reduce(torch.add, frames[2].byte().unbind(1)) > 1
    if 2 * int(several.sum()) > several.numel():
        return _searched(*frames).view_as(target)
    only = reduce(torch.add, target.unbind(2)).unsqueeze(2)
    arranged = only.expand_as(target).contiguous()  # right where there is one source
    frame, cls = several.nonzero(as_tuple=True)
    cells = [x[frame, :, cls].unsqueeze(2) for x in frames]  # cell track cls=1 ...
    arranged.flatten(0, 1)[frame, :, cls] = _searched(*cells).squeeze(2)
    return arranged


def _searched(
    preds: Float[Tensor, "frame track cls entry"],
    target: Float[Tensor, "frame track cls axis"],
    active: Bool[Tensor, "frame track cls"],
) -> Float[Tensor, "frame track cls axis"]:
    vectors = preds, target[..., : preds.shape[-1]], active.unsqueeze(-1)
    place = _best_places(*(x.permute(3, 1, 0, 2).flatten(2).contiguous() for x in vectors))
    place = place.unflatten(1, (-1, target.shape[2])).movedim(1, 0).unsqueeze(-1)
    return target.gather(1, place.expand_as(target))


def _best_places(
    preds: Float[Tensor, "entry track cell"],
    target: Float[Tensor, "entry track cell"],
    active: Bool[Tensor, "1 track cell"],
) -> Int[Tensor, "track cell"]:
    r"""Return the place of the target that each track should predict, so that all active are used.

    A track $i$ would take its cheapest source at $\min_k c_{ik}$; taking source $j$ instead is to
    be regretted by $r_{ij} = c_{ij} - \min_k c_{ik} \geq 0$. In an arrangement each of the $n$
    sources has a track of its own, at the price of the regret. The other $N - n$ tracks need not
    regret anything: all sources are used already. So the best arrangement is the cheapest matching
    of tracks to sources by $r$, and with a free column for each silent place it is square.

    Terms that all sources of a track share cancel, so $c_{ij} = |t_j|^2 - 2 \, p_i \cdot t_j$.
    """
    tracks, used = target.shape[1], active.to(preds.dtype)
    limits = torch.finfo(preds.dtype)
    own = target.square().sum(dim=0) + (1 - used[0]) * (limits.max / 2)
    cost = own.expand(tracks, -1, -1).clone()
    for p, t in zip(preds, target, strict=True):
        cost.addcmul_(p.unsqueeze(1), t, value=-2)
    least, nearest = cost[:, 0], torch.zeros_like(cost[:, 0], dtype=torch.uint8)
    for place in range(1, tracks):  # `min` and its index are many times slower
        nearest = nearest.maximum((cost[:, place] < least).byte() * place)
        least = least.minimum(cost[:, place])
    # Smaller than any rounding: on exact ties the later sources go to the later tracks.
    order = torch.arange(tracks, device=cost.device, dtype=cost.dtype)
    tie = limits.tiny * order.flip(0).outer(order).unsqueeze(-1)
    regret = cost.sub_(least.unsqueeze(1)).add_(tie).mul_(used)
    own = cheapest_columns(regret)
    kept = active[0].gather(0, own).byte()
    nearest += kept * (own.byte() - nearest)  # bytes wrap around and back
    return nearest.long()
