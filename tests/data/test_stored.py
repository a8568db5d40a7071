"""Chunks of a store are those of the same clips in memory, and of clips each frame counts once."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from data.recordings import RATE, Recorded, knock, record
from seldkit import Events, SELDOutput
from seldkit.data import (
    ChunkPlaces,
    EpochSampler,
    StoredChunks,
    clip_weights,
    join_chunks,
    pack,
    read_chunks,
)
from seldkit.features import presets
from seldkit.formats import ACCDOA, ClassWise, MultiACCDOA, TrackWise


@pytest.fixture
def clips(tmp_path: Path) -> list[Recorded]:
    """Return clips of 2 s and of 1.25 s, whose last label frame is filled in part."""
    return [
        record(tmp_path / "a.wav", 2.0, labels=knock(13, num_frames=14)),
        record(tmp_path / "b.wav", 1.25, labels=knock(12)),
    ]


def parts(target: Any) -> list[torch.Tensor]:
    return [target] if isinstance(target, torch.Tensor) else [t for t in target if t is not None]


@pytest.mark.parametrize(
    "format", [ACCDOA(2), MultiACCDOA(2), ClassWise(2), TrackWise(2)], ids=repr
)
@pytest.mark.parametrize("workers", [0, 1])
def test_they_are_those_of_clips_in_memory(
    clips: list[Recorded], tmp_path: Path, format: Any, workers: int
) -> None:
    sizes: dict[str, Any] = {"chunk_s": 0.5, "hop_s": 0.2}
    memory = read_chunks(clips, format, sample_rate=RATE, **sizes)
    stored = StoredChunks(pack(clips, tmp_path / "store"), format, **sizes)
    assert list(stored.places) == list(memory.places)
    assert (stored.ratio, stored.chunk_frames) == (memory.ratio, memory.chunk_frames)
    loader = DataLoader(stored, batch_size=4, collate_fn=stored.collate, num_workers=workers)
    wanted = DataLoader(memory, batch_size=4, collate_fn=memory.collate)
    for (waveform, target), (sound, known) in zip(loader, wanted, strict=True):
        assert torch.equal(waveform, sound)
        for one, other in zip(parts(target), parts(known), strict=True):
            assert torch.equal(one, other)


def test_chunks_are_weighed_by_what_sounds_in_them(clips: list[Recorded], tmp_path: Path) -> None:
    chunks = StoredChunks(pack(clips, tmp_path / "store"), TrackWise(2), chunk_s=0.5)
    sounds = [int(target.activity.any()) for _, target in chunks]
    assert [len(events) for events in chunks.events()] == sounds
    weights = clip_weights(chunks.events(), 2, empty=0.0)
    assert weights.bool().tolist() == list(map(bool, sounds))
    sampler = EpochSampler(len(chunks), batch_size=2, weights=weights)
    assert all(sounds[number] for batch in sampler for number in batch)


def test_features_are_made_of_batches_on_the_device_of_the_network(
    clips: list[Recorded], tmp_path: Path
) -> None:
    chunks = StoredChunks(pack(clips, tmp_path / "store"), TrackWise(2), chunk_s=0.5)
    waveforms, target = next(iter(DataLoader(chunks, batch_size=3, collate_fn=chunks.collate)))
    extractor = presets.ein_seld(sample_rate=RATE, hop_length=200, num_mels=8)
    features = extractor(waveforms.to("cpu"))
    assert features[:, :, :20].shape[:3] == (3, 7, 20)  # a centred STFT has a frame more
    assert target.activity.shape[:2] == (3, 5)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"chunk_s": 0.25}, r"chunk_s \* label_rate must be a whole number, got 2\.5"),
        ({"hop_s": 0.01}, r"hop_s \* label_rate must be a whole number, got 0\.1"),
        ({"label_rate": 30}, r"sample_rate / label_rate must be a whole number, got 266"),
        ({"label_rate": 20}, r"clip a: events must have frames of 0\.05 s, got 0\.1 s"),
        ({"chunk_s": 1.5}, r"clip b: clips must be at least 1\.5 s long, got 1\.25 s"),
        ({"format": TrackWise(3)}, "format must have the 2 classes of the clips, got 3"),
        ({"clips": []}, "clips must hold at least one, got none"),
    ],
)
def test_what_does_not_fit_is_named(
    clips: list[Recorded], tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    store = pack(clips, tmp_path / "store")
    given: dict[str, Any] = {"clips": store, "format": TrackWise(2), "chunk_s": 0.5}
    with pytest.raises(ValueError, match=message):
        StoredChunks(**given | changed)


def test_what_a_format_cannot_hold_is_named(tmp_path: Path) -> None:
    three = Events.from_degrees([1, 1, 1], [0, 1, 1], [0, 90, 180], [0, 0, 0])
    crowd = replace(record(tmp_path / "crowd.wav"), labels=three)
    chunks = StoredChunks(pack([crowd], tmp_path / "crowd"), TrackWise(2), chunk_s=0.5)
    with pytest.raises(ValueError, match="clip crowd: events must fit"):
        chunks[0]
    assert chunks[1][1].activity.sum() == 0


@given(st.integers(1, 9), st.lists(st.integers(0, 20), min_size=1, max_size=4), st.data())
def test_each_frame_of_a_clip_counts_once(chunk: int, more: list[int], data: st.DataObject) -> None:
    lengths = [chunk + each for each in more]
    places = ChunkPlaces(lengths, chunk, data.draw(st.integers(1, chunk)))
    outputs = []
    for number in data.draw(st.permutations(range(len(places)))):
        clip, start = places[number]
        frames = torch.arange(start, start + chunk, dtype=torch.float32)
        frames = torch.stack([torch.full_like(frames, clip), frames], dim=1)
        outputs.append((number, SELDOutput(frames, frames)))
    joined = dict(join_chunks(outputs, places))
    assert sorted(joined) == list(range(len(lengths)))
    for clip, output in joined.items():
        assert output.activity[:, 1].tolist() == list(range(lengths[clip]))
        assert set(output.direction[:, 0].tolist()) == {clip}


@pytest.mark.messages
def test_numbers_of_chunks_are_whole() -> None:
    with pytest.raises(TypeError, match=r"number must be an integer, got 0\.5"):
        list(join_chunks([(0.5, torch.zeros(4, 2))], ChunkPlaces([4], 4, 4)))  # type: ignore[list-item]


def test_a_missing_or_doubled_chunk_is_named() -> None:
    places = ChunkPlaces([10, 4, 4], 4, 4)
    outputs = [(number, torch.zeros(4, 2)) for number in range(len(places))]
    for found, message in (
        (outputs[:-1], "of 1 clips 1 are missing, the first number 4 of clip 2"),
        (outputs[1:], "of 1 clips 1 are missing, the first number 0 of clip 0"),
        ([*outputs, outputs[0]], "got number 0 of clip 0, which is done"),
        ([outputs[0], *outputs], "got number 0 of clip 0 twice"),
        ([(0, torch.zeros(3, 2))], r"outputs must have the 4 frames of a chunk, got \(3, 2\)"),
        ([(9, torch.zeros(4, 2))], "number must be of one of 5 chunks, got 9"),
        ([(-1, torch.zeros(4, 2))], "number must be of one of 5 chunks, got -1"),
    ):
        with pytest.raises(ValueError, match=message):
            list(join_chunks(found, places))
    numbers = torch.arange(len(places))  # as a loader gives them
    joined = join_chunks(zip(numbers, [x for _, x in outputs], strict=True), places)
    assert [clip for clip, _ in joined] == [0, 1, 2]
    with pytest.raises(ValueError, match="of clip 0, which is done or was not asked for"):
        list(join_chunks(outputs, places, clips=[1]))
    assert [clip for clip, _ in join_chunks(outputs[3:4], places, clips=[1])] == [1]
