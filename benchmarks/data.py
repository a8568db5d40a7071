"""How fast chunks come from a store, beside decoding each time and what a training step needs.

Run with `OMP_NUM_THREADS=2 PYTHONPATH=. python benchmarks/data.py [FOLDER]`: about two minutes,
with `--quick` some seconds; files go to the folder, or to a temporary one. It writes clips of four
channels at 24 kHz, packs them, and reads chunks of 5 s at random places three ways in turn: from
the store, and by decoding that part of the WAV and of the FLAC file. The ratio of the times carries
over between machines, seconds do not. Then a loader feeds them to a training, features made by the
device of the network, and the time of an epoch is held against that of the same steps on one batch
that is held in memory: how long the network waits. The same epoch is then shared by two processes,
which average gradients through gloo and share the cores. At last chunks are read from sparse files
of an hour each: the memory that is added must not depend on how many hours there are.
"""

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import soundfile
import torch
from torch import Tensor, distributed, multiprocessing
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader

from benchmarks.measuring import arguments, peak_mb, seconds
from benchmarks.rows import Row, in_turn, tell
from seldkit import Events
from seldkit.data import Clip, EpochSampler, Store, StoredChunks, pack
from seldkit.data._store_records import WAVEFORMS, Record, write_record
from seldkit.features import presets
from seldkit.formats import MultiACCDOA
from seldkit.io import read_audio
from seldkit.models import seldnet

RATE, CHUNK_S, CLASSES, BATCH = 24000, 5.0, 13, 8


def two_sources(num_frames: int, path: Path) -> Events:
    """Return what two sources do that sound all the time; no file says it."""
    frame = np.arange(num_frames).repeat(2)
    label, turn = np.tile([0, 5], num_frames), np.tile([0.0, 90.0], num_frames)
    return Events.from_degrees(frame, label, (frame + turn) % 360 - 180, 0 * turn)


def write_clips(folder: Path, suffix: str, count: int, duration_s: int) -> list[Clip]:
    """Write clips of smooth noise, which compresses as rooms do."""
    folder.mkdir(parents=True)
    clips = []
    for number in range(count):
        noise = np.random.default_rng(number).normal(0, 0.02, (duration_s * RATE, 4)).cumsum(axis=0)
        path = folder / f"clip{number}{suffix}"
        soundfile.write(path, (2**14 * np.sin(noise)).astype(np.int16), RATE)
        read = partial(two_sources, 10 * duration_s)
        clips.append(Clip(path.stem, path, path, read=read))
    return clips


def compare_reading(
    store: Store, files: dict[str, list[Clip]], num_chunks: int, rounds: int
) -> Iterator[Row]:
    """Yield how fast chunks come from a store, beside files."""
    length = round(CHUNK_S * RATE)
    random = np.random.default_rng(0)
    clips = random.integers(len(store), size=num_chunks)
    starts = random.integers(store[0].num_samples - length, size=num_chunks)
    places = list(zip(clips.tolist(), starts.tolist(), strict=True))

    def from_store() -> Tensor:
        return torch.stack([store[clip].read(start, length) for clip, start in places])

    def from_files(clips: list[Clip]) -> Tensor:
        parts = (read_audio(clips[clip].audio, start=s, frames=length)[0] for clip, s in places)
        return torch.stack(list(parts))

    ways: dict[str, Callable[[], Tensor]] = {"store": from_store}
    ways |= {suffix: partial(from_files, clips) for suffix, clips in files.items()}
    wanted = from_store()
    assert all(torch.equal(way(), wanted) for way in ways.values())
    times = in_turn(ways, rounds, seconds)
    note = f"{num_chunks / median(times['store']):.0f} chunks a second"
    for name in files:
        what = f"chunks of {CHUNK_S:g} s from a store"
        yield Row.of(what, f"decoding {name[1:].upper()}", times[name], times["store"], note)


def compare_training(store: Store, num_workers: int, max_steps: int) -> Row:
    """Return how long an epoch takes beside its steps alone."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    extractor = presets.dcase2023_foa(top_db=None).to(device)
    model = seldnet(CLASSES, format="multi_accdoa").to(device)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    chunks = StoredChunks(store, MultiACCDOA(CLASSES), chunk_s=CHUNK_S, hop_s=1.0)
    size = min(BATCH, len(chunks))
    sampler = EpochSampler(len(chunks), batch_size=size)
    loader = DataLoader(
        chunks,
        batch_sampler=sampler,
        collate_fn=chunks.collate,
        num_workers=num_workers,
        generator=torch.Generator(),
    )

    def step(batch: tuple[Tensor, Tensor]) -> None:
        waveforms, target = (x.to(device, non_blocking=True) for x in batch)
        with torch.no_grad():
            features = extractor(waveforms)[:, :, : chunks.chunk_frames * 5]
        loss = (model(features) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    held: tuple[Tensor, Tensor] = next(iter(loader))
    step(held)
    alone = median(seconds(lambda: step(held)) for _ in range(3))
    times = []
    start = perf_counter()
    for number, batch in enumerate(sampler.consume(loader)):
        step(batch)
        times.append(perf_counter() - start)
        start = perf_counter()
        if number == max_steps:
            break
    fed = median(times[1:] or times)
    begin = perf_counter()
    for number in range(size):
        chunks[number]
    read = (perf_counter() - begin) / size
    return Row(
        f"step of SELDnet on {device}, fed by {num_workers} workers",
        "step on a batch in memory",
        alone / fed,
        note=f"a step takes {size / alone:.1f} chunks a second, one loader gives {1 / read:.1f}",
    )


def epoch(rank: int, num_ranks: int, folder: Path, num_threads: int, steps: int) -> None:
    """Train for an epoch of some steps, of which this process takes its share; keep the seconds."""
    torch.set_num_threads(num_threads)
    meeting = f"file://{folder / f'meeting{num_ranks}'}"
    distributed.init_process_group("gloo", meeting, rank=rank, world_size=num_ranks)
    chunks = StoredChunks(Store(folder / "store"), MultiACCDOA(CLASSES), chunk_s=CHUNK_S, hop_s=1.0)
    size = min(BATCH, len(chunks))
    sampler = EpochSampler(len(chunks), batch_size=size // num_ranks)
    loader = DataLoader(chunks, batch_sampler=sampler, collate_fn=chunks.collate)
    extractor = presets.dcase2023_foa(top_db=None)
    model = DistributedDataParallel(seldnet(CLASSES, format="multi_accdoa"))
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    distributed.barrier()
    start = perf_counter()
    for _, (waveforms, target) in zip(range(steps), sampler.consume(loader), strict=False):
        features = extractor(waveforms)[:, :, : chunks.chunk_frames * 5]
        (model(features) - target).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    distributed.barrier()
    if rank == 0:
        (folder / f"seconds{num_ranks}").write_text(str(perf_counter() - start))
    distributed.destroy_process_group()


def compare_processes(folder: Path, steps: int) -> Row:
    """Return how long two processes take over an epoch, beside one on as many threads."""
    times = []
    for num_ranks in (1, 2):
        threads = max(torch.get_num_threads() // num_ranks, 1)
        shared = num_ranks, folder, threads, steps
        multiprocessing.spawn(epoch, shared, num_ranks)  # type: ignore[attr-defined,no-untyped-call]
        times.append(float((folder / f"seconds{num_ranks}").read_text()))
    return Row("epoch shared by two processes", "one process", times[0] / times[1])


def sparse_store(folder: Path, clip: Clip, hours: int) -> Store:
    """Write a store of clips of an hour, whose files take no room."""
    first = pack([clip], folder)[0]
    for hour in range(hours):
        path = folder / WAVEFORMS / f"sparse{hour}.npy"
        shape = first.num_channels, 3600 * RATE
        np.lib.format.open_memmap(path, "w+", np.dtype("<i2"), shape)
        record: Record = first._record._replace(
            name=f"hour{hour}", waveform=path.stem, num_samples=shape[1]
        )
        write_record(folder, record)
    return Store(folder)


def memory(folder: Path, clip: Clip, hours: int, num_chunks: int) -> float:
    """Return how many megabytes it takes to draw chunks from many hours."""
    store = sparse_store(folder, clip, hours)[1:]

    def draw() -> None:
        chunks = StoredChunks(store, MultiACCDOA(CLASSES), chunk_s=CHUNK_S)
        sampler = EpochSampler(len(chunks), batch_size=1)
        for _, numbers in zip(range(num_chunks), sampler, strict=False):
            chunks[numbers[0]]

    draw()
    return peak_mb(draw)


def rows(quick: bool, place: Path | None = None) -> Iterator[Row]:
    """Yield all comparisons."""
    count, duration_s, num_chunks, rounds = (2, 8, 3, 1) if quick else (4, 60, 60, 3)
    torch.set_num_threads(1 if quick else 2)
    with TemporaryDirectory(dir=place) as name:
        folder = Path(name)
        files = {
            suffix: write_clips(folder / suffix[1:], suffix, count, duration_s)
            for suffix in (".wav", ".flac")
        }
        start = perf_counter()
        store = pack(files[".flac"], folder / "store")
        speed = store.duration_s / (perf_counter() - start)
        yield Row("packing FLAC in one process", "real time", speed)
        yield from compare_reading(store, files, num_chunks, rounds)
        for num_workers in (0,) if quick else (0, 1):
            yield compare_training(store, num_workers, 1 if quick else 5)
        yield compare_processes(folder, 1 if quick else 5)
        few, *more = (1, 3) if quick else (1, 10, 100)
        clip = files[".wav"][0]
        least = memory(folder / f"sparse{few}", clip, few, num_chunks)
        for hours in more:
            added = memory(folder / f"sparse{hours}", clip, hours, num_chunks)
            what = f"memory to draw {num_chunks} chunks from {hours} h"
            yield Row(what, f"from {few} h", least / max(added, 0.1), note=f"{added:.1f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?", type=Path, help="where files go; a temporary one")
    given = arguments(parser)
    tell(rows(given.quick, given.folder))
