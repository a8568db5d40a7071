"""The median filter: short errors vanish, edges stay where they are."""

from typing import Literal

import torch
from torch import Tensor

from seldkit._checks import check_choice, check_finite
from seldkit._typing import Bool, Float, Int
from seldkit.postprocess._time import check_window, time_axis


def median_filter(
    x: Float[Tensor, "*axes"] | Int[Tensor, "*axes"] | Bool[Tensor, "*axes"],
    window: int,
    *,
    dim: int | None = None,
    edge: Literal["nearest", "zero"] = "nearest",
) -> Float[Tensor, "*axes"] | Int[Tensor, "*axes"] | Bool[Tensor, "*axes"]:
    """Replace each frame by the median of the frames around it.

    Decisions, or scores before them: on decisions it is the vote of the majority, and a threshold
    may as well be applied after the filter as before. Bursts and gaps of fewer than
    `(window + 1) / 2` frames vanish unless others are near; longer ones keep their edges.

    Args:
        x: Scores or decisions, one time axis among any number of axes.
        window: How many frames to look at, odd. 3 to 7 label frames are usual.
        dim: Which axis is time; it must be said unless there is one axis. 0 for what a format
            decodes, 1 for batches.
        edge: What lies beyond the clip: its `"nearest"` frame again, or `"zero"`.

    Returns:
        Of the shape and type of `x`.

    Raises:
        ValueError: If the window is not odd, `dim` is no axis or missing, `edge` is unknown, or a
            value is not finite.

    Examples:
        >>> median_filter(torch.tensor([0, 1, 0, 0, 1, 0, 1, 1]), 3)
        tensor([0, 0, 0, 0, 0, 1, 1, 1])
    """
    check_window(window)
    check_choice("edge", edge, ("nearest", "zero"))
    check_finite("x", x)
    dim = time_axis("x", x, dim)
    time = x.shape[dim]
    if not time:
        return x.clone()
    frame = torch.arange(-(window // 2), time + window // 2, device=x.device)
    rows = x.movedim(dim, -1)[..., frame.clamp(0, time - 1)]
    if edge == "zero":
        rows = rows.masked_fill((frame < 0) | (frame >= time), 0)
    windows = rows.unfold(-1, window, 1)
    if x.dtype == torch.bool:
        filtered = windows.sum(dim=-1) > window // 2
    else:
        filtered = windows.median(dim=-1).values
    return filtered.movedim(-1, dim)
