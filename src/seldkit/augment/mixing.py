"""Mixing: two clips, or a clip and one event of another, sound together; so do their labels."""

from collections.abc import MutableMapping

import torch
from torch import Tensor

from seldkit._checks import check_count, check_floating, check_shape
from seldkit._typing import Bool, Float, Int
from seldkit.augment._chance import Chance, Range, check_range
from seldkit.augment._labels import (
    Labels,
    check_frames,
    check_labels,
    only_class,
    pick_clips,
    pick_frames,
    sound_of_frames,
)
from seldkit.augment._union import Room, united
from seldkit.events import Events

Counts = MutableMapping[str, int]

_FADE = 20  # a cut fades in and out within this part of a label frame


def mix_clips(
    waveform: Float[Tensor, "batch channel sample"],
    labels: Labels,
    *,
    gain_db: Range = (0.0, 0.0),
    format: Room | None = None,
    counts: Counts | None = None,
    p: float = 1.0,
    generator: torch.Generator | None = None,
) -> tuple[Float[Tensor, "batch channel sample"], Labels]:
    """Add another clip of the batch to each, sample by sample; the labels are the union of both.

    Where the union does not fit, since a frame has more events than tracks, or a class sounds twice
    in a format with one place for it, the clip stays as it is. Targets have the room that their
    axes say: an event of a track-wise target keeps its track unless it would not fit there, and the
    other clip's come to free tracks; those of multi-ACCDOA stand on the first tracks, as encoded.

    Source: time-domain mixing of Wang et al., "A four-stage data augmentation approach to
    ResNet-Conformer based acoustic modeling for sound event localization and detection", IEEE/ACM
    TASLP 2023.

    Args:
        waveform: Clips as they were recorded: sounds add up, levels in decibels do not.
        labels: Target of the batch, vectors or an output, or the events of each clip: of maps, too,
            which are drawn of what these become.
        gain_db: Least and greatest gain of the clip that is added, in dB, drawn from uniformly.
        format: For events: the format that will encode them, whose room they must fit; None mixes
            all.
        counts: A mapping that is added to, such as a `Counter`: under `"mixed"` the clips that were
            mixed, under `"no_room"` those that stayed since the union does not fit.
        p: Chance of each clip to be mixed.
        generator: Source of randomness, on the device of the waveform; torch's own if None.

    Returns:
        Both after mixing. A batch of one clip has no other and stays as it is.

    Raises:
        TypeError: If the waveform holds integers, or the labels are of another kind.
        ValueError: If a shape, range or chance is not as said.

    Examples:
        >>> left, front = torch.tensor([[[0.0, 1.0, 0.0]]]), torch.tensor([[[1.0, 0.0, 0.0]]])
        >>> target = torch.zeros(2, 1, 2, 3)  # ACCDOA of two clips of one frame, with two classes
        >>> target[0, 0, 0], target[1, 0, 1] = left, front
        >>> waveform = torch.tensor([1.0, 10.0]).reshape(2, 1, 1)
        >>> mixed, union = mix_clips(waveform, target)
        >>> mixed.flatten(), union[0, 0]
        (tensor([11., 11.]), tensor([[0., 1., 0.],
                [1., 0., 0.]]))
    """
    _check(waveform, labels, gain_db)
    chance = Chance(waveform, p, generator)
    partner = _partners(chance, waveform)
    added = waveform[partner]
    gain = 10 ** (chance.within(gain_db) / 20)
    wanted = chance.chosen & (partner != torch.arange(len(partner), device=partner.device))
    union, fits = united(labels, pick_clips(labels, partner), wanted, format, _frames(labels))
    _count(counts, mixed=wanted & fits, no_room=wanted & ~fits)
    return _sum(waveform, added, (gain * (wanted & fits)).unsqueeze(1)), union


def paste_events(
    waveform: Float[Tensor, "batch channel sample"],
    labels: Labels,
    *,
    ratio: int,
    max_frames: int = 20,
    gain_db: Range = (0.0, 0.0),
    format: Room | None = None,
    counts: Counts | None = None,
    p: float = 1.0,
    generator: torch.Generator | None = None,
) -> tuple[Float[Tensor, "batch channel sample"], Labels]:
    """Cut a single event out of another clip of the batch, and add it to each clip somewhere else.

    A frame is drawn of those in which the other clip has one event alone, and with it the frames
    around it for which that goes on. They are added at a place that is drawn, with all that sounds
    in them, such as noise, and fade in and out within the first and last twentieth of a frame. Room
    is as in [`mix_clips`][seldkit.augment.mix_clips].

    Args:
        waveform: Clips as they were recorded.
        labels: Target of the batch, vectors or an output, or the events of each clip: of maps, too,
            which are drawn of what these become.
        ratio: Samples of a label frame.
        max_frames: Longest cut, in label frames; of a longer event a part is drawn.
        gain_db: Least and greatest gain of the cut, in dB, drawn from uniformly.
        format: For events: the format that will encode them, see
            [`mix_clips`][seldkit.augment.mix_clips].
        counts: A mapping that is added to: `"pasted"`, `"no_event"` where the other clip has no
            event alone, and `"no_room"`.
        p: Chance of each clip to get an event.
        generator: Source of randomness, on the device of the waveform; torch's own if None.

    Returns:
        Both, with the event in them.

    Raises:
        TypeError: If the waveform holds integers, a count is none, or the labels are of another
            kind.
        ValueError: If a shape, range, count or chance is not as said, or the waveform is not
            `ratio` times as long as the labels.

    Examples:
        >>> waveform = torch.tensor([[[0.0, 0.0, 0.0]], [[0.0, 5.0, 0.0]]])
        >>> target = torch.zeros(2, 3, 1, 3)  # ACCDOA of three frames of one sample
        >>> target[1, 1, 0] = torch.tensor([0.0, 0.0, 1.0])
        >>> pasted, union = paste_events(waveform, target, ratio=1)
        >>> torch.equal(pasted[0, 0], 5 * union[0, :, 0, 2]), pasted[0].sum()
        (True, tensor(5.))
    """
    _check(waveform, labels, gain_db)
    check_count(max_frames=max_frames)
    frames = check_frames(waveform, labels, ratio)
    chance = Chance(waveform, p, generator)
    partner = _partners(chance, waveform)
    theirs, gain = pick_clips(labels, partner), 10 ** (chance.within(gain_db) / 20)
    kind = only_class(theirs, frames).to(waveform.device)
    first, length = _run_around(kind, chance.uniform(frames))
    size = length.clamp(max=max_frames)
    first = first + chance.below(length - size + 1)
    place = chance.below(frames - size + 1)
    time = torch.arange(frames, device=waveform.device)
    kept = (time >= place.unsqueeze(1)) & (time < (place + size).unsqueeze(1))
    frame = (time + (first - place).unsqueeze(1)).clamp(0, frames - 1)
    other = partner != torch.arange(len(partner), device=partner.device)
    asked, there = chance.chosen & other, length > 0
    cut = pick_frames(theirs, frame, kept)
    union, fits = united(labels, cut, asked & there, format, frames)
    pasted = asked & there & fits
    _count(counts, pasted=pasted, no_event=asked & ~there, no_room=asked & there & ~fits)
    sound = sound_of_frames(waveform, partner, frame)
    shape = _edges(place, size, frames, ratio).mul_((gain * pasted).unsqueeze(1))
    return _sum(waveform, sound, shape), union


def _check(waveform: Tensor, labels: Labels, gain_db: Range) -> None:
    check_shape("waveform", waveform, "batch channel sample")
    check_floating(waveform=waveform)
    check_labels(labels, len(waveform))
    check_range("gain_db", gain_db)


def _partners(chance: Chance, waveform: Tensor) -> Int[Tensor, " batch"]:
    """Return another clip for each, any other as likely; of one clip itself."""
    batch = len(waveform)
    step = 1 + chance.below(max(batch - 1, 1))
    return (torch.arange(batch, device=waveform.device) + step) % max(batch, 1)


def _sum(waveform: Tensor, added: Tensor, gain: Float[Tensor, "batch _"]) -> Tensor:
    with torch.autocast(waveform.device.type, enabled=False):
        return torch.addcmul(waveform, added, gain.to(waveform.dtype).unsqueeze(1))


def _frames(labels: Labels) -> int:
    """Return the frames of events, as their clips say or need them; targets know their own."""
    every: list[Events] = []
    if isinstance(labels, Events | list):
        every = [labels] if isinstance(labels, Events) else labels
    last = max((int(events.frame.max()) + 1 for events in every if len(events)), default=1)
    return max([last, *(events.num_frames or 0 for events in every)])


def _count(counts: Counts | None, **masks: Bool[Tensor, " batch"]) -> None:
    if counts is not None:
        for name, mask in masks.items():
            counts[name] = counts.get(name, 0) + int(mask.sum())


def _run_around(
    kind: Int[Tensor, "batch time"], chance: Float[Tensor, "batch time"]
) -> tuple[Int[Tensor, " batch"], Int[Tensor, " batch"]]:
    """Return the first frame and the length of a run of one kind, which is not -1.

    Every frame is as likely to be in it; the length is 0 where there is none.
    """
    alone = kind >= 0
    drawn = chance.where(alone, -1.0).argmax(dim=1, keepdim=True)
    begins = kind != kind.roll(1, dims=1)
    begins[:, 0] = True
    run = begins.cumsum(dim=1)
    inside = (run == run.gather(1, drawn)) & alone
    return inside.int().argmax(dim=1), inside.sum(dim=1)


def _edges(
    place: Int[Tensor, " batch"], size: Int[Tensor, " batch"], frames: int, ratio: int
) -> Float[Tensor, "batch sample"]:
    """Return 1 within the cut, 0 outside it, and a straight fade at its edges."""
    time = torch.arange(frames * ratio, device=place.device).unsqueeze(0) + 0.5
    fade = max(ratio / _FADE, 0.5)
    since = time - (place * ratio).unsqueeze(1)
    left = ((place + size) * ratio).unsqueeze(1) - time
    return (since.minimum(left) / fade).clamp(0, 1)
