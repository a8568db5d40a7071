"""Tracks linked along time, where events hop between them from frame to frame."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seldkit._checks import check_finite, check_number, check_shape
from seldkit._typing import Float, Int
from seldkit.geometry import unit_norm
from seldkit.outputs import Output, SELDOutput


def link_tracks(
    output: Output, *, memory: float = 0.9, logits: bool = True, planar: bool = False
) -> Output:
    """Exchange tracks in each frame so that an event stays on its track.

    A network that was trained with an assignment of tracks for each frame (tPIT, ADPIT) may return
    an event on another track in each. Frame by frame the tracks are put where they differ least
    from what these tracks held before: by the sum of squared differences of probabilities and of
    probabilities times directions (track-wise), or of vectors (multi-ACCDOA, each class by itself).
    A track that falls silent remembers its event for a while. What is filtered or smoothed along
    time should be linked first.

    Args:
        output: Without the batch axis: a track-wise `SELDOutput`, `(time, track, cls)`, or the
            vectors of multi-ACCDOA, `(time, track, cls, axis)`.
        memory: How much of its event a silent track still holds one frame later, 0 to 1.
        logits: Whether the activity of a `SELDOutput` holds logits; otherwise probabilities.
        planar: Whether the vectors of multi-ACCDOA are `x, y[, distance][, onscreen]`.

    Returns:
        The same numbers on other tracks; the first frame stays as it is. Tracks that are exchanged
        at will in each frame lead to the same result, but for the numbers of the tracks.

    Raises:
        TypeError: If the output is neither a `SELDOutput` nor a tensor, or `memory` no number.
        ValueError: If it has no tracks or another shape, a value is nan, or `memory` lies beyond
            0..1.

    Examples:
        >>> vectors = torch.zeros(3, 2, 1, 3)  # time track cls axis
        >>> vectors[:, 0, 0, 0] = vectors[:, 1, 0, 1] = 1  # front and left
        >>> vectors[1] = vectors[1].flip(0)
        >>> link_tracks(vectors)[:, 0, 0]
        tensor([[1., 0., 0.],
                [1., 0., 0.],
                [1., 0., 0.]])
    """
    check_memory(memory)
    if isinstance(output, SELDOutput):
        content = _content(output, logits)
        parts = [x.detach().cpu().double() for x in output if x is not None]
        values = torch.cat([(x.unsqueeze(-1) if x.ndim < 3 else x).flatten(2) for x in parts], -1)
        track = _linked(content, values.unsqueeze(1), memory).squeeze(2).to(output.activity.device)
        return output.map(lambda x: _take(x, track))
    if not isinstance(output, Tensor):
        raise TypeError(f"output must be a SELDOutput or a tensor, got {type(output).__name__}")
    check_shape("output", output, "time track cls axis")
    values = output.detach().cpu().double().transpose(1, 2)
    vector = values[..., : 2 if planar else 3]
    check_finite("output", vector)
    track = _linked(vector, values, memory)
    return _take(output, track.to(output.device))


def check_memory(memory: float) -> None:
    """Raise unless a memory is a number from 0 to 1."""
    check_number(memory=memory)
    if not 0 <= memory <= 1:
        raise ValueError(f"memory must lie in 0..1, got {memory}")


def _content(output: SELDOutput, logits: bool) -> Float[Tensor, "time group=1 track value"]:
    """Return what tracks are compared by: probabilities, and these times the directions."""
    activity, direction, _ = output
    check_shape("activity", activity, "time track cls")
    probability = activity.detach().cpu().double()
    probability = (probability.sigmoid() if logits else probability).unsqueeze(-1)
    check_finite("activity", probability)
    time, tracks, classes = activity.shape
    axes = "time track axis" if direction.ndim == 3 else "time track cls axis"
    sizes = {"time": time, "track": tracks, "axis": 3}
    sizes |= {"cls": classes} if direction.ndim == 4 else {}
    check_shape("direction", direction, axes, **sizes)
    unit = unit_norm(direction.detach().cpu().double())
    check_finite("direction", unit)
    unit = unit.unsqueeze(2) if unit.ndim == 3 else unit
    return torch.cat((probability, probability * unit), dim=-1).flatten(2).unsqueeze(1)


def _linked(
    content: Float[Tensor, "time group track value"],
    values: Float[Tensor, "time group track other"],
    memory: float,
) -> Int[Tensor, "time track group"]:
    """Return the track that each linked track is taken from.

    Args:
        content: What tracks are compared by.
        values: All that they hold, which tells apart what compares as equal.
        memory: What a silent track keeps of its content from frame to frame.
    """
    if not len(content):
        return torch.zeros(0, *content.shape[1:3], dtype=torch.int64).transpose(1, 2)
    # First by what the tracks hold, so that the order they came in decides nothing.
    order = _key(values).argsort(dim=-1, stable=True)
    order = order.gather(2, _key(content).gather(2, order).argsort(dim=-1, stable=True))
    sorted_content = content.gather(2, order.unsqueeze(-1).expand_as(content))
    linked = order.gather(2, torch.from_numpy(_places(sorted_content.numpy(), memory)))
    first = linked[0].argsort(dim=-1)  # the first frame keeps its tracks
    return linked.gather(2, first.expand_as(linked)).transpose(1, 2)


def _places(content: NDArray[np.float64], memory: float) -> NDArray[np.int64]:
    """Return where each linked track stands, frame by frame: `[time, group, track]`."""
    from scipy.optimize import linear_sum_assignment

    places = np.empty(content.shape[:3], dtype=np.int64)
    held = np.zeros_like(content[0])
    for t, frame in enumerate(content):
        likeness = held @ frame.swapaxes(-1, -2)  # of squared differences what an order changes
        for group, alike in enumerate(likeness):
            places[t, group] = linear_sum_assignment(alike, maximize=True)[1]
        frame = np.take_along_axis(frame, places[t, ..., np.newaxis], axis=1)
        faded = memory * held
        louder = np.square(frame).sum(-1) >= np.square(faded).sum(-1)
        held = np.where(louder[..., np.newaxis], frame, faded)
    return places


def _key(values: Float[Tensor, "time group track value"]) -> Float[Tensor, "time group track"]:
    """Return one number for what a track holds, which differs where that does."""
    weight = torch.arange(1.0, values.shape[-1] + 1, dtype=values.dtype).sqrt().cos()
    return (values.nan_to_num() * weight).sum(dim=-1)


def _take(x: Tensor, track: Int[Tensor, "time track *group"]) -> Tensor:
    """Return values of other tracks, for each frame and, where there are such, group."""
    track = track.reshape(*track.shape, *[1] * (x.ndim - track.ndim))
    return x.gather(1, track.expand(x.shape))
