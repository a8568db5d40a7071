"""Scenes on disk: audio files and label files side by side."""

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import torch

from seldkit._checks import check_positive
from seldkit.io import write_audio, write_events
from seldkit.synth.scene import SceneSynthesizer


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
    made again; `settings.txt` in the folder says what they were made with.

    Args:
        synthesizer: Makes the scenes.
        folder: Where the files go; made if need be.
        count: Number of scenes.
        seed: Seed of the set.
        num_workers: Processes that make scenes; as many as there are processors if None, and this
            process alone if 0.

    Raises:
        ValueError: If `count` is not positive or the folder holds scenes of other settings.

    Examples:
        >>> import tempfile
        >>> synthesizer = SceneSynthesizer(duration_s=1.0, anechoic=True)
        >>> files = list(write_scenes(synthesizer, tempfile.mkdtemp(), 2, num_workers=0))
        >>> [scene.audio.name for scene in files]
        ['scene_00000.flac', 'scene_00001.flac']
    """
    check_positive(count=count)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    settings = f"{synthesizer!r}, seed={seed}\n"
    record = folder / "settings.txt"
    if not record.exists():
        record.write_text(settings, encoding="utf-8")
    elif record.read_text(encoding="utf-8") != settings:
        raise ValueError(f"{folder} holds scenes of other settings, see {record}")
    make = partial(_write_scene, synthesizer, folder, seed)
    if num_workers == 0:
        yield from map(make, range(count))
        return
    # Spawned, not forked: a fork of a process with running threads may hang.
    with ProcessPoolExecutor(num_workers, get_context("spawn"), _use_one_thread) as pool:
        yield from pool.map(make, range(count), chunksize=4)


def _write_scene(synthesizer: SceneSynthesizer, folder: Path, seed: int, index: int) -> SceneFiles:
    files = SceneFiles(folder / f"scene_{index:05d}.flac", folder / f"scene_{index:05d}.csv")
    # Labels are put in place last and at once, so a scene with labels is whole.
    if not files.labels.exists():
        waveform, events = synthesizer.scene(seed, index)
        write_audio(files.audio, waveform, synthesizer.sample_rate)
        draft = files.labels.with_suffix(".draft")
        write_events(draft, events, format="dcase2023")
        draft.replace(files.labels)
    return files


def _use_one_thread() -> None:
    torch.set_num_threads(1)
