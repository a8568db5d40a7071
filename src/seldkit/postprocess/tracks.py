"""Directions of tracks, as vectors: degrees are never averaged."""

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._checks import check_finite, check_floating, check_vectors
from seldkit._typing import Bool, Float
from seldkit.geometry import unit_norm
from seldkit.postprocess._time import check_bool, number_runs, reach_of, time_axis


def smooth_tracks(
    direction: Float[Tensor, "*axes axis=3"],
    activity: Bool[Tensor, "*axes"],
    window: int,
    *,
    causal: bool = False,
    dim: int | None = None,
) -> Float[Tensor, "*axes axis=3"]:
    """Replace each direction of an active frame by the mean direction of the frames around it.

    The mean is that of unit vectors, made a unit vector again. It takes in the frames of the same
    run of activity: neither silence, where directions mean nothing, nor the sound before or after
    has a say. Where a track passes from one class to another without a silence, give it an axis of
    classes, `direction.unsqueeze(-2).expand(...)`, and the activity of each.

    Args:
        direction: Vectors (x, y, z) of any length, such as `(time, track, axis)`.
        activity: Where they are of a sound, without the last axis.
        window: How many frames to look at, odd unless causal; fewer at the ends of a run.
        causal: Whether these are the frame and those before it, not those on both sides of it.
        dim: Which axis of the activity is time; it must be said unless there is one axis. 0 for
            what a format decodes, 1 for batches.

    Returns:
        Unit vectors of the type of the direction, and zeros where nothing is active. Where
        directions cancel, or are of length zero all around, a frame keeps its own.

    Raises:
        TypeError: If the activity is not bool, or the direction holds integers.
        ValueError: If the shapes do not fit, the window is not odd or not positive, `dim` is no
            axis or missing, or a direction is not finite.

    Examples:
        >>> front, left = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
        >>> active = torch.tensor([True, True, True, False])
        >>> smooth_tracks(torch.stack((front, left, front, left)), active, 3).round(decimals=3)
        tensor([[0.7070, 0.7070, 0.0000],
                [0.8940, 0.4470, 0.0000],
                [0.7070, 0.7070, 0.0000],
                [0.0000, 0.0000, 0.0000]])
    """
    before, behind = reach_of(window, causal)
    check_vectors(direction=direction)
    check_floating(direction=direction)
    check_finite("direction", direction)
    check_bool(activity)
    if activity.shape != direction.shape[:-1]:
        raise ValueError(
            f"activity must be direction without its last axis, {tuple(direction.shape[:-1])},"
            f" got shape {tuple(activity.shape)}"
        )
    dim = time_axis("activity", activity, dim)
    exact = torch.promote_types(direction.dtype, torch.float32)
    own = unit_norm(direction.to(exact)).masked_fill(~activity.unsqueeze(-1), 0)
    if not activity.shape[dim]:
        return own.to(direction.dtype)
    run = number_runs(activity, dim).movedim(dim, -1)
    vectors = functional.pad(own.movedim(dim, -1), (before, behind)).unfold(-1, window, 1)
    together = functional.pad(run, (before, behind), value=-1).unfold(-1, window, 1)
    weight = (together == run.unsqueeze(-1)).unsqueeze(-3).to(exact)
    # A sum of products and no matrix product, which autocast would run in half precision.
    total = (vectors * weight).sum(dim=-1).mT.movedim(-2, dim)
    length = torch.linalg.vector_norm(total, dim=-1, keepdim=True)
    cancelled = length <= window * torch.finfo(total.dtype).eps
    smooth = own.where(cancelled, total / length.where(~cancelled, 1))
    return smooth.masked_fill(~activity.unsqueeze(-1), 0).to(direction.dtype)
