"""What a stream costs beside a whole clip: real-time factors of one trained system on one core.

Run with `OMP_NUM_THREADS=1 PYTHONPATH=. python benchmarks/streaming.py`: a minute, with `--quick`
some seconds. A causal network and a windowed one hear noise, features included: the whole clip by
`predict`, and chunk by chunk by `stream`, in turn. The part of real time that a second of sound
takes belongs to the machine, but the ratio of the whole clip to a stream carries over. The slowest
chunk tells whether a stream keeps up at every moment.

Then each system hears two minutes in chunks of 0.1 s, with `--soak 1` alone and an hour of it. That
fails if the memory of the process grows by more than 16 MB from the third tenth on, when all that a
stream needs is there.
"""

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from time import perf_counter

import torch
from torch import Tensor

from benchmarks.measuring import Task, arguments, resident_mb
from benchmarks.rows import Row, in_turn, tell
from seldkit import Pipeline
from seldkit.features import presets
from seldkit.formats import MultiACCDOA
from seldkit.models import causal_crnn, seldnet

RATE, CLASSES = 24000, 12
CHUNKS_S = (0.02, 0.1, 0.5, 2.0)
GROWTH_MB = 16.0


def systems() -> dict[str, Pipeline]:
    """Return an untrained system of either kind, by name."""
    extractor = presets.dcase2023_foa(top_db=None)
    causal = Pipeline(extractor, causal_crnn(CLASSES), MultiACCDOA(CLASSES), window_s=None)
    windowed = Pipeline(extractor, seldnet(CLASSES), MultiACCDOA(CLASSES), window_s=4.0)
    return {"causal_crnn": causal.eval(), "seldnet in windows of 4 s": windowed.eval()}


def streaming(
    pipeline: Pipeline, signal: Tensor, chunk_s: float
) -> tuple[Callable[[], None], list[float]]:
    """Return what streams a signal, and a list that gets the time of each chunk."""
    stream, times = pipeline.stream(check=None), []

    def run() -> None:
        stream.reset()
        for chunk in signal.split(round(chunk_s * RATE), dim=1):
            start = perf_counter()
            stream.push(chunk)
            times.append(perf_counter() - start)
        stream.flush()

    return run, times


def soak(name: str, pipeline: Pipeline, duration_s: float) -> Row:
    """Stream noise for long, and return how the memory of the process grows; it must not."""
    stream = pipeline.stream(check=None)
    size = round(0.1 * RATE)
    chunks = round(duration_s / 0.1)
    grown: list[float] = []
    start = perf_counter()
    for number in range(1, chunks + 1):
        stream.push(0.1 * torch.randn(4, size))
        if number * 10 // chunks > len(grown):
            grown.append(resident_mb())
    stream.flush()
    factor = (perf_counter() - start) / duration_s
    growth = max(grown[2:]) - grown[2]
    if growth > GROWTH_MB:
        raise SystemExit(f"{name}: memory grew by {growth:.1f} MB")
    note = f"at most {growth:.1f} MB more, {factor:.4f} of real time"
    what = f"{name}, memory of a stream of {duration_s:g} s"
    return Row(what, "its third tenth", grown[2] / max(grown[2:]), note=note)


def rows(quick: bool) -> Iterator[Row]:
    """Yield what streams cost beside a whole clip."""
    duration_s, rounds = (4.0, 1) if quick else (60.0, 5)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    signal = 0.1 * torch.randn(4, round(duration_s * RATE))
    for name, pipeline in systems().items():
        streams = {chunk_s: streaming(pipeline, signal, chunk_s) for chunk_s in CHUNKS_S}
        tasks: dict[str, Task] = {"whole": partial(pipeline.predict, signal, RATE, check=None)}
        tasks |= {str(chunk_s): run for chunk_s, (run, _) in streams.items()}
        costs = in_turn(tasks, rounds)
        for chunk_s, (_, times) in streams.items():
            taken = costs[str(chunk_s)]
            note = (
                f"{median(taken) / duration_s:.4f} of real time, slowest chunk"
                f" {1000 * max(times):.0f} ms, latency {1000 * pipeline.stream().latency_s:.0f} ms"
            )
            what = f"{name}, streamed in chunks of {chunk_s:g} s"
            yield Row.of(what, "whole clip", costs["whole"], taken, note)
        yield soak(name, pipeline, 20.0 if quick else 120.0)


def main() -> None:
    """Print the table, or stream for hours."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--soak", type=float, metavar="HOURS", help="stream so long instead")
    args = arguments(parser)
    if args.soak:
        torch.set_num_threads(1)
        tell(soak(name, pipeline, 3600 * args.soak) for name, pipeline in systems().items())
    else:
        tell(rows(args.quick))


if __name__ == "__main__":
    main()
