"""Parity with the published scripts of dcase2022 and dcase2023."""

import csv
from collections import defaultdict
from collections.abc import Callable, Mapping
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
    return Events.from_degrees(frame, label, azimuth, elevation, num_frames=num_frames)


@pytest.mark.parametrize("frames", ["official", "clip"])
@pytest.mark.parametrize("scenario", range(SCENARIOS))
def test_scores_and_counts_are_the_published(
    published: Golden, scenario: int, frames: Frames
) -> None:
    num_classes, expected = published.num_classes[scenario], published.expected[frames]
    averages: tuple[Average, ...] = ("macro", "micro")
    for average in averages:
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
