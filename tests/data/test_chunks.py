"""Chunks cover clips and keep features and targets together."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from seldkit import SELDOutput
from seldkit.data import Chunks, chunk_starts


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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3, 4, 4), "length must be at least chunk=4, got 3"),
        ((9, 0, 4), "chunk must be positive, got 0"),
        ((9, 4, 0), "hop must be positive, got 0"),
    ],
)
def test_wrong_lengths_are_named(arguments: tuple[int, int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        chunk_starts(*arguments)


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
    with pytest.raises(ValueError, match="ratio must be positive, got 0"):
        Chunks([], [], chunk_frames=5, ratio=0)
