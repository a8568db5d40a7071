"""CLEAR MOT: matches that are kept, switches, and what whole tracks say."""

import math
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from metrics.track_clips import Clip, random_tracks
from references import clear_mot
from seldkit.events import Events
from seldkit.metrics import gather, jackknife
from seldkit.metrics.tracking import CLEARMOT, CLEARMOTScores
from seldkit.metrics.tracking.association import associate
from seldkit.metrics.tracking.clip import TrackClip

SEEDS = st.integers(0, 2**31)


def track(*rows: tuple[int, int, float], num_frames: int | None = None) -> Events:
    """Return events of class 0 at elevation 0: frame, source, azimuth."""
    frame, source, azimuth = zip(*rows, strict=True) if rows else ((), (), ())
    zeros = [0] * len(rows)
    return Events.from_degrees(
        frame, zeros, azimuth, [0.0] * len(rows), source=source, num_frames=num_frames
    )


def score(prediction: Events, reference: Events, **choices: object) -> CLEARMOTScores:
    """Return the scores of one clip."""
    metric = CLEARMOT(**choices)  # type: ignore[arg-type]  # of several kinds
    metric.update(prediction, reference)
    return metric.compute()


@settings(max_examples=15)
@given(SEEDS, st.sampled_from([10.0, 30.0, 90.0]), st.integers(1, 4))
def test_counts_are_those_of_a_loop(seed: int, threshold_deg: float, num_tracks: int) -> None:
    clip = random_tracks(seed, num_frames=12, num_tracks=num_tracks)
    metric = CLEARMOT(threshold_deg)
    metric.update(*clip)
    counts = metric.counts().overall
    for name, expected in clear_mot.count(*clip, threshold_deg).items():
        assert counts[name].item() == pytest.approx(expected, abs=1e-9), name


@settings(max_examples=15)
@given(SEEDS)
def test_what_is_right_scores_perfectly(seed: int) -> None:
    _, reference = random_tracks(seed)
    renamed = replace(reference, source=7 - 2 * reference.source)
    scores = score(renamed, reference)
    assert scores == CLEARMOTScores(0, 1, 1, 0, 1, 1, 1, 1, 0, 1, 0, 0, 0)


@settings(max_examples=15)
@given(SEEDS)
def test_neither_the_order_of_rows_nor_the_names_of_tracks_matter(seed: int) -> None:
    prediction, reference = random_tracks(seed, num_frames=20)
    order = torch.randperm(len(prediction), generator=torch.Generator().manual_seed(seed))
    names = torch.tensor([40, 3, 17])
    other = replace(prediction, source=names[prediction.source]).select(order)
    assert score(other, reference) == pytest.approx(score(prediction, reference))
    other = replace(reference, source=names[reference.source])
    assert score(prediction, other) == pytest.approx(score(prediction, reference))


@settings(max_examples=15)
@given(SEEDS)
def test_a_loose_gate_matches_as_many_as_the_published_rule(seed: int) -> None:
    clip = random_tracks(seed, num_frames=20)
    loose, published = score(*clip, threshold_deg=180.0), score(*clip, rule="doanet")
    assert loose.recall == pytest.approx(published.recall, rel=1e-6)
    assert loose.precision == pytest.approx(published.precision, rel=1e-6)
    assert loose.localization_error_deg >= published.localization_error_deg - 1e-9


def test_a_kept_pair_outweighs_a_nearer_one() -> None:
    reference = track((0, 0, 0), (1, 0, 0), (2, 0, 0))
    prediction = track((0, 5, 15), (1, 5, 15), (1, 6, 0), (2, 6, 0))
    scores = score(prediction, reference)
    assert scores.identity_switches == 1  # in frame 2, where 5 is gone
    assert scores.localization_error_deg == pytest.approx(10)
    assert scores.false_positives == 1
    assert scores.mota == pytest.approx(1 - (1 + 1) / 3)


def test_a_pair_is_remembered_over_a_pause() -> None:
    reference = track((0, 0, 0), (9, 0, 0))
    prediction = track((0, 5, 10), (9, 5, 10), (9, 6, 0))
    scores = score(prediction, reference)
    assert scores.identity_switches == 0
    assert scores.localization_error_deg == pytest.approx(10)


def test_a_prediction_that_went_to_another_is_not_held_back() -> None:
    # 5 follows reference 0, then 1 alone; when 0 is back, both last met 5, and 1 the later one.
    reference = track((0, 0, 0), (1, 1, 5), (2, 0, 0), (2, 1, 5))
    prediction = track((0, 5, 2), (1, 5, 2), (2, 5, 2))
    scores = score(prediction, reference)
    assert scores.localization_error_deg == pytest.approx((2 + 3 + 3) / 3)
    assert scores.misses == 1


def test_tracks_that_exchange_their_names_are_two_switches() -> None:
    reference = track(*[(t, s, 90.0 * s) for t in range(4) for s in (0, 1)])
    prediction = track(*[(t, s ^ (t > 1), 90.0 * s) for t in range(4) for s in (0, 1)])
    scores = score(prediction, reference)
    assert scores.identity_switches == 2
    assert scores.identity_f_score == 0.5
    assert scores.fragmentations == 0
    assert scores.mota == pytest.approx(1 - 2 / 8)


def test_shares_of_tracks() -> None:
    reference = track(*[(t, s, 90.0 * s) for t in range(10) for s in (0, 1, 2)])
    found = [(t, 0, 0.0) for t in range(8)] + [(0, 1, 90.0), (2, 1, 90.0)]
    scores = score(track(*found), reference)
    assert scores.mostly_tracked == pytest.approx(1 / 3)
    assert scores.mostly_lost == pytest.approx(1 / 3)  # two of ten are not less than 20 %
    assert scores.fragmentations == 1


def test_a_pause_of_the_reference_is_no_fragment() -> None:
    there = track((0, 0, 0), (5, 0, 0))
    assert score(there, there).fragmentations == 0


def test_the_border_is_within() -> None:
    assert score(track((0, 0, 20)), track((0, 0, 0))).recall == 1
    assert score(track((0, 0, 20.001)), track((0, 0, 0))).recall == 0


def test_classes_match_if_asked() -> None:
    reference = Events.from_degrees([0, 0], [0, 1], [0, 10], [0, 0])
    prediction = Events.from_degrees([0, 0], [1, 0], [0, 10], [0, 0])
    assert score(prediction, reference).localization_error_deg == 0
    assert score(prediction, reference, classes="match").localization_error_deg == pytest.approx(10)


def test_azimuths_alone() -> None:
    reference = Events.from_degrees([0], [0], [175], [0])
    prediction = Events.from_degrees([0], [0], [-175], [60])
    assert score(prediction, reference).recall == 0
    assert score(prediction, reference, angle="azimuth").localization_error_deg == pytest.approx(10)


def test_nothing_is_nan() -> None:
    scores = score(track(), track())
    names = {"identity_switches", "fragmentations", "misses", "false_positives"}
    assert all(math.isnan(v) or k in names for k, v in scores._asdict().items())
    false = score(track((0, 0, 0)), track())
    assert (false.precision, false.false_positives, false.f_score) == (0, 1, 0)
    assert math.isnan(false.mota)
    assert math.isnan(false.recall)


def test_published_switches_are_starts_of_predictions() -> None:
    prediction = track((0, 0, 0), (1, 0, 0), (3, 0, 0), (3, 1, 0), (4, 1, 0))
    assert score(prediction, track((0, 0, 0)), rule="doanet").identity_switches == 2


def test_published_scores(golden: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    file = np.load(golden("others/doanet_metric.npz"))
    distance = torch.rad2deg(torch.from_numpy(file["dist_rad"]))
    sides = [torch.from_numpy(file[f"{name}_activity"]).nonzero() for name in ("gt", "pred")]

    def angle(self: TrackClip, row: Tensor, col: Tensor, angle: str = "sphere") -> Tensor:
        (frame, reference), (_, prediction) = sides[0][row].T, sides[1][col].T
        return distance[frame, prediction, reference]

    monkeypatch.setattr(TrackClip, "angle_deg", angle)
    front = torch.tensor([[1.0, 0.0, 0.0]])
    reference, prediction = (
        Events(t, 0 * t, front.expand(len(t), 3), source=s) for t, s in (x.T for x in sides)
    )
    scores = score(prediction, reference, rule="doanet")
    ours = [
        scores.localization_error_deg,
        100 * scores.mota,
        scores.identity_switches,
        100 * scores.recall,
        100 * scores.precision,
        100 * scores.f_score,
    ]
    names = ("LE_deg", "MOTA_pct", "IDS", "LR_pct", "LP_pct", "LF_pct")
    np.testing.assert_allclose(ours, [file[name] for name in names], rtol=1e-8)


def merged(clips: list[Clip]) -> tuple[CLEARMOT, CLEARMOT]:
    """Return what has counted all clips at once, and in two parts."""
    whole, *parts = CLEARMOT(), CLEARMOT(), CLEARMOT()
    for number, clip in enumerate(clips):
        whole.update(*clip)
        parts[number % 2].update(*clip)
    parts[0].merge(parts[1])
    return whole, parts[0]


def test_parts_merge() -> None:
    whole, parts = merged([random_tracks(seed, num_frames=10) for seed in range(3)])
    assert parts.compute() == pytest.approx(whole.compute())
    assert parts.num_clips == 3
    parts.reset()
    assert parts.num_clips == 0


def test_an_interval_of_each_score() -> None:
    whole, _ = merged([random_tracks(seed, num_frames=10) for seed in range(3)])
    intervals = jackknife(whole)
    assert intervals.keys() == whole.compute()._asdict().keys()
    mota = intervals["mota"]
    assert mota.low < whole.compute().mota < mota.high


def test_intervals_are_cut_to_what_scores_can_be() -> None:
    metric = CLEARMOT()
    for azimuth in (0.0, 90.0, 100.0):
        metric.update(track((0, 0, azimuth), (1, 1, azimuth)), track((0, 0, 0)))
    intervals = jackknife(metric, clip=True)
    assert intervals["mota"].low < 0
    assert intervals["mota"].high == 1
    assert 0 == intervals["recall"].low < intervals["recall"].high == 1
    assert intervals["false_positives"].high > 5


def test_clips_are_told_apart() -> None:
    once = CLEARMOT()
    once.update(track((0, 0, 0)), track((0, 0, 0)))
    once.update(track((1, 3, 0)), track((1, 0, 0)))
    assert once.compute().identity_switches == 0
    assert repr(once) == (
        "CLEARMOT(threshold_deg=20.0, classes='ignore', angle='sphere', rule='clear', clips=2)"
    )


def test_counts_travel_between_processes() -> None:
    whole, _ = merged([random_tracks(seed, num_frames=5) for seed in range(2)])
    sent = pickle.loads(pickle.dumps(whole))
    sent.merge(whole)
    assert sent.num_clips == 4
    assert sent.compute().mota == pytest.approx(whole.compute().mota)


def test_crowds_are_matched() -> None:
    azimuth = [20.0 * k for k in range(12)]
    crowd = track(*[(t, k, a) for t in range(3) for k, a in enumerate(azimuth)])
    off = track(*[(t, 11 - k, a + 3) for t in range(3) for k, a in enumerate(azimuth)])
    scores = score(off, crowd, threshold_deg=25)
    assert scores.localization_error_deg == pytest.approx(3)
    assert (scores.mota, scores.identity_f_score) == (1, 1)


def test_no_pairs_no_matches() -> None:
    nothing = torch.zeros(0, dtype=torch.int64)
    assert associate(nothing, nothing, nothing, nothing.double()).tolist() == []


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="rule must be one of 'clear', 'doanet', got 'mot'"):
        CLEARMOT(rule="mot")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="threshold_deg must be positive, got 0"):
        CLEARMOT(0)
    with pytest.raises(ValueError, match="'doanet' knows neither threshold_deg nor classes, got 9"):
        CLEARMOT(9, rule="doanet")
    with pytest.raises(ValueError, match="got source 4 twice in frame 2"):
        CLEARMOT().update(track((2, 4, 0), (2, 4, 9)), track())
    with pytest.raises(TypeError, match="reference must be Events, got list"):
        CLEARMOT().update(track(), [])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"prediction must have frames of 0\.1 s, got 0\.2 s"):
        CLEARMOT().update(replace(track((0, 0, 0)), frame_s=0.2), track((0, 0, 0)))
    with pytest.raises(ValueError, match="compute needs at least one clip"):
        CLEARMOT().compute()
    with pytest.raises(ValueError, match=r"other\.threshold_deg must be 20\.0 as here, got 30\.0"):
        CLEARMOT().merge(CLEARMOT(30))
    with pytest.raises(TypeError, match="other must be CLEARMOT, got int"):
        CLEARMOT().merge(3)  # type: ignore[arg-type]
    whole, _ = merged([random_tracks(seed, num_frames=5) for seed in range(2)])
    with pytest.raises(ValueError, match="per_class needs SELDMetrics, got CLEARMOT"):
        jackknife(whole, per_class=True)
    with pytest.raises(RuntimeError, match="gather needs a group"):
        gather(whole)
