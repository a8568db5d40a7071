"""Matches, and what is counted from them: detection, directions and errors."""

from collections import defaultdict
from dataclasses import fields
from math import inf, isnan, nan
from typing import Any, get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from references.overlapping_scenes import CLASSES, random_scene
from seldkit.events import Events
from seldkit.geometry import angle_deg
from seldkit.metrics import SELDMetrics
from seldkit.metrics.analysis import (
    Matches,
    count_errors,
    detection_scores,
    direction_scores,
    match_events,
)
from seldkit.metrics.analysis.matches import By
from seldkit.metrics.analysis.overlap import Clip

SEED = st.integers(0, 2**32 - 1)
QUICK = settings(max_examples=15)
WAYS: st.SearchStrategy[By] = st.sampled_from(get_args(By))


def events(*rows: tuple[int, int, float], num_frames: int | None = None) -> Events:
    """Return events from rows of frame, class and azimuth."""
    frame, label, azimuth = ([row[i] for row in rows] for i in range(3))
    return Events.from_degrees(frame, label, azimuth, [0.0] * len(rows), num_frames=num_frames)


def scenes(seed: int, number: int = 3) -> list[Clip]:
    """Return clips of different lengths."""
    return [random_scene(seed + i, num_frames=10 + 15 * i) for i in range(number)]


def sizes(clips: list[Clip]) -> tuple[int, int]:
    """Return the numbers of predictions and of references."""
    return sum(len(p) for p, _ in clips), sum(len(r) for _, r in clips)


def rows_by_cell(events: Events, *names: str) -> dict[tuple[int, ...], list[int]]:
    """Return the row numbers of each frame, or of each frame and class, in plain loops."""
    cells = defaultdict(list)
    columns = [getattr(events, name).tolist() for name in names]
    for row, cell in enumerate(zip(*columns, strict=True)):
        cells[cell].append(row)
    return dict(cells)


def largest_matching(clip: Clip, tolerance: float, *names: str) -> tuple[int, float]:
    """Return how many pairs within the tolerance there can be, and their smallest sum of angles."""
    prediction, reference = clip
    there, found = rows_by_cell(reference, *names), rows_by_cell(prediction, *names)
    number, total = 0, 0.0
    for cell in there.keys() & found.keys():
        a, b = reference.direction[there[cell]], prediction.direction[found[cell]]
        angle = angle_deg(a.unsqueeze(1), b.unsqueeze(0)).numpy()
        pairs = linear_sum_assignment(np.where(angle <= tolerance, angle, 1e6))
        near = angle[pairs] <= tolerance
        number += near.sum()
        total += angle[pairs][near].sum()
    return number, total


@QUICK
@given(seed=SEED, by=WAYS)
def test_every_event_has_one_row(seed: int, by: By) -> None:
    clips = scenes(seed)
    matches = match_events(clips, by=by)
    missed, made_up = (matches.prediction < 0).sum(), (matches.reference < 0).sum()
    predictions, references = sizes(clips)
    assert len(matches) - missed == predictions
    assert len(matches) - made_up == references
    assert matches.is_pair.sum() == len(matches) - missed - made_up
    assert torch.equal(matches.angle_deg.isnan(), ~matches.is_pair)
    place = matches.clip * 1000 + matches.frame
    assert (place.diff() >= 0).all()


@QUICK
@given(seed=SEED)
def test_matches_of_a_class_are_those_of_dcase2024(seed: int) -> None:
    clips = scenes(seed)
    matches = match_events(clips, by="class")
    metrics = SELDMetrics(
        "dcase2024", CLASSES, average="micro", frames="clip", counting="corrected"
    )
    for prediction, reference in clips:
        metrics.update(prediction, reference)
    counts = metrics.compute().counts
    assert matches.is_pair.sum() == counts["DE_TP"]
    assert matches.angle_deg.nansum().item() == pytest.approx(counts["total_DE"])
    assert (matches.angle_deg <= 20).sum() == counts["TP"] + _beyond_distance(clips, matches)
    assert (matches.prediction < 0).sum() == counts["FN"]
    assert (matches.reference < 0).sum() == counts["FP"]


def _beyond_distance(clips: list[Clip], matches: Matches) -> int:
    """Return how many near pairs dcase2024 rejects for their distances."""
    strict, lax = (
        SELDMetrics("dcase2024", CLASSES, frames="clip", relative_distance_threshold=threshold)
        for threshold in (None, inf)
    )
    for metrics in (strict, lax):
        for prediction, reference in clips:
            metrics.update(prediction, reference)
    return int(lax.compute().counts["TP"] - strict.compute().counts["TP"])


@QUICK
@given(seed=SEED)
def test_matches_of_a_place_are_the_cheapest_whatever_the_class(seed: int) -> None:
    clips = scenes(seed)
    matches = match_events(clips, by="place")
    expected = [largest_matching(clip, 180.0, "frame") for clip in clips]
    assert matches.is_pair.sum() == sum(number for number, _ in expected)
    assert matches.angle_deg.nansum().item() == pytest.approx(sum(total for _, total in expected))


@QUICK
@given(seed=SEED, tolerance=st.floats(1, 90))
def test_with_a_tolerance_as_many_as_can_be_are_near(seed: int, tolerance: float) -> None:
    clips = scenes(seed)
    ways: dict[By, tuple[str, ...]] = {"class": ("frame", "label"), "place": ("frame",)}
    for by, names in ways.items():
        matches = match_events(clips, by=by, tolerance=tolerance)
        expected = [largest_matching(clip, tolerance, *names) for clip in clips]
        near = matches.angle_deg <= tolerance
        assert near.sum() == sum(number for number, _ in expected)
        total = matches.angle_deg[near].sum().item()
        assert total == pytest.approx(sum(total for _, total in expected))
        assert matches.is_pair.sum() == match_events(clips, by=by).is_pair.sum()


@QUICK
@given(seed=SEED, tolerance=st.floats(1, 90))
def test_as_many_events_as_can_be_are_correct(seed: int, tolerance: float) -> None:
    clips = scenes(seed)
    matches = match_events(clips, by="event", tolerance=tolerance)
    errors = count_errors(matches, CLASSES, tolerance_deg=tolerance)
    expected = [largest_matching(clip, tolerance, "frame", "label") for clip in clips]
    assert errors.totals["correct"] == sum(number for number, _ in expected)
    right = (matches.reference == matches.prediction) & (matches.angle_deg <= tolerance)
    total = matches.angle_deg[right].sum().item()
    assert total == pytest.approx(sum(total for _, total in expected))
    # No pair is both of another class and far away.
    same = matches.reference == matches.prediction
    assert (same | (matches.angle_deg <= tolerance))[matches.is_pair].all()


@QUICK
@given(seed=SEED, by=WAYS)
def test_rows_by_overlap_make_up_the_whole(seed: int, by: By) -> None:
    clips = scenes(seed)
    matches = match_events(clips, by=by)
    parts = [matches.select(matches.overlap == n) for n in matches.overlap.unique()]
    scores = [detection_scores(part, CLASSES).per_class for part in parts]
    for name in ("TP", "FP", "FN"):
        whole = detection_scores(matches, CLASSES).per_class[name]
        assert torch.equal(torch.stack([part[name] for part in scores]).sum(dim=0), whole)
    errors = [count_errors(part, CLASSES) for part in parts]
    for name, count in count_errors(matches, CLASSES)._asdict().items():
        assert torch.equal(torch.stack([getattr(part, name) for part in errors]).sum(dim=0), count)


@QUICK
@given(seed=SEED, by=WAYS)
def test_an_identical_prediction_is_perfect(seed: int, by: By) -> None:
    clips = [(reference, reference) for _, reference in scenes(seed)]
    matches = match_events(clips, by=by)
    assert detection_scores(matches, CLASSES, average="macro", within_deg=1e-6).f_score == 1
    assert detection_scores(matches, CLASSES, within_m=1e-6).f_score == 1
    found = direction_scores(matches, within_m=(1e-6,))
    assert (found.mean_deg, found.median_deg, found.mean_m, found.recall) == (0, 0, 0, 1)
    assert found.accuracy.tolist() == [1] * 4
    assert found.accuracy_m.tolist() == [1]
    errors = count_errors(matches, CLASSES)
    assert errors.totals["correct"] == len(matches)
    assert torch.equal(errors.confusion, errors.correct.diag())


@QUICK
@given(seed=SEED, by=WAYS)
def test_turning_the_table_swaps_precision_and_recall(seed: int, by: By) -> None:
    clips = scenes(seed)
    there = detection_scores(match_events(clips, by=by), CLASSES)
    back = detection_scores(match_events([clip[::-1] for clip in clips], by=by), CLASSES)
    assert back.precision == pytest.approx(there.recall)
    assert back.recall == pytest.approx(there.precision)
    assert back.f_score == pytest.approx(there.f_score)


@QUICK
@given(seed=SEED, by=WAYS)
def test_a_wider_tolerance_never_lowers_a_score(seed: int, by: By) -> None:
    matches = match_events(scenes(seed), by=by)
    tolerances = (1, 5, 10, 20, 45, 180)
    found = direction_scores(matches, tolerances, within_m=(0.1, 0.5, 1, 2, 50))
    assert (found.accuracy.diff() >= 0).all()
    assert (found.accuracy_m.diff() >= 0).all()
    assert found.accuracy[-1].item() == pytest.approx(found.recall)
    scores = [detection_scores(matches, CLASSES, within_deg=t).f_score for t in tolerances]
    assert sorted(scores) == scores


@QUICK
@given(seed=SEED)
def test_every_event_becomes_one_kind_of_error(seed: int) -> None:
    clips = scenes(seed)
    errors = count_errors(match_events(clips, by="event"), CLASSES)
    common = errors.correct + errors.misplaced
    prediction, reference = (
        torch.cat([clip[side].label for clip in clips]).bincount(minlength=CLASSES)
        for side in (0, 1)
    )
    assert torch.equal(common + errors.substituted.sum(dim=1) + errors.deleted, reference)
    assert torch.equal(common + errors.substituted.sum(dim=0) + errors.inserted, prediction)
    assert errors.substituted.diag().sum() == 0


def test_right_events_are_paired_before_nearly_right_ones() -> None:
    # The cat is at 10 degrees; a dog found on top of it must not take it from the cat beside.
    reference = events((0, 1, 10))
    prediction = events((0, 0, 10), (0, 1, 25))
    assert match_events([(prediction, reference)], by="place").prediction.tolist() == [0, 1]
    matches = match_events([(prediction, reference)], by="event")
    assert matches.prediction.tolist() == [1, 0]
    assert matches.reference.tolist() == [1, -1]
    totals = {"correct": 1, "misplaced": 0, "substituted": 0, "deleted": 0, "inserted": 1}
    assert count_errors(matches, 2).totals == totals


def test_mistaken_events_are_paired_before_misplaced_ones() -> None:
    # A dog and a cat with their names swapped are two substitutions.
    reference, prediction = events((0, 0, 0), (0, 1, 90)), events((0, 1, 1), (0, 0, 91))
    errors = count_errors(match_events([(prediction, reference)], by="event"), 2)
    assert errors.substituted.tolist() == [[0, 1], [1, 0]]
    assert errors.totals["misplaced"] == 0
    wider = match_events([(prediction, reference)], by="event", tolerance=95)
    assert count_errors(wider, 2, tolerance_deg=95).totals["correct"] == 2


def test_a_far_pair_of_another_class_is_an_insertion_and_a_deletion() -> None:
    matches = match_events([(events((0, 1, 90)), events((0, 0, 0)))], by="place")
    assert matches.is_pair.tolist() == [True]
    totals = {"correct": 0, "misplaced": 0, "substituted": 0, "deleted": 1, "inserted": 1}
    assert count_errors(matches, 2).totals == totals


def test_positions_are_matched_if_asked() -> None:
    # In one line of sight, near and far: by angle both pairings cost nothing.
    reference = Events.from_degrees([0, 0], [0, 0], [0, 0], [0, 0], distance=[1, 4])
    prediction = Events.from_degrees([0, 0], [0, 0], [0, 0], [0, 0], distance=[4, 1.5])
    matches = match_events([(prediction, reference)], measure="position")
    assert matches.position_error_m.tolist() == pytest.approx([0.5, 0])
    assert direction_scores(matches, within_m=(0.4, 1)).accuracy_m.tolist() == [0.5, 1]
    near = match_events([(prediction, reference)], by="event", measure="position", tolerance=0.4)
    assert len(near) == 2  # the other pair is of the same class, however far apart


def test_positions_are_nan_without_distances() -> None:
    matches = match_events([(events((0, 0, 0)), events((0, 0, 0)))])
    assert matches.position_error_m.isnan().all()
    assert detection_scores(matches, 1).f_score == 1
    assert detection_scores(matches, 1, within_m=5).f_score == 0
    assert isnan(direction_scores(matches).mean_m)


def test_predictions_beyond_the_clip_do_not_count() -> None:
    prediction = events((0, 0, 0), (5, 0, 0), (9, 0, 0))
    assert len(match_events([(prediction, events((0, 0, 0), num_frames=5))])) == 1
    assert len(match_events([(prediction, events((0, 0, 0)))])) == 3


def test_columns_say_where_a_row_lies() -> None:
    clips = [
        (events((1, 2, 0)), events(num_frames=3)),
        (events(), events((0, 1, 0), (2, 1, 0), (2, 1, 90), (2, 0, 180))),
    ]
    matches = match_events(clips)
    assert matches.clip.tolist() == [0, 1, 1, 1, 1]
    assert matches.frame.tolist() == [1, 0, 2, 2, 2]
    assert matches.overlap.tolist() == [0, 1, 3, 3, 3]
    assert matches.same_class.tolist() == [False, False, True, True, True]
    assert matches.reference.tolist() == [-1, 1, 1, 1, 0]
    assert repr(matches) == "Matches(0 pairs, 4 missed, 1 made up)"
    assert match_events(clips, unit="clip").overlap.tolist() == [0, 3, 3, 3, 3]
    assert match_events(clips, unit=2).overlap.tolist() == [0, 1, 3, 3, 3]


def test_detection_alone_counts_instances_of_each_class() -> None:
    # Two dogs of which one is found, wherever; one cat twice; no bird.
    reference = events((0, 0, 0), (0, 0, 90), (0, 1, 0))
    prediction = events((0, 0, 180), (0, 1, 0), (0, 1, 5))
    scores = detection_scores(match_events([(prediction, reference)]), 3)
    assert scores[:3] == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    for name, values in {"TP": [1, 1, 0], "FP": [0, 1, 0], "FN": [1, 0, 0]}.items():
        assert scores.per_class[name].tolist() == values
    assert scores.per_class["precision"].tolist() == pytest.approx([1, 0.5, nan], nan_ok=True)
    assert scores.per_class["recall"].tolist() == pytest.approx([0.5, 1, nan], nan_ok=True)
    macro = detection_scores(match_events([(prediction, reference)]), 3, average="macro")
    assert macro[:3] == pytest.approx((0.75, 0.75, 2 / 3))


def test_all_scores_are_means_over_the_same_classes() -> None:
    # Dog found, cat missed, bird made up, and a fourth that is nowhere.
    reference, prediction = events((0, 0, 0), (0, 1, 0)), events((0, 0, 0), (1, 2, 0))
    scores = detection_scores(match_events([(prediction, reference)]), 4, average="macro")
    assert scores[:3] == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    precision, recall = scores.per_class["precision"], scores.per_class["recall"]
    assert precision.tolist() == pytest.approx([1, nan, 0, nan], nan_ok=True)
    assert recall.tolist() == pytest.approx([1, 0, nan, nan], nan_ok=True)


def test_nothing_at_all_is_undefined() -> None:
    matches = match_events([(events(), events(num_frames=3))])
    assert len(matches) == 0
    assert all(map(isnan, detection_scores(matches, 2)[:3]))
    assert all(map(isnan, direction_scores(matches)[:4]))
    assert direction_scores(matches).accuracy.isnan().all()
    assert sum(count_errors(matches, 2).totals.values()) == 0


def test_all_missed_is_a_recall_of_zero_but_no_angle() -> None:
    found = direction_scores(match_events([(events(), events((0, 0, 0)))]))
    assert isnan(found.mean_deg)
    assert (found.recall, found.accuracy.tolist()) == (0, [0, 0, 0, 0])


def test_angles_are_distributed_as_numpy_says() -> None:
    matches = match_events(scenes(5))
    angle = matches.angle_deg[matches.is_pair].numpy()
    found = direction_scores(matches)
    assert found.mean_deg == pytest.approx(angle.mean())
    assert found.median_deg == pytest.approx(np.median(angle))


def test_selected_rows_keep_all_columns() -> None:
    matches = match_events(scenes(6))
    some = matches.select(torch.tensor([3, 1]))
    for column in fields(matches):
        expected = getattr(matches, column.name)[[3, 1]]
        torch.testing.assert_close(getattr(some, column.name), expected, equal_nan=True)


@pytest.mark.messages
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"by": "frame"}, "by must be one of 'class', 'place', 'event', got 'frame'"),
        ({"measure": "cosine"}, "measure must be one of 'angle', 'position', got 'cosine'"),
        ({"tolerance": 0.0}, "tolerance must be positive, got 0"),
        ({"measure": "position"}, "measure='position' needs events with distances"),
        ({"measure": "position", "by": "event"}, "tolerance must be given for by='event'"),
        ({"clips": []}, "clips must hold at least one clip, got none"),
    ],
)
def test_wrong_matching_is_named(arguments: dict[str, Any], message: str) -> None:
    clip = events((0, 0, 0)), events((0, 0, 0))
    with pytest.raises(ValueError, match=message):
        match_events(**{"clips": [clip], **arguments})


@pytest.mark.messages
def test_wrong_questions_are_named() -> None:
    matches = match_events([(events((0, 3, 0)), events((0, 0, 0)))])
    for count in (detection_scores, count_errors):
        with pytest.raises(ValueError, match=r"matches.prediction must be below num_classes=2"):
            count(matches, 2)
    with pytest.raises(ValueError, match="average must be one of 'micro', 'macro', got 'mean'"):
        detection_scores(matches, 4, average="mean")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="within_deg must be positive, got 0"):
        direction_scores(matches, within_deg=(5, 0))
