"""OSPA and GOSPA: distances between sets of directions."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from metrics.track_clips import Clip, random_tracks
from seldkit.events import Events
from seldkit.geometry import angle_deg
from seldkit.metrics.tracking import GOSPA, OSPA, GOSPAScores, OSPAScores

SEEDS = st.integers(0, 2**31)
ORDERS = st.sampled_from([1.0, 2.0, 3.5])


def frames_of(clip: Clip) -> list[tuple[Events, Events]]:
    """Return the frames in which anything is, as clips of their own."""
    frames = torch.cat([side.frame for side in clip]).unique()
    return [tuple(side.select(side.frame == t) for side in clip) for t in frames]  # type: ignore[misc]


def ospa(clip: Clip, cutoff: float, order: float) -> float:
    """Return the mean of the formula over frames."""
    values = []
    for prediction, reference in frames_of(clip):
        angle = angle_deg(reference.direction.unsqueeze(1), prediction.direction)
        cost = angle.clamp(max=cutoff).pow(order).numpy()
        most = max(cost.shape)
        total = cost[linear_sum_assignment(cost)].sum()
        total += cutoff**order * (most - min(cost.shape))
        values.append((total / most) ** (1 / order))
    return float(np.mean(values))


def gospa(clip: Clip, cutoff: float, order: float) -> float:
    """Return the power mean of the formula over frames, with every number of pairs tried."""
    values = []
    for prediction, reference in frames_of(clip):
        angle = angle_deg(reference.direction.unsqueeze(1), prediction.direction)
        rows, cols = angle.shape
        # To be left alone costs half of the cut-off: for each row and for each column.
        cost = torch.full((rows + cols, rows + cols), torch.inf, dtype=torch.float64)
        cost[:rows, :cols] = angle.pow(order)
        cost[:rows, cols:].fill_diagonal_(cutoff**order / 2)
        cost[rows:, :cols].fill_diagonal_(cutoff**order / 2)
        cost[rows:, cols:] = 0
        values.append(float(cost[linear_sum_assignment(cost.numpy())].sum()))
    mean = float(np.mean(values))
    return float(mean ** (1 / order))


def measured(metric: OSPA | GOSPA, *clips: Clip) -> OSPAScores | GOSPAScores:
    """Return the scores of some clips."""
    for clip in clips:
        metric.update(*clip)
    return metric.compute()


@settings(max_examples=15)
@given(SEEDS, ORDERS)
def test_scores_are_those_of_the_formulas(seed: int, order: float) -> None:
    clip = random_tracks(seed, num_frames=8)
    scores = measured(OSPA(25, order), clip)
    assert scores[0] == pytest.approx(ospa(clip, 25, order))
    assert measured(GOSPA(25, order), clip)[0] == pytest.approx(gospa(clip, 25, order))


@settings(max_examples=15)
@given(SEEDS, ORDERS)
def test_parts_add_up(seed: int, order: float) -> None:
    clip = random_tracks(seed, num_frames=8)
    total, *parts = measured(GOSPA(order=order), clip)[:4]
    assert sum(part**order for part in parts) == pytest.approx(total**order)
    total, far, extra = measured(OSPA(), clip)[:3]
    assert far + extra == pytest.approx(total)


@settings(max_examples=15)
@given(SEEDS, ORDERS)
def test_both_sides_are_alike(seed: int, order: float) -> None:
    prediction, reference = random_tracks(seed, num_frames=8)
    for kind in (OSPA, GOSPA):
        there, back = kind(order=order), kind(order=order)
        there.update(prediction, reference)
        back.update(reference, prediction)
        assert there.compute()[0] == pytest.approx(back.compute()[0])


@settings(max_examples=15)
@given(SEEDS, ORDERS)
def test_a_frame_keeps_the_triangle(seed: int, order: float) -> None:
    (a, b), (c, _) = (random_tracks(seed + k, num_frames=1) for k in range(2))

    def apart(one: Events, other: Events) -> float:
        score = measured(OSPA(order=order), (one, other)).ospa_deg  # type: ignore[union-attr]
        return 0.0 if math.isnan(score) else score

    assert apart(a, c) <= apart(a, b) + apart(b, c) + 1e-9


def test_what_is_missed_and_what_is_made_up() -> None:
    two = Events.from_degrees([0, 0], [0, 0], [0, 90], [0, 0])
    far = Events.from_degrees([0, 0, 0], [0, 0, 0], [3, 130, 170], [0, 0, 0])
    scores = measured(GOSPA(cutoff_deg=30), (far, two))
    assert scores == pytest.approx((3 + 15 + 30, 3, 15, 30, 1, 2, 1))
    assert measured(OSPA(cutoff_deg=30), (far, two)) == pytest.approx((21, 11, 10, 1))


def test_equal_sets_are_no_distance_apart() -> None:
    _, reference = random_tracks(0)
    assert measured(OSPA(), (reference, reference)).ospa_deg == 0  # type: ignore[union-attr]
    assert measured(GOSPA(), (reference, reference)).gospa_deg == 0  # type: ignore[union-attr]


def test_silence_counts_if_asked() -> None:
    there = Events.from_degrees([0], [0], [0], [0], num_frames=4)
    nothing = Events.from_degrees([], [], [], [])
    for frames, share in (("active", 1), ("clip", 4)):
        for metric in (OSPA(30, frames=frames), GOSPA(60, frames=frames)):  # type: ignore[arg-type]
            assert measured(metric, (nothing, there))[0] == 30 / share
    assert math.isnan(measured(OSPA(), (nothing, nothing))[0])


def test_azimuths_alone() -> None:
    low, high = (Events.from_degrees([0], [0], [170], [e]) for e in (0, 50))
    assert measured(OSPA(angle="azimuth"), (low, high))[0] == pytest.approx(0)


def test_clips_weigh_by_their_frames() -> None:
    one = Events.from_degrees([0], [0], [0], [0])
    off = Events.from_degrees([0, 1, 2], [0, 0, 0], [8, 8, 8], [0, 0, 0])
    there = Events.from_degrees([0, 1, 2], [0, 0, 0], [0, 0, 0], [0, 0, 0])
    first, second = OSPA(), OSPA()
    first.update(one, one)
    second.update(off, there)
    first.merge(second)
    assert first.compute().ospa_deg == pytest.approx(6)


@pytest.mark.messages
def test_messages() -> None:
    for kind in (OSPA, GOSPA):
        with pytest.raises(ValueError, match="cutoff_deg must be positive, got -1"):
            kind(-1)
        with pytest.raises(ValueError, match=r"order must be at least 1 and finite, got 0\.5"):
            kind(order=0.5)
        with pytest.raises(ValueError, match="frames must be one of 'active', 'clip', got 'all'"):
            kind(frames="all")  # type: ignore[arg-type]
