"""Scenes on disk: audio files and label files side by side."""

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields
from functools import partial
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import torch

from seldkit._checks import check_count, integer
from seldkit._files import replacing, sweep, version
from seldkit.io import write_audio, write_events
from seldkit.synth.ranges import checked_seeds
from seldkit.synth.scene import SceneSynthesizer
from seldkit.synth.sounds import fingerprint

FEW = 16
"""Scenes that are made sooner than other processes have begun."""


class SceneFiles(NamedTuple):
    """The files of one scene.

    Attributes:
        audio: FOA audio, FLAC.
        labels: Events in the format `dcase2023`, CSV.
    """

    audio: Path
    labels: Path


def write_scenes(
    synthesizer: SceneSynthesizer,
    folder: str | os.PathLike[str],
    count: int,
    *,
    seed: int = 0,
    num_workers: int | None = None,
) -> Iterator[SceneFiles]:
    """Write the scenes 0..count-1 of a seed to a folder, and give their files in order.

    Scenes are made while the result is iterated over. Those that the folder holds already are not
    made again; `settings.txt` in the folder says what they were made with: the settings of the
    synthesizer, the names of the classes, a fingerprint of the sounds, the seed and the version of
    the library. Several processes may write to one folder, and any may be killed: a scene that has
    labels is whole.

    Args:
        synthesizer: Makes the scenes.
        folder: Where the files go; made if need be.
        count: Number of scenes.
        seed: Seed of the set.
        num_workers: Processes that make scenes, and this process alone if 0. If None, as many as
            there are processors, or this one where only a few scenes are to be made.

    Raises:
        TypeError: If a number is no integer.
        ValueError: If `count` is not positive, or the folder holds scenes of other settings, of
            other classes or sounds, or of another version of the library; the error says which.

    Examples:
        >>> import tempfile
        >>> synthesizer = SceneSynthesizer(duration_s=1.0, anechoic=True)
        >>> files = list(write_scenes(synthesizer, tempfile.mkdtemp(), 2, num_workers=0))
        >>> [scene.audio.name for scene in files]
        ['scene_00000.flac', 'scene_00001.flac']
    """
    count, seed = integer("count", count), checked_seeds(seed, 0)[0]
    check_count(count=count)
    if num_workers is not None and integer("num_workers", num_workers) < 0:
        raise ValueError(f"num_workers must not be negative, got {num_workers}")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    _keep_settings(folder, synthesizer, seed)
    return _make_scenes(synthesizer, folder, count, seed, num_workers)


def _make_scenes(
    synthesizer: SceneSynthesizer, folder: Path, count: int, seed: int, num_workers: int | None
) -> Iterator[SceneFiles]:
    make = partial(_write_scene, synthesizer, folder, seed)
    if num_workers is None:
        waiting = sum(not _is_whole(_scene_files(folder, index)) for index in range(count))
        num_workers = 0 if waiting < FEW else os.cpu_count()
    if num_workers == 0:
        yield from map(make, range(count))
        return
    # Spawned, not forked: a fork of a process with running threads may hang.
    with ProcessPoolExecutor(num_workers, get_context("spawn"), _begin) as pool:
        yield from pool.map(make, range(count), chunksize=4)


def _keep_settings(folder: Path, synthesizer: SceneSynthesizer, seed: int) -> None:
    """Write what the scenes are made with, or raise unless it is what is written there."""
    own = {
        field.name: getattr(synthesizer, field.name)
        for field in fields(synthesizer)
        if field.name not in ("sounds", "_sounds")
    }
    own |= {
        "classes": synthesizer.classes,
        "sounds": fingerprint(synthesizer._sounds, synthesizer.sample_rate),
        "seed": seed,
        "version": version(),
    }
    settings = {name: " ".join(str(value).split()) for name, value in own.items()}
    record = folder / "settings.txt"
    begun = any(folder.glob("scene_*.csv"))  # seen first: settings are written before any scene
    if not record.exists():
        if begun:
            raise ValueError(f"{folder} holds scenes of unknown settings: there is no {record}")
        with replacing(record, overwrite=False) as draft:
            lines = [f"{name}: {value}\n" for name, value in settings.items()]
            draft.write_text("".join(lines), encoding="utf-8")
    # Read in any case: another process may have been the first.
    lines = record.read_text(encoding="utf-8", errors="replace").splitlines()
    there = dict(line.split(": ", 1) for line in lines if ": " in line)
    others = [
        f"{name} {there.get(name, 'unknown')}, not {settings.get(name, 'unknown')}"
        for name in settings | there
        if there.get(name) != settings.get(name)
    ]
    if others:
        raise ValueError(
            f"{folder} holds scenes of other settings, see {record}: {'; '.join(others)}"
        )


def _write_scene(synthesizer: SceneSynthesizer, folder: Path, seed: int, index: int) -> SceneFiles:
    files = _scene_files(folder, index)
    if not _is_whole(files):
        waveform, events = synthesizer.scene(seed, index)
        with replacing(files.audio) as draft:
            write_audio(draft, waveform, synthesizer.sample_rate)
        # Labels are put in place last, so a scene with labels is whole.
        with replacing(files.labels) as draft:
            write_events(draft, events, format="dcase2023")
    return files


def _scene_files(folder: Path, index: int) -> SceneFiles:
    return SceneFiles(folder / f"scene_{index:05d}.flac", folder / f"scene_{index:05d}.csv")


def _is_whole(files: SceneFiles) -> bool:
    return files.labels.exists() and files.audio.exists()


def _begin() -> None:
    """Let a process use one thread, and end when the process that began it is killed."""
    torch.set_num_threads(1)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
