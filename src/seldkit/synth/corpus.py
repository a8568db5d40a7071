"""Scenes on disk, made by many workers, each but once."""

import os
from collections.abc import Iterator
from concurrent.futures import Executor
from functools import partial
from pathlib import Path

from seldkit._checks import check_count, integer
from seldkit._executors import map_in_order, num_processors
from seldkit._files import replacing, sweep
from seldkit.io import read_events, write_audio, write_events
from seldkit.synth.manifest import keep_settings, keep_statistics, settings_of
from seldkit.synth.ranges import checked_seeds
from seldkit.synth.scene import SceneSynthesizer
from seldkit.synth.scene_files import FileType, Layout, SceneFiles, Tree
from seldkit.synth.statistics import SceneStatistics

FEW = 16
"""Scenes that are made sooner than other processes have begun."""


def write_scenes(
    synthesizer: SceneSynthesizer,
    folder: str | os.PathLike[str],
    count: int,
    *,
    seed: int = 0,
    layout: Layout = "flat",
    file_type: FileType = "flac",
    fold: int = 1,
    num_workers: int | None = None,
    executor: Executor | None = None,
) -> Iterator[SceneFiles]:
    """Write the scenes 0..count-1 of a seed to a folder, and give their files in order.

    Scenes are made while the result is iterated over. Those that the folder holds already are not
    made again. `manifest.json` in the folder (`manifest_fold1.json` in a tree of folds) says what
    they were made with: the settings of the synthesizer, the names of the classes, fingerprints of
    the sounds and of what else was given, the seed and the version of the library; at the end also
    what they hold, as [`SceneStatistics`][seldkit.synth.SceneStatistics].

    Several processes may write to one folder, and any may be killed: a scene that has labels is
    whole. Who makes the scenes, how many do so and how often they were stopped does not change a
    byte.

    Args:
        synthesizer: Makes the scenes.
        folder: Where the files go; made if need be. Workers on other machines must reach it, the
            sounds and what else was given by the same paths.
        count: Number of scenes.
        seed: Seed of the set.
        layout: `"flat"`: `scene_00000.flac` and `scene_00000.csv` side by side; `"starss23"`: the
            tree of that corpus, `foa_dev/dev-train-synth/fold1_room1_mix001.flac` with labels in
            `metadata_dev`, audio of an array in `mic_dev`. The room is the scene's own, or its
            place among the measured ones.
        file_type: `"flac"` (24 bits) or `"wav"` (32-bit floats).
        fold: Fold in the names of `"starss23"`.
        num_workers: Processes that make scenes, and this process alone if 0. If None, as many as
            there are processors, or this one where only a few scenes are to be made. A script that
            has others needs the line `if __name__ == "__main__":`.
        executor: Makes scenes in place of these processes, as the engine of a cluster may.

    Raises:
        TypeError: If a number is no integer, or the executor none.
        ValueError: If `count` or `fold` is not positive, a word is unknown, or the folder holds
            scenes of other settings, of other classes or sounds, or of another version of the
            library; the error says which.

    Examples:
        >>> import tempfile
        >>> synthesizer = SceneSynthesizer(duration_s=1.0, anechoic=True)
        >>> files = list(write_scenes(synthesizer, tempfile.mkdtemp(), 2, num_workers=0))
        >>> [scene.audio.name for scene in files]
        ['scene_00000.flac', 'scene_00001.flac']
    """
    count, seed = integer("count", count), checked_seeds(seed, 0)[0]
    check_count(count=count)
    tree = Tree.of(synthesizer, Path(folder), layout, file_type, fold)
    waiting = sum(not is_whole(tree.files(index)) for index in range(count))
    if num_workers is None and executor is None:
        num_workers = 0 if waiting < FEW else num_processors()
    # Elsewhere the working folder is another one.
    make = partial(_write_scene, synthesizer, tree._replace(folder=Path(folder).absolute()), seed)
    counted = map_in_order(make, range(count), num_workers=num_workers, executor=executor)
    for each in {tree.folder, *tree.folders}:
        each.mkdir(parents=True, exist_ok=True)
        sweep(each)
    begun = tree.begun  # seen first: the manifest comes before any scene
    keep_settings(tree.manifest, settings_of(synthesizer, tree, seed), begun=begun)
    return _files(tree, counted, synthesizer.classes)


def _files(
    tree: Tree, counted: Iterator[SceneStatistics], classes: tuple[str, ...]
) -> Iterator[SceneFiles]:
    total = SceneStatistics()
    for index, statistics in enumerate(counted):
        total.add(statistics)
        yield tree.files(index)
    keep_statistics(tree.manifest, total, classes)


def is_whole(files: SceneFiles) -> bool:
    """Whether a scene was written to its end."""
    return files.labels.exists() and files.audio.exists()


def _write_scene(
    synthesizer: SceneSynthesizer, tree: Tree, seed: int, index: int
) -> SceneStatistics:
    """Write a scene unless it is there; return what its labels hold."""
    files = tree.files(index)
    if not is_whole(files):
        waveform, events = synthesizer.scene(seed, index)
        with replacing(files.audio) as draft:
            write_audio(draft, waveform, synthesizer.sample_rate)
        # Labels are put in place last, so a scene with labels is whole.
        with replacing(files.labels) as draft:
            write_events(draft, events, format="dcase2023")
    # Counted as they are written, rounded, so that it does not matter when they were.
    length = synthesizer.num_frames
    return SceneStatistics.of([read_events(files.labels, format="dcase2023", num_frames=length)])
