"""Parity with the published scripts of dcase2022 to dcase2024."""

import csv
import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from seldkit.events import Events
from seldkit.metrics import SELDMetrics
from seldkit.metrics.scores import Average
from seldkit.metrics.seld import Frames

SCENARIOS = 30
COUNTS = "TP FP FP_spatial FN Nref total_DE DE_TP DE_FP DE_FN".split()
FRAME_COUNTS = (
    "TP FP FP_spatial FN Nref total_DE total_distance total_relative DE_TP DE_FP DE_FN".split()
)
AVERAGES: tuple[Average, ...] = ("macro", "micro")

Row = dict[str, str]


class Golden(NamedTuple):
    """Clips (prediction, reference) and number of classes by scenario; scores by frame rule."""

    clips: Mapping[int, list[tuple[Events, Events]]]
    num_classes: Mapping[int, int]
    expected: Mapping[Frames, Mapping[str, NDArray[np.float64]]]


@pytest.fixture(scope="module")
def published(golden: Callable[[str], Path]) -> Golden:
    """Return what the published scripts were given and what they answered."""
    predictions = rows_by_file(golden("dcase/metrics_pred.csv"))
    references = rows_by_file(golden("dcase/metrics_ref.csv"))
    clips, num_classes = defaultdict(list), {}
    for file in table(golden("dcase/metrics_files.csv")):
        scenario, key = int(file["scenario"]), (file["scenario"], file["file"])
        reference = to_events(references[key], int(file["n_frames"]))
        clips[scenario].append((to_events(predictions[key], None), reference))
        num_classes[scenario] = int(file["n_classes"])
    expected: dict[Frames, Any] = {
        "clip": np.load(golden("dcase/metrics_expected_full.npz")),
        "official": np.load(golden("dcase/metrics_expected_last.npz")),
    }
    return Golden(clips, num_classes, expected)


def rows_by_file(path: Path) -> Mapping[tuple[str, str], list[Row]]:
    """Read a table of events; a file that it does not name has no rows."""
    files = defaultdict(list)
    for row in table(path):
        files[row["scenario"], row["file"]].append(row)
    return files


def table(path: Path) -> list[Row]:
    """Read a CSV file with a header."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def to_events(rows: list[Row], num_frames: int | None) -> Events:
    """Return the events of one file, rows in its order."""
    frame, label = ([int(row[name]) for row in rows] for name in ("frame", "class"))
    azimuth, elevation = (
        [float(row[name]) for row in rows] for name in ("azimuth_deg", "elevation_deg")
    )
    distance = [float(row["distance_cm"]) / 100 for row in rows]
    return Events.from_degrees(
        frame, label, azimuth, elevation, distance=distance, num_frames=num_frames
    )


@pytest.mark.parametrize("frames", ["official", "clip"])
@pytest.mark.parametrize("scenario", range(SCENARIOS))
def test_scores_and_counts_are_the_published(
    published: Golden, scenario: int, frames: Frames
) -> None:
    num_classes, expected = published.num_classes[scenario], published.expected[frames]
    for average in AVERAGES:
        metrics = SELDMetrics("dcase2023", num_classes, average=average, frames=frames)
        for prediction, reference in published.clips[scenario]:
            metrics.update(prediction, reference)
        scores = metrics.compute()
        overall = expected[f"m2023_{average}_overall"][scenario]
        assert list(scores.as_dict()) == ["ER", "F", "LE", "LR", "SELD"]
        np.testing.assert_allclose(list(scores.as_dict().values()), overall, rtol=0, atol=1e-9)
        classwise = torch.stack(list(scores.per_class.values()))
        theirs = expected["m2023_macro_classwise"][scenario][:, :num_classes]
        np.testing.assert_allclose(classwise, theirs, rtol=0, atol=1e-9)
        counts = [torch.stack([clip[name] for clip in metrics.clips]).sum(0) for name in COUNTS]
        theirs = expected["m2023_counts"][scenario][:, :num_classes]
        np.testing.assert_allclose(torch.stack(counts), theirs, rtol=0, atol=1e-9)
        errors = [scores.counts[name] for name in "SDI"]
        np.testing.assert_array_equal(errors, expected["m2023_SDI"][scenario])


@pytest.mark.parametrize("frames", ["official", "clip"])
@pytest.mark.parametrize("scenario", range(SCENARIOS))
def test_frame_scores_and_counts_are_the_published(
    published: Golden, scenario: int, frames: Frames
) -> None:
    num_classes, expected = published.num_classes[scenario], published.expected[frames]
    clips = published.clips[scenario]
    without = [tuple(replace(events, distance=None) for events in clip) for clip in clips]
    all_names, fewer = ["ER", "F", "DOAE", "DistE", "RDE", "LR", "SELD"], [0, 1, 2, 5, 6]
    for variant, threshold, given, columns in (
        ("dist1", None, clips, list(range(7))),
        ("distinf", math.inf, clips, list(range(7))),
        ("nodist", None, without, fewer),
    ):
        for average in AVERAGES:
            metrics = SELDMetrics(
                "dcase2024",
                num_classes,
                average=average,
                frames=frames,
                relative_distance_threshold=threshold,
            )
            for prediction, reference in given:
                metrics.update(prediction, reference)
            scores = metrics.compute()
            assert list(scores.as_dict()) == all_names
            overall = np.array(list(scores.as_dict().values()))[columns]
            if (variant, average) != ("distinf", "micro"):  # not among the published runs
                theirs = expected[f"m2024_{variant}_{average}_overall"][scenario]
                np.testing.assert_allclose(overall, theirs, rtol=0, atol=1e-9)
            classwise = torch.stack(list(scores.per_class.values()))[columns]
            theirs = expected[f"m2024_{variant}_macro_classwise"][scenario][:, :num_classes]
            np.testing.assert_allclose(classwise, theirs, rtol=0, atol=1e-9)
            if variant == "dist1":
                counts = [torch.stack([c[n] for c in metrics.clips]).sum(0) for n in FRAME_COUNTS]
                theirs = expected["m2024_counts"][scenario][:, :num_classes]
                np.testing.assert_allclose(torch.stack(counts), theirs, rtol=0, atol=1e-9)
                errors = [scores.counts[name] for name in "SDI"]
                np.testing.assert_array_equal(errors, expected["m2024_SDI"][scenario])
