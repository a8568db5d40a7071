"""Parity with the published scripts of dcase2020 to dcase2025."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from metrics.golden_clips import Clip, read_clips, read_table
from seldkit.events import Events
from seldkit.metrics import SELDMetrics
from seldkit.metrics.seld import Frames

SCENARIOS = 30


class Golden(NamedTuple):
    """Clips (prediction, reference) and number of classes by scenario; scores by frame rule."""

    clips: Mapping[int, list[Clip]]
    num_classes: Mapping[int, int]
    expected: Mapping[Frames, Mapping[str, NDArray[np.float64]]]


@pytest.fixture(scope="module")
def published(golden: Callable[[str], Path]) -> Golden:
    """Return what the published scripts were given and what they answered."""
    folder = golden("dcase/metrics_files.csv").parent
    clips = read_clips(folder, "metrics", "scenario")
    files = read_table(folder / "metrics_files.csv")
    num_classes = {int(file["scenario"]): int(file["n_classes"]) for file in files}
    expected: dict[Frames, Any] = {
        "clip": np.load(golden("dcase/metrics_expected_full.npz")),
        "official": np.load(golden("dcase/metrics_expected_last.npz")),
    }
    return Golden(clips, num_classes, expected)


def without_distance(events: Events) -> Events:
    """Return events whose distances are not known."""
    return replace(events, distance=None)


BOTH: tuple[Frames, ...] = ("official", "clip")
LOCATED = ["ER", "F", "LE", "LR", "SELD"]
RANGED = ["ER", "F", "DOAE", "DistE", "RDE", "LR", "SELD"]
STEREO = ["F", "DOAE", "DistE", "RDE", "OnscreenAcc"]
SEGMENT = "TP FP FP_spatial FN Nref total_DE DE_TP DE_FP DE_FN".split()
FRAME = "TP FP FP_spatial FN Nref total_DE total_distance total_relative DE_TP DE_FP DE_FN".split()


class Run(NamedTuple):
    """One way to score, and under which names the published numbers stand."""

    protocol: str
    arguments: Mapping[str, Any]
    overall: str
    names: list[str]
    classwise: str | None = None
    counts: str | None = None
    count_names: Sequence[str] = ()
    frames: tuple[Frames, ...] = BOTH
    events: Callable[[Events], Events] = lambda events: events


RUNS = [
    # The frames of these two are given: their scripts take the same number for every clip.
    Run(
        "dcase2020",
        {},
        "m2020_polar_overall",
        LOCATED,
        counts="m2020_counts",
        count_names="TP FP FN S D I Nref Nsys total_DE DE_TP".split(),
        frames=("clip",),
    ),
    Run(
        "dcase2021",
        {},
        "m2021_overall",
        LOCATED,
        counts="m2021_counts",
        count_names="TP FP FN S D I Nref total_DE DE_TP DE_FP DE_FN".split(),
        frames=("clip",),
    ),
    *(
        Run(
            f"dcase{year}",
            {"average": average},
            f"m{year}_{average}_overall",
            LOCATED,
            f"m{year}_macro_classwise",
            "m2023_counts",
            SEGMENT,
        )
        for year in (2022, 2023)
        for average in ("macro", "micro")
    ),
    *(
        Run(
            "dcase2024",
            {"average": average, "relative_distance_threshold": threshold},
            f"m2024_{variant}_{average}_overall",
            RANGED,
            f"m2024_{variant}_macro_classwise",
            "m2024_counts" if variant == "dist1" else None,
            FRAME,
        )
        for variant, threshold, average in (
            ("dist1", None, "macro"),
            ("dist1", None, "micro"),
            ("distinf", math.inf, "macro"),
        )
    ),
    *(
        Run(
            "dcase2024",
            {"average": average},
            f"m2024_nodist_{average}_overall",
            ["ER", "F", "DOAE", "LR", "SELD"],
            "m2024_nodist_macro_classwise",
            events=without_distance,
        )
        for average in ("macro", "micro")
    ),
    *(
        Run(
            "dcase2025",
            {"average": average, "require_onscreen": required},
            f"m2025_{'on' if required else 'off'}_{average}_overall",
            STEREO,
        )
        for required, average in ((True, "macro"), (True, "micro"), (False, "macro"))
    ),
]


@pytest.mark.parametrize("run", RUNS, ids=[run.overall for run in RUNS])
@pytest.mark.parametrize("scenario", range(SCENARIOS))
def test_scores_and_counts_are_the_published(published: Golden, scenario: int, run: Run) -> None:
    num_classes = published.num_classes[scenario]
    for frames in run.frames:
        metrics = SELDMetrics(run.protocol, num_classes, frames=frames, **run.arguments)
        for prediction, reference in published.clips[scenario]:
            metrics.update(run.events(prediction), run.events(reference))
        scores, expected = metrics.compute(), published.expected[frames]
        ours = [scores.as_dict()[name] for name in run.names]
        equal(ours, expected[run.overall][scenario])
        if run.classwise is not None:
            fields = [scores.published_names[name] for name in run.names]
            classwise = torch.stack([scores.per_class[name] for name in fields])
            equal(classwise, expected[run.classwise][scenario][:, :num_classes])
        if run.counts is not None:
            total = metrics.counts().total()
            published_counts = expected[run.counts][scenario]
            if published_counts.ndim == 1:
                totals = total.together()
                equal([totals[name].item() for name in run.count_names], published_counts)
            else:
                classwise = torch.stack([total.by_class[name] for name in run.count_names])
                equal(classwise, published_counts[:, :num_classes])
        for year in ("2023", "2024"):
            if run.counts == f"m{year}_counts":
                kinds = [total.overall[name].item() for name in "SDI"]
                equal(kinds, expected[f"m{year}_SDI"][scenario])


def equal(ours: Any, theirs: NDArray[np.float64]) -> None:
    """Fail unless both are equal as far as float64 arithmetic in another order is."""
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9)
