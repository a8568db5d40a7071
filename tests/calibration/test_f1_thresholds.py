"""F1 by threshold is what counting says, and the thresholds chosen are the best of the grid."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seldkit.calibration import choose_thresholds, f1_curve
from seldkit.formats import ACCDOA, ClassWise, TrackWise
from seldkit.outputs import SELDOutput

SEEDS = st.integers(0, 2**32 - 1)
QUICK = settings(max_examples=10)
GRID = torch.arange(1, 20, dtype=torch.float64) / 20


def validation(seed: int, *shape: int) -> tuple[Tensor, Tensor]:
    """Return scores, every other one a threshold of the grid, and what they should tell."""
    generator = torch.Generator().manual_seed(seed)
    shape = shape or (int(torch.randint(1, 60, (1,), generator=generator)), 3)
    target = (torch.rand(shape, generator=generator) < 0.3).long()
    scores = torch.rand(shape, generator=generator, dtype=torch.float64) * 0.7 + 0.3 * target
    return torch.where(
        torch.rand(shape, generator=generator) < 0.5, scores.mul(20).ceil() / 20, scores
    ), target


def f1(found: Tensor, target: Tensor) -> Tensor:
    """Return F1 from its definition, over the first axis."""
    active = target.bool()
    hits, false, missed = (
        x.sum(dim=0).double() for x in (found & active, found & ~active, ~found & active)
    )
    return 2 * hits / (2 * hits + false + missed)


@QUICK
@given(SEEDS)
def test_the_curve_is_the_definition_at_every_threshold(seed: int) -> None:
    scores, target = validation(seed)
    curve = f1_curve(scores, target)
    for place, threshold in enumerate(GRID):
        assert curve.thresholds[place] == threshold
        found = scores > threshold
        assert torch.equal(curve.per_class[place].nan_to_num(-1), f1(found, target).nan_to_num(-1))
        micro = f1(found.flatten(), target.flatten())
        assert torch.equal(curve.micro[place].nan_to_num(-1), micro.nan_to_num(-1))
    assert torch.equal(curve.num_positives, target.sum(dim=0))


@QUICK
@given(SEEDS, st.booleans())
def test_thresholds_are_the_lowest_of_the_best(seed: int, per_class: bool) -> None:
    scores, target = validation(seed, 40, 3)
    chosen = choose_thresholds(scores, target, per_class=per_class)
    columns = (scores, target) if per_class else (scores.reshape(-1, 1), target.reshape(-1, 1))
    for threshold, score, active in zip(chosen.reshape(-1), *(x.T for x in columns), strict=True):
        reached = f1(score > threshold, active)
        for other in GRID:
            value = f1(score > other, active).nan_to_num(-1)
            assert value < reached if other < threshold else value <= reached


def test_the_golden_thresholds(golden: Callable[[str], Path]) -> None:
    with np.load(golden("at2seld/threshold_s25.npz")) as file:
        want = {name: torch.from_numpy(file[name]) for name in file.files}
    scores, target = want["scores"], want["target"]
    curve = f1_curve(scores, target)
    assert torch.equal(curve.thresholds, want["grid"])
    assert (curve.per_class.T.nan_to_num(0) - want["f1_per_class"]).abs().max() < 1e-15
    assert (curve.micro - want["f1_micro"]).abs().max() < 1e-15
    best = want["best_first"].where(target.sum(dim=0) > 0, 0.5)
    assert best.tolist() == [0.45, 0.45, 0.8, 0.35, 0.5]
    assert torch.equal(choose_thresholds(scores, target), best)
    assert torch.equal(choose_thresholds(scores, target, per_class=False), want["best_micro"])


def test_a_score_on_the_threshold_is_not_active() -> None:
    scores = torch.tensor([[0.45], [0.45 + 1e-12]], dtype=torch.float64)
    curve = f1_curve(scores, torch.tensor([[0], [1]]), grid=[0.45])
    assert curve.micro.tolist() == [1]
    # 0.3 of float32 is greater than 0.3, in formats and here.
    assert f1_curve(torch.tensor([[0.3]]), torch.tensor([[1]]), grid=[0.3]).micro.tolist() == [1]


def test_a_grid_of_all_scores_is_exact() -> None:
    scores, target = validation(0, 50, 2)
    fine = f1_curve(scores, target, grid=torch.cat((torch.tensor([-1.0]), scores.unique())))
    coarse = f1_curve(scores, target, grid=torch.linspace(0, 1, 1001))
    assert (fine.per_class.amax(dim=0) >= coarse.per_class.nan_to_num(0).amax(dim=0)).all()


@pytest.mark.parametrize("grid", [[0.7, 0.3, 0.5, 0.3], torch.tensor([0.3, 0.5, 0.7])])
def test_the_order_of_the_grid_does_not_matter(grid: list[float] | Tensor) -> None:
    scores, target = validation(1, 50, 2)
    assert f1_curve(scores, target, grid=grid).thresholds.tolist() == pytest.approx([0.3, 0.5, 0.7])


def test_leading_axes_kinds_and_gradients_do_not_matter() -> None:
    scores, target = validation(2, 4, 5, 2, 3)
    chosen = choose_thresholds(scores.clone().requires_grad_(), target.bool())
    flat = choose_thresholds(scores.flatten(end_dim=2), target.flatten(end_dim=2).float())
    assert torch.equal(chosen, flat)
    assert choose_thresholds(scores[0, 0, 0], target[0, 0, 0]).shape == (3,)


def test_classes_without_support_fall_back() -> None:
    scores, target = validation(3, 200, 3)
    target[:, 1] = 0
    target[:, 2] = torch.arange(200) < 4
    curve = f1_curve(scores, target)
    assert curve.per_class[:, 1].nan_to_num(0).count_nonzero() == 0
    assert choose_thresholds(scores, target, fallback=0.3)[1] == 0.3
    assert (
        choose_thresholds(scores, target, min_positives=5, fallback=0.3)[1:].tolist() == [0.3] * 2
    )
    assert choose_thresholds(scores, target, min_positives=4, fallback=0.3)[2] != 0.3


def test_nothing_at_all_falls_back() -> None:
    scores, target = torch.rand(9, 2), torch.zeros(9, 2)
    assert choose_thresholds(scores, target).tolist() == [0.5, 0.5]
    assert choose_thresholds(scores, target, per_class=False, fallback=0.4).item() == pytest.approx(
        0.4
    )
    assert f1_curve(scores.mul(0), target).micro.isnan().all()


@QUICK
@given(SEEDS)
def test_formats_decide_alike(seed: int) -> None:
    scores, target = validation(seed, 40, 3)
    chosen = choose_thresholds(scores, target)
    found = (scores > chosen).nonzero()
    direction = torch.eye(3, dtype=torch.float64)[0].expand(40, 3, 3)

    events = ClassWise(3, threshold=chosen).decode(SELDOutput(scores, direction), logits=False)
    assert torch.equal(torch.stack((events.frame, events.label), dim=1), found)
    vectors = replace(ACCDOA(3), threshold=chosen).decode(direction * scores.unsqueeze(-1))
    assert torch.equal(torch.stack((vectors.frame, vectors.label), dim=1), found)
    tracks = TrackWise(3, num_tracks=1, threshold=chosen).decode(
        SELDOutput(scores.unsqueeze(1), direction[:, :1]), logits=False
    )
    assert torch.equal(tracks.frame, found[:, 0].unique())


@pytest.mark.messages
@pytest.mark.parametrize(
    ("scores", "target", "message"),
    [
        (torch.ones(4, 2), torch.ones(4, 3), r"scores and target must have the same shape"),
        (torch.ones(0, 2), torch.ones(0, 2), r"scores must be \(\.\.\., cls\) and not empty, got"),
        (torch.tensor(1.0), torch.tensor(1.0), r"scores must be \(\.\.\., cls\) and not empty"),
        (torch.full((4, 2), torch.nan), torch.ones(4, 2), "scores must be finite, got nan"),
        (torch.ones(4, 2), torch.full((4, 2), 0.3), "target must hold 0 and 1, got 0.3"),
        (torch.ones(4, 2), torch.full((4, 2), torch.nan), "target must hold 0 and 1, got nan"),
    ],
)
def test_what_is_wrong_is_told(scores: Tensor, target: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        choose_thresholds(scores, target)


@pytest.mark.messages
def test_wrong_settings_are_told() -> None:
    scores, target = validation(4, 9, 2)
    with pytest.raises(ValueError, match="grid must hold at least one threshold, got none"):
        f1_curve(scores, target, grid=[])
    with pytest.raises(ValueError, match="grid must be finite"):
        f1_curve(scores, target, grid=[0.5, torch.inf])
    with pytest.raises(ValueError, match="objective must be one of 'f1', got 'f20'"):
        choose_thresholds(scores, target, objective="f20")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="min_positives must be at least 1, got 0"):
        choose_thresholds(scores, target, min_positives=0)


@pytest.mark.messages
def test_a_fallback_is_a_number() -> None:
    scores, target = torch.rand(4, 2), torch.tensor([[1, 0]] * 4)
    with pytest.raises(ValueError, match="fallback must be finite, got nan"):
        choose_thresholds(scores, target, fallback=float("nan"))
    with pytest.raises(TypeError, match="fallback must be a number, got 'a'"):
        choose_thresholds(scores, target, fallback="a")  # type: ignore[arg-type]
