"""The spans of time that share an assignment of tracks: frame, chunk, clip, sliding window."""

from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._checks import check_choice
from seldkit._typing import Float, Int

Per = Literal["frame", "chunk", "clip", "window"]


def check_span(per: Per, window: int | None) -> None:
    """Raise `ValueError` unless the span is known, and has a window if and only if it needs one."""
    check_choice("per", per, get_args(Per))
    if per == "window" and (window is None or window < 1 or window % 2 == 0):
        raise ValueError(f"window must be an odd number of frames for per='window', got {window}")
    if per != "window" and window is not None:
        raise ValueError(f"window needs per='window', got per={per!r}")


def span_cost(
    cost: Float[Tensor, "batch time row col"],
    activity: Float[Tensor, "batch time track cls"],
    *,
    per: Per,
    chunk: Int[Tensor, "batch time"] | None,
    window: int | None,
) -> Float[Tensor, "batch span row col"]:
    """Return the costs of matching, added up over the span that each frame stands in.

    Args:
        cost: Of matching row to column, for each frame.
        activity: Activity of the target, whose changes part the chunks that are not given.
        per: The span; of a whole clip there is one for all frames, else one for each.
        chunk: Number of the chunk of each frame.
        window: Length of the window in frames, odd; it is centred and ends where the clip ends.
    """
    if per == "clip":
        return cost.sum(dim=1, keepdim=True)
    if per == "chunk":
        return _sum_over_chunks(cost, _constant_chunks(activity) if chunk is None else chunk)
    if window is not None:
        return _sum_over_windows(cost, window)
    return cost


def _constant_chunks(
    activity: Float[Tensor, "batch time track cls"],
) -> Int[Tensor, "batch time"]:
    """Number the stretches of frames in which the active tracks and classes stay the same."""
    changed = (activity[:, 1:] != activity[:, :-1]).flatten(2).any(dim=2)
    return functional.pad(changed.cumsum(dim=1), (1, 0))


def _sum_over_chunks(
    cost: Float[Tensor, "batch time row col"], chunk: Int[Tensor, "batch time"]
) -> Float[Tensor, "batch time row col"]:
    same = (chunk.unsqueeze(1) == chunk.unsqueeze(2)).to(cost.dtype)
    return torch.einsum("bts,bsij->btij", same, cost)


def _sum_over_windows(
    cost: Float[Tensor, "batch time row col"], window: int
) -> Float[Tensor, "batch time row col"]:
    window = min(window, 2 * cost.shape[1] - 1)  # reaches the whole clip from every frame
    boxes = functional.avg_pool1d(cost.flatten(2).mT, window, stride=1, padding=window // 2)
    return window * boxes.mT.reshape(cost.shape)
