"""The labels of two clips that sound together, where a target has room for them."""

from dataclasses import replace
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from seldkit._typing import Bool, Float, Int
from seldkit.assignment import best_permutation
from seldkit.augment._chance import of_each
from seldkit.augment._labels import Labels, active
from seldkit.events import Events
from seldkit.outputs import SELDOutput, apply, combine


@runtime_checkable
class Room(Protocol):
    """What events must fit in: any format of [`seldkit.formats`](formats.md)."""

    def fit(self, events: Events, num_frames: int) -> tuple[Events, object]:
        """Return the events that fit, and those that do not."""
        ...


def united(
    one: Labels, other: Labels, wanted: Bool[Tensor, " batch"], room: Room | None, num_frames: int
) -> tuple[Labels, Bool[Tensor, " batch"]]:
    """Return the labels of both where that is wanted and fits, and where it fits.

    What does not fit stays as the first has it. Tracks of a track-wise target go on as they are;
    those of the other clip stand on tracks that are free.

    Args:
        one: Labels of the clips.
        other: Labels of what is added, of the same kind.
        wanted: Which clips get them.
        room: What events must fit in, the format that will encode them; None for no limit. Targets
            have the room that they have.
        num_frames: Frames of a clip.
    """
    if isinstance(one, Events):
        both, fits = _united_events([one], [other], wanted, room, num_frames)
        return both[0], fits
    if isinstance(one, list):
        return _united_events(one, other, wanted, room, num_frames)
    here, there = active(one), active(other)
    if isinstance(one, SELDOutput) and here.ndim == 4:
        here, there = here.any(dim=-1), there.any(dim=-1)
        fits = (here.sum(dim=-1) + there.sum(dim=-1) <= here.shape[-1]).all(dim=-1)
        order = _free_tracks(here, there)
        other = apply(lambda x: _in_order(x, order), other)
    elif here.ndim == 4:
        fits = (here.sum(dim=2) + there.sum(dim=2) <= here.shape[2]).flatten(1).all(dim=-1)
        order = torch.cat((here, there), dim=2).int().argsort(dim=2, descending=True, stable=True)

        def on_first_tracks(pair: list[Tensor]) -> Tensor:
            first = order[:, :, : here.shape[2]].unsqueeze(-1)
            return torch.cat(pair, dim=2).take_along_dim(first, dim=2)

        both = combine(on_first_tracks, [one, other])
        return combine(lambda pair: _choose(fits & wanted, *pair), [both, one]), fits
    else:
        fits = ~(here & there).flatten(1).any(dim=-1)
    added = fits & wanted
    return combine(lambda pair: _choose(added, pair[0] + pair[1], pair[0]), [one, other]), fits


def _free_tracks(
    here: Bool[Tensor, "batch time track"], there: Bool[Tensor, "batch time track"]
) -> Int[Tensor, "batch time track"]:
    """Return which track of the other clip comes to each track, so that both fit where they can.

    In all frames the one arrangement that is best for the clip, but where that does not fit.
    """
    frames, tracks = here.shape[1:]
    clash = here.unsqueeze(3) & there.unsqueeze(2)
    for_clip = clash.sum(dim=1, keepdim=True)
    cost = clash * float(tracks * frames + 1) + for_clip
    return best_permutation(cost)[1]


def _in_order(
    x: Float[Tensor, "batch time track *axes"], order: Int[Tensor, "batch time track"]
) -> Float[Tensor, "batch time track *axes"]:
    return x.take_along_dim(order.reshape(*order.shape, *[1] * (x.ndim - 3)), dim=2)


def _choose(mask: Bool[Tensor, " batch"], yes: Tensor, no: Tensor) -> Tensor:
    return torch.where(of_each(mask, yes), yes, no)


def _united_events(
    ones: list[Events],
    others: list[Events],
    wanted: Bool[Tensor, " batch"],
    room: Room | None,
    num_frames: int,
) -> tuple[list[Events], Bool[Tensor, " batch"]]:
    pairs = [_both(one, other) for one, other in zip(ones, others, strict=True)]
    fits = [room is None or len(room.fit(both, num_frames)[0]) == len(both) for both in pairs]
    asked = zip(pairs, ones, fits, wanted.tolist(), strict=True)
    chosen = [both if fit and want else one for both, one, fit, want in asked]
    return chosen, torch.tensor(fits, device=wanted.device)


def _both(one: Events, other: Events) -> Events:
    """Return the rows of both, frame by frame, with sources told apart."""
    if not len(one) or not len(other):
        return one if len(one) else replace(other, num_frames=one.num_frames)
    more = max(int(one.source.max()), -1) + 1
    apart = replace(other, source=other.source + more * (other.source >= 0))  # -1: not told
    rows = Events.concatenate([one, apart])
    return replace(rows.select(rows.frame.argsort(stable=True)), num_frames=one.num_frames)
