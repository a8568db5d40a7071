"""Parity with the published scripts of L3DAS21 to L3DAS23."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from seldkit.events import Events
from seldkit.metrics import SELDMetrics

SCENARIOS = 34
EDITIONS = {"l3das21": "l3das21", "l3das22": "l3das22", "l3das23": "l3das23_cyl"}


def to_events(rows: NDArray[np.float64], num_frames: int) -> Events:
    """Return the events of rows frame, class, x, y, z.

    A position at the origin has any direction.
    """
    rows = rows.reshape(-1, 5)
    rows = rows[rows[:, 0] < num_frames]
    position = torch.from_numpy(rows[:, 2:])
    distance = torch.linalg.vector_norm(position, dim=-1)
    front = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
    direction = torch.where(distance[:, None] > 0, position / distance[:, None], front)
    return Events(
        rows[:, 0].astype(int),
        rows[:, 1].astype(int),
        direction,
        distance=distance,
        num_frames=num_frames,
    )


@pytest.fixture(scope="module")
def published(golden: Callable[[str], Path]) -> Mapping[str, NDArray[np.float64]]:
    """Return what the published scripts were given and what they answered."""
    arrays = np.load(golden("roam/l3das_metric.npz"))
    return {name: arrays[name] for name in arrays.files}


@pytest.mark.parametrize("protocol", EDITIONS)
@pytest.mark.parametrize("scenario", range(SCENARIOS))
def test_scores_and_counts_are_the_published(
    published: Mapping[str, NDArray[np.float64]], protocol: str, scenario: int
) -> None:
    metrics = SELDMetrics(
        protocol, 14, distance_threshold_m=float(published["threshold"][scenario])
    )
    num_frames = int(published["n_frames"][scenario])
    prediction, reference = (
        to_events(published[f"{side}_{scenario:02}"], num_frames) for side in ("pred", "true")
    )
    metrics.update(prediction, reference)
    scores, theirs = metrics.compute(), EDITIONS[protocol]
    for name in ("TP", "FP", "FN"):
        assert scores.counts[name] == published[f"{theirs}_{name}"][scenario]
    assert scores.f_score == pytest.approx(published[f"{theirs}_F"][scenario], abs=1e-9)
