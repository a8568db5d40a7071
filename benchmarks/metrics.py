"""How much faster the segment metrics are than the same rules in plain loops.

Run with `PYTHONPATH=tests python benchmarks/metrics.py`: about half a minute. It counts 100 clips
of 600 frames with two or three events a frame among 13 classes, both ways in turn, and prints the
ratio of the times: that carries over between machines, seconds do not. It prints, too, how the time
grows with the number of clips, how much memory the counting takes beside the events, and what a day
of silence costs. A number of clips may follow: `benchmarks/metrics.py 1` is its smallest form.
"""

import sys
from collections.abc import Callable
from resource import RUSAGE_SELF, getrusage
from time import perf_counter

import torch

from references.segment_metrics import Counts, Row, add_clip, last_frame, scores
from seldkit.events import Events
from seldkit.events.rows import MAX_FRAMES
from seldkit.geometry import decimal_degrees
from seldkit.metrics import SELDMetrics

CLIPS, FRAMES, MAX_EVENTS, CLASSES = 100, 600, 3, 13

Clip = tuple[Events, Events]
PlainClip = tuple[list[Row], list[Row]]


def random_clip(generator: torch.Generator) -> Clip:
    """Return a prediction and its reference, in degrees as files hold them.

    One event in ten is missed, one in ten is there twice.
    """
    count = torch.randint(MAX_EVENTS - 1, MAX_EVENTS + 1, (FRAMES,), generator=generator)
    frame = torch.arange(FRAMES).repeat_interleave(count)
    label = torch.randint(0, CLASSES, (len(frame),), generator=generator)
    direction = torch.randn(len(frame), 3, generator=generator, dtype=torch.float64)
    noise = torch.randn(len(frame), 3, generator=generator, dtype=torch.float64)
    times = torch.tensor([0, *[1] * 8, 2])
    rows = torch.arange(len(frame)).repeat_interleave(
        times[torch.randint(0, 10, (len(frame),), generator=generator)]
    )
    found = decimal_degrees(direction + 0.3 * noise)
    reference = Events.from_degrees(frame, label, *decimal_degrees(direction))
    return Events.from_degrees(frame, label, *found).select(rows), reference


def plain_rows(events: Events) -> list[Row]:
    """Return what a script would read from a label file."""
    columns = events.frame, events.label, events.azimuth_deg, events.elevation_deg
    return list(zip(*(column.tolist() for column in columns), strict=True))


def score_vectorised(clips: list[Clip]) -> dict[str, float]:
    """Return the scores as the library counts them."""
    metrics = SELDMetrics("dcase2023", CLASSES)
    for prediction, reference in clips:
        metrics.update(prediction, reference)
    return metrics.compute().as_dict()


def score_in_loops(clips: list[PlainClip]) -> dict[str, float]:
    """Return the scores as plain loops count them."""
    counts = Counts(CLASSES)
    for prediction, reference in clips:
        add_clip(counts, prediction, reference, last_frame(reference))
    return scores(counts, "macro")


def score_silence() -> None:
    """Count clips of a day in which something sounds for one frame at either end."""
    zeros = [0, 0]
    clip = Events.from_degrees([0, MAX_FRAMES - 1], zeros, zeros, zeros, num_frames=MAX_FRAMES)
    metrics = SELDMetrics("dcase2023", CLASSES, frames="clip")
    for _ in range(CLIPS):
        metrics.update(clip, clip)
    metrics.compute()


def seconds(task: Callable[[], object]) -> float:
    """Return how long one call takes."""
    start = perf_counter()
    task()
    return perf_counter() - start


def peak_mb() -> float:
    """Return the most memory that the process has held so far."""
    return getrusage(RUSAGE_SELF).ru_maxrss / 1024  # of kilobytes, on Linux


def main() -> None:
    """Print the scores, to show that they agree, and the median ratio of three rounds."""
    torch.set_num_threads(1)  # one core against one core
    generator = torch.Generator().manual_seed(0)
    number = int(sys.argv[1]) if len(sys.argv) > 1 else CLIPS
    clips = [random_clip(generator) for _ in range(number)]
    rows = sum(len(reference) for _, reference in clips)
    before = peak_mb()
    print("vectorised", score_vectorised(clips))
    print(f"{rows} references, {peak_mb() - before:.0f} MB")
    plain = [(plain_rows(prediction), plain_rows(reference)) for prediction, reference in clips]
    print("loops     ", score_in_loops(plain))
    slow, fast = zip(
        *(
            (seconds(lambda: score_in_loops(plain)), seconds(lambda: score_vectorised(clips)))
            for _ in range(3)
        ),
        strict=True,
    )
    ratio = sorted(s / f for s, f in zip(slow, fast, strict=True))[1]
    print(f"loops {min(slow):.2f} s, vectorised {min(fast):.3f} s: {ratio:.1f} times as fast")
    tenfold = seconds(lambda: score_vectorised(10 * clips))
    print(f"ten times the clips take {tenfold / min(fast):.1f} times as long")
    before = peak_mb()
    silence = seconds(score_silence)
    print(f"{CLIPS} days of silence take {silence:.3f} s, {peak_mb() - before:.0f} MB")


if __name__ == "__main__":
    main()
