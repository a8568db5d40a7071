r"""The squared errors of the aggregated losses, with slopes that are worked out by hand.

A vector is $a u^\top$: activities $a$ of the classes of a track times its direction $u$.
"""

import torch
from torch import Tensor

from seldkit._typing import Float
from seldkit.losses._by_hand import Worked
from seldkit.losses._order import in_cheapest_order
from seldkit.losses.direction import SHORT
from seldkit.outputs import SELDOutput

FEW = 2**12
"""Fewer activities than these take their time by the number of steps."""

WIDE = 64
"""As many classes are runs long enough."""


def pairs_by_hand(logits: Tensor, preds: Tensor, b: Tensor, v: Tensor) -> Worked:
    """Return the sum of the squared errors of pairs of tracks, and what its slopes need."""
    a = logits.sigmoid()
    u, *bent = _unit(preds, -1)
    b, v, _ = in_cheapest_order(SELDOutput(b, v), products_cost(a, u, b, v))
    more, turn = a - b, u - v
    parts = (dot(more, more), dot(more, b), dot(b, b), dot(u, u), dot(turn, u), dot(turn, turn))
    return squares(*parts).sum(), a, u, b, more, turn, *bent, *parts[:5]


def pair_slopes(
    _logits: Tensor,
    preds: Tensor,
    _activity: Tensor,
    _direction: Tensor,
    a: Tensor,
    u: Tensor,
    b: Tensor,
    more: Tensor,
    turn: Tensor,
    scale: Tensor,
    bend: Tensor | None,
    *dots: Tensor,
) -> tuple[Tensor, Tensor]:
    """Return the slopes of that sum."""
    aa, ab, bb, uu, tu = (x.unsqueeze(-1) for x in dots)
    by_a = (more * uu).addcmul_(b, tu).mul_(2)
    by_u = (u * (aa + ab)).addcmul_(turn, ab + bb).mul_(2)
    return _through_sigmoid(by_a, a), _through_unit(by_u, preds, scale, bend, -1)


def sums_by_hand(logits: Tensor, preds: Tensor, b: Tensor, v: Tensor) -> Worked:
    """Return the sum of the squared errors of sums over tracks, and what its slopes need."""
    parts = logits, preds, b, v
    if _by_frames(logits):
        a, p, b, v = (x.flatten(0, 1) for x in parts)
        a = a.sigmoid()
        u, *bent = _unit(p, 2)
        error = torch.bmm(torch.cat((u, -v), dim=1).mT, torch.cat((a, b), dim=1))
    else:
        a, p, b, v = (x.permute(2, 3, 0, 1).contiguous() for x in parts)
        a = a.sigmoid()  # not in place: of one clip or one class it may be the caller's memory
        u, *bent = _unit(p, 1)
        error = u[0].unsqueeze(1) * a[0]
        for x, y in zip(u[1:].unsqueeze(2), a[1:], strict=True):
            error.addcmul_(x, y)
        for x, y in zip(v.unsqueeze(2), b, strict=True):
            error.addcmul_(x, y, value=-1)
    return error.square().sum(), a, p, u, error, *bent


def sum_slopes(
    logits: Tensor,
    preds: Tensor,
    _activity: Tensor,
    _direction: Tensor,
    a: Tensor,
    p: Tensor,
    u: Tensor,
    error: Tensor,
    scale: Tensor,
    bend: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Return the slopes of that sum."""
    if _by_frames(logits):
        error = 2 * error
        by_a, by_u = torch.bmm(u, error), torch.bmm(a, error.mT)
        by_p = _through_unit(by_u, p, scale, bend, 2)
        return _through_sigmoid(by_a, a).view_as(logits), by_p.view_as(preds)
    u = 2 * u
    by_a = error[0] * u[:, :1]
    for axis in range(1, len(error)):
        by_a.addcmul_(error[axis], u[:, axis : axis + 1])
    by_u = torch.stack([(error * x).sum(dim=1) for x in a]).mul_(2)
    slopes = _through_sigmoid(by_a, a), _through_unit(by_u, p, scale, bend, 1)
    return slopes[0].permute(2, 3, 0, 1), slopes[1].permute(2, 3, 0, 1)


def _by_frames(logits: Tensor) -> bool:
    """Return whether products by frames are faster than runs along the frames.

    So it is where there are few frames, or classes enough for long runs.
    """
    return logits.numel() < FEW or logits.shape[3] >= WIDE


def squares(
    aa: Tensor, ab: Tensor, bb: Tensor, uu: Tensor, tu: Tensor, tt: Tensor
) -> Float[Tensor, "batch time track"]:
    """Return the squared errors of pairs by the products of more activity and turned direction."""
    return aa * uu + bb * tt + 2 * ab * tu


def products_cost(
    a: Tensor, u: Tensor, b: Tensor, v: Tensor
) -> Float[Tensor, "batch time track track"]:
    """Return what orders permutations as the squared error does."""
    shape = a.shape
    a, u, b, v = (x.flatten(0, 1) for x in (a, u, b, v))
    return torch.bmm(a, b.mT).mul_(torch.bmm(u, v.mT)).neg_().view(*shape[:3], shape[2])


def dot(x: Tensor, y: Tensor) -> Tensor:
    """Return the products of vectors."""
    products: Tensor = torch.linalg.vecdot(x, y)
    return products


def _unit(x: Tensor, dim: int) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return faded unit vectors, their quotients by the vectors, and how these bend with length.

    The bend is None where no vector is short: the third power of the quotient then.
    """
    length = torch.linalg.vector_norm(x, dim=dim, keepdim=True)
    scale, bend = length.reciprocal(), None
    if float(length.min()) < SHORT:
        bend = torch.where(length < SHORT, -3 * length / SHORT**4, scale**3)
        scale = torch.minimum(scale, length**3 / SHORT**4)
    return x * scale, scale, bend


def _through_unit(slope: Tensor, x: Tensor, scale: Tensor, bend: Tensor | None, dim: int) -> Tensor:
    """Return the slope of vectors where that of their faded unit vectors is known."""
    bend = scale**3 if bend is None else bend
    along = (slope * x).sum(dim=dim, keepdim=True)
    return (slope * scale).addcmul_(x, along.mul_(bend), value=-1)


def _through_sigmoid(slope: Tensor, a: Tensor) -> Tensor:
    """Return the slope of logits where that of their probabilities is known."""
    return slope.mul_(a.addcmul(a, a, value=-1))
