"""Everything that writes one file, killed at each step and in the midst of its bytes.

As a program it prints, as JSON, what was found after each kill: the old content or the new one.
"""

import contextlib
import io
import json
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from matplotlib.figure import Figure
from matplotlib.image import imread

import killed_writers
from killed_writers import fork, kill_at
from seldkit import data, models
from seldkit import io as files
from seldkit.cli import main as program
from seldkit.cli.plot import save_picture
from seldkit.events import EnergyMaps, Events

OLD, NEW = 10, 40
"""Azimuths in degrees, and whatever else tells two contents apart."""


class Writer(NamedTuple):
    """What writes a file.

    Attributes:
        name: Name of the file.
        write: Writes a content to a path.
        found: Returns the content of a path.
    """

    name: str
    write: Callable[[Path, int], object]
    found: Callable[[Path], int]


def _events(azimuth: int) -> Events:
    frame = torch.arange(60)
    return Events.from_degrees(frame, 0 * frame, azimuth + 0.0 * frame, 0.0 * frame)


def _azimuth(events: Events) -> int:
    assert len(events) == 60
    return round(float(events.azimuth_deg.unique()))


def _read(path: Path) -> int:
    return _azimuth(files.read_events(path, format="dcase2023"))


def _run(*words: object) -> None:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        assert program([*map(str, words)]) == 0


def _table(path: Path, value: int) -> Path:
    source = path.with_name(f"source{value}.csv")
    if not source.exists():
        files.write_events(source, _events(value), format="dcase2023")
    return source


def _convert(path: Path, value: int) -> None:
    _run("convert", _table(path, value), path, "--from", "dcase2023", "--to", "dcase2024")


def _score(path: Path, value: int) -> None:
    words = (_table(path, OLD), _table(path, value), "--protocol", "dcase2023", "--json", path)
    _run("score", *words)


def _scored(path: Path) -> int:
    text = path.read_text()
    json.loads(text)
    return len(text)


def _log(path: Path, value: int) -> None:
    log = data.TrainingLog(path)
    log.load_state_dict({"rows": [{"epoch": n, "loss": value} for n in range(20)]})


def _logged(path: Path) -> int:
    head, *rows = path.read_text().splitlines()
    (value,) = {row.split(",")[1] for row in rows}
    assert (head, len(rows)) == ("epoch,loss", 20)
    return int(value)


def _tensor(value: int) -> torch.nn.Linear:
    module = torch.nn.Linear(50, 20)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(value)
    return module


def _checkpoint(path: Path) -> int:
    part = _tensor(0)
    assert data.load_checkpoint(path, part=part) == part.weight[0, 0]
    return round(part.weight.mean().item())


def _adapters(path: Path, value: int) -> None:
    network = models.with_lora(torch.nn.Linear(50, 20), rank=2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(value)
    models.save_adapters(network, path)


def _adapted(path: Path) -> int:
    network = models.load_adapters(torch.nn.Linear(50, 20), path, base="any")
    values = {round(p.mean().item()) for p in network.parameters() if p.requires_grad}
    return values.pop() if len(values) == 1 else -1


def _wave(path: Path, value: int) -> None:
    files.write_audio(path, torch.full((1, 2000), value / 64), 8000)


def _heard(path: Path) -> int:
    waveform, _ = files.read_audio(path)
    assert waveform.shape == (1, 2000)
    return round(64 * float(waveform.unique()))


def _picture(path: Path, value: int) -> None:
    save_picture(Figure((1, 1), facecolor=str(value / 64)), path, 100)


WRITERS: dict[str, Writer] = {
    "labels": Writer(
        "a.csv", lambda path, x: files.write_events(path, _events(x), format="dcase2023"), _read
    ),
    "label track": Writer(
        "a.txt",
        lambda path, x: files.write_label_track(path, _events(x)),
        lambda path: _azimuth(files.read_label_track(path)),
    ),
    "energy maps": Writer(
        "a.json",
        lambda path, x: files.write_maps(path, EnergyMaps.from_events(_events(x))),
        lambda path: _azimuth(files.read_maps(path).to_events()),
    ),
    **{suffix: Writer(f"a{suffix}", _wave, _heard) for suffix in (".wav", ".flac", ".w64")},
    "checkpoint": Writer(
        "a.safetensors",
        lambda path, x: data.save_checkpoint(path, epoch=x, part=_tensor(x)),
        _checkpoint,
    ),
    "adapters": Writer("a.safetensors", _adapters, _adapted),
    "training log": Writer("a.csv", _log, _logged),
    "convert": Writer(
        "a.csv", _convert, lambda path: _azimuth(files.read_events(path, format="dcase2024"))
    ),
    "picture": Writer("a.png", _picture, lambda path: round(64 * float(imread(path)[0, 0, 0]))),
    "score --json": Writer("a.json", _score, _scored),
}


PLACES = WRITERS | {
    "pipeline": Writer(
        "system",
        lambda path, x: killed_writers.pipeline(x / 64).save(path),
        lambda path: round(64 * float(killed_writers.found(path))),
    ),
}
"""Also what writes several files: `killed_writers` and `killed_packers` take their steps."""


def _child(writer: Writer, path: Path, step: int, size: int | None) -> None:
    """Write the new content, but be killed at a step, or when a file is to grow beyond a size."""
    kill_at(step, path.parent)
    if size is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    writer.write(path, NEW)


def killed(writer: Writer, path: Path, *, step: int = 0, size: int | None = None) -> bool:
    """Return whether a write was killed, after making sure of what it left.

    Raises:
        AssertionError: If it left neither the old content nor the new one.
    """
    writer.write(path, OLD)
    old = writer.found(path)
    _, status = os.waitpid(fork(partial(_child, writer, path, step, size)), 0)
    left = writer.found(path)
    writer.write(path, NEW)
    assert left in (old, writer.found(path)), left
    return os.WIFSIGNALED(status)


def try_writer(writer: Writer, folder: Path) -> int:
    """Kill a writer at each of its steps and at many sizes; return how often it was killed."""
    folder.mkdir()
    path = folder / writer.name
    writer.write(path, NEW)
    largest = path.stat().st_size
    steps = 1
    while killed(writer, path, step=steps):
        steps += 1
    sizes = {0, 1, largest // 3, largest // 2, largest - 1}
    for size in sorted(sizes):
        assert killed(writer, path, size=size), f"it writes more than {size} bytes at once"
    return steps - 1 + len(sizes)


def try_moment(writer: Writer, folder: Path, chance: random.Random) -> None:
    """Kill a writer at a random moment."""
    folder.mkdir(exist_ok=True)
    path = folder / writer.name
    writer.write(path, OLD)
    old = writer.found(path)
    begin = time.monotonic()
    writer.write(path, NEW)
    takes = time.monotonic() - begin
    new = writer.found(path)
    writer.write(path, OLD)
    child = fork(partial(_child, writer, path, 0, None))
    time.sleep(chance.uniform(0, 1.5 * takes))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert writer.found(path) in (old, new)


if __name__ == "__main__":
    torch.set_num_threads(1)
    killed_writers.STEPS |= {"os.link", "os.mkdir", "os.rmdir"}
    root = Path(sys.argv[1])
    counts = {
        name: try_writer(writer, root / str(n)) for n, (name, writer) in enumerate(WRITERS.items())
    }
    sys.stdout.write(json.dumps(counts))
