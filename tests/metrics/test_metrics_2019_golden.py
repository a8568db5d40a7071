"""Parity with the published scripts of dcase2019: labels, output and scores, in both forms."""

import csv
from collections import defaultdict
from collections.abc import Callable, Mapping
from math import ceil, floor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from metrics.golden_clips import Clip, Row
from seldkit.events import Events
from seldkit.metrics import SELDMetrics

FRAMES = 3000
NAMES = ["ER", "F", "DE", "FR", "SELD"]
FORMS = ["class", "regression"]


class Published(NamedTuple):
    """Clips, and what the published scripts said of them."""

    clips: list[Clip]
    scores: Mapping[str, NDArray[np.float64]]


@pytest.fixture(scope="module")
def published(golden: Callable[[str], Path]) -> Published:
    """Return what the published scripts were given and what they answered."""
    path = golden("dcase/dcase2019_expected.npz")
    scores = np.load(path)
    references = rows_by_clip(path.with_name("dcase2019_ref.csv"))
    predictions = rows_by_clip(path.with_name("dcase2019_pred.csv"))
    classes = scores["classes"].tolist()
    clips = [
        (predicted(predictions[clip]), labelled(references[clip], classes))
        for clip in range(len(scores["per_clip"]))
    ]
    return Published(clips, scores)


def rows_by_clip(path: Path) -> Mapping[int, list[Row]]:
    """Return the rows of each clip; a clip that is not named has none."""
    clips = defaultdict(list)
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            clips[int(row["clip"])].append(row)
    return clips


def predicted(rows: list[Row]) -> Events:
    """Return the events of an output file, rows in its order."""
    frame, label = ([int(row[name]) for row in rows] for name in ("frame", "class"))
    angles = ([float(row[name]) for row in rows] for name in ("azimuth", "elevation"))
    return Events.from_degrees(frame, label, *angles, frame_s=0.02)


def labelled(rows: list[Row], classes: list[str]) -> Events:
    """Return the frames that the published script labels: to the one that holds the end."""
    columns = [
        (frame, classes.index(row["sound_event_recording"]), float(row["azi"]), float(row["ele"]))
        for row in rows
        for frame in range(
            floor(50 * float(row["start_time"])), ceil(50 * float(row["end_time"])) + 1
        )
        if frame < FRAMES
    ]
    frame, label, azimuth, elevation = zip(*columns, strict=True)
    return Events.from_degrees(frame, label, azimuth, elevation, num_frames=FRAMES, frame_s=0.02)


def scored(clips: list[Clip], doa: str) -> list[float]:
    """Return the five scores of some clips."""
    metrics = SELDMetrics("dcase2019", 11, doa=doa)  # type: ignore[arg-type]
    for clip in clips:
        metrics.update(*clip)
    scores = metrics.compute().as_dict()
    assert list(scores) == NAMES
    return list(scores.values())


def test_each_frame_has_the_published_number_of_classes(published: Published) -> None:
    for number, (_, reference) in enumerate(published.clips):
        classes = torch.zeros(FRAMES, 11, dtype=torch.int64)
        classes[reference.frame, reference.label] = 1
        assert classes.sum(dim=1).tolist() == published.scores[f"frames_{number}"].tolist()


@pytest.mark.parametrize("doa", FORMS)
def test_every_clip_scores_as_published(published: Published, doa: str) -> None:
    expected = np.split(published.scores["per_clip"], 2, axis=1)[FORMS.index(doa)]
    for clip, scores in zip(published.clips, expected, strict=True):
        assert scored([clip], doa) == pytest.approx(scores.tolist(), abs=1e-9, nan_ok=True)


@pytest.mark.parametrize(
    ("doa", "name"), [("class", "class_summed"), ("regression", "regression_concatenated")]
)
def test_all_clips_together_score_as_published(published: Published, doa: str, name: str) -> None:
    expected = published.scores[name].tolist()
    assert scored(published.clips, doa) == pytest.approx(expected, abs=1e-9)
