"""The spans of time that share an assignment of tracks: frame, chunk, clip, sliding window."""

from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._checks import check_choice, integer
from seldkit._typing import Bool, Float, Int

Per = Literal["frame", "chunk", "stretch", "clip", "window"]
KINDS: tuple[Per, ...] = get_args(Per)


class Span(NamedTuple):
    """The frames that share an assignment, in the words of `match_tracks`."""

    per: Per
    chunk: Int[Tensor, "batch time"] | None
    window: int | None


def check_span(span: Span) -> None:
    """Raise unless the span is known, and has chunks or a window only where they have a use."""
    per, chunk, window = span
    check_choice("per", per, KINDS)
    if per != "window":
        if window is not None:
            raise ValueError(f"window needs per='window', got per={per!r}")
    elif window is None or integer("window", window) < 1 or window % 2 == 0:
        raise ValueError(f"window must be an odd number of frames for per='window', got {window}")
    if chunk is not None and per != "chunk":
        raise ValueError(f"chunk needs per='chunk', got per={per!r}")


def span_cost(
    cost: Float[Tensor, "batch time row col"],
    activity: Float[Tensor, "batch time track cls"],
    span: Span,
    mask: Bool[Tensor, "batch time"] | None,
) -> Float[Tensor, "batch span row col"]:
    """Return the costs of matching, added up over the span that each frame stands in.

    Args:
        cost: Of matching row to column, for each frame; 0 where frames do not count.
        activity: Activity of the target, whose events are the chunks that are not given.
        span: Of a whole clip there is one for all frames, else one for each. A window is centred
            and ends where the clip ends.
        mask: Which frames count; the others neither begin nor end an event.
    """
    per, chunk, window = span
    if per == "clip":
        return cost.sum(dim=1, keepdim=True)
    if per == "frame" or cost.numel() == 0:
        return cost
    if window is not None:
        return _sum_over_windows(cost, int(window))
    if chunk is not None:
        return _sum_over_chunks(cost, _in_order(chunk))
    active = _held(activity > 0, mask).flatten(2)
    return _sum_over_chunks(cost, _events(active) if per == "chunk" else _stretches(active))


def _held(
    active: Bool[Tensor, "batch time track cls"], mask: Bool[Tensor, "batch time"] | None
) -> Bool[Tensor, "batch time track cls"]:
    """Return activities that, where a frame does not count, are those of the last that does."""
    if mask is None:
        return active
    frame = torch.arange(mask.shape[1], device=mask.device)
    last = torch.where(mask, frame, 0).cummax(dim=1).values
    return active.take_along_dim(last[:, :, None, None], dim=1)


def _events(active: Bool[Tensor, "batch time place"]) -> Int[Tensor, "batch time"]:
    """Number the runs of frames through which some event, or silence, goes on."""
    before, after = active[:, :-1], active[:, 1:]
    return _numbered((before & after).any(dim=2) | ~(before | after).any(dim=2))


def _stretches(active: Bool[Tensor, "batch time place"]) -> Int[Tensor, "batch time"]:
    """Number the runs of frames in which the same tracks and classes are active."""
    return _numbered((active[:, :-1] == active[:, 1:]).all(dim=2))


def _numbered(goes_on: Bool[Tensor, "batch step"]) -> Int[Tensor, "batch time"]:
    return functional.pad((~goes_on).cumsum(dim=1), (1, 0))


def _in_order(chunk: Int[Tensor, "batch time"]) -> Int[Tensor, "batch time"]:
    """Return the chunks numbered 0, 1, ... in each clip, in the order of their numbers."""
    ordered, place = chunk.sort(dim=1)
    number = _numbered(ordered[:, :-1] == ordered[:, 1:])
    return torch.empty_like(number).scatter(1, place, number)


def _sum_over_chunks(
    cost: Float[Tensor, "batch time row col"], number: Int[Tensor, "batch time"]
) -> Float[Tensor, "batch time row col"]:
    flat = cost.flatten(2)
    index = number.unsqueeze(2).expand_as(flat)
    return torch.zeros_like(flat).scatter_add(1, index, flat).gather(1, index).view_as(cost)


def _sum_over_windows(
    cost: Float[Tensor, "batch time row col"], window: int
) -> Float[Tensor, "batch time row col"]:
    window = min(window, 2 * cost.shape[1] - 1)  # reaches the whole clip from every frame
    boxes = functional.avg_pool1d(cost.flatten(2).mT, window, stride=1, padding=window // 2)
    return window * boxes.mT.reshape(cost.shape)
