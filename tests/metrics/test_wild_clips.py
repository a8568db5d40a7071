"""Clips of any length and metrics in other processes: what is silent costs nothing."""

import multiprocessing
import pickle
import resource
from collections.abc import Callable

import pytest
import torch

from metrics.clip_rows import in_frames
from metrics.random_clips import VARIANTS, Variant, random_clip
from seldkit.events import Events
from seldkit.events.rows import MAX_FRAMES
from seldkit.metrics import SELDMetrics
from seldkit.metrics.analysis import by_overlap, count_overlap, match_events
from seldkit.metrics.protocols import PROTOCOLS

CLASSES = 500


def sparse(*frames: int, num_frames: int | None = MAX_FRAMES) -> Events:
    """Return one event in each of some frames."""
    zeros = [0] * len(frames)
    return Events.from_degrees(
        frames, zeros, zeros, zeros, distance=[1.0] * len(frames), num_frames=num_frames
    )


def grown_mb(task: Callable[[], object]) -> float:
    """Return by how much a task raises the most memory that the process has held."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    task()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_day_of_silence_takes_no_memory(protocol: str) -> None:
    # All frames and classes of the 20 clips would take 690 GB for each count.
    clip = sparse(5, MAX_FRAMES - 1, num_frames=None), sparse(5, MAX_FRAMES - 1)

    def task() -> None:
        metrics = SELDMetrics(protocol, CLASSES, frames="clip")
        found, truth = (in_frames(side, metrics.frame_s) for side in clip)
        for _ in range(20):
            metrics.update(found, truth)
        assert metrics.compute().counts["TP"] >= 20
        groups = by_overlap([(found, truth)] * 3, metrics, unit=50, silent=True)
        assert list(groups) == [0, 1]
        assert len(match_events([clip] * 20)) == 40

    assert grown_mb(task) < 100


def test_silent_frames_do_not_change_what_is_counted() -> None:
    # A short clip, and the same spread over a day in steps of whole blocks.
    prediction, reference = random_clip(3, 50)
    for protocol in ("dcase2019", "dcase2023", "dcase2024", "l3das22"):
        near, far = SELDMetrics(protocol, 3), SELDMetrics(protocol, 3)
        sides = (in_frames(side, near.frame_s) for side in (prediction, reference))
        near.update(*sides, num_frames=50)
        spread = [
            Events(
                side.frame + 10_000,
                side.label,
                side.direction,
                distance=side.distance,
                onscreen=side.onscreen,
            )
            for side in (prediction, reference)
        ]
        far.update(*(in_frames(side, far.frame_s) for side in spread), num_frames=MAX_FRAMES)
        found, expected = far.counts().total(), near.counts().total()
        for name, count in expected.by_class.items():
            torch.testing.assert_close(found.by_class[name], count)
        silent = MAX_FRAMES - 50
        for name, count in expected.overall.items():
            more = silent if name in ("good_frames", "num_frames") else 0
            torch.testing.assert_close(found.overall[name], count + more)


def test_analysis_takes_any_label() -> None:
    wild = Events.from_degrees([3], [2 * 10**9], [0], [0])
    matches = match_events([(wild, wild)])
    assert matches.reference.tolist() == matches.prediction.tolist() == [2 * 10**9]


@pytest.mark.parametrize(
    "task",
    [
        lambda late, nothing: match_events([(late, nothing)]),
        lambda late, nothing: match_events([(nothing, late)]),
        lambda late, nothing: by_overlap([(late, nothing)], SELDMetrics("dcase2023", 1)),
        lambda late, nothing: by_overlap([(nothing, late)], SELDMetrics("dcase2023", 1)),
        lambda late, nothing: count_overlap(late),
    ],
)
def test_analysis_refuses_frames_that_no_clip_has(
    task: Callable[[Events, Events], object],
) -> None:
    nothing = Events.from_degrees([], [], [], [])
    with pytest.raises(ValueError, match=r"frame must be below 8640000.*, got 9000000000"):
        task(Events.from_degrees([9 * 10**9], [0], [0], [0]), nothing)
    with pytest.raises(ValueError, match=r"num_frames must lie in 0\.\.8640000, a day, got 864000"):
        count_overlap(nothing, MAX_FRAMES + 1)


def test_a_frame_may_hold_many_sources() -> None:
    frame = [frame for frame in range(3) for _ in range(40)]
    azimuth = [4.0 * (row % 40) - 80 for row in range(120)]
    many = Events.from_degrees(frame, [0] * 120, azimuth, [0.0] * 120, num_frames=10)
    for protocol in ("dcase2019", "dcase2023", "dcase2024", "dcase2025"):
        metrics = SELDMetrics(protocol, 1, frames="clip")
        metrics.update(*[in_frames(many, metrics.frame_s)] * 2)
        assert metrics.compute().f_score == pytest.approx(1)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_metrics_go_through_pickle_and_go_on(variant: Variant) -> None:
    first, second = random_clip(0), random_clip(1)
    waiting = pickle.loads(pickle.dumps(variant.measure(first)))
    counted = variant.measure(first)
    counted.compute()
    for metrics in (waiting, pickle.loads(pickle.dumps(counted))):
        metrics.update(*(in_frames(side, metrics.frame_s) for side in second))
        merged = variant.measure()
        merged.merge(metrics)
        expected = variant.measure(first, second).compute()
        assert merged.compute().as_dict() == pytest.approx(expected.as_dict(), nan_ok=True)
        assert metrics.settings == variant.measure().settings
    scores = pickle.loads(pickle.dumps(counted.compute()))
    assert scores.as_dict() == pytest.approx(counted.compute().as_dict(), nan_ok=True)
    assert pickle.loads(pickle.dumps(PROTOCOLS[variant.protocol])) == PROTOCOLS[variant.protocol]


def score_clip(seed: int) -> SELDMetrics:
    """Return the metrics of one clip; runs in another process."""
    metrics = SELDMetrics("dcase2024", 3, frames="clip")
    metrics.update(*random_clip(seed))
    return metrics


@pytest.mark.programs
def test_metrics_come_back_from_other_processes() -> None:
    whole, expected = (SELDMetrics("dcase2024", 3, frames="clip") for _ in range(2))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        for part in pool.map(score_clip, [0, 1]):
            whole.merge(part)
    for seed in (0, 1):
        expected.merge(score_clip(seed))
    assert whole.compute().as_dict() == expected.compute().as_dict()
