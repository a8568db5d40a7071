"""How long a task takes and how much memory it adds."""

import argparse
import ctypes
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from time import perf_counter, process_time, sleep

import torch
from torch import Tensor
from torch.autograd.profiler import profile

Task = Callable[[], object]


def arguments(parser: argparse.ArgumentParser | None = None) -> argparse.Namespace:
    """Read the command line, with `--quick` for the smallest form of any benchmark."""
    parser = argparse.ArgumentParser() if parser is None else parser
    parser.add_argument(
        "--quick", action="store_true", help="run all of it on little data: times mean nothing"
    )
    return parser.parse_args()


def seconds(task: Task) -> float:
    """Return how long one call takes."""
    sleep(0.3)  # until the threads of the other way have stopped waiting for more work
    start = perf_counter()
    task()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return perf_counter() - start


def cpu_seconds(task: Task) -> float:
    """Return how long the processor works on one call, which other programs disturb least."""
    start = process_time()
    task()
    return process_time() - start


def peak_mb(task: Task, device: torch.device | None = None) -> float:
    """Return how many megabytes a call adds at most; without a GPU nan where Linux is not.

    They are added to the process, or to what the process has on the GPU.
    """
    if device is not None and device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        task()
        return (torch.cuda.max_memory_allocated(device) - before) / 2**20
    marks = Path("/proc/self/clear_refs")
    if not marks.exists():
        task()
        return float("nan")
    trim = ctypes.CDLL(None)["malloc_trim"]
    trim(0)  # or what is free but kept would be used unseen
    marks.write_text("5")  # begins a new peak
    resident = _memory_mb("VmRSS")
    task()
    return _memory_mb("VmHWM") - resident


def milliseconds(forward: Callable[[], Tensor], inputs: list[Tensor]) -> tuple[float, float]:
    """Return the time of one result, and of it with the gradient of its sum.

    On one thread it is that of the processor, which other programs disturb least.
    """
    clock = process_time if torch.get_num_threads() == 1 else perf_counter
    for x in inputs:
        x.grad = None
    start = clock()
    value = forward()
    middle = clock()
    value.backward(torch.ones_like(value))
    return 1000 * (middle - start), 1000 * (clock() - start)


def peak_megabytes(forward: Callable[[], Tensor], inputs: list[Tensor]) -> float:
    """Return how much memory one result and its gradient take at most."""
    for x in inputs:
        x.grad = None
    with profile(profile_memory=True) as recorded:
        value = forward()
        value.backward(torch.ones_like(value))
    changes = [event for event in recorded.kineto_results.events() if event.name() == "[memory]"]
    changes.sort(key=lambda event: event.start_ns())
    peak: int = max(accumulate(event.nbytes() for event in changes))
    return peak / 1e6


def resident_mb() -> float:
    """Return how many megabytes the process has; nan where Linux is not."""
    return _memory_mb("VmRSS") if Path("/proc/self/status").exists() else float("nan")


def _memory_mb(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))
