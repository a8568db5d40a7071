"""What is in a store is what was packed, to the last bit, wherever it is read."""

import json
import multiprocessing
import pickle
import tempfile
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from data.recordings import RATE, Recorded, knock, record
from seldkit import Events
from seldkit.data import Store, StoredClip, pack
from seldkit.data._store_arrays import events_of, labels_to_bytes, read_labels
from seldkit.data._store_records import digest
from seldkit.io import read_audio


@pytest.fixture
def clips(tmp_path: Path) -> list[Recorded]:
    """Return three clips of different lengths."""
    return [record(tmp_path / f"{name}.wav", s) for name, s in (("b", 1.0), ("a", 0.7), ("c", 2))]


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_a_16_bit_file_is_kept_exactly(tmp_path: Path, suffix: str) -> None:
    clip = record(tmp_path / f"a.{suffix}")
    store = pack([clip], tmp_path / "store")
    whole, rate = read_audio(clip.audio)
    assert (store.dtype, store.sample_rate, store.num_channels) == ("int16", rate, 4)
    assert torch.equal(store[0].read(), whole)
    assert store[0].waveform.dtype == np.int16
    assert np.array_equal(store[0].waveform, (whole * 32768).numpy())
    assert torch.equal(store[0].read(100, 50), whole[:, 100:150])
    store.verify()


@pytest.mark.parametrize("subtype", ["FLOAT", "PCM_24"])
def test_what_16_bits_do_not_hold_is_refused_and_floats_hold_it(
    tmp_path: Path, subtype: str
) -> None:
    clip = record(tmp_path / "a.wav", subtype=subtype)
    with pytest.raises(ValueError, match=r"a.wav: 16 bits must hold .* dtype='float32' holds them"):
        pack([clip], tmp_path / "store", dtype="int16")
    store = pack([clip], tmp_path / "floats")
    assert torch.equal(store[0].read(), read_audio(clip.audio)[0])
    assert store[0].waveform.dtype == np.float32


def test_a_store_has_one_type_that_of_its_first_clip(tmp_path: Path) -> None:
    short, long = record(tmp_path / "a.wav"), record(tmp_path / "b.wav", subtype="PCM_24")
    assert pack([long], tmp_path / "floats").dtype == "float32"
    assert pack([short], tmp_path / "floats").dtype == "float32"
    assert pack([short], tmp_path / "integers").dtype == "int16"
    with pytest.raises(ValueError, match=r"b.wav: 16 bits must hold"):
        pack([long], tmp_path / "integers")


def test_another_rate_is_resampled_if_asked(tmp_path: Path) -> None:
    clip = record(tmp_path / "a.wav")
    store = pack([clip], tmp_path / "store", sample_rate=RATE // 2)
    assert torch.equal(store[0].read(), read_audio(clip.audio, sample_rate=RATE // 2)[0])


def test_a_store_is_whole(clips: list[Recorded], tmp_path: Path) -> None:
    pack(clips, tmp_path / "store")
    store = Store(tmp_path / "store")
    assert [clip.name for clip in store] == ["a", "b", "c"]
    assert [clip.name for clip in store[1:]] == ["b", "c"]
    assert store[-1].name == "c"
    assert {(clip.fold, clip.classes) for clip in store} == {(3, ("knock", "voice"))}
    assert all(clip.events() == knock() for clip in store)
    assert store[0].num_samples == round(0.7 * RATE)
    assert store.duration_s == pytest.approx(3.7)
    assert repr(store).endswith("3 clips, 0.00103 h of int16)")
    with pytest.raises(IndexError):
        store[3]


def test_a_waveform_is_an_npy_file_that_is_mapped(clips: list[Recorded], tmp_path: Path) -> None:
    waveform = pack(clips, tmp_path / "store")[0].waveform
    assert isinstance(waveform, np.memmap)
    assert not waveform.flags.writeable
    (path,) = {Path(str(waveform.filename))}
    assert np.array_equal(np.load(path), waveform)


ROWS = st.lists(
    st.tuples(st.integers(0, 600), st.integers(0, 12), st.floats(-180, 180), st.floats(-90, 90)),
    max_size=5,
)
KINDS = st.tuples(*[st.booleans()] * 4)


def labels(rows: list[tuple[Any, ...]], kinds: tuple[bool, ...], frame_s: float) -> Events:
    """Return events with some of the columns that they may have."""
    distance, onscreen, source, length = kinds
    return Events.from_degrees(
        *([row[i] for row in rows] for i in range(4)),
        distance=[1.5] * len(rows) if distance else None,
        onscreen=[True] * len(rows) if onscreen else None,
        source=range(len(rows)) if source else None,
        num_frames=601 if length else None,
        frame_s=frame_s,
    )


@given(ROWS, KINDS, st.sampled_from([0.1, 0.02]), st.booleans())
def test_events_come_back_whole(
    rows: list[Any], kinds: tuple[bool, ...], frame_s: float, given_deg: bool
) -> None:
    events = labels(rows, kinds, frame_s)
    if not given_deg:
        events = Events(events.frame, events.label, events.direction, source=events.source)
    text = labels_to_bytes(events)
    path = Path(tempfile.gettempdir()) / f"{digest(text)}.npy"
    path.write_bytes(text)
    table = read_labels(path)
    path.unlink()
    found = events_of(table, events.num_frames, events.frame_s)
    assert found == events
    assert (found.given_deg is None) == (events.given_deg is None)
    for one, other in zip(found.given_deg or (), events.given_deg or (), strict=True):
        assert torch.equal(one, other)


@settings(max_examples=15)
@given(ROWS, KINDS, st.integers(0, 700), st.integers(1, 99))
def test_a_part_of_the_events_is_their_window(
    rows: list[Any], kinds: tuple[bool, ...], start: int, length: int
) -> None:
    events = labels(rows, kinds, 0.1)
    with tempfile.TemporaryDirectory() as folder:
        sound = record(Path(folder) / "a.wav", 60.1, rate=1000, channels=1)
        clip = replace(sound, labels=events, classes=())
        stored = pack([clip], Path(folder) / "store")[0]
        found = stored.events_between(start, start + length)
    assert found == replace(events, num_frames=None).window(start, start + length)


def files(folder: Path) -> dict[str, bytes]:
    """Return the content of all files of a folder."""
    found = {str(p.relative_to(folder)): p for p in folder.rglob("*") if p.is_file()}
    return {name: path.read_bytes() for name, path in found.items()}


def test_neither_order_nor_executor_nor_steps_change_a_byte(
    clips: list[Recorded], tmp_path: Path
) -> None:
    pack(clips, tmp_path / "one")
    wanted = files(tmp_path / "one")
    with ThreadPoolExecutor(2) as executor:
        pack(clips[::-1], tmp_path / "threads", executor=executor)
    with ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as executor:
        pack(clips, tmp_path / "processes", executor=executor)
    for clip in clips:
        pack([clip], tmp_path / "steps")
    for name in ("threads", "processes", "steps"):
        assert files(tmp_path / name) == wanted


def test_a_clip_that_is_there_is_left_as_it_is(clips: list[Recorded], tmp_path: Path) -> None:
    folder = tmp_path / "store"
    before = Path(str(pack(clips[:2], folder)[0].waveform.filename)).stat().st_mtime_ns  # type: ignore[union-attr]
    store = pack(clips, folder)
    assert len(store) == 3
    assert Path(str(store[0].waveform.filename)).stat().st_mtime_ns == before  # type: ignore[union-attr]


def test_a_name_stands_for_one_content(clips: list[Recorded], tmp_path: Path) -> None:
    folder = tmp_path / "store"
    pack(clips, folder)
    with pytest.raises(ValueError, match=r"holds another b: labels .*, not .*"):
        pack([replace(clips[0], labels=knock(5))], folder)
    with pytest.raises(ValueError, match=r"names that differ, got b for .*b.wav and .*b.wav"):
        pack([clips[0], clips[0]], folder)
    record(tmp_path / "b.wav", 1.5)
    with pytest.raises(ValueError, match=r"another b: .*num_samples 8000, not 12000"):
        pack(clips, folder)
    assert Store(folder)[1].events() == knock()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"dtype": "float32"}, "dtype 'int16', not 'float32'"),
        ({"sample_rate": RATE // 2}, "sample_rate 8000, not 4000"),
        ({"num_channels": 2}, "num_channels 4, not 2"),
    ],
)
def test_a_store_has_one_kind_of_clip(
    clips: list[Recorded], tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    pack(clips, tmp_path / "store")
    with pytest.raises(ValueError, match=f"holds a store of other settings: {message}"):
        pack(clips, tmp_path / "store", **changed)


class Parts(Dataset[Tensor]):
    """The beginning of each clip of a store."""

    def __init__(self, clips: Store | list[StoredClip]) -> None:
        self.clips = clips

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> Tensor:
        clip = self.clips[index]
        return clip.read(0, 100) + len(clip.events())


@pytest.mark.programs
@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_workers_read_it(clips: list[Recorded], tmp_path: Path, context: str) -> None:
    store = pack(clips, tmp_path / "store")
    alone = list(DataLoader(Parts(store), batch_size=None))
    shared = DataLoader(
        Parts(store), batch_size=None, num_workers=1, multiprocessing_context=context
    )
    assert all(torch.equal(a, b) for a, b in zip(alone, shared, strict=True))


def test_it_is_small_when_it_is_pickled(clips: list[Recorded], tmp_path: Path) -> None:
    store = pack(clips, tmp_path / "store")
    store[0].read()
    text = pickle.dumps(store)
    assert len(text) < 2000
    record(tmp_path / "0.wav")
    pack([Recorded(tmp_path / "0.wav", knock())], tmp_path / "store")
    again = pickle.loads(text)  # what was added later does not shift the clips
    assert [clip.name for clip in again] == ["a", "b", "c"]
    assert torch.equal(again[1].read(), store[1].read())


@pytest.mark.parametrize("part", ["waveforms", "labels"])
@pytest.mark.parametrize("damage", ["cut", "longer", "other", "gone"])
def test_damage_is_named(clips: list[Recorded], tmp_path: Path, part: str, damage: str) -> None:
    folder = tmp_path / "store"
    store = pack(clips[:1], folder)
    (path,) = (folder / part).iterdir()
    whole = path.read_bytes()
    path.unlink()
    if damage != "gone":
        other = whole[:-1] + bytes([whole[-1] ^ 1])
        path.write_bytes({"cut": whole[:-2], "longer": whole + b"00", "other": other}[damage])
    with pytest.raises(ValueError, match=f"{path.name}"):
        store.verify()
    if damage in {"cut", "gone"}:
        with pytest.raises(ValueError, match=f"damaged.*{path.name}|{path.name}.*damaged"):
            store[0].read() if part == "waveforms" else store[0].events()
        pack(clips[:1], folder).verify()  # it is made again
    assert len(Store(folder)) == 1


@pytest.mark.parametrize("name", ["store.json", "clips", "index.json"])
def test_a_damaged_record_is_never_trusted(
    clips: list[Recorded], tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "store"
    pack(clips[:1], folder)
    path = next(iter(sorted((folder / name).iterdir()))) if name == "clips" else folder / name
    if name == "clips":
        (folder / "index.json").unlink()
    text = path.read_text()
    for other in (text[:-3], text.replace("8000", "9000"), "[]", ""):
        path.write_text(other)
        if name == "index.json":
            assert [clip.num_samples for clip in Store(folder)] == [8000]
            continue
        with pytest.raises(ValueError, match=f"{path.name} is damaged"):
            Store(folder)
    path.write_text(json.dumps(json.loads(text) | {"layout": 99}))
    if name != "index.json":
        with pytest.raises(ValueError, match="its layout is 99, this one reads 2"):
            Store(folder)


def test_a_part_lies_in_the_clip(clips: list[Recorded], tmp_path: Path) -> None:
    clip = pack(clips[:1], tmp_path / "store")[0]
    for start, frames in ((-1, 5), (7999, 2), (8000, None)):
        with pytest.raises(ValueError, match="a part of b must lie in its 8000 samples, got"):
            clip.read(start, frames)
    with pytest.raises(FileNotFoundError, match="there is no store in"):
        Store(tmp_path)
