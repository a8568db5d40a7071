"""The best arrangement of a class's sources on the tracks, for ADPIT."""

from collections.abc import Sequence
from functools import reduce
from operator import or_

import torch
from torch import Tensor

from seldkit._typing import Bool, Float
from seldkit.assignment.matching import cheapest_columns

_LEAST_M = 0.001


def best_arranged(
    preds: Float[Tensor, "batch time track cls axis"],
    target: Float[Tensor, "batch time track cls axis"],
    entries: int,
    axis_weights: Sequence[float] | None,
    relative_distance: bool,
) -> Float[Tensor, "batch time track cls axis"]:
    """Return the target with the sources of each class where the tracks predict them best."""
    active = reduce(or_, target[..., :entries].bool().unbind(-1))
    if axis_weights is None and not relative_distance:
        return _arranged(preds, target, active, entries)
    scale = preds.new_tensor([1.0] * entries if axis_weights is None else axis_weights).sqrt()
    preds, scaled = preds[..., :entries] * scale, target[..., :entries] * scale
    if relative_distance:
        near = nearness(target[..., entries - 1 : entries])
        preds, scaled = _lifted(preds, scaled, near)
    rows = torch.cat((scaled, target), dim=-1)  # what has a say, and what is moved with it
    said = scaled.shape[-1]
    return _arranged(preds, rows, active, said, lifted=relative_distance)[..., said:]


def nearness(distance: Tensor) -> Tensor:
    """Return what the squared error of a distance is multiplied with."""
    return torch.where(distance > 0, 1 / (distance.clamp(min=0) + _LEAST_M), 1)


def _lifted(preds: Tensor, target: Tensor, near: Tensor) -> tuple[Tensor, Tensor]:
    r"""Return vectors of which $-2 \, p \cdot t$ is the cost, the last entry weighed by `near`.

    $w (p - t)^2 = w p^2 - 2 w p t + w t^2$ has $p^2$ times what the source says, so it is an entry.
    """
    (p, d), (t, e) = ((x[..., :-1], x[..., -1:]) for x in (preds, target))
    own = t.square().sum(dim=-1, keepdim=True) + near * e.square()
    return (
        torch.cat((p, d, d.square(), torch.ones_like(d)), dim=-1),
        torch.cat((t, near * e, -near / 2, -own / 2), dim=-1),
    )


def _arranged(
    preds: Float[Tensor, "batch time track cls entry"],
    target: Float[Tensor, "batch time track cls axis"],
    active: Bool[Tensor, "batch time track cls"],
    entries: int,
    *,
    lifted: bool = False,
) -> Float[Tensor, "batch time track cls axis"]:
    """Return the target with the sources of each class where the tracks predict them best.

    Where several sources are rare, only their cells (a class in a frame) are searched. A compiled
    graph cannot depend on values, and an accelerator would have to wait for them.
    """
    frames = [x.flatten(0, 1) for x in (preds[..., :entries], target, active)]
    if torch.compiler.is_compiling() or target.device.type != "cpu":
        return _searched(*frames, lifted=lifted).reshape(target.shape)
    several = reduce(torch.add, frames[2].byte().unbind(1)) > 1
    if 2 * int(several.sum()) > several.numel():
        return _searched(*frames, lifted=lifted).reshape(target.shape)
    only = reduce(torch.add, target.unbind(2)).unsqueeze(2)  # right where there is one source
    arranged = only.expand_as(target).clone(memory_format=torch.contiguous_format)
    tracks, classes = target.shape[2:4]
    cells = several.flatten().nonzero()
    before = cells + cells.div(classes, rounding_mode="floor") * (tracks - 1) * classes
    rows = before + torch.arange(0, tracks * classes, classes, device=cells.device)
    few = [x.reshape(-1, *x.shape[3:]).index_select(0, rows.flatten()) for x in frames]
    few = [x.view(-1, tracks, 1, *x.shape[1:]) for x in few]
    found = _searched(*few, lifted=lifted)
    arranged.view(-1, arranged.shape[-1]).index_copy_(0, rows.flatten(), found.flatten(0, 2))
    return arranged


def _searched(
    preds: Float[Tensor, "frame track cls entry"],
    target: Float[Tensor, "frame track cls axis"],
    active: Bool[Tensor, "frame track cls"],
    *,
    lifted: bool,
) -> Float[Tensor, "frame track cls axis"]:
    vectors = preds, target, active.unsqueeze(-1)
    p, t, used = (x.permute(3, 1, 0, 2).flatten(2).contiguous() for x in vectors)
    place = _best_places(p, t[: len(p)], used, lifted=lifted)
    # A sum with weights of 0 and 1 is many times faster than `gather`.
    places = torch.arange(len(place), device=place.device, dtype=place.dtype)
    chosen = (place.unsqueeze(1) == places.unsqueeze(1)).to(t.dtype)
    arranged: Tensor = chosen[:, 0] * t[:, :1]
    for k in range(1, len(place)):
        arranged.addcmul_(chosen[:, k], t[:, k : k + 1])
    cells: Tensor = arranged.unflatten(2, (-1, target.shape[2]))
    return cells.permute(2, 1, 3, 0)


def _best_places(
    preds: Float[Tensor, "entry track cell"],
    target: Float[Tensor, "entry track cell"],
    active: Bool[Tensor, "1 track cell"],
    *,
    lifted: bool,
) -> Tensor:
    r"""Return the place of the target that each track should predict, so that all active are used.

    A track $i$ would take its cheapest source at $\min_k c_{ik}$; taking source $j$ instead is to
    be regretted by $r_{ij} = c_{ij} - \min_k c_{ik} \geq 0$. In an arrangement each of the $n$
    sources has a track of its own, at the price of the regret. The other $N - n$ tracks need not
    regret anything: all sources are used already. So the best arrangement is the cheapest matching
    of tracks to sources by $r$, and with a free column for each silent place it is square.

    Terms that all sources of a track share cancel, so $c_{ij} = |t_j|^2 - 2 \, p_i \cdot t_j$;
    lifted vectors hold the square in the product.
    """
    tracks, used = target.shape[1], active.to(preds.dtype)
    own = (1 - used[0]) * (torch.finfo(preds.dtype).max / 2)
    if not lifted:
        own = target.square().sum(dim=0) + own
    cost = own.expand(tracks, -1, -1).clone()
    for p, t in zip(preds, target, strict=True):
        cost.addcmul_(p.unsqueeze(1), t, value=-2)
    return places_of_cost(cost, used)


def places_of_cost(
    cost: Float[Tensor, "track place cell"], used: Float[Tensor, "1 place cell"]
) -> Tensor:
    """Return the place that each track should take, so that all used ones are taken.

    Places are bytes, `(track, cell)`. The cost of a place that is not used is very high; costs are
    written into.
    """
    tracks = cost.shape[0]
    least, nearest = cost[:, 0], torch.zeros_like(cost[:, 0], dtype=torch.uint8)
    for place in range(1, tracks):  # `min` and its index are many times slower
        nearest = nearest.maximum((cost[:, place] < least).byte() * place)
        least = least.minimum(cost[:, place])
    # Smaller than any rounding: on exact ties the later sources go to the later tracks.
    order = torch.arange(tracks, device=cost.device, dtype=cost.dtype)
    tie = torch.finfo(cost.dtype).tiny * order.flip(0).outer(order).unsqueeze(-1)
    regret = cost.sub_(least.unsqueeze(1)).add_(tie).mul_(used)
    own = cheapest_columns(regret)
    kept = used[0].byte().gather(0, own)
    nearest += kept * (own.byte() - nearest)  # bytes wrap around and back
    return nearest
