"""The events of many files, by many workers."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from functools import lru_cache, partial
from os import PathLike
from pathlib import Path
from typing import Any

from seldkit._executors import map_in_order
from seldkit.events import Events
from seldkit.pipeline.folder import DESCRIPTION
from seldkit.pipeline.pipeline import Pipeline
from seldkit.pipeline.sound_field import Check


def predict_files(
    pipeline: Pipeline | str | PathLike[str],
    files: Iterable[str | PathLike[str]],
    *,
    builders: Mapping[str, Callable[..., Any]] | None = None,
    batch_size: int = 8,
    check: Check = "warn",
    num_workers: int = 0,
    executor: Executor | None = None,
) -> Iterator[Events]:
    """Give the events of each file, in order, as they are asked for.

    One process is enough where the network runs on a GPU, or uses all processors by itself. Files
    are taken a few ahead, so there may be any number; an error has a note that names its file.

    Args:
        pipeline: A pipeline, in evaluation mode, or the folder of a saved one, which each worker
            reads once: an executor sends a pipeline itself along with every file.
        files: Paths of audio files, which the workers must reach.
        builders: Builders of your own, as for `Pipeline.load`.
        batch_size: Windows that run at once.
        check: What to do about files that cannot be the ambisonics that the pipeline needs, as for
            `Pipeline.predict`.
        num_workers: Processes of this machine that predict, each with one thread; 0 for this
            process alone.
        executor: Predicts in place of them, as the engine of a cluster may.

    Raises:
        OSError: If a file or the folder cannot be read.
        TypeError: If the executor is none.
        ValueError: If a file does not fit the pipeline, or both workers and an executor are given.

    Examples:
        >>> list(predict_files("folder of a pipeline", []))
        []
    """
    if isinstance(pipeline, Pipeline):
        predict = partial(_predict, pipeline, batch_size, check)
    else:
        folder = Path(pipeline).absolute()
        own = tuple((builders or {}).items())
        predict = partial(_predict_by_folder, folder, own, batch_size, check)
    if executor is None:
        return map_in_order(predict, files, num_workers=num_workers)
    return map_in_order(predict, files, num_workers=num_workers or None, executor=executor)


def _predict(
    pipeline: Pipeline, batch_size: int, check: Check, file: str | PathLike[str]
) -> Events:
    return pipeline.predict(file, batch_size=batch_size, check=check)


def _predict_by_folder(
    folder: Path,
    builders: tuple[tuple[str, Callable[..., Any]], ...],
    batch_size: int,
    check: Check,
    file: str | PathLike[str],
) -> Events:
    stamp = (folder / DESCRIPTION).stat().st_mtime_ns if folder.is_dir() else 0
    return _predict(_loaded(folder, stamp, builders), batch_size, check, file)


@lru_cache(maxsize=1)
def _loaded(
    folder: Path, stamp: int, builders: tuple[tuple[str, Callable[..., Any]], ...]
) -> Pipeline:
    """Return the pipeline of a folder; a process that has it already does not read it again."""
    return Pipeline.load(folder, builders=dict(builders))
