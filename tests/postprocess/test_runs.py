"""Hysteresis, gaps and short bursts: as loops over runs do it, in every row, and in order."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from references import runs_in_loops
from seldkit.postprocess import detect_activity, drop_short, fill_gaps, hysteresis

SEEDS = st.integers(0, 2**32 - 1)
FRAMES = st.integers(0, 5)
QUICK = settings(max_examples=20)
ACTIVITY = st.lists(st.booleans(), max_size=24).map(lambda row: torch.tensor(row).bool())


def random_scores(seed: int, *shape: int) -> Tensor:
    """Return scores that stay up or down for some frames, among them the thresholds themselves."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(11, shape, generator=generator, dtype=torch.float64) / 10


def test_the_golden_hysteresis(golden: Callable[[str], Path]) -> None:
    with np.load(golden("at2seld/postproc_s35.npz")) as file:
        scores, want = (torch.from_numpy(file[name]) for name in ("scores", "hyst_04_06"))
    assert torch.equal(hysteresis(scores, low=0.4, high=0.6).long(), want)
    assert torch.equal(detect_activity(scores, low=0.4, high=0.6).long(), want)


@QUICK
@given(SEEDS, st.sampled_from([0, 1, 2]), st.integers(1, 9), FRAMES)
def test_every_row_is_done_as_alone(seed: int, dim: int, time: int, frames: int) -> None:
    scores = random_scores(seed, 2, 3, time).movedim(-1, dim)
    activity = scores > 0.5
    done = {
        "hysteresis": hysteresis(scores, low=0.4, high=0.8, dim=dim),
        "fill_gaps": fill_gaps(activity, frames, dim=dim),
        "drop_short": drop_short(activity, frames, dim=dim - 3),
    }
    rows = {name: x.movedim(dim, -1).reshape(-1, time) for name, x in done.items()}
    for row, x in enumerate(scores.movedim(dim, -1).reshape(-1, time)):
        on = x > 0.5
        want = {
            "hysteresis": runs_in_loops.hysteresis(x, 0.4, 0.8),
            "fill_gaps": runs_in_loops.fill_gaps(on, frames),
            "drop_short": runs_in_loops.drop_short(on, frames),
        }
        for name in done:
            assert torch.equal(rows[name][row], want[name]), name


@QUICK
@given(SEEDS, st.integers(0, 10), st.integers(0, 10))
def test_hysteresis_lies_between_its_thresholds(seed: int, low: int, high: int) -> None:
    low, high = sorted((low, high))
    scores = random_scores(seed, 40)
    found = hysteresis(scores, low=low / 10, high=high / 10)
    assert not (found & (scores <= low / 10)).any()
    assert not (~found & (scores > high / 10)).any()
    assert torch.equal(hysteresis(scores, low=high / 10, high=high / 10), scores > high / 10)


@QUICK
@given(ACTIVITY, FRAMES, FRAMES)
def test_filling_adds_and_dropping_takes_and_once_is_enough(
    x: Tensor, gap: int, burst: int
) -> None:
    filled, dropped = fill_gaps(x, gap), drop_short(x, burst)
    assert (filled | ~x).all()
    assert (x | ~dropped).all()
    assert torch.equal(fill_gaps(filled, gap), filled)
    assert torch.equal(drop_short(dropped, burst), dropped)
    assert torch.equal(fill_gaps(x, 0), x)
    assert torch.equal(drop_short(x, 1), x)
    assert torch.equal(fill_gaps(x.flip(0), gap), filled.flip(0))


@QUICK
@given(ACTIVITY, FRAMES)
def test_a_gap_is_a_burst_of_silence(x: Tensor, frames: int) -> None:
    on = torch.tensor([True])
    between = torch.cat((on, x, on))
    assert torch.equal(fill_gaps(between, frames), ~drop_short(~between, frames + 1))


@QUICK
@given(SEEDS, FRAMES, FRAMES)
def test_the_order_leaves_neither_short_bursts_nor_short_gaps(
    seed: int, gap: int, burst: int
) -> None:
    scores = random_scores(seed, 60)
    found = detect_activity(scores, high=0.7, low=0.5, max_gap=gap, min_frames=burst)
    assert torch.equal(fill_gaps(found, gap), found)
    assert torch.equal(drop_short(found, burst), found)
    first = hysteresis(scores, low=0.5, high=0.7)
    other_order = fill_gaps(drop_short(first, burst), gap)
    assert (found | ~other_order).all()


def test_parts_join_before_their_length_counts() -> None:
    x = torch.tensor([0, 1, 0, 1, 0, 0, 0]).bool()
    assert detect_activity(x.float(), high=0.5, max_gap=1, min_frames=3).int().tolist() == [
        *(0, 1, 1, 1, 0, 0, 0)
    ]
    assert not fill_gaps(drop_short(x, 3), 1).any()


def test_every_class_may_have_settings_of_its_own() -> None:
    scores = random_scores(0, 2, 30, 3, 4)
    low, high = torch.tensor([0.1, 0.2, 0.3, 0.4]), torch.tensor([0.5, 0.6, 0.7, 0.8])
    gap, burst = torch.tensor([0, 1, 2, 3]), torch.tensor([4, 3, 2, 1])
    low, high = low.double(), high.double()
    together = detect_activity(scores, low=low, high=high, max_gap=gap, min_frames=burst, dim=1)
    for c in range(4):
        alone = detect_activity(
            scores[..., c],
            low=low[c],
            high=high[c].item(),
            max_gap=int(gap[c]),
            min_frames=int(burst[c]),
            dim=1,
        )
        assert torch.equal(together[..., c], alone)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_scores_of_any_precision_are_compared_in_float64(dtype: torch.dtype) -> None:
    scores = torch.arange(1, 20).div(20).to(dtype)
    for threshold in (step / 20 for step in range(1, 20)):
        with torch.autocast("cpu", torch.bfloat16):
            found = hysteresis(scores, low=threshold, high=threshold)
        assert torch.equal(found, scores.double() > threshold)


def test_settings_come_as_numbers_lists_arrays_and_tensors() -> None:
    scores, low = random_scores(1, 30, 3), [0.1, 0.2, 0.3]
    want = detect_activity(scores, high=0.6, low=torch.tensor(low).double(), max_gap=2, dim=0)
    for kind in (list, tuple, np.array):
        found = detect_activity(
            scores, high=np.float64(0.6), low=kind(low), max_gap=np.int64(2), dim=0
        )
        assert torch.equal(found, want)
    over_time = torch.linspace(0.2, 0.8, 30).double().unsqueeze(1)
    assert torch.equal(hysteresis(scores, low=over_time, high=over_time, dim=0), scores > over_time)


@pytest.mark.messages
def test_settings_of_more_axes_than_the_scores_are_told() -> None:
    scores = random_scores(2, 9, 2)
    wrong = torch.tensor([0.3, 0.4, 0.5]).reshape(3, 1, 1)
    with pytest.raises(ValueError, match="low must be one number or broadcast to"):
        hysteresis(scores, low=wrong, high=0.6, dim=0)
    with pytest.raises(ValueError, match="high must be one number or broadcast to"):
        hysteresis(scores, low=0.1, high=wrong, dim=0)
    with pytest.raises(ValueError, match=r"to \(9, 2\), got shape \(3,\)"):
        hysteresis(scores, low=[0.1, 0.2, 0.3], high=0.6, dim=0)
    with pytest.raises(ValueError, match=r"to \(9, 1\), got shape \(2,\)"):
        hysteresis(scores[:, :1], low=[0.1, 0.2], high=0.6, dim=0)
    for function in (fill_gaps, drop_short):
        with pytest.raises(ValueError, match=r"_frames must be one number or broadcast to \(9, 2"):
            function(scores > 0.5, torch.ones(2, 9, 2).long(), dim=0)


@pytest.mark.messages
def test_what_is_no_setting_is_told() -> None:
    scores = random_scores(3, 9, 2)
    for wrong in (True, torch.tensor([True, False])):
        with pytest.raises(TypeError, match=r"low must (be a number|hold numbers), got"):
            hysteresis(scores, low=wrong, high=1.0, dim=0)
    with pytest.raises(ValueError, match="high must not be nan, got nan"):
        hysteresis(scores, low=0.1, high=float("nan"), dim=0)
    for function in (fill_gaps, drop_short):
        for frames in (1.5, [1.0, 2.0]):
            with pytest.raises(TypeError, match="_frames must hold whole numbers of frames, got"):
                function(scores > 0.5, frames, dim=0)
        with pytest.raises(ValueError, match="_frames must not be negative, got -1"):
            function(scores > 0.5, -1, dim=0)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (5, 0)])
def test_nothing_stays_nothing(shape: tuple[int, ...]) -> None:
    scores = torch.zeros(shape)
    assert detect_activity(scores, high=0.5, max_gap=2, min_frames=2, dim=0).shape == shape


@pytest.mark.messages
def test_what_is_wrong_with_runs_is_told() -> None:
    scores = torch.zeros(9, 2)
    with pytest.raises(ValueError, match=r"low must not exceed high, got 0\.6 and 0\.4"):
        hysteresis(scores, low=0.6, high=0.4, dim=0)
    with pytest.raises(ValueError, match="low must not exceed high"):
        hysteresis(scores, low=torch.tensor([0.3, 0.5]), high=0.4, dim=0)
    with pytest.raises(ValueError, match="scores must be finite"):
        hysteresis(scores / 0, low=0.4, high=0.6, dim=0)
    with pytest.raises(ValueError, match="dim must say which axis of scores is time"):
        detect_activity(scores, high=0.5)
    with pytest.raises(ValueError, match=r"dim must be an axis of activity \(9, 2\), got -3"):
        fill_gaps(scores > 0, 2, dim=-3)
    for function in (fill_gaps, drop_short):
        with pytest.raises(TypeError, match=r"activity must be bool, such as scores > 0\.5, got"):
            function(scores, 2, dim=0)
