"""Labels of a batch, of whatever kind, frame by frame: events, or targets of any format.

Targets are tensors or a `SELDOutput`, with the batch first and then the frames; events are a list
with those of each clip, or those of the only one.
"""

from dataclasses import replace
from math import prod
from typing import Any, TypeVar

import torch
from torch import Tensor

from seldkit._checks import check_count
from seldkit._typing import Bool, Float, Int
from seldkit.events import Events
from seldkit.outputs import SELDOutput, apply

Labels = TypeVar("Labels", Tensor, SELDOutput, Events, list[Events])


def check_labels(labels: object, batch: int) -> None:
    """Raise `TypeError` unless they are labels, `ValueError` unless they are of so many clips."""
    if isinstance(labels, SELDOutput | Tensor):
        count = len(labels if isinstance(labels, Tensor) else labels.activity)
    elif isinstance(labels, Events):
        count = 1
    elif isinstance(labels, list) and all(isinstance(events, Events) for events in labels):
        count = len(labels)
    else:
        raise TypeError(
            "labels must be a tensor, a SELDOutput or a list of Events, got"
            f" {type(labels).__name__}"
        )
    if count != batch:
        raise ValueError(f"labels must be of {batch} clips, as what is augmented, got {count}")


def check_frames(x: Tensor, labels: Any, ratio: int) -> int:
    """Return the number of label frames of each clip, or raise unless they are those of `x`.

    Args:
        x: Waveforms or features, with time as the third axis.
        labels: Labels of any kind.
        ratio: Samples or feature frames of a label frame.
    """
    check_count(ratio=ratio)
    check_labels(labels, len(x))
    frames = x.shape[2] // ratio if x.ndim > 2 else 0
    if isinstance(labels, Events | list):
        for events in _listed(labels):
            last = int(events.frame.max()) if len(events) else 0
            if events.num_frames not in (None, frames) or last >= frames:
                raise ValueError(f"labels must be of {frames} frames, as x has them, got {events}")
    else:
        frames = (labels if isinstance(labels, Tensor) else labels.activity).shape[1]
    if x.ndim < 3 or x.shape[2] != frames * ratio:
        raise ValueError(
            f"x must be (batch, channel, time={frames * ratio}, ...) for {frames} frames of"
            f" {ratio}, got shape {tuple(x.shape)}"
        )
    return frames


def sound_of_frames(
    x: Float[Tensor, "batch channel sample *freq"],
    clip: Int[Tensor, " batch"],
    frame: Int[Tensor, "batch time"],
) -> Float[Tensor, "batch channel sample *freq"]:
    """Return waveforms or features whose label frames are others, of some clip each."""
    (batch, channels), frames = x.shape[:2], frame.shape[1]
    channel = torch.arange(channels, device=x.device)
    first = (clip.unsqueeze(1) * channels + channel) * frames
    rows = (first.unsqueeze(2) + frame.unsqueeze(1)).flatten()
    # A label frame is one run of memory: rows are copied whole.
    size = prod(x.shape[2:]) // max(frames, 1)
    return x.reshape(batch * channels * frames, size).index_select(0, rows).reshape(x.shape)


def pick_clips(labels: Labels, clip: Int[Tensor, " batch"]) -> Labels:
    """Return the labels of other clips of the batch."""
    if isinstance(labels, Events):
        return labels
    if isinstance(labels, list):
        return [labels[number] for number in clip.tolist()]
    return apply(lambda x: x[clip.to(x.device)], labels)


def pick_frames(
    labels: Labels, frame: Int[Tensor, "batch time"], kept: Bool[Tensor, "batch time"]
) -> Labels:
    """Return labels whose frames are others of the clip, or silent.

    Args:
        labels: Labels of any kind.
        frame: Which frame is taken for each.
        kept: Whether it is taken; a frame may be taken once only. The others are silent.
    """
    if isinstance(labels, Events):
        return _picked(labels, frame[0].cpu(), kept[0].cpu())
    if isinstance(labels, list):
        columns = zip(labels, frame.cpu(), kept.cpu(), strict=True)
        return [_picked(events, *rows) for events, *rows in columns]

    def picked(x: Tensor) -> Tensor:
        places = frame.to(x.device).reshape(*frame.shape, *[1] * (x.ndim - 2))
        on = kept.to(x.device).reshape(places.shape)
        return x.take_along_dim(places, dim=1) * on.to(x.dtype)

    return apply(picked, labels)


def only_class(labels: Labels, num_frames: int) -> Int[Tensor, "batch time"]:
    """Return the class of the only event of each frame; -1 where there is none, or more."""
    if isinstance(labels, Events | list):
        return torch.stack([_only_class(events, num_frames) for events in _listed(labels)])
    places = active(labels)
    classes = places.sum(dim=2) if places.ndim == 4 else places.long()
    return classes.argmax(dim=-1).where(classes.sum(dim=-1) == 1, -1)


def active(labels: Tensor | SELDOutput) -> Bool[Tensor, "batch time *track cls"]:
    """Return which places of a target hold an event."""
    if isinstance(labels, SELDOutput):
        return labels.activity > 0
    if labels.ndim not in (4, 5) or not 2 <= labels.shape[-1] <= 5:
        raise ValueError(
            "labels must be vectors, (batch, time, cls, axis) or (batch, time, track, cls, axis),"
            f" got shape {tuple(labels.shape)}; of other formats give the events of each clip"
        )
    return (labels != 0).any(dim=-1)


def _listed(labels: Events | list[Events]) -> list[Events]:
    return [labels] if isinstance(labels, Events) else labels


def _picked(events: Events, frame: Tensor, kept: Tensor) -> Events:
    place = torch.full((max(len(frame), 1),), -1, device=frame.device)
    place[frame[kept]] = kept.nonzero().flatten()
    new = place[events.frame]
    order = new.argsort(stable=True)
    rows = order[new[order] >= 0]
    moved = events.select(rows)
    changes: dict[str, Any] = {"frame": new[rows], "num_frames": len(frame)}
    return replace(moved, **changes)


def _only_class(events: Events, num_frames: int) -> Int[Tensor, " time"]:
    count = events.frame.bincount(minlength=num_frames)
    label = torch.full((num_frames,), -1, device=count.device)
    label[events.frame] = events.label
    return label.where(count == 1, -1)
