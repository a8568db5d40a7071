"""Scores by overlap: frames are grouped rightly, and groups make up the whole."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from references.overlapping_scenes import CLASSES, random_scene
from seldkit.events import Events
from seldkit.metrics import SELDMetrics, jackknife
from seldkit.metrics.analysis import by_overlap, count_overlap
from seldkit.metrics.analysis.overlap import Clip, Unit
from seldkit.metrics.seld import Frames

SEED = st.integers(0, 2**32 - 1)
QUICK = settings(max_examples=15)

FRAME_BASED = ["dcase2024", "dcase2025", "l3das21", "l3das22", "l3das23"]
SECOND_BASED = ["dcase2020", "dcase2021", "dcase2022", "dcase2023"]


def events(*rows: tuple[int, int, float], num_frames: int | None = None) -> Events:
    """Return events from rows of frame, class and azimuth."""
    frame, label, azimuth = ([row[i] for row in rows] for i in range(3))
    return Events.from_degrees(frame, label, azimuth, [0.0] * len(rows), num_frames=num_frames)


def scenes(seed: int, number: int = 3) -> list[Clip]:
    """Return clips of different lengths."""
    return [random_scene(seed + i, num_frames=25 + 30 * i) for i in range(number)]


def metrics_for(protocol: str, **arguments: Any) -> SELDMetrics:
    """Return empty metrics of the scenes' classes."""
    if protocol == "dcase2019":  # the scenes have frames of 100 ms
        arguments = {"frame_s": 0.1, "block_frames": 50, **arguments}
    return SELDMetrics(protocol, CLASSES, **arguments)


def whole(clips: list[Clip], metrics: SELDMetrics) -> SELDMetrics:
    """Let metrics count all clips."""
    for prediction, reference in clips:
        metrics.update(prediction, reference)
    return metrics


def assert_groups_add_up(clips: list[Clip], metrics: SELDMetrics, unit: Unit) -> None:
    """Compare the counts of all groups, silence among them, with those of the whole."""
    groups = by_overlap(clips, metrics, unit=unit, silent=True)
    parts = [group.counts().total() for group in groups.values()]
    expected = whole(clips, metrics).counts().total()
    for name, count in expected.by_class.items():
        torch.testing.assert_close(sum(part.by_class[name] for part in parts), count)
    for name, count in expected.overall.items():
        if not name.startswith("clips_"):
            torch.testing.assert_close(sum(part.overall[name] for part in parts), count)


SCENE = events((0, 0, 0), (2, 0, 0), (2, 1, 90), (3, 1, 0), (3, 1, 90), (4, 2, 0), num_frames=6)


def test_sources_are_counted_frame_by_frame() -> None:
    overlap = count_overlap(SCENE)
    assert overlap.num_sources.tolist() == [1, 0, 2, 2, 1, 0]
    assert overlap.same_class.tolist() == [False, False, False, True, False, False]


def test_a_unit_has_the_largest_overlap_of_its_frames() -> None:
    overlap = count_overlap(SCENE, unit=4)
    assert overlap.num_sources.tolist() == [2, 2, 2, 2, 1, 1]
    assert overlap.same_class.tolist() == [True] * 4 + [False] * 2
    assert count_overlap(SCENE, unit="clip").num_sources.tolist() == [2] * 6
    assert count_overlap(SCENE, unit=100).num_sources.tolist() == [2] * 6


def test_frames_to_look_at_may_be_given() -> None:
    assert count_overlap(SCENE, 3).num_sources.tolist() == [1, 0, 2]
    assert count_overlap(SCENE, 8).num_sources.tolist() == [1, 0, 2, 2, 1, 0, 0, 0]
    assert count_overlap(events((2, 0, 0))).num_sources.tolist() == [0, 0, 1]
    assert count_overlap(events()).num_sources.tolist() == []
    assert count_overlap(events(num_frames=2), unit="clip").num_sources.tolist() == [0, 0]


@pytest.mark.parametrize("frames", ["official", "clip"])
@pytest.mark.parametrize("protocol", FRAME_BASED)
@QUICK
@given(seed=SEED)
def test_counts_of_the_groups_add_up(protocol: str, frames: Frames, seed: int) -> None:
    assert_groups_add_up(scenes(seed), metrics_for(protocol, frames=frames), unit=1)


@pytest.mark.parametrize("frames", ["official", "clip"])
@pytest.mark.parametrize("protocol", SECOND_BASED)
@QUICK
@given(seed=SEED)
def test_counts_of_whole_seconds_add_up(protocol: str, frames: Frames, seed: int) -> None:
    assert_groups_add_up(scenes(seed), metrics_for(protocol, frames=frames), unit=10)


@pytest.mark.parametrize("frames", ["official", "clip"])
@QUICK
@given(seed=SEED)
def test_counts_of_dcase2019_add_up(frames: Frames, seed: int) -> None:
    assert_groups_add_up(scenes(seed), metrics_for("dcase2019", frames=frames), unit=50)


@pytest.mark.parametrize("protocol", [*FRAME_BASED, *SECOND_BASED, "dcase2019"])
def test_counts_of_whole_clips_add_up(protocol: str) -> None:
    assert_groups_add_up(scenes(0), metrics_for(protocol), unit="clip")


@QUICK
@given(seed=SEED)
def test_same_class_overlap_is_told_apart(seed: int) -> None:
    clips, metrics = scenes(seed), metrics_for("dcase2024")
    both = by_overlap(clips, metrics, silent=True)
    parts = [by_overlap(clips, metrics, same_class=same, silent=True) for same in (True, False)]
    assert not parts[0].keys() & {0, 1}
    for sources, group in both.items():
        hits = sum(
            part[sources].counts().total().by_class["TP"] for part in parts if sources in part
        )
        torch.testing.assert_close(hits, group.counts().total().by_class["TP"])


def test_each_group_is_scored_from_its_own_frames() -> None:
    # Alone the dog is found; beside the cat it is missed, and the cat is found too far away.
    reference = events((0, 0, 0), (1, 0, 0), (1, 1, 90), num_frames=2)
    prediction = events((0, 0, 5), (1, 1, 0))
    metrics = SELDMetrics("dcase2024", 2, average="micro", frames="clip")
    groups = by_overlap([(prediction, reference)], metrics)
    found = {n: group.compute().f_score for n, group in groups.items()}
    assert found == pytest.approx({1: 1, 2: 0})
    assert groups[2].counts().total().by_class["FP_spatial"].tolist() == [0, 1]
    assert groups[2].counts().total().by_class["FN"].tolist() == [1, 0]


def test_a_second_stays_whole_unless_frames_are_asked_for() -> None:
    reference = events((0, 0, 0), (1, 0, 0), (1, 1, 90))
    metrics = SELDMetrics("dcase2021", 2)
    by_frame = by_overlap([(reference, reference)], metrics, unit=1)
    assert [group.compute().counts["Nref"] for group in by_frame.values()] == [1, 2]
    by_second = by_overlap([(reference, reference)], metrics)
    assert {n: group.compute().counts["Nref"] for n, group in by_second.items()} == {2: 2}


def test_false_alarms_in_silence_are_a_group_only_if_asked() -> None:
    reference, prediction = events((0, 0, 0), num_frames=5), events((0, 0, 0), (2, 1, 0), (4, 1, 0))
    metrics = SELDMetrics("dcase2024", 2, frames="clip")
    assert list(by_overlap([(prediction, reference)], metrics)) == [1]
    groups = by_overlap([(prediction, reference)], metrics, silent=True)
    assert groups[0].counts().total().by_class["FP"].tolist() == [0, 2]
    assert groups[1].compute().counts["FP"] == 0


def test_frames_that_the_protocol_leaves_out_make_no_group() -> None:
    # The published script of dcase2024 does not score the last annotated frame.
    reference = events((0, 0, 0), (1, 0, 0), (1, 1, 0))
    assert list(by_overlap([(reference, reference)], SELDMetrics("dcase2024", 2))) == [1]


def test_the_frame_recall_of_dcase2019_looks_at_the_group_alone() -> None:
    # Of frames with two sources one is right; 2997 others would be, were they looked at.
    reference = events((0, 0, 0), (1, 0, 0), (1, 1, 90), (2, 0, 0), (2, 1, 90))
    prediction = events((1, 0, 0), (1, 1, 90), (2, 0, 0))
    groups = by_overlap([(prediction, reference)], SELDMetrics("dcase2019", 2, frame_s=0.1), unit=1)
    assert groups[2].compute().localization_recall == 0.5
    assert groups[1].compute().localization_recall == 0.0


def test_clips_are_grouped_by_their_largest_overlap() -> None:
    single, double = events((0, 0, 0), num_frames=2), events((0, 0, 0), (1, 0, 0), (1, 1, 90))
    clips = [(single, single), (double, double), (single, single)]
    groups = by_overlap(clips, SELDMetrics("dcase2021", 2), unit="clip")
    assert {n: group.num_clips for n, group in groups.items()} == {1: 2, 2: 1}
    assert groups[2].compute().counts["Nref"] == 2


def test_a_group_holds_the_clips_that_have_such_frames_and_may_be_jackknifed() -> None:
    clips, metrics = scenes(1, number=4), metrics_for("dcase2023")
    groups = by_overlap([*clips, (events(), events())], metrics, unit=1)
    assert metrics.num_clips == 0
    assert {group.num_clips for group in groups.values()} == {4}
    interval = jackknife(groups[2])["f_score"]
    assert interval.low < groups[2].compute().f_score < interval.high


def test_the_metrics_keep_their_own_clips() -> None:
    clips = scenes(2)
    metrics = whole(clips, metrics_for("dcase2023"))
    before = metrics.compute()
    groups = by_overlap(clips[:1], metrics)
    assert metrics.compute().as_dict() == before.as_dict()
    assert all(group.num_clips == 1 for group in groups.values())


@pytest.mark.parametrize("protocol", ["dcase2019", "dcase2023", "dcase2024", "l3das22"])
def test_a_clip_is_scored_up_to_a_given_frame(protocol: str) -> None:
    prediction, reference = random_scene(3, num_frames=100)
    part, short = metrics_for(protocol), metrics_for(protocol, frames="clip")
    part.update(prediction, reference, num_frames=50)
    short.update(prediction.window(0, 50), reference.window(0, 50))
    assert part.compute().as_dict() == short.compute().as_dict()
    with pytest.raises(ValueError, match="num_frames must not be negative, got -1"):
        part.update(prediction, reference, num_frames=-1)


def test_without_clips_there_are_no_groups() -> None:
    assert by_overlap([], metrics_for("dcase2023")) == {}


@pytest.mark.messages
@pytest.mark.parametrize(
    ("unit", "message"),
    [(0, "unit must be at least 1, got 0"), ("second", "unit must be one of 'clip', got 'second'")],
)
def test_a_wrong_unit_is_named(unit: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        count_overlap(SCENE, unit=unit)


def test_rows_that_do_not_suit_the_metrics_are_named() -> None:
    unknown = events((0, 9, 0))
    with pytest.raises(ValueError, match=r"prediction\.label must be below num_classes=4, got 9"):
        by_overlap([(unknown, unknown)], metrics_for("dcase2023"))
