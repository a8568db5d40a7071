"""A function mapped over items by many workers: processes, threads, or a cluster of machines."""

import itertools
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context, parent_process
from reprlib import Repr
from threading import Thread
from typing import Any, TypeVar

import torch

from seldkit._checks import integer

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 256
"""Items that an executor of the caller holds at most, finished or not."""

_of_this_process: list[Callable[..., Any]] = []
"""In a process begun by `map_in_order`: its function, sent once, so that its caches live on."""


def map_in_order(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    executor: Executor | None = None,
    num_workers: int | None = None,
) -> Iterator[Result]:
    """Return the results of a function for some items, in their order, as they are asked for.

    Items are taken as they are needed, a few ahead, so a million cost no more memory than a hundred
    do. Where the function raises, or the iterator is closed, items that nobody works on are taken
    back and those that are worked on are waited for, as far as the executor can tell; the error has
    a note that names its item.

    Processes of this machine are spawned: a script that asks for them needs the line
    `if __name__ == "__main__":`.

    Args:
        function: What is done; picklable, unless only this process or threads are to do it.
        items: What it is done to; picklable alike.
        executor: Does the work, as the engine of a cluster may; it stays open. If None, processes
            of this machine do, each with one thread.
        num_workers: Number of these processes; 0 for this process alone, None for as many as there
            are processors.

    Raises:
        TypeError: If the executor is none, or the number no integer.
        ValueError: If the number is negative, or given beside an executor.

    Examples:
        >>> list(map_in_order(abs, [-1, -2, -3], num_workers=0))
        [1, 2, 3]
    """
    if executor is not None:
        if not isinstance(executor, Executor):
            raise TypeError(f"executor must be a concurrent.futures.Executor, got {executor!r}")
        if num_workers is not None:
            raise ValueError(f"num_workers must be None beside an executor, got {num_workers}")
        calls = ((function, *each) for each in enumerate(items))
        return _handed_out(executor, _named, calls, AHEAD)
    count = num_processors() if num_workers is None else integer("num_workers", num_workers)
    if count < 0:
        raise ValueError(f"num_workers must not be negative, got {count}")
    if count == 0:
        return (_named(function, *each) for each in enumerate(items))
    return _by_processes(function, items, count)


def num_processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def begin_worker(threads: int = 1) -> None:
    """Let a process use so many threads, and end when the process that began it ends or is killed.

    The initializer of a pool of one's own: by itself each of its processes takes as many threads as
    there are processors, and goes on, unseen, where the program is killed.

    Args:
        threads: Number of threads of PyTorch's in this process.

    Examples:
        >>> from concurrent.futures import ProcessPoolExecutor
        >>> from multiprocessing import get_context
        >>> pool = ProcessPoolExecutor(2, get_context("spawn"), initializer=begin_worker)
        >>> pool.shutdown()
    """
    torch.set_num_threads(threads)
    Thread(target=_end_with_parent, daemon=True).start()


def _by_processes(
    function: Callable[[Item], Result], items: Iterable[Item], count: int
) -> Iterator[Result]:
    # Spawned, not forked: a fork of a process with running threads may hang.
    context = get_context("spawn")
    with ProcessPoolExecutor(count, context, _begin, (function,)) as pool:
        yield from _handed_out(pool, _named_here, enumerate(items), 4 * count)


def _handed_out(
    executor: Executor,
    function: Callable[..., Result],
    arguments: Iterable[tuple[object, ...]],
    ahead: int,
) -> Iterator[Result]:
    """Keep `ahead` calls in an executor, and give their results in order."""
    waiting: deque[tuple[tuple[object, ...], Future[Result]]] = deque()
    arguments = iter(arguments)
    try:
        while True:
            for each in itertools.islice(arguments, ahead - len(waiting)):
                waiting.append((each, executor.submit(function, *each)))
            if not waiting:
                return
            result = waiting[0][1].result()
            waiting.popleft()
            yield result
    except BrokenExecutor as error:
        if waiting:
            *_, number, item = waiting[0][0]
            error.add_note(
                f"a worker ended at item {number} ({_shown(item)}) or soon after: it was killed"
                " (memory?), or could not begin (a script needs `if __name__ == '__main__':`)"
            )
        raise
    finally:
        wait([future for _, future in waiting if not future.cancel()])


def _named(function: Callable[[Item], Result], number: int, item: Item) -> Result:
    """Call a function; its error says for which item."""
    try:
        return function(item)
    except Exception as error:
        error.add_note(f"at item {number}: {_shown(item)}")
        raise


def _named_here(number: int, item: object) -> Any:
    return _named(_of_this_process[0], number, item)


def _shown(item: object) -> str:
    """Return the text of an item, its middle left out where it is long."""
    short = Repr()
    short.maxstring = short.maxother = 200
    return short.repr(item)


def _begin(function: Callable[..., object]) -> None:
    _of_this_process[:] = [function]
    begin_worker()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who interrupts a program means its first process


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
