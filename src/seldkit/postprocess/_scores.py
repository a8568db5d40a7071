"""Outputs as scores, and back from decisions to outputs that decode to them."""

import torch
from torch import Tensor

from seldkit._checks import check_finite, check_floating
from seldkit._typing import Bool, Float
from seldkit.geometry import unit_norm
from seldkit.outputs import Output, SELDOutput

CERTAIN = 1000.0
"""A logit whose probability is 1, and that of its negative 0, in float64."""


def scores_of(output: SELDOutput | Tensor, planar: bool) -> Float[Tensor, "time *track cls"]:
    """Return what a format compares with its threshold, in float64: probabilities or lengths."""
    if isinstance(output, SELDOutput):
        check_floating(activity=output.activity, direction=output.direction)
        scores = output.activity.detach().double().sigmoid()
    elif isinstance(output, Tensor):
        check_floating(output=output)
        scores = torch.linalg.vector_norm(_vector(output, planar), dim=-1)
    else:
        raise TypeError(f"output must be a SELDOutput or a tensor, got {type(output).__name__}")
    if scores.ndim not in (2, 3):
        raise ValueError(
            "output must be (time, cls, ...) or (time, track, cls, ...) without a batch axis,"
            f" got scores of shape {tuple(scores.shape)}"
        )
    check_finite("output", scores)
    return scores


def has_tracks(output: SELDOutput | Tensor) -> bool:
    """Return whether an output is track-wise: whether a track gives one event of all classes."""
    return isinstance(output, SELDOutput) and output.activity.ndim == 3


def strongest(
    factor: Float[Tensor, "time track cls"], active: Bool[Tensor, "time track cls"]
) -> Bool[Tensor, "time track cls"]:
    """Return the one active class of each track and frame with the largest factor."""
    best = factor.where(active, -torch.inf).argmax(dim=-1, keepdim=True)
    return torch.zeros_like(active).scatter_(-1, best, True) & active


def decided(
    output: Output,
    active: Bool[Tensor, "time *track cls"],
    factor: Float[Tensor, "time *track cls"],
    *,
    planar: bool,
) -> Output:
    """Return an output that decodes to a decision, with thresholds from 0 to below 1.

    Probabilities become 0 and 1. Vectors become zero where they are not active; those of a frame
    that are keep their shares, by which formats weigh them, and the shortest has length 2.

    Args:
        output: What was decided on.
        active: The decision. Of a track, which gives one event, one class stays.
        factor: By what factor each score exceeds its threshold: the largest stays.
        planar: Whether vectors have no z.
    """
    if isinstance(output, SELDOutput):
        active = strongest(factor, active) if has_tracks(output) else active
        certain = torch.full_like(output.activity, CERTAIN)
        return output._replace(activity=certain.where(active, -certain))
    scores = scores_of(output, planar)
    least = scores.where(active & (scores > 0), torch.inf).flatten(1).amin(dim=1)
    scale = 2 / least.clamp(min=1e-12).reshape(-1, *[1] * (scores.ndim - 1))
    return with_lengths(output, scores * scale * active, planar)


def with_lengths(output: Tensor, length: Float[Tensor, "*places"], planar: bool) -> Tensor:
    """Return vectors of other lengths, with what follows them."""
    vector = unit_norm(_vector(output, planar)) * length.unsqueeze(-1)
    return with_vectors(output, vector)


def with_vectors(output: Tensor, vector: Float[Tensor, "*places axis"]) -> Tensor:
    """Return other vectors, with what follows them."""
    changed = output.clone()
    changed[..., : vector.shape[-1]] = vector.to(output.dtype)
    return changed


def hold(
    output: Output,
    missing: Bool[Tensor, "time *track cls"],
    known: Bool[Tensor, "time *track cls"],
) -> Output:
    """Return an output whose missing directions and distances are those of the last known frame.

    Args:
        output: The output.
        missing: Where they are; of a track without directions of each class, of one class.
        known: Which frames to take them from; one comes before every missing one.
    """
    frame = torch.arange(len(known), device=known.device)
    frame = frame.reshape(-1, *[1] * (known.ndim - 1)).expand(known.shape)
    source = frame.where(known, 0).cummax(dim=0).values.where(missing, frame)

    def take(x: Tensor, axes: int) -> Tensor:
        index = source if axes == source.ndim else source.amin(dim=-1)
        index = index.unsqueeze(-1) if x.ndim > axes else index
        return x.gather(0, index.expand(x.shape))

    if isinstance(output, Tensor):
        return take(output, output.ndim - 1)
    distance, axes = output.distance, output.direction.ndim - 1
    return output._replace(
        direction=take(output.direction, axes),
        distance=None if distance is None else take(distance, axes),
    )


def _vector(output: Tensor, planar: bool) -> Float[Tensor, "*places axis"]:
    axes = 2 if planar else 3
    if output.ndim < 1 or not axes <= output.shape[-1] <= axes + 2:
        names = "x, y" if planar else "x, y, z"
        raise ValueError(
            f"output must have {names}[, distance][, onscreen] on its last axis with"
            f" planar={planar}, got shape {tuple(output.shape)}"
        )
    return output[..., :axes].detach().double()
