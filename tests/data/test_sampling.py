"""Weights that even out how often classes are drawn."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import WeightedRandomSampler

from seldkit import Events
from seldkit.data import class_frames, clip_weights

CLASSES = 4
QUICK = settings(max_examples=40)
LABELS = st.lists(st.integers(0, CLASSES - 1), max_size=6)


def clip(labels: Sequence[int], frames: Sequence[int] | None = None) -> Events:
    """Return events of these labels, one a frame unless frames are given."""
    frame = range(len(labels)) if frames is None else frames
    return Events.from_degrees(frame, labels, [0] * len(labels), [0] * len(labels))


@QUICK
@given(st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(0, CLASSES - 1)), max_size=9)))
def test_frames_are_counted_once_for_each_class(rows: list[list[tuple[int, int]]]) -> None:
    clips = [clip([label for _, label in each], [frame for frame, _ in each]) for each in rows]
    found = class_frames(iter(clips), CLASSES)
    assert found.tolist() == [
        [len({frame for frame, label in each if label == c}) for c in range(CLASSES)]
        for each in rows
    ]
    assert found.dtype == torch.int64


def test_weights_by_hand() -> None:
    # Class 0: clips 0 and 1, 3 frames. Class 1: clips 1 and 2, 5 frames. Class 2: clip 1. 3: none.
    clips = [clip([0, 0]), clip([0, 1, 2]), clip([1, 1, 1, 1])]

    def weights(**settings: float) -> list[float]:
        return clip_weights(clips, CLASSES, **settings).tolist()  # type: ignore[arg-type]

    assert weights() == [0.5, 2.0, 0.5]
    assert weights(beta=0) == [1, 3, 1]
    assert weights(beta=2) == [0.25, 1.5, 0.25]
    frames = clip_weights(clips, CLASSES, per="frame")
    torch.testing.assert_close(frames.tolist(), [1 / 3, 1 / 3 + 1 / 5 + 1, 1 / 5])
    # b = 1/2: E(1) = 1, E(2) = 3/2.
    torch.testing.assert_close(weights(effective=0.5), [2 / 3, 2 / 3 + 2 / 3 + 1, 2 / 3])


@QUICK
@given(st.lists(LABELS.filter(bool), min_size=1, max_size=8), st.sampled_from(["clip", "frame"]))
def test_the_effective_number_lies_between_one_and_all(rows: list[list[int]], per: str) -> None:
    clips = [clip(labels) for labels in rows]

    def weights(**settings: float) -> torch.Tensor:
        return clip_weights(clips, CLASSES, per=per, **settings)  # type: ignore[arg-type]

    torch.testing.assert_close(weights(effective=0.0), weights(beta=0.0))
    torch.testing.assert_close(weights(effective=1 - 1e-12), weights(), rtol=1e-9, atol=0)
    some = weights(effective=0.9)
    assert (some >= weights() * (1 - 1e-12)).all()
    assert (some <= weights(beta=0.0) * (1 + 1e-12)).all()


@QUICK
@given(st.lists(LABELS.filter(bool), min_size=1, max_size=8))
def test_weights_sum_to_the_number_of_classes_that_occur(rows: list[list[int]]) -> None:
    weights = clip_weights([clip(labels) for labels in rows], CLASSES)
    assert float(weights.sum()) == pytest.approx(len({label for row in rows for label in row}))


@QUICK
@given(st.lists(st.integers(0, CLASSES - 1), min_size=1, max_size=20))
def test_clips_of_one_class_are_drawn_equally_often_by_class(labels: list[int]) -> None:
    weights = clip_weights([clip([label]) for label in labels], CLASSES)
    chance = torch.zeros(CLASSES, dtype=torch.float64)
    chance.index_add_(0, torch.tensor(labels), weights / weights.sum())
    occurs = chance[chance > 0]
    torch.testing.assert_close(occurs, torch.full_like(occurs, 1 / len(occurs)))


@QUICK
@given(st.lists(LABELS, min_size=1, max_size=8).filter(any))
def test_order_of_clips_and_classes_does_not_matter(rows: list[list[int]]) -> None:
    weights = clip_weights([clip(labels) for labels in rows], CLASSES)
    backwards = [[CLASSES - 1 - label for label in labels] for labels in reversed(rows)]
    torch.testing.assert_close(clip_weights(map(clip, backwards), CLASSES).flip(0), weights)


@QUICK
@given(st.lists(LABELS, min_size=1, max_size=8).filter(any))
def test_silence_keeps_its_share(rows: list[list[int]]) -> None:
    clips = [clip(labels) for labels in rows]
    silent = torch.tensor([not labels for labels in rows])
    weights = clip_weights(clips, CLASSES)
    share = float(weights[silent].sum() / weights.sum())
    assert share == pytest.approx(float(silent.double().mean()))
    assert clip_weights(clips, CLASSES, empty=0)[silent].eq(0).all()
    torch.testing.assert_close(clip_weights(clips, CLASSES, empty=0)[~silent], weights[~silent])


def test_silence_alone_weighs_the_same_everywhere() -> None:
    assert clip_weights([clip([]), clip([])], CLASSES).tolist() == [1, 1]
    assert clip_weights([], CLASSES).tolist() == []


def test_a_sampler_balances_by_seed() -> None:
    labels = [0] * 90 + [1] * 9 + [2]
    weights = clip_weights([clip([label]) for label in labels], CLASSES).tolist()

    def draw(seed: int) -> list[int]:
        generator = torch.Generator().manual_seed(seed)
        return list(WeightedRandomSampler(weights, 3000, generator=generator))

    assert draw(0) == draw(0) != draw(1)
    counts = torch.tensor([labels[i] for i in draw(0)]).bincount(minlength=3)
    assert ((counts - 1000).abs() < 100).all()  # four deviations of 26


@pytest.mark.messages
def test_wrong_arguments_are_named() -> None:
    message = r"clips must have classes below num_classes=4, got 5 in clip 1"
    with pytest.raises(ValueError, match=message):
        clip_weights([clip([1]), clip([0, 5])], CLASSES)
    with pytest.raises(ValueError, match="num_classes must be at least 1, got 0"):
        class_frames([], 0)
    with pytest.raises(ValueError, match="beta must be finite and not negative, got -1"):
        clip_weights([], CLASSES, beta=-1)
    with pytest.raises(ValueError, match="empty must be finite and not negative, got nan"):
        clip_weights([], CLASSES, empty=float("nan"))
    with pytest.raises(ValueError, match=r"effective must be None or lie in 0 <= b < 1, got 1\.0"):
        clip_weights([], CLASSES, effective=1.0)
    with pytest.raises(ValueError, match="per must be one of 'clip', 'frame', got 'file'"):
        clip_weights([], CLASSES, per="file")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="num_classes must be an integer, got True"):
        class_frames([], True)
    for name in ("beta", "effective", "empty"):
        with pytest.raises(TypeError, match=f"{name} must be a number, got True"):
            clip_weights([], CLASSES, **{name: True})  # type: ignore[arg-type]


@pytest.mark.messages
def test_weights_by_which_nothing_would_be_drawn_are_refused() -> None:
    twice = [clip([0]), clip([0])]
    with pytest.raises(ValueError, match=r"beta=2000 and empty=1\.0 must leave weights that are"):
        clip_weights(twice, CLASSES, beta=2000)
    with pytest.raises(ValueError, match=r"beta=1\.0 and empty=0 must leave weights that are"):
        clip_weights([clip([])], CLASSES, empty=0)
    numbers: dict[str, Any] = {"num_classes": np.int64(CLASSES), "beta": np.float32(1)}
    assert clip_weights(twice, **numbers).tolist() == [0.5, 0.5]
