"""How much faster label files are read than by a script that goes through their lines.

Run with `PYTHONPATH=. python benchmarks/labels.py`: some seconds, with `--quick` one. It writes
files of 600 rows, reads all of them both ways in turn on one core, and prints the ratio of the
times, a median over rounds: that carries over between machines, seconds do not. The script splits
each line, makes numbers of its parts and gathers them by frame; it checks nothing. `np.loadtxt`,
which only parses, is shown beside it.
"""

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import torch

from benchmarks.measuring import Task, arguments, seconds
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


def ways_to_read(paths: list[Path], format: str) -> dict[str, Task]:
    """Return what reads all files, by name."""
    return {
        "lines": lambda: [read_by_lines(path) for path in paths],
        "loadtxt": lambda: [np.loadtxt(path, delimiter=",") for path in paths],
        "ours": lambda: [read_events(path, format=format) for path in paths],
    }


def main() -> None:
    """Print, for each kind of file, how long a file takes and the median ratio."""
    num_files, num_frames, rounds = (5, 20, 1) if arguments().quick else (200, 300, 7)
    torch.set_num_threads(1)
    generator = np.random.default_rng(0)
    clips = [random_events(generator, num_frames) for _ in range(num_files)]
    for name, (format, kind) in KINDS.items():
        with TemporaryDirectory() as folder:
            paths = [Path(folder) / f"{i}.csv" for i in range(num_files)]
            for path, events in zip(paths, clips, strict=True):
                write_events(path, events, format=format, kind=kind)
            ways = ways_to_read(paths, format)
            rows = [[seconds(task) for task in ways.values()] for _ in range(rounds)]
        times = dict(zip(ways, zip(*rows, strict=True), strict=True))
        ratio = median(s / f for s, f in zip(times["lines"], times["ours"], strict=True))
        told = ", ".join(f"{way} {min(t) / num_files * 1e6:.0f} us" for way, t in times.items())
        print(f"{name}: {told} a file: {ratio:.1f} times as fast as lines")


if __name__ == "__main__":
    main()
