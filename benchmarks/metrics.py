"""How much faster the scores of DCASE are than the same rules in plain loops.

Run with `PYTHONPATH=.:tests python benchmarks/metrics.py`: about a minute, with `--quick` some
seconds. Clips of 600 frames with two or three events a frame among 13 classes are counted both ways
in turn on one core: by seconds as in DCASE 2022 and 2023, and by frames as in 2024. The loops go
over frames and classes with a dictionary of events, as the published scripts do. Both scores agree,
or it ends in an error. Days of silence are held against clips of a minute that are full of sound,
and the memory that counting adds against the events themselves.
"""

from collections.abc import Callable, Iterator
from functools import partial
from math import isclose, isnan

import torch

from benchmarks.measuring import arguments, peak_mb
from benchmarks.rows import Row, in_turn, tell
from references import frame_metrics, segment_metrics
from seldkit.events import Events
from seldkit.events.rows import MAX_FRAMES
from seldkit.geometry import decimal_degrees
from seldkit.metrics import SELDMetrics

MAX_EVENTS, CLASSES = 3, 13

Clip = tuple[Events, Events]
Scores = dict[str, float]


def random_clip(generator: torch.Generator, num_frames: int, classes: int = CLASSES) -> Clip:
    """Return a prediction and its reference, in degrees as files hold them.

    One event in ten is missed, one in ten is there twice.
    """
    count = torch.randint(MAX_EVENTS - 1, MAX_EVENTS + 1, (num_frames,), generator=generator)
    frame = torch.arange(num_frames).repeat_interleave(count)
    label = torch.randint(0, classes, (len(frame),), generator=generator)
    direction = torch.randn(len(frame), 3, generator=generator, dtype=torch.float64)
    noise = torch.randn(len(frame), 3, generator=generator, dtype=torch.float64)
    distance, factor = torch.rand(2, len(frame), generator=generator, dtype=torch.float64)
    times = torch.tensor([0, *[1] * 8, 2])
    rows = torch.arange(len(frame)).repeat_interleave(
        times[torch.randint(0, 10, (len(frame),), generator=generator)]
    )
    found = decimal_degrees(direction + 0.3 * noise)
    there = Events.from_degrees(frame, label, *decimal_degrees(direction), distance=1 + distance)
    far = (1 + distance) * (0.2 + 2 * factor)
    return Events.from_degrees(frame, label, *found, distance=far).select(rows), there


def score(protocol: str, clips: list[Clip], classes: int = CLASSES) -> Scores:
    """Return the scores as the library counts them, all classes together."""
    metrics = SELDMetrics(protocol, classes, average="micro")
    for prediction, reference in clips:
        metrics.update(prediction, reference)
    return metrics.compute().as_dict()


def segment_rows(events: Events) -> list[segment_metrics.Row]:
    """Return what a script reads from a label file: angles in degrees."""
    columns = events.frame, events.label, events.azimuth_deg, events.elevation_deg
    return list(zip(*(column.tolist() for column in columns), strict=True))


def score_by_seconds(clips: list[tuple[list[segment_metrics.Row], ...]]) -> Scores:
    """Return the scores of dcase2023 as plain loops count them."""
    counts = segment_metrics.Counts(CLASSES)
    for said, there in clips:
        segment_metrics.add_clip(counts, said, there, segment_metrics.last_frame(there))
    return segment_metrics.scores(counts, "micro")


def score_by_frames(clips: list[tuple[list[frame_metrics.Row], ...]]) -> Scores:
    """Return the scores of dcase2024 as plain loops count them."""
    counts = frame_metrics.Counts(CLASSES)
    for said, there in clips:
        frame_metrics.add_clip(counts, said, there, max(row[0] for row in there))
    return frame_metrics.scores(counts)


def score_silence(num_clips: int) -> None:
    """Count clips of a day in which something sounds for one frame at either end."""
    zeros = [0, 0]
    clip = Events.from_degrees([0, MAX_FRAMES - 1], zeros, zeros, zeros, num_frames=MAX_FRAMES)
    metrics = SELDMetrics("dcase2023", CLASSES, frames="clip")
    for _ in range(num_clips):
        metrics.update(clip, clip)
    metrics.compute()


def agree(ours: Scores, theirs: Scores) -> None:
    """Raise unless scores are the same but for rounding."""
    for name, value in theirs.items():
        if not (isclose(ours[name], value, rel_tol=1e-9) or isnan(value)):
            raise SystemExit(f"{name} is {ours[name]}, and {value} in loops")


def rows(quick: bool) -> Iterator[Row]:
    """Yield the figures of both protocols, of one clip and of many."""
    num_clips, num_frames, rounds = (2, 100, 1) if quick else (100, 600, 5)
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    clips = [random_clip(generator, num_frames) for _ in range(num_clips)]
    by_seconds = [tuple(map(segment_rows, clip)) for clip in clips]
    by_frames = [tuple(map(frame_metrics.to_rows, clip)) for clip in clips]
    ways: dict[str, Callable[[int], Scores]] = {
        "dcase2023": lambda count: score_by_seconds(by_seconds[:count]),
        "dcase2024": lambda count: score_by_frames(by_frames[:count]),
    }
    for protocol, loops in ways.items():
        agree(score(protocol, clips), loops(num_clips))
        for count in (1, num_clips):
            times = in_turn(
                {
                    "loops": partial(loops, count),
                    "ours": partial(score, protocol, clips[:count]),
                },
                rounds if count > 1 else 5 * rounds,
            )
            clip_ms = f"{1000 * min(times['ours']) / count:.2f} ms a clip"
            name = f"{protocol}, {count} clip{'s' * (count > 1)} of {num_frames} frames"
            yield Row.of(name, "loops", times["loops"], times["ours"], clip_ms)
    times = in_turn(
        {
            "sound": partial(score, "dcase2023", clips),
            "silence": partial(score_silence, num_clips),
        },
        rounds,
    )
    yield Row.of(f"{num_clips} days of silence", "clips as above", times["sound"], times["silence"])
    bytes_of_events = 8 * 9 * sum(len(side) for clip in clips for side in clip)
    added = peak_mb(partial(score, "dcase2023", clips)) * 2**20
    yield Row(
        "memory that counting adds", "the events themselves", bytes_of_events / max(added, 1.0)
    )


if __name__ == "__main__":
    tell(rows(arguments().quick))
