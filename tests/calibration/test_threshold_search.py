"""The search never loses, ends where no single change helps, and agrees with sweeps."""

from itertools import product
from math import nan

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from references.overlapping_scenes import CLASSES, random_scene
from seldkit.calibration import choose_thresholds, search_thresholds
from seldkit.events import Events
from seldkit.formats import ACCDOA
from seldkit.metrics import SELDMetrics
from seldkit.metrics.analysis import sweep

SEEDS = st.integers(0, 2**32 - 1)
QUICK = settings(max_examples=15)
GRID = [0.2, 0.4, 0.6, 0.8]


def bumpy(seed: int, num_classes: int = 2) -> dict[tuple[float, ...], float]:
    """Return a score of few values, and so with ties, for every place on the grid and at 0.5."""
    generator = torch.Generator().manual_seed(seed)
    places = list(product([*GRID, 0.5], repeat=num_classes))
    values = torch.randint(5, (len(places),), generator=generator)
    return dict(zip(places, values.tolist(), strict=True))


@QUICK
@given(SEEDS, st.booleans())
def test_no_single_change_helps_in_the_end(seed: int, lower: bool) -> None:
    table = bumpy(seed)
    start = torch.tensor([0.5, 0.5], dtype=torch.float64)
    end = search_thresholds(
        lambda t: table[tuple(t.tolist())],
        start,
        grid=GRID,
        max_rounds=50,
        lower_is_better=lower,
    )
    sign = -1 if lower else 1
    reached = sign * table[tuple(end.tolist())]
    assert reached >= sign * table[0.5, 0.5]
    for place in range(2):
        for threshold in GRID:
            other = end.clone()
            other[place] = threshold
            value = sign * table[tuple(other.tolist())]
            assert value < reached if threshold < end[place] else value <= reached


@QUICK
@given(SEEDS)
def test_one_threshold_is_the_lowest_of_the_best(seed: int) -> None:
    table = bumpy(seed, 1)
    end = search_thresholds(lambda t: table[t.item(),], torch.tensor(0.5), grid=GRID)
    best = max(table.values())
    assert end.item() == min(threshold for (threshold,), value in table.items() if value == best)


def test_classes_that_do_not_meet_are_done_in_a_round() -> None:
    calls = []

    def score(thresholds: Tensor) -> float:
        calls.append(thresholds)
        return -float((thresholds - torch.tensor([0.2, 0.8, 0.4])).square().sum())

    start = torch.full((3,), 0.6)
    end = search_thresholds(score, start, grid=GRID, max_rounds=1)
    assert end.tolist() == [0.2, 0.8, 0.4]
    assert len(calls) == 1 + 3 * len(GRID)  # float32's 0.6 is not on the grid
    assert torch.equal(start, torch.full((3,), 0.6))


def test_only_the_classes_asked_for_move() -> None:
    end = search_thresholds(lambda t: float(t.sum()), torch.full((4,), 0.5), classes=[3, 1])
    assert end.tolist() == [0.5, 0.95, 0.5, 0.95]
    assert search_thresholds(lambda _: 0.0, torch.full((2,), 0.5), classes=[]).tolist() == [0.5] * 2


def test_what_is_undefined_is_never_best() -> None:
    start = torch.tensor([0.5])
    assert search_thresholds(lambda _: nan, start).tolist() == [0.5]
    assert search_thresholds(lambda t: nan if t < 0.7 else 0.0, start).tolist() == [0.7]
    lower = search_thresholds(lambda t: nan if t < 0.7 else float(t), start, lower_is_better=True)
    assert lower.tolist() == [0.7]


def clips_of_vectors() -> list[tuple[Tensor, Events]]:
    """Return outputs of an ACCDOA network, vectors of many lengths, and what they should tell."""
    clips = []
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        prediction, reference = random_scene(seed, num_frames=20)
        vectors = ACCDOA(CLASSES, overflow="drop").encode(prediction, 20)
        noise = torch.randn(vectors.shape, generator=generator) * 0.15
        length = torch.rand(20, CLASSES, 1, generator=generator) + 0.3
        clips.append((vectors * length + noise, reference))
    return clips


def score_of(clips: list[tuple[Tensor, Events]], thresholds: Tensor, name: str) -> float:
    metrics = SELDMetrics("dcase2024", CLASSES, frames="clip")
    decoder = ACCDOA(CLASSES, threshold=thresholds)
    for output, reference in clips:
        metrics.update(decoder.decode(output), reference)
    return float(getattr(metrics.compute(), name))


def test_a_score_by_classes_finds_what_a_sweep_finds() -> None:
    clips = clips_of_vectors()
    grid = [0.3, 0.5, 0.7, 0.9]
    start = torch.full((CLASSES,), 0.5, dtype=torch.float64)
    found = search_thresholds(lambda t: score_of(clips, t, "f_score"), start, grid=grid)
    metrics = SELDMetrics("dcase2024", CLASSES, frames="clip")
    assert torch.equal(found, sweep(clips, ACCDOA(CLASSES), grid, metrics).best_per_class())


def test_an_objective_starts_from_f1_and_leaves_silent_classes() -> None:
    clips = clips_of_vectors()
    clips = [(x, e.select(e.label != 2)) for x, e in clips]
    lengths = torch.cat([output.double().norm(dim=-1) for output, _ in clips])
    encoder = ACCDOA(CLASSES, overflow="drop")
    target = torch.cat([encoder.encode(e, 20).norm(dim=-1).round() for _, e in clips])
    tried = []

    def objective(thresholds: Tensor) -> float:
        tried.append(thresholds)
        return score_of(clips, thresholds, "seld_score")

    start = choose_thresholds(lengths, target, grid=GRID)
    chosen = choose_thresholds(
        lengths, target, objective=objective, grid=GRID, lower_is_better=True
    )
    assert torch.equal(tried[0], start)
    assert all(thresholds[2] == 0.5 for thresholds in [*tried, chosen])
    assert score_of(clips, chosen, "seld_score") <= score_of(clips, start, "seld_score")

    tried.clear()
    one = choose_thresholds(lengths, target, objective=objective, grid=GRID, per_class=False)
    assert one.shape == ()
    assert len(tried) == len(GRID)
    tried.clear()
    choose_thresholds(lengths, target.mul(0), objective=objective)
    assert not tried


@pytest.mark.messages
@pytest.mark.parametrize(
    ("start", "settings", "message"),
    [
        (torch.ones(2, 2), {}, r"start must be one threshold or \(cls,\), got shape \(2, 2\)"),
        (torch.full((2,), torch.nan), {}, "start must be finite"),
        (torch.ones(2), {"classes": [2]}, "classes must be below 2, got 2"),
        (torch.ones(2), {"max_rounds": 0}, "max_rounds must be at least 1, got 0"),
        (torch.ones(2), {"grid": []}, "grid must hold at least one threshold"),
    ],
)
def test_what_is_wrong_with_a_search_is_told(
    start: Tensor, settings: dict[str, list[int]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        search_thresholds(lambda _: 0.0, start, **settings)  # type: ignore[arg-type]


def test_a_search_may_start_from_a_plain_number() -> None:
    found = search_thresholds(lambda x: -float((x - 0.3).abs()), 0.5)
    assert found.item() == pytest.approx(0.3)
