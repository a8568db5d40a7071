"""A limit that is just met: rounding decides nowhere but in the published scripts."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from metrics.clip_rows import events
from seldkit.events import Events
from seldkit.geometry import below, within
from seldkit.metrics import SELDMetrics
from seldkit.metrics.analysis import (
    count_errors,
    detection_scores,
    direction_scores,
    match_events,
)

AZIMUTHS = torch.arange(-180, 180)


def circle(shift: float) -> Events:
    """Return 360 events, one a frame, at whole degrees turned by an angle."""
    zeros = torch.zeros(360)
    return Events.from_degrees(torch.arange(360), zeros.long(), AZIMUTHS + shift, zeros)


@given(limit=st.floats(-1e3, 1e3), excess=st.floats(-1e-10, 1e-10))
def test_what_meets_a_limit_but_for_rounding_is_within_and_not_below(
    limit: float, excess: float
) -> None:
    assert within(limit + excess, limit)
    assert not below(limit + excess, limit)
    assert not within(limit + 1e-8, limit)
    assert below(limit - 1e-8, limit)


def test_nan_is_neither_within_nor_below() -> None:
    nan = torch.tensor([torch.nan], dtype=torch.float64)
    assert not within(nan, 1.0)
    assert not below(nan, 1.0)


@pytest.mark.parametrize("degrees", [5.0, 20.0, 90.0])
def test_every_pair_at_the_tolerance_is_within_it(degrees: float) -> None:
    clip = circle(degrees), circle(0)
    matches = match_events([clip])
    assert detection_scores(matches, 1, within_deg=degrees).per_class["TP"].tolist() == [360]
    assert direction_scores(matches, within_deg=[degrees]).accuracy.tolist() == [1]
    assert count_errors(matches, 1, tolerance_deg=degrees).totals["correct"] == 360
    assert len(match_events([clip], by="event", tolerance=degrees)) == 360


@pytest.mark.parametrize(
    ("protocol", "hits"),
    [("dcase2020", 36), ("dcase2021", 36), ("dcase2023", 36), ("dcase2024", 360)],
)
def test_corrected_counts_every_match_at_20_degrees(protocol: str, hits: int) -> None:
    reference = circle(0)
    metrics = SELDMetrics(protocol, 1, frames="clip", average="micro", counting="corrected")
    metrics.update(circle(20), reference, num_frames=360)
    assert metrics.compute().counts["TP"] == hits


def test_a_relative_distance_error_that_meets_the_threshold_is_a_hit() -> None:
    # 0.3 of a metre in floats is 0.30000000000000004 here.
    clip = events((0, 0, 0, 0.7)), events((0, 0, 0, 1.0), num_frames=1)
    for protocol in ("dcase2024", "dcase2025"):
        metrics = SELDMetrics(protocol, 1, frames="clip", relative_distance_threshold=0.3)
        metrics.update(*clip)
        assert metrics.compute().counts["TP"] == 1


@pytest.mark.parametrize("protocol", ["l3das21", "l3das22", "l3das23"])
@pytest.mark.parametrize("matching", ["published", "optimal"])
def test_a_position_that_meets_the_threshold_is_not_nearer(protocol: str, matching: str) -> None:
    frames = range(50)
    reference = events(*((i, 0, 0, 0.1 * i) for i in frames))
    near, met = (events(*((i, 0, 0, 0.1 * i + apart) for i in frames)) for apart in (0.299, 0.3))
    for prediction, hits in ((near, 50), (met, 0)):
        metrics = SELDMetrics(
            protocol,
            1,
            distance_threshold_m=0.3,
            matching=matching,  # type: ignore[arg-type]
        )
        metrics.update(prediction, reference)
        assert metrics.compute().counts["TP"] == hits


def folded(azimuth: float) -> float:
    """Fold an azimuth to the front as the script of dcase2025 does."""
    azimuth = (azimuth + 180) % 360 - 180
    if azimuth < -90:
        return -180 - azimuth
    return 180 - azimuth if azimuth > 90 else azimuth


def test_ties_of_dcase2025_are_those_of_azimuths_that_were_wrapped() -> None:
    # Sources in tenths of a degree, two on either side of each frame: on a line many tie.
    generator = np.random.default_rng(0)
    azimuths = generator.integers(-1800, 1800, (4000, 2, 2)) / 10
    hits = 0
    for there, found in azimuths:
        cost = np.array([[abs(folded(a) - folded(b)) for b in found] for a in there])
        hits += int((cost[linear_sum_assignment(cost)] <= 20).sum())
    columns = np.repeat(np.arange(4000), 2), np.zeros(8000, dtype=int)
    reference, prediction = (
        Events.from_degrees(*columns, azimuths[:, side].ravel(), np.zeros(8000)) for side in (0, 1)
    )
    metrics = SELDMetrics("dcase2025", 1, frames="clip")
    metrics.update(prediction, reference, num_frames=4000)
    assert metrics.compute().counts["TP"] == hits


def test_whole_degrees_20_apart_are_hits_of_dcase2025() -> None:
    front = list(range(-90, 71))
    frame, zeros = list(range(len(front))), [0] * len(front)
    metrics = SELDMetrics("dcase2025", 1, frames="clip")
    metrics.update(
        Events.from_degrees(frame, zeros, [a + 20 for a in front], zeros),
        Events.from_degrees(frame, zeros, front, zeros),
        num_frames=len(front),
    )
    assert metrics.compute().counts["TP"] == len(front)
