"""How much faster label files are read and written than by a script that goes through their lines.

Run with `PYTHONPATH=. python benchmarks/labels.py`: some seconds, with `--quick` one. Files of 600
rows are read both ways in turn on one core. The script splits each line, makes numbers of its parts
and gathers them by frame, and it checks nothing; neither does `np.loadtxt`, which only parses. It
writes each row by `str.format`.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from benchmarks.measuring import Task, arguments
from benchmarks.rows import Row, in_turn, tell
from seldkit.events import Events
from seldkit.io import read_events, write_events
from seldkit.io.editions import Kind

Frames = dict[int, list[list[float]]]

KINDS: dict[str, tuple[str, Kind]] = {
    "labels, angles": ("dcase2022", "label"),
    "labels, angles and distance": ("dcase2024", "label"),
    "outputs, vectors and distance": ("dcase2024", "output"),
}


def random_events(generator: np.random.Generator, num_frames: int) -> Events:
    """Return two sounds in each frame, in whole degrees."""
    rows = 2 * num_frames
    return Events.from_degrees(
        np.arange(rows) // 2,
        np.arange(rows) % 2,
        generator.integers(-180, 180, rows),
        generator.integers(-90, 91, rows),
        distance=generator.integers(50, 500, rows) / 100,
    )


def read_by_lines(path: Path) -> Frames:
    """Return the rows of each frame, as a script reads them."""
    frames: Frames = {}
    with path.open() as file:
        for line in file:
            words = line.strip().split(",")
            row = [float(word) for word in words[1:]]
            frames.setdefault(int(words[0]), []).append(row)
    return frames


def write_by_lines(path: Path, rows: list[list[float]]) -> None:
    """Write rows, as a script does."""
    with path.open("w") as file:
        for frame, label, source, *numbers in rows:
            words = [int(frame), int(label), int(source), *numbers]
            file.write(",".join(map("{}".format, words)) + "\n")


def each(task: Callable[[Path], object], paths: list[Path]) -> None:
    """Do something to each file."""
    for path in paths:
        task(path)


def ways(clips: list[Events], folder: Path, format: str, kind: Kind) -> dict[str, Task]:
    """Return what writes clips, and what reads them again, by name."""
    paths = [folder / f"{number}.csv" for number in range(len(clips))]
    for path, events in zip(paths, clips, strict=True):
        write_events(path, events, format=format, kind=kind)
    numbers: list[list[float]] = np.loadtxt(paths[0], delimiter=",").tolist()
    spare = [folder / "spare.csv"] * len(clips)
    write = partial(write_events, events=clips[0], format=format, kind=kind)
    return {
        "script reads": partial(each, read_by_lines, paths),
        "NumPy reads": partial(each, partial(np.loadtxt, delimiter=","), paths),
        "we read": partial(each, partial(read_events, format=format), paths),
        "script writes": partial(each, partial(write_by_lines, rows=numbers), spare),
        "we write": partial(each, write, spare),
    }


def rows(quick: bool) -> Iterator[Row]:
    """Yield the figures of each kind of file."""
    num_files, num_frames, rounds = (5, 20, 1) if quick else (100, 300, 9)
    torch.set_num_threads(1)
    generator = np.random.default_rng(0)
    clips = [random_events(generator, num_frames) for _ in range(num_files)]
    for name, layout in KINDS.items():
        with TemporaryDirectory() as folder:
            times = in_turn(ways(clips, Path(folder), *layout), rounds)
        file_us = f"{min(times['we read']) / num_files * 1e6:.0f} us a file"
        read, write = f"read {name}", f"write {name}"
        yield Row.of(read, "script", times["script reads"], times["we read"], file_us)
        yield Row.of(read, "`np.loadtxt`", times["NumPy reads"], times["we read"], "unchecked")
        yield Row.of(write, "script", times["script writes"], times["we write"])


if __name__ == "__main__":
    tell(rows(arguments().quick))
