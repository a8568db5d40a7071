"""Chunks cover clips and keep features and targets together."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from seldkit import Events, SELDOutput
from seldkit.data import ChunkPlace, ChunkPlaces, Chunks, chunk_starts
from seldkit.formats import ACCDOA, ClassWise, MultiACCDOA, TrackWise


@given(st.integers(1, 50), st.integers(0, 200), st.integers(1, 60))
def test_chunks_lie_inside_and_reach_both_ends(chunk: int, more: int, hop: int) -> None:
    length = chunk + more
    starts = chunk_starts(length, chunk, hop)
    assert (starts[0], starts[-1]) == (0, length - chunk)
    assert starts == sorted(set(starts))
    assert all(b - a == hop for a, b in pairwise(starts[:-1]))
    if hop <= chunk:
        covered = {start + i for start in starts for i in range(chunk)}
        assert covered == set(range(length))


def test_is_the_published_table_where_nothing_is_padded(golden: Callable[[str], Path]) -> None:
    rows = np.load(golden("einv2/segment_index.npz"))
    table: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for length, chunk, hop, always, *place in next(iter(rows.values())).tolist():
        table.setdefault((length, chunk, hop, always), []).append(tuple(place))
    checked = 0
    for (length, chunk, hop, _), places in table.items():
        if all(after == 0 for _, _, _, after in places):
            assert chunk_starts(length, chunk, hop) == [begin for begin, *_ in places]
            checked += 1
    assert checked >= 5


@given(st.integers(1, 9), st.lists(st.integers(0, 30), min_size=1, max_size=5), st.integers(1, 12))
def test_places_are_those_of_each_clip(chunk: int, more: list[int], hop: int) -> None:
    lengths = [chunk + each for each in more]
    wanted = [
        ChunkPlace(clip, start)
        for clip, length in enumerate(lengths)
        for start in chunk_starts(length, chunk, hop)
    ]
    places = ChunkPlaces(lengths, chunk, hop)
    assert list(places) == wanted
    assert (places[-1], places[:2]) == (wanted[-1], wanted[:2])
    for clip in range(len(lengths)):
        assert {places[number].clip for number in places.of_clip(clip)} == {clip}
    assert sum(len(places.of_clip(clip)) for clip in range(len(lengths))) == len(wanted)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3, 4, 4), "length must be at least chunk=4, got 3"),
        ((9, 0, 4), "chunk must be at least 1, got 0"),
        ((9, 4, 0), "hop must be at least 1, got 0"),
    ],
)
def test_wrong_lengths_are_named(arguments: tuple[int, int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        chunk_starts(*arguments)


@pytest.mark.messages
def test_lengths_are_whole() -> None:
    with pytest.raises(TypeError, match=r"lengths must be an integer, got 10\.7"):
        ChunkPlaces([10.7], 4, 4)  # type: ignore[list-item]


def clip(frames: int, *, distance: bool = False) -> SELDOutput:
    """Return a target in which every value is its frame's number."""
    time = torch.arange(float(frames))
    activity = time.reshape(-1, 1, 1).expand(frames, 2, 3)
    direction = time.reshape(-1, 1, 1).expand(frames, 2, 3)
    return SELDOutput(activity, direction, time.reshape(-1, 1).expand(-1, 2) if distance else None)


@pytest.mark.parametrize("distance", [False, True])
def test_features_and_target_of_a_chunk_belong_together(distance: bool) -> None:
    targets = [clip(10, distance=distance), clip(7, distance=distance)]
    features = [torch.arange(n).reshape(1, -1, 1).expand(2, n, 3).float() for n in (41, 30)]
    chunks = Chunks(features, targets, chunk_frames=4, hop_frames=3, ratio=4)
    assert len(chunks) == 3 + 2
    starts = [0, 3, 6, 0, 3]
    for i, start in enumerate(starts):
        feature, target = chunks[i]
        assert feature[0, :, 0].tolist() == list(range(4 * start, 4 * (start + 4)))
        for part in target:
            if part is not None:
                assert part.flatten(1)[:, 0].tolist() == list(range(start, start + 4))
    feature, target = Chunks.collate([chunks[i] for i in range(5)])
    assert feature.shape == (5, 2, 16, 3)
    assert (target.activity.shape, target.direction.shape) == ((5, 4, 2, 3), (5, 4, 2, 3))
    assert (target.distance is not None) == distance
    assert target.distance is None or target.distance.shape == (5, 4, 2)


def test_waveforms_are_cut_as_features_are() -> None:
    waveform = torch.arange(41.0).expand(4, 41)
    samples, target = Chunks([waveform], [clip(10)], chunk_frames=3, ratio=4)[1]
    assert samples.shape == (4, 12)
    assert samples[2].tolist() == list(range(12, 24))
    assert target.activity[:, 0, 0].tolist() == [3, 4, 5]


def test_chunks_do_not_overlap_unless_asked() -> None:
    chunks = Chunks([torch.zeros(1, 8, 1)], [clip(8)], chunk_frames=4, ratio=1)
    assert [int(chunks[i][1].activity[0, 0, 0]) for i in range(len(chunks))] == [0, 4]


def test_a_loader_takes_them() -> None:
    chunks = Chunks([torch.zeros(1, 17, 1)], [clip(8)], chunk_frames=2, ratio=2)
    loader = DataLoader(chunks, batch_size=3, collate_fn=Chunks.collate)
    batches = [(len(features), target.activity.shape[0]) for features, target in loader]
    assert batches == [(3, 3), (1, 1)]


def test_wrong_clips_are_named() -> None:
    with pytest.raises(ValueError, match="features and targets must be as many, got 0 and 1"):
        Chunks([], [clip(4)], chunk_frames=2, ratio=1)
    with pytest.raises(ValueError, match=r"features must be \(channel, time, freq\)"):
        Chunks([torch.zeros(4)], [clip(4)], chunk_frames=2, ratio=1)
    message = "features must have 2 frames per label frame, got 7 for 4"
    with pytest.raises(ValueError, match=message):
        Chunks([torch.zeros(1, 7, 1)], [clip(4)], chunk_frames=2, ratio=2)
    with pytest.raises(ValueError, match="length must be at least chunk=5, got 4"):
        Chunks([torch.zeros(1, 8, 1)], [clip(4)], chunk_frames=5, ratio=2)
    with pytest.raises(ValueError, match="ratio must be at least 1, got 0"):
        Chunks([], [], chunk_frames=5, ratio=0)
    with pytest.raises(ValueError, match="features must be of at least one clip, got none"):
        Chunks([], [], chunk_frames=5, ratio=1)


FORMATS = [
    ClassWise(13),
    ClassWise(13, distance=True),
    ACCDOA(13),
    ACCDOA(13, distance=True),
    MultiACCDOA(13),
    MultiACCDOA(13, distance=True),
    TrackWise(13),
    TrackWise(13, distance=True),
    TrackWise(13, class_directions=True),
    TrackWise(13, positions_m=2.0),
]


@pytest.mark.parametrize("format", FORMATS, ids=repr)
def test_chunks_of_every_format_are_what_it_encodes(format: Any) -> None:
    events = Events.from_degrees(
        [0, 60, 99], [1, 5, 12], [0, 90, 10], [0, 0, 5], distance=[1.0] * 3
    )
    whole = format.encode(events, 100)
    chunks = Chunks([torch.zeros(7, 500, 64)], [whole], chunk_frames=50, ratio=5)
    assert len(chunks) == 2
    halves = [format.encode(events.window(start, start + 50), 50) for start in (0, 50)]
    for (features, found), wanted in zip(chunks, halves, strict=True):
        assert features.shape == (7, 250, 64)
        for a, b in zip(tensors(found), tensors(wanted), strict=True):
            assert torch.equal(a, b)
    _, batch = Chunks.collate([chunks[0], chunks[1]])
    assert [len(part) for part in tensors(batch)] == [2] * len(tensors(whole))


def tensors(target: Any) -> list[torch.Tensor]:
    """Return the parts of a target."""
    return [target] if isinstance(target, torch.Tensor) else [t for t in target if t is not None]


@pytest.mark.parametrize(("length", "fits"), [(19, False), (20, True), (25, True), (26, False)])
def test_at_most_what_one_label_frame_holds_is_left_over(length: int, fits: bool) -> None:
    for features in (torch.zeros(2, length), torch.zeros(2, length, 3)):
        if fits:
            assert Chunks([features], [clip(4)], chunk_frames=4, ratio=5)[0][0].shape[1] == 20
            continue
        message = f"clip 0: features must have 5 .* per label frame, got {length} for 4"
        with pytest.raises(ValueError, match=message):
            Chunks([features], [clip(4)], chunk_frames=4, ratio=5)


def test_the_order_of_chunks_is_known() -> None:
    features = [torch.zeros(1, 5), torch.zeros(1, 4)]
    chunks = Chunks(features, [clip(5), clip(4)], chunk_frames=4, ratio=1)
    assert tuple(chunks.places) == (ChunkPlace(0, 0), ChunkPlace(0, 1), ChunkPlace(1, 0))
    assert all(int(chunks[i][1].activity[0, 0, 0]) == p.start for i, p in enumerate(chunks.places))


def test_indices_are_those_of_a_sequence() -> None:
    features = torch.arange(6.0).reshape(1, 6)
    chunks = Chunks([features], [clip(6)], chunk_frames=2, ratio=1)
    assert [int(sound[0, 0]) for sound, _ in chunks] == [0, 2, 4]
    assert torch.equal(chunks[-1][0], chunks[2][0])
    assert torch.equal(chunks[np.int64(1)][0], chunks[1][0])
    for beyond in (3, -4):
        with pytest.raises(IndexError, match=f"index must be one of 3 chunks, got {beyond}"):
            chunks[beyond]
    with pytest.raises(TypeError, match="index must be an integer, got True"):
        chunks[True]


def test_workers_of_a_loader_give_the_same_chunks() -> None:
    chunks = Chunks([torch.randn(2, 9, 3)], [clip(9)], chunk_frames=2, hop_frames=1, ratio=1)
    alone = DataLoader(chunks, batch_size=3, collate_fn=Chunks.collate)
    shared = DataLoader(chunks, batch_size=3, collate_fn=Chunks.collate, num_workers=1)
    for (a, b), (c, d) in zip(alone, shared, strict=True):
        assert torch.equal(a, c)
        assert torch.equal(b.direction, d.direction)


OTHERS: list[tuple[Any, Any, str]] = [
    (torch.zeros(3, 4, 5), clip(4), r"channel=3, freq=5\) of torch.float32"),
    (torch.zeros(2, 4, 6), clip(4), r"channel=2, freq=6"),
    (torch.zeros(2, 4), clip(4), r"features must be as those of the first clip"),
    (torch.zeros(2, 4, 5).double(), clip(4), r"of torch.float64"),
    (torch.zeros(2, 4, 5), torch.zeros(4, 3, 3), r"target must be as that of the first clip"),
    (torch.zeros(2, 4, 5), clip(4, distance=True), r"got .*distance \(time, 2\)"),
    (torch.zeros(2, 4, 5), SELDOutput(torch.zeros(4, 2, 9), torch.zeros(4, 2, 3)), r"\(time, 2, 9"),
    (
        torch.zeros(2, 4, 5),
        SELDOutput(torch.zeros(4, 2, 3), torch.zeros(5, 2, 3)),
        r"direction must",
    ),
]


@pytest.mark.messages
@pytest.mark.parametrize(("features", "target", "message"), OTHERS)
def test_clips_that_differ_from_the_first_are_named(
    features: Any, target: Any, message: str
) -> None:
    first = torch.zeros(2, 4, 5)
    with pytest.raises(ValueError, match=f"dog.wav: .*{message}"):
        Chunks(
            [first, features],
            [clip(4), target],
            chunk_frames=2,
            ratio=1,
            names=["cat.wav", "dog.wav"],
        )


@pytest.mark.messages
def test_what_is_no_target_is_named() -> None:
    with pytest.raises(TypeError, match="clip 0: target must be a SELDOutput or a tensor, got str"):
        Chunks([torch.zeros(1, 4)], ["1234"], chunk_frames=2, ratio=1)  # type: ignore[type-var]
    with pytest.raises(ValueError, match="names must be as many as the 1 clips, got 2"):
        Chunks([torch.zeros(1, 4)], [clip(4)], chunk_frames=2, ratio=1, names=["a", "b"])
    with pytest.raises(TypeError, match=r"ratio must be an integer, got 1\.5"):
        Chunks([torch.zeros(1, 6)], [clip(4)], chunk_frames=2, ratio=1.5)  # type: ignore[arg-type]


@pytest.mark.messages
def test_places_and_batches_are_of_something() -> None:
    with pytest.raises(ValueError, match="at least one clip, each at least chunk=3, got none"):
        ChunkPlaces([], 3, 3)
    with pytest.raises(ValueError, match="each at least chunk=3, got 2"):
        ChunkPlaces([4, 2], 3, 3)
    with pytest.raises(ValueError, match="hop must be at least 1, got 0"):
        ChunkPlaces([4], 3, 0)
    with pytest.raises(ValueError, match="items must hold at least one, got none"):
        Chunks.collate([])
