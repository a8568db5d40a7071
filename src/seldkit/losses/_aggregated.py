r"""The squared errors of the aggregated losses, with slopes that are worked out by hand.

A vector is $a u^\top$: activities $a$ of the classes of a track times its direction $u$.
"""

import torch
from torch import Tensor

from seldkit._typing import Float
from seldkit.losses._order import in_cheapest_order
from seldkit.losses.direction import SHORT
from seldkit.outputs import SELDOutput

FEW = 2**12
"""Fewer activities than these take their time by the number of steps."""

WIDE = 64
"""As many classes are runs long enough."""


def pairs_by_hand(logits: Tensor, preds: Tensor, b: Tensor, v: Tensor) -> tuple[Tensor, ...]:
    """Return the sum of the squared errors of pairs of tracks, and what its slopes need."""
    a = logits.sigmoid()
    u, square, scale = _unit(preds, -1)
    b, v, _ = in_cheapest_order(SELDOutput(b, v), products_cost(a, u, b, v))
    more, turn = a - b, u - v
    parts = (dot(more, more), dot(more, b), dot(b, b), dot(u, u), dot(turn, u), dot(turn, turn))
    return squares(*parts).sum(), a, u, b, more, turn, square, scale, *parts[:5]


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
    square: Tensor,
    scale: Tensor,
    *dots: Tensor,
) -> tuple[Tensor, Tensor]:
    """Return the slopes of that sum."""
    aa, ab, bb, uu, tu = (x.unsqueeze(-1) for x in dots)
    by_a = (more * uu).addcmul_(b, tu).mul_(2)
    by_u = (u * (aa + ab)).addcmul_(turn, ab + bb).mul_(2)
    return _through_sigmoid(by_a, a), _through_unit(by_u, preds, square, scale, -1)


def sums_by_hand(logits: Tensor, preds: Tensor, b: Tensor, v: Tensor) -> tuple[Tensor, ...]:
    """Return the sum of the squared errors of sums over tracks, and what its slopes need."""
    parts = logits, preds, b, v
    if _by_frames(logits):
        a, p, b, v = (x.flatten(0, 1) for x in parts)
        a = a.sigmoid()
        u, square, scale = _unit(p, 2)
        error = torch.baddbmm(torch.bmm(v.mT, b), u.mT, a, beta=-1)
    else:
        a, p, b, v = (x.permute(2, 3, 0, 1).contiguous() for x in parts)
        a.sigmoid_()
        u, square, scale = _unit(p, 1)
        error = u[0].unsqueeze(1) * a[0]
        for x, y in zip(u[1:].unsqueeze(2), a[1:], strict=True):
            error.addcmul_(x, y)
        for x, y in zip(v.unsqueeze(2), b, strict=True):
            error.addcmul_(x, y, value=-1)
    return error.square().sum(), a, p, u, square, scale, error


def sum_slopes(
    logits: Tensor,
    preds: Tensor,
    _activity: Tensor,
    _direction: Tensor,
    a: Tensor,
    p: Tensor,
    u: Tensor,
    square: Tensor,
    scale: Tensor,
    error: Tensor,
) -> tuple[Tensor, Tensor]:
    """Return the slopes of that sum."""
    u = 2 * u
    if _by_frames(logits):
        by_a, by_u = torch.bmm(u, error), torch.bmm(a, error.mT).mul_(2)
        by_p = _through_unit(by_u, p, square, scale, 2)
        return _through_sigmoid(by_a, a).view_as(logits), by_p.view_as(preds)
    by_a = error[0] * u[:, :1]
    for axis in range(1, len(error)):
        by_a.addcmul_(error[axis], u[:, axis : axis + 1])
    by_u = torch.stack([(error * x).sum(dim=1) for x in a]).mul_(2)
    slopes = _through_sigmoid(by_a, a), _through_unit(by_u, p, square, scale, 1)
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


def _unit(x: Tensor, dim: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return faded unit vectors, squared lengths of vectors, and the quotients of both."""
    square = x.square().sum(dim=dim, keepdim=True)
    scale = square.rsqrt()
    if float(square.min()) < SHORT**2:
        scale = torch.minimum(scale, square * square.sqrt() / SHORT**4)
    return x * scale, square, scale


def _through_unit(slope: Tensor, x: Tensor, square: Tensor, scale: Tensor, dim: int) -> Tensor:
    """Return the slope of vectors where that of their faded unit vectors is known."""
    bend = -(scale**3)
    if float(square.min()) < SHORT**2:
        bend = torch.where(square < SHORT**2, 3 * square.sqrt() / SHORT**4, bend)
    along = (slope * x).sum(dim=dim, keepdim=True)
    return (slope * scale).addcmul_(x, along.mul_(bend))


def _through_sigmoid(slope: Tensor, a: Tensor) -> Tensor:
    """Return the slope of logits where that of their probabilities is known."""
    return slope.mul_(a.addcmul(a, a, value=-1))
