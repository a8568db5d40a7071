"""What sounds together is labelled together, and what a target has no room for is not mixed."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from augment.estimates import by_intensity, foa_waves, sphere
from formats.sounding import CLASSES, FRAMES, OVERLAPPING, Row, in_order, make_events
from seldkit.augment import mix_clips, paste_events
from seldkit.events import Events
from seldkit.formats import ACCDOA, ClassWise, MultiACCDOA, TrackWise
from seldkit.formats.base import Format
from seldkit.geometry import angle_deg
from seldkit.outputs import SELDOutput, combine

quick = settings(max_examples=40)

FORMATS: dict[str, Any] = {
    "class-wise": ClassWise(CLASSES, overflow="drop"),
    "ACCDOA": ACCDOA(CLASSES, overflow="drop"),
    "multi-ACCDOA": MultiACCDOA(CLASSES, unify_deg=0, overflow="drop"),
    "track-wise": TrackWise(CLASSES, num_tracks=3, overflow="drop"),
    "track-wise with distance": TrackWise(CLASSES, num_tracks=2, distance=True, overflow="drop"),
}


def as_set(events: Events) -> list[tuple[Any, ...]]:
    return sorted(in_order(events))


def apart(events: Events) -> Events:
    """Return the events of other sources than any that are there."""
    return replace(events, source=events.source + 100)


def encode(format: Any, events: Events) -> Any:
    return format.encode(events, FRAMES)


def parts_of(target: Any) -> list[Tensor]:
    """Return the tensors of a target."""
    return [target] if isinstance(target, Tensor) else [x for x in target if x is not None]


def rows_of(format: Any, target: SELDOutput, clip: int) -> list[tuple[Any, ...]]:
    """Return the rows of one clip of a batch of targets."""
    return as_set(format.decode(list(target.items())[clip], logits=False))


@quick
@given(st.sampled_from(list(FORMATS)), OVERLAPPING, OVERLAPPING, st.integers(0, 99))
def test_labels_are_the_union_where_it_fits_and_as_they_were_elsewhere(
    name: str, one: list[Row], other: list[Row], seed: int
) -> None:
    format: Format = FORMATS[name]
    clips = [format.fit(make_events(rows, onscreen=False), FRAMES)[0] for rows in (one, other)]
    target = combine(torch.stack, [encode(format, clip) for clip in clips])
    waveform = torch.randn(2, 4, 20)
    counts: Counter[str] = Counter()
    mixed, union = mix_clips(
        waveform, target, counts=counts, generator=torch.Generator().manual_seed(seed)
    )
    both = [Events.concatenate([x, apart(y)]) for x, y in (clips, clips[::-1])]
    fits = len(format.fit(both[0], FRAMES)[0]) == len(both[0])
    assert counts == {"mixed": 2 * fits, "no_room": 2 * (not fits)}
    if not fits:
        assert torch.equal(mixed, waveform)
        assert all(map(torch.equal, parts_of(union), parts_of(target)))
        return
    torch.testing.assert_close(mixed, waveform.sum(dim=0).expand(2, 4, 20))
    wanted = combine(torch.stack, [encode(format, clip) for clip in both])
    if name.startswith("track-wise"):
        for clip in range(2):
            assert rows_of(format, union, clip) == rows_of(format, wanted, clip)
    else:
        assert all(map(torch.equal, parts_of(union), parts_of(wanted)))


def test_tracks_go_on_where_they_can() -> None:
    """Both clips sound on their first track throughout: the added one moves to the second."""
    format = TrackWise(2, num_tracks=2)
    clips = [
        Events.from_degrees(range(4), [label] * 4, [azimuth] * 4, [0.0] * 4)
        for label, azimuth in ((0, 0.0), (1, 90.0))
    ]
    target = combine(torch.stack, [format.encode(clip, 4) for clip in clips])
    _, union = mix_clips(torch.zeros(2, 1, 4), target)
    assert torch.equal(union.activity[0].argmax(dim=-1), torch.tensor([[0, 1]] * 4))
    assert torch.equal(union.activity[1].argmax(dim=-1), torch.tensor([[1, 0]] * 4))
    torch.testing.assert_close(union.direction[0, :, 1], target.direction[1, :, 0])


def test_a_track_breaks_only_where_there_is_no_other_room() -> None:
    here, there = torch.zeros(2, 4, 2, 1), torch.zeros(2, 4, 2, 1)
    here[0, :2, 0], here[0, 2:, 1] = 1, 1  # changes its track
    there[1, :, 0] = 1
    target = SELDOutput(here + there, (here + there).expand(2, 4, 2, 3))
    counts: Counter[str] = Counter()
    _, union = mix_clips(torch.zeros(2, 1, 4), target, counts=counts)
    assert counts["mixed"] == 2
    assert torch.equal(union.activity.sum(dim=(2, 3)), torch.full((2, 4), 2.0))


@quick
@given(OVERLAPPING, OVERLAPPING)
def test_events_are_united_and_their_sources_told_apart(one: list[Row], other: list[Row]) -> None:
    clips = [make_events(sorted(one)), make_events(sorted(other))]
    _, union = mix_clips(torch.zeros(2, 4, 20), clips)
    for number, rows in enumerate(union):
        assert as_set(rows) == as_set(Events.concatenate([clips[number], clips[1 - number]]))
        assert rows.frame.tolist() == sorted(rows.frame.tolist())
        if one and other:
            assert len(set(rows.source.tolist())) == sum(len(set(c.source.tolist())) for c in clips)


def test_a_source_that_is_not_told_stays_so() -> None:
    clips = [Events([0], [3], [[1.0, 0, 0]], source=[0]), Events([0], [3], [[0, 1.0, 0]])]
    untold = replace(clips[1], source=torch.tensor([-1]))
    _, union = mix_clips(torch.zeros(2, 4, 20), [clips[0], untold])
    assert [rows.source.tolist() for rows in union] == [[0, -1], [-1, 0]]


@quick
@given(OVERLAPPING, OVERLAPPING)
def test_events_have_the_room_of_their_format(one: list[Row], other: list[Row]) -> None:
    format = TrackWise(CLASSES, num_tracks=2)
    clips = [make_events(one), make_events(other)]
    counts: Counter[str] = Counter()
    _, union = mix_clips(torch.zeros(2, 4, 20), clips, format=format, counts=counts)
    both = Events.concatenate(clips)
    fits = not len(both) or int(both.frame.bincount().max()) <= 2
    assert counts["mixed"] == 2 * fits
    assert [len(rows) for rows in union] == ([len(both)] * 2 if fits else [len(c) for c in clips])


def test_the_gain_is_in_the_range_and_powers_add_up() -> None:
    waveform = torch.zeros(400, 1, 400)
    waveform[torch.arange(400), 0, torch.arange(400)] = 1.0
    target = torch.zeros(400, 1, 1, 3)
    mixed, _ = mix_clips(waveform, target, gain_db=(-12.0, -6.0))
    added = (mixed - waveform).flatten(1)
    assert ((added > 0).sum(dim=1) == 1).all(), "one other clip"
    gain = 20 * added.amax(dim=1).log10()
    assert -12 <= gain.min() < -11.5
    assert -6.5 < gain.max() <= -6
    partner = added.argmax(dim=1)
    assert (partner != torch.arange(400)).all()
    assert len(partner.unique()) > 200, "partners are drawn for each clip"


def test_a_batch_of_one_clip_stays() -> None:
    waveform, target = torch.randn(1, 4, 10), torch.zeros(1, 5, 2, 3)
    counts: Counter[str] = Counter()
    for found, labels in (
        mix_clips(waveform, target, counts=counts),
        paste_events(waveform, target, ratio=2, counts=counts),
    ):
        assert torch.equal(found, waveform)
        assert torch.equal(labels, target)
    assert not any(counts.values())


def waves_of_one_event(
    batch: int, frames: int, ratio: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Return clips in each of which one plane wave sounds for a while, their ACCDOA and spans."""
    directions = sphere(batch, generator)
    waveform = foa_waves(directions, frames * ratio, generator)
    start = torch.randint(0, frames - 3, (batch,), generator=generator)
    stop = start + torch.randint(1, 4, (batch,), generator=generator)
    time = torch.arange(frames)
    on = (time >= start[:, None]) & (time < stop[:, None])
    target = torch.zeros(batch, frames, batch, 3, dtype=torch.float64)
    clip = torch.arange(batch)
    target[clip, :, clip] = directions[:, None] * on[..., None]
    return waveform * on.repeat_interleave(ratio, dim=1)[:, None], target, on


@quick
@given(st.integers(0, 2**16))
def test_a_pasted_event_sounds_when_and_from_where_its_labels_say(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    batch, frames, ratio = 5, 12, 80
    waveform, target, on = waves_of_one_event(batch, frames, ratio, generator)
    counts: Counter[str] = Counter()
    pasted, union = paste_events(waveform, target, ratio=ratio, counts=counts, generator=generator)
    assert counts == {"pasted": batch, "no_event": 0, "no_room": 0}
    added, labels = pasted - waveform, union - target
    active = (labels != 0).any(dim=-1).any(dim=-1)
    loud = added.unflatten(2, (frames, ratio)).abs().amax(dim=(1, 3)) > 0
    assert torch.equal(loud, active)
    for clip in range(batch):
        frame, label = (labels[clip] != 0).any(dim=-1).nonzero(as_tuple=True)
        assert len(label.unique()) == 1
        assert label[0] != clip
        assert len(frame) == int(on[label[0]].sum()), "the whole event"
        assert torch.equal(frame.diff(), torch.ones(len(frame) - 1).long())
        wanted = labels[clip, frame[0], label[0]]
        assert angle_deg(by_intensity(added[clip : clip + 1])[0], wanted) < 1e-5


def test_a_cut_is_the_sound_of_its_frames_but_for_the_fades() -> None:
    ratio = 100
    waveform, target = torch.zeros(2, 1, 600), torch.zeros(2, 6, 1, 3)
    waveform[1, 0, 200:400] = torch.arange(1.0, 201.0)
    target[1, 2:4, 0, 0] = 1
    pasted, union = paste_events(waveform, target, ratio=ratio)
    first = int(union[0, :, 0, 0].argmax()) * ratio
    expected = torch.arange(1.0, 201.0)
    fade = (torch.arange(5) + 0.5) / 5
    expected[:5] *= fade
    expected[-5:] *= fade.flip(0)
    torch.testing.assert_close(pasted[0, 0, first : first + 200], expected)
    assert pasted[0].count_nonzero() == 200
    assert torch.equal(pasted[1], waveform[1]), "the other clip has no event"


def test_long_events_are_cut_to_a_part_and_overlaps_are_not_cut_at_all() -> None:
    target = torch.zeros(2, 10, 2, 3)
    target[1, :, 0, 0] = 1
    target[1, 3:, 1, 1] = 1  # from frame 3 on there are two
    waveform = torch.zeros(2, 1, 10)
    waveform[1, 0] = torch.arange(1.0, 11.0)
    lengths, sounds = set(), set()
    for seed in range(40):
        counts: Counter[str] = Counter()
        pasted, union = paste_events(
            waveform,
            target,
            ratio=1,
            max_frames=2,
            counts=counts,
            generator=torch.Generator().manual_seed(seed),
        )
        assert counts == {"pasted": 1, "no_event": 1, "no_room": 0}
        lengths.add(int(union[0, :, 0, 0].sum()))
        sounds |= set(pasted[0, 0].tolist())
    assert lengths == {2}
    assert sounds == {0.0, 1.0, 2.0, 3.0}


def test_events_are_pasted_like_targets() -> None:
    generator = torch.Generator().manual_seed(7)
    waveform, target, _ = waves_of_one_event(4, 12, 40, generator)
    format = ACCDOA(4)
    events = [format.decode(clip) for clip in target]
    draw = [torch.Generator().manual_seed(3) for _ in range(2)]
    pasted, union = paste_events(waveform, target, ratio=40, generator=draw[0])
    same, rows = paste_events(waveform, events, ratio=40, format=format, generator=draw[1])
    assert torch.equal(pasted, same)
    encoded = torch.stack([format.encode(one, 12) for one in rows])
    torch.testing.assert_close(encoded.double(), union, atol=1e-6, rtol=0)


def test_an_event_finds_no_room_where_its_class_sounds() -> None:
    target = torch.zeros(2, 4, 1, 3)
    target[:, :, 0, 0] = 1
    waveform = torch.randn(2, 1, 8)
    counts: Counter[str] = Counter()
    pasted, union = paste_events(waveform, target, ratio=2, counts=counts)
    assert counts == {"pasted": 0, "no_event": 0, "no_room": 2}
    assert torch.equal(pasted, waveform)
    assert torch.equal(union, target)


@pytest.mark.messages
def test_wrong_arguments_are_named() -> None:
    waveform, target = torch.zeros(2, 4, 20), torch.zeros(2, 10, 2, 3)
    with pytest.raises(ValueError, match=r"waveform must be \(batch, channel, sample\), got shape"):
        mix_clips(torch.zeros(2, 7, 20, 64), target)
    with pytest.raises(TypeError, match=r"waveform must hold floats, got torch\.int16"):
        mix_clips(waveform.short(), target)
    with pytest.raises(ValueError, match="gain_db must be low and high, finite, got"):
        mix_clips(waveform, target, gain_db=(3.0, -3.0))
    with pytest.raises(
        ValueError, match=r"labels must be vectors, \(batch, time, cls, axis\) or \(batch, ti"
    ):
        mix_clips(waveform, torch.zeros(2, 10, 3))
    with pytest.raises(ValueError, match=r"of other formats give the events of each clip"):
        mix_clips(waveform, torch.zeros(2, 10, 3, 18, 36))
    late = Events([11], [0], [[1.0, 0.0, 0.0]])
    with pytest.raises(ValueError, match="labels must be of 10 frames, as x has them, got Events"):
        paste_events(waveform, [late, late], ratio=2)
    with pytest.raises(ValueError, match="max_frames must be at least 1, got 0"):
        paste_events(waveform, target, ratio=2, max_frames=0)
