"""Layouts of outputs and labels in the published DCASE baselines.

The baselines flatten outputs: of ACCDOA, x of all classes, then y of all classes, and so on; of
multi-ACCDOA, so for the first track, then the next. Their ADPIT label spreads the sources of a
class over six rows; here target and prediction of multi-ACCDOA have one shape.
"""

import torch
from torch import Tensor

from seldkit._checks import check_count
from seldkit._typing import Float

# Rows A0 | B0 B1 | C0 C1 C2 of the label, for 0 to 3 sources of a class.
_ACTIVE_ROWS = (
    (0, 0, 0, 0, 0, 0),
    (1, 0, 0, 0, 0, 0),
    (0, 1, 1, 0, 0, 0),
    (0, 0, 0, 1, 1, 1),
)


def pack_multi_accdoa(x: Float[Tensor, "... track cls axis"]) -> Float[Tensor, "... entry"]:
    """Flatten a multi-ACCDOA output as the DCASE baselines do, track by track, axis by axis.

    Args:
        x: `(..., track, cls, axis)`; of ACCDOA, which has one track, `x.unsqueeze(-3)`.

    Returns:
        `(..., track * axis * cls)`.

    Raises:
        ValueError: If there are fewer than three axes.

    Examples:
        >>> pack_multi_accdoa(torch.arange(8.0).reshape(2, 2, 2))
        tensor([0., 2., 1., 3., 4., 6., 5., 7.])
    """
    _check_end("x", x, "track cls axis")
    return x.mT.flatten(-3)


def unpack_multi_accdoa(
    flat: Float[Tensor, "... entry"], num_tracks: int, num_classes: int
) -> Float[Tensor, "... track cls axis"]:
    """Return a published multi-ACCDOA output as `(..., track, cls, axis)`.

    The baseline of 2025 ends on-screen entries in a sigmoid; take their `logit` for our losses and
    formats.

    Args:
        flat: `(..., track * axis * cls)`, as
            [`pack_multi_accdoa`][seldkit.compat.dcase.pack_multi_accdoa] gives.
        num_tracks: Number of tracks; 1 for an output or target of ACCDOA.
        num_classes: Number of classes.

    Raises:
        ValueError: If the last axis is no multiple of `num_tracks * num_classes`.

    Examples:
        >>> unpack_multi_accdoa(torch.zeros(1, 50, 117), num_tracks=3, num_classes=13).shape
        torch.Size([1, 50, 3, 13, 3])
    """
    check_count(num_tracks=num_tracks, num_classes=num_classes)
    _check_end("flat", flat, "entry")
    entries = flat.shape[-1]
    if entries == 0 or entries % (num_tracks * num_classes):
        multiple = num_tracks * num_classes
        raise ValueError(f"flat must end in a multiple of {multiple} entries, got {entries}")
    tracks: Tensor = flat.unflatten(-1, (num_tracks, -1, num_classes))
    return tracks.mT


def pack_adpit_label(
    target: Float[Tensor, "*batch time 3 cls axis"],
) -> Float[Tensor, "*batch time 6 entry cls"]:
    """Return a multi-ACCDOA target as the label that the DCASE baselines train with.

    A class with one source fills row A0, with two B0 and B1, with three C0, C1 and C2; so one group
    of rows at most is filled. The first entry is the activity, the others are those of the target:
    x, y, z (2022 and 2023), x, y, z, distance (2024) or x, y, distance, onscreen (2025).

    The label holds the entries as they are, not times the activity, and zeros where nothing sounds.
    The published losses multiply when they read it: those until 2024 every entry, that of 2025 the
    vector but not the on-screen flag. The zeros make both the same.

    Args:
        target: `(..., time, track=3, cls, axis)`; a source's place is not all zeros, and its track
            is any.

    Returns:
        `(..., time, 6, 1 + axis, cls)`.

    Raises:
        ValueError: If the shape is wrong.

    Examples:
        >>> target = torch.zeros(1, 3, 2, 3)
        >>> target[0, 0, 0] = torch.tensor([1.0, 0, 0])
        >>> target[0, :2, 1] = torch.eye(3)[:2]
        >>> label = pack_adpit_label(target)
        >>> label.shape, label[0, :, 0]
        (torch.Size([1, 6, 4, 2]), tensor([[1., 0.],
                [0., 1.],
                [0., 1.],
                [0., 0.],
                [0., 0.],
                [0., 0.]]))
    """
    _check_end("target", target, "time track cls axis", track=3)
    active = (target != 0).any(dim=-1, keepdim=True)
    # Sources move to the first tracks of their class, in the order of their tracks.
    order = active.int().argsort(dim=-3, descending=True, stable=True)
    sources = torch.cat((active.to(target.dtype), target), dim=-1)
    sources = sources.take_along_dim(order, dim=-3).mT
    number = active.sum(dim=-3, keepdim=True).mT
    groups = [sources[..., :n, :, :].where(number == n, 0) for n in (1, 2, 3)]
    return torch.cat(groups, dim=-3)


def unpack_adpit_label(
    label: Float[Tensor, "*batch time 6 entry cls"],
) -> Float[Tensor, "*batch time 3 cls axis"]:
    """Return the label that the DCASE baselines train with as a multi-ACCDOA target.

    The sources of a class come on its first tracks, in the order of their rows, times their
    activity.

    Args:
        label: `(..., time, 6, 1 + axis, cls)`, as
            [`pack_adpit_label`][seldkit.compat.dcase.pack_adpit_label] gives.

    Returns:
        `(..., time, track=3, cls, axis)`.

    Raises:
        ValueError: If the shape is wrong, or the active rows of a class are not A0 alone, B0 and
            B1, C0 to C2, or none.

    Examples:
        >>> target = torch.zeros(1, 3, 2, 3)
        >>> target[0, :2, 1] = torch.eye(3)[:2]
        >>> torch.equal(unpack_adpit_label(pack_adpit_label(target)), target)
        True
    """
    _check_end("label", label, "time row entry cls", row=6)
    activity = label[..., 0, :].mT.unsqueeze(-2)
    known = torch.tensor(_ACTIVE_ROWS, dtype=label.dtype, device=label.device)
    wrong = ~(activity == known).all(dim=-1).any(dim=-1)
    if wrong.any():
        raise ValueError(
            "label must have the rows A0, B0 and B1, C0 to C2, or none of a class active, got"
            f" other rows in {int(wrong.sum())} of {wrong.numel()} places"
        )
    sources = label[..., :1, :] * label[..., 1:, :]
    one, two, three = sources.mT.split((1, 2, 3), dim=-3)
    # One of the three is not zero.
    target: Tensor = three.clone()
    target[..., :2, :, :] += two
    target[..., :1, :, :] += one
    return target


def _check_end(name: str, x: Tensor, axes: str, **sizes: int) -> None:
    """Check the last axes of a tensor; any number of axes may stand before them."""
    words = axes.split()
    end = dict(zip(words, x.shape[-len(words) :], strict=False))
    if x.ndim < len(words) or any(end[axis] != n for axis, n in sizes.items()):
        want = ", ".join(f"{w}={sizes[w]}" if w in sizes else w for w in words)
        raise ValueError(f"{name} must be (..., {want}), got shape {tuple(x.shape)}")
