"""Angular errors, gross errors and frame recall; and all metrics of tracks on real tracks."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.track_clips import Clip, locata_tracks, random_tracks
from seldkit.events import Events
from seldkit.geometry import wrap_deg
from seldkit.metrics.tracking import CLEARMOT, OSPA, RMSAE, RMSAEScores


def measured(*clips: Clip, gate_deg: float = 20.0) -> RMSAEScores:
    """Return the scores of some clips."""
    metric = RMSAE(gate_deg)
    for clip in clips:
        metric.update(*clip)
    return metric.compute()


@settings(max_examples=15)
@given(st.integers(0, 2**31))
def test_bounds(seed: int) -> None:
    scores = measured(random_tracks(seed, num_frames=10))
    assert scores.mean_error_deg <= scores.rmsae_deg + 1e-9 <= 180
    assert 0 <= scores.gross_error_rate <= 1
    assert 0 <= scores.recall <= 1
    assert 0 <= scores.frame_recall <= 1


def test_by_hand() -> None:
    there = Events.from_degrees([0, 0, 1, 2], [0] * 4, [0, 90, 0, 0], [0] * 4, num_frames=5)
    found = Events.from_degrees([0, 0, 1, 4], [0] * 4, [87, 0, 60, 0], [0, 4, 0, 0])
    scores = measured((found, there))
    assert scores.rmsae_deg == pytest.approx(math.sqrt((9 + 16 + 3600) / 3))
    assert scores.mean_error_deg == pytest.approx(67 / 3)
    assert scores.azimuth_error_deg == pytest.approx(1.5)
    assert scores.elevation_error_deg == pytest.approx(2)
    assert scores.gross_error_rate == pytest.approx(1 / 3)
    assert scores.recall == pytest.approx(2 / 4)
    assert scores.frame_recall == pytest.approx(3 / 5)


def test_nothing_is_nan() -> None:
    nothing = Events.from_degrees([], [], [], [])
    assert all(map(math.isnan, measured((nothing, nothing))))


@pytest.fixture(scope="module")
def tasks(data: Callable[[str], Path]) -> Mapping[str, list[Clip]]:
    """Return the clips of each task of LOCATA, apart if the number of sources was told."""
    found: dict[str, list[Clip]] = defaultdict(list)
    for name, clip in locata_tracks(data("locata_tracks")):
        found[name.rsplit("_", 1)[0]].append(clip)
    return found


def test_published_estimates_of_one_talker(tasks: Mapping[str, list[Clip]]) -> None:
    metric = RMSAE(30.0)
    errors: list[float] = []
    for prediction, reference in tasks["IDL_kNum_DOA_task3"]:
        metric.update(prediction, reference)
        found = {row.frame: row.azimuth_deg for row in prediction}
        errors += [found[row.frame] - row.azimuth_deg for row in reference]
    error = wrap_deg(torch.tensor(errors)).abs()
    assert np.median(error) == pytest.approx(2.05, abs=0.005)
    scores = metric.compute()
    assert scores.azimuth_error_deg == pytest.approx(float(error.mean()))
    assert scores.gross_error_rate == 0


def test_published_estimates_hop_where_two_talk(tasks: Mapping[str, list[Clip]]) -> None:
    scores, ospa = {}, {}
    for task in (3, 4, 5, 6):
        tracks, sets = CLEARMOT(), OSPA()
        for clip in tasks[f"IDL_unkNum_DOA_task{task}"]:
            tracks.update(*clip)
            sets.update(*clip)
        scores[task], ospa[task] = tracks.compute(), sets.compute().ospa_deg
    assert [score.identity_switches for score in scores.values()] == [0, 244, 0, 370]
    assert [round(score.mota, 3) for score in scores.values()] == [0.863, 0.635, 0.809, 0.657]
    assert ospa[3] < ospa[5] < ospa[6] < ospa[4]


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="gate_deg must be positive, got 0"):
        RMSAE(0)
    with pytest.raises(TypeError, match="other must be RMSAE, got CLEARMOT"):
        RMSAE().merge(CLEARMOT())
