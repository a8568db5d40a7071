"""How long a task takes and how much memory it adds."""

import ctypes
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, sleep

import torch

Task = Callable[[], object]


def seconds(task: Task) -> float:
    """Return how long one call takes."""
    sleep(0.3)  # until the threads of the other way have stopped waiting for more work
    start = perf_counter()
    task()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return perf_counter() - start


def peak_mb(task: Task) -> float:
    """Return how many megabytes a call adds to the process at most; nan where Linux is not."""
    marks = Path("/proc/self/clear_refs")
    if not marks.exists():
        task()
        return float("nan")
    trim = ctypes.CDLL(None)["malloc_trim"]
    trim(0)  # or what is free but kept would be used unseen
    marks.write_text("5")  # begins a new peak
    before = _memory_mb("VmRSS")
    task()
    return _memory_mb("VmHWM") - before


def _memory_mb(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))
