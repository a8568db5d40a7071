"""Leaving out one clip at a time."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats

from metrics.clip_rows import events
from metrics.golden_clips import Clip, read_clips
from seldkit.metrics import SELDMetrics, jackknife
from seldkit.metrics.scores import Average
from seldkit.metrics.seld import Frames

AVERAGES: tuple[Average, Average] = ("macro", "micro")
NAMES = (
    "error_rate",
    "f_score",
    "localization_error_deg",
    "localization_recall",
    "seld_score",
)


@pytest.fixture(scope="module")
def clips(golden: Callable[[str], Path]) -> Mapping[int, list[Clip]]:
    """Return the clips of each set that the published script was given."""
    return read_clips(golden("dcase/jackknife_files.csv").parent, "jackknife", "set")


@pytest.fixture(scope="module")
def published(golden: Callable[[str], Path]) -> Mapping[str, NDArray[np.float64]]:
    """Return what the published script answered."""
    return dict(np.load(golden("dcase/jackknife_expected.npz")))


def measure(clips: list[Clip], average: Average, frames: Frames = "clip") -> SELDMetrics:
    """Return the metrics of some clips of 13 classes."""
    metrics = SELDMetrics("dcase2023", 13, average=average, frames=frames)
    for clip in clips:
        metrics.update(*clip)
    return metrics


def overall_and_by_class(part: str, metrics: SELDMetrics, **options: Any) -> NDArray[np.float64]:
    """Return one part of the interval of each score, then of each score and class."""
    overall, by_class = jackknife(metrics, **options), jackknife(metrics, per_class=True, **options)
    parts = [getattr(intervals[name], part) for intervals in (overall, by_class) for name in NAMES]
    return np.concatenate([np.atleast_1d(part) for part in parts])


def assert_same(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> None:
    """Compare what is published: for micro that is only the scores over all classes."""
    np.testing.assert_allclose(ours[..., : theirs.shape[-1]], theirs, rtol=0, atol=1e-9)


def located(*errors_deg: float, num_classes: int = 1) -> SELDMetrics:
    """Return the metrics of clips with one event each, found at so many degrees."""
    metrics = SELDMetrics("dcase2023", num_classes, frames="clip")
    for error in errors_deg:
        metrics.update(events((0, 0, error)), events((0, 0, 0), num_frames=10))
    return metrics


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("group", [0, 1])
def test_intervals_are_the_published(
    clips: Mapping[int, list[Clip]],
    published: Mapping[str, NDArray[np.float64]],
    group: int,
    average: Average,
) -> None:
    metrics = measure(clips[group], average)
    prefix = f"j{group}_{average}_"
    low, high = published[prefix + "ci"].T
    expected = {
        "estimate": published[prefix + "estimate"],
        "bias": published[prefix + "bias"],
        "standard_error": published[prefix + "std_err"],
        "low": low,
        "high": high,
    }
    for part, theirs in expected.items():
        assert_same(overall_and_by_class(part, metrics), theirs)
    for part, theirs in zip(
        ("low", "high"), published[prefix + "ci_sig0p32_first5"].T, strict=True
    ):
        assert_same(overall_and_by_class(part, metrics, alpha=0.32), theirs)


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("group", [0, 1])
def test_scores_with_and_without_each_clip_are_the_published(
    clips: Mapping[int, list[Clip]],
    published: Mapping[str, NDArray[np.float64]],
    group: int,
    average: Average,
) -> None:
    metrics = measure(clips[group], average)
    for which, counts in (
        ("global", metrics.counts().total()),
        ("partial", metrics.counts().without_each()),
    ):
        overall, by_class = metrics.score(counts), metrics.score_classes(counts)
        ours = [overall[name].unsqueeze(-1) for name in NAMES] + [by_class[name] for name in NAMES]
        assert_same(torch.cat(ours, dim=-1).numpy(), published[f"j{group}_{average}_{which}"])


def test_the_directory_reader_agrees_but_for_its_point_value(
    clips: Mapping[int, list[Clip]], published: Mapping[str, NDArray[np.float64]]
) -> None:
    metrics = measure(clips[0], "macro", frames="official")
    scores = metrics.compute()
    assert_same(np.array([getattr(scores, name) for name in NAMES]), published["dir_plain_overall"])
    by_class = torch.stack([scores.per_class[name] for name in NAMES])
    assert_same(by_class.numpy(), published["dir_plain_classwise"])
    intervals = np.concatenate(
        [published["dir_jk_ci"], published["dir_jk_classwise_ci"].reshape(-1, 2)]
    )
    for part, theirs in zip(("low", "high"), intervals.T, strict=True):
        assert_same(overall_and_by_class(part, metrics), theirs)
    # What is reported as the score beside the interval is the one without the last clip read.
    without = metrics.score(metrics.counts().without_each())
    partial = torch.stack([without[name] for name in NAMES], dim=1)
    reported = torch.from_numpy(published["dir_jk_reported_point"])
    assert torch.isclose(partial, reported, rtol=0, atol=1e-9).all(dim=1).sum() == 1


def test_the_mean_of_clips_has_the_standard_error_of_a_mean() -> None:
    # Each clip has one match, so LE is the mean of 0, 10 and 30: no bias, the textbook error.
    interval = jackknife(located(0, 10, 30))["localization_error_deg"]
    assert interval.estimate == pytest.approx(40 / 3)
    assert interval.bias == pytest.approx(0, abs=1e-9)
    error = np.std([0, 10, 30], ddof=1) / math.sqrt(3)
    assert interval.standard_error == pytest.approx(error)
    half = stats.t.ppf(0.975, 2) * error
    assert interval[3:] == pytest.approx((40 / 3 - half, 40 / 3 + half))


def test_equal_clips_leave_no_doubt() -> None:
    for interval in jackknife(located(10, 10)).values():
        assert interval.standard_error == 0
        assert interval.low == interval.estimate == interval.high


@pytest.mark.parametrize("num_classes", [1, 2, 14])
def test_any_number_of_classes_will_do(num_classes: int) -> None:
    metrics = located(0, 10, 30, num_classes=num_classes)
    interval = jackknife(metrics, per_class=True)["localization_error_deg"]
    for part in interval:
        assert isinstance(part, torch.Tensor)
        assert part.shape == (num_classes,)
    assert torch.as_tensor(interval.estimate).tolist() == pytest.approx(
        [40 / 3] + [180] * (num_classes - 1)
    )


def test_the_interval_may_be_cut_to_what_a_score_can_be() -> None:
    # F of the clips: hits and a miss.
    wide, cut = (jackknife(located(0, 10, 30), clip=clip) for clip in (False, True))
    assert wide["f_score"].low < 0 < wide["f_score"].high < math.inf
    assert wide["f_score"].high > 1
    assert (cut["f_score"].low, cut["f_score"].high) == (0, 1)
    assert wide["localization_error_deg"].low < 0
    assert cut["localization_error_deg"].low == 0
    assert cut["localization_error_deg"].high == wide["localization_error_deg"].high > 1
    assert cut["f_score"][:3] == wide["f_score"][:3]


def test_a_score_that_is_not_known_without_some_clip_has_no_interval() -> None:
    # One clip has all the matches.
    metrics = SELDMetrics("dcase2024", 1, frames="clip")
    metrics.update(events((0, 0, 0, 1)), events((0, 0, 0, 1), num_frames=10))
    metrics.update(events(), events((0, 0, 0, 1), num_frames=10))
    intervals = jackknife(metrics)
    assert all(math.isnan(part) for part in intervals["localization_error_deg"])
    assert not any(math.isnan(part) for part in intervals["f_score"])


@pytest.mark.parametrize("alpha", [0, 1, -0.1, 5, math.nan])
def test_a_wrong_confidence_is_named(alpha: float) -> None:
    with pytest.raises(ValueError, match=f"alpha must lie between 0 and 1, got {alpha}"):
        jackknife(located(0, 10), alpha=alpha)


@pytest.mark.parametrize("num_clips", [0, 1])
def test_too_few_clips_are_named(num_clips: int) -> None:
    message = f"metrics must have counted at least 2 clips, got {num_clips}"
    with pytest.raises(ValueError, match=message):
        jackknife(located(*[0.0] * num_clips))
