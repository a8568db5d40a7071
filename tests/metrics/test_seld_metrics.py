"""The segment metrics against plain loops, on events with many matchings of one cost."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.random_clips import random_clip
from references import frame_metrics
from references.segment_metrics import Counts, Row, add_clip, last_frame, scores
from seldkit.events import Events
from seldkit.metrics import SELDMetrics, SELDScores
from seldkit.metrics.scores import Average
from seldkit.metrics.seld import Frames

FRAMES, CLASSES = 25, 3

# Few directions, many of them at one elevation: equal costs are common.
DIRECTION = st.tuples(st.integers(-25, 25).map(lambda n: 7.0 * n), st.sampled_from([0.0, 0, -33]))
ROW = st.tuples(st.integers(0, FRAMES - 1), st.integers(0, CLASSES - 1), DIRECTION)
ROWS = st.lists(ROW.map(lambda row: (row[0], row[1], *row[2])), max_size=60)
CLIP = st.tuples(ROWS, ROWS)
CLIPS = st.lists(CLIP, min_size=1, max_size=3)
AVERAGES: tuple[Average, Average] = ("macro", "micro")
AVERAGE = st.sampled_from(AVERAGES)
FRAME_RULE: st.SearchStrategy[Frames] = st.sampled_from(["official", "clip"])
SEED = st.integers(0, 2**32 - 1)

QUICK = settings(max_examples=50)

Clip = tuple[list[Row], list[Row]]


def to_events(rows: list[Row], num_frames: int | None = FRAMES) -> Events:
    """Return events from rows of frame, class, azimuth and elevation."""
    columns = ([row[i] for row in rows] for i in range(4))
    return Events.from_degrees(*columns, num_frames=num_frames)


def measure(clips: list[Clip], **settings: Any) -> SELDMetrics:
    """Return the metrics of some clips of prediction and reference rows."""
    metrics = SELDMetrics("dcase2023", CLASSES, **settings)
    for prediction, reference in clips:
        metrics.update(to_events(prediction), to_events(reference))
    return metrics


def assert_same(found: SELDScores, expected: SELDScores, tolerance: float = 1e-9) -> None:
    """Compare the scores of everything and of each class."""
    assert found.as_dict() == pytest.approx(expected.as_dict(), abs=tolerance, rel=tolerance)
    for name, score in expected.per_class.items():
        torch.testing.assert_close(found.per_class[name], score, rtol=tolerance, atol=tolerance)


@settings(max_examples=150)
@given(clips=CLIPS, average=AVERAGE, frames=FRAME_RULE)
def test_it_counts_as_plain_loops_do(clips: list[Clip], average: Average, frames: Frames) -> None:
    counts = Counts(CLASSES)
    for prediction, reference in clips:
        num_frames = last_frame(reference) if frames == "official" else FRAMES
        add_clip(counts, prediction, reference, num_frames)
    found = measure(clips, average=average, frames=frames).compute().as_dict()
    assert found == pytest.approx(scores(counts, average), rel=1e-9, abs=1e-9)


@settings(max_examples=20)
@given(seed=SEED)
def test_frames_are_counted_as_plain_loops_do(seed: int) -> None:
    prediction, reference = random_clip(seed)
    counts = frame_metrics.Counts(CLASSES)
    said, there = frame_metrics.to_rows(prediction), frame_metrics.to_rows(reference)
    frame_metrics.add_clip(counts, said, there, num_frames=int(reference.frame.max()))
    metrics = SELDMetrics("dcase2024", CLASSES, average="micro")
    metrics.update(prediction, reference)
    expected = frame_metrics.scores(counts)
    assert metrics.compute().as_dict() == pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(max_examples=20)
@given(seed=SEED, average=AVERAGE)
def test_it_counts_crowds_as_plain_loops_do(seed: int, average: Average) -> None:
    # About six instances of a class in a frame, whose matchings often cost the same.
    random = np.random.default_rng(seed)
    prediction, reference = (
        [
            (int(frame), int(label), 7.0 * int(step) - 175, 30.0 * int(upwards))
            for frame, label, step, upwards in random.integers(0, (12, 2, 51, 2), (150, 4))
        ]
        for _ in range(2)
    )
    counts = Counts(CLASSES)
    add_clip(counts, prediction, reference, FRAMES)
    found = measure([(prediction, reference)], average=average, frames="clip").compute().as_dict()
    assert found == pytest.approx(scores(counts, average), rel=1e-9, abs=1e-9)


@QUICK
@given(clips=CLIPS, more=CLIPS, average=AVERAGE)
def test_merged_parts_equal_one_pass(clips: list[Clip], more: list[Clip], average: Average) -> None:
    part = measure(clips, average=average)
    part.merge(measure(more, average=average))
    whole = measure(clips + more, average=average)
    assert part.num_clips == whole.num_clips == len(clips + more)
    assert_same(part.compute(), whole.compute())


@QUICK
@given(clips=CLIPS, average=AVERAGE)
def test_the_order_of_clips_does_not_matter(clips: list[Clip], average: Average) -> None:
    backwards = measure(clips[::-1], average=average)
    assert_same(backwards.compute(), measure(clips, average=average).compute())


@QUICK
@given(rows=ROWS, average=AVERAGE)
def test_an_identical_prediction_is_perfect(rows: list[Row], average: Average) -> None:
    rows = [*rows, *((FRAMES - 1, label, 50.0, 0.0) for label in range(CLASSES))]
    found = measure([(rows, rows)], average=average, frames="clip").compute().as_dict()
    perfect = {"ER": 0, "F": 1, "LE": 0, "LR": 1, "SELD": 0}
    assert found == pytest.approx(perfect, abs=1e-5)


@QUICK
@given(clip=CLIP, alarms=ROWS, average=AVERAGE)
def test_a_false_alarm_never_raises_f(clip: Clip, alarms: list[Row], average: Average) -> None:
    prediction, reference = clip
    sounding = {(frame // 10, label) for frame, label, *_ in reference}
    false = [row for row in alarms if (row[0] // 10, row[1]) not in sounding]
    without, with_alarms = (
        measure([(rows, reference)], average=average, frames="clip").compute()
        for rows in (prediction, prediction + false)
    )
    assert with_alarms.f_score <= without.f_score
    assert bool((with_alarms.per_class["f_score"] <= without.per_class["f_score"]).all())


@QUICK
@given(clip=CLIP)
def test_macro_equals_micro_for_one_class(clip: Clip) -> None:
    prediction, reference = ([(row[0], 0, *row[2:]) for row in rows] for rows in clip)
    macro, micro = (SELDMetrics("dcase2023", 1, average=average) for average in AVERAGES)
    for metrics in (macro, micro):
        metrics.update(to_events(prediction), to_events(reference))
    assert_same(macro.compute(), micro.compute())


def test_both_years_are_one_protocol() -> None:
    clip = random_clip(0)
    older, newer = SELDMetrics("dcase2022", CLASSES), SELDMetrics("dcase2023", CLASSES)
    older.update(*clip)
    newer.update(*clip)
    assert_same(older.compute(), newer.compute(), tolerance=0)


def test_macro_is_the_default_and_reset_forgets() -> None:
    metrics = measure([([], [])])
    text = (
        "SELDMetrics('dcase2023', num_classes=3, average='macro', frames='official',"
        " absent_classes='published', frame_s=0.1, counting='published', angle_threshold_deg=20.0,"
        " block_frames=10, clips={})"
    )
    assert repr(metrics) == text.format(1)
    metrics.reset()
    assert repr(metrics) == text.format(0)


def test_the_scores_of_a_part_stay_as_they_were() -> None:
    part, other = measure([([], [])]), measure([([(0, 0, 0.0, 0.0)], [(3, 0, 0.0, 0.0)])])
    part.merge(other)
    part.update(*random_clip(0))
    assert (part.num_clips, other.num_clips) == (3, 1)
    part.merge(part)
    assert part.num_clips == 6
    assert part.compute().counts["Nref"] == 2 * (part.counts().by_class["Nref"][:3].sum())
