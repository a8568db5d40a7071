"""Clips picked one by one, so that classes are balanced."""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seldkit import Events
from seldkit.data import class_frames, select_clips
from seldkit.io import read_events

CLASSES = 3
TABLE = st.lists(
    st.lists(st.integers(0, 6), min_size=CLASSES, max_size=CLASSES), min_size=1, max_size=9
)
QUICK = settings(max_examples=40)
PER = st.sampled_from(["frame", "clip"])


def clip(amounts: list[int]) -> Events:
    """Return events in which each class sounds in so many frames."""
    cells = [(frame, label) for label, n in enumerate(amounts) for frame in range(n)]
    frame, label = [frame for frame, _ in cells], [label for _, label in cells]
    return Events.from_degrees(frame, label, [0] * len(cells), [0] * len(cells))


def select(table: list[list[int]], **settings: Any) -> tuple[list[int], list[list[int]]]:
    """Return the picks and the totals after each."""
    picks, totals = select_clips(map(clip, table), CLASSES, **settings)
    return picks.tolist(), totals.tolist()


def value(table: list[list[int]], index: Iterable[int]) -> float:
    """Return what is to grow: the logarithm of the product of all totals, counted from 1."""
    totals = [sum(column) for column in zip(*(table[i] for i in index), strict=True)]
    return sum(math.log1p(total) for total in totals)


def plain_greedy(
    table: list[list[int]], per: str, max_clips: int | None, max_frames: int | None
) -> Iterator[int]:
    """Yield the picks by a search through all clips at each step."""
    adds = [[a if per == "frame" else min(a, 1) for a in row] for row in table]
    totals, left, frames = [0] * CLASSES, set(range(len(table))), 0
    for _ in range(len(table) if max_clips is None else max_clips):
        gains = {
            clip: math.fsum(
                math.log1p(a / (1 + t)) for a, t in zip(adds[clip], totals, strict=True)
            )
            / sum(adds[clip])
            for clip in sorted(left)
            if any(adds[clip]) and (max_frames is None or frames + sum(table[clip]) <= max_frames)
        }
        if not gains:
            return
        best = max(gains, key=lambda clip: gains[clip])
        left.remove(best)
        frames += sum(table[best])
        totals = [t + a for t, a in zip(totals, adds[best], strict=True)]
        yield best


@QUICK
@given(TABLE, PER, st.none() | st.integers(1, 9), st.none() | st.integers(1, 60))
def test_lazy_is_greedy(
    table: list[list[int]], per: str, max_clips: int | None, max_frames: int | None
) -> None:
    budgets = {"max_clips": max_clips, "max_frames": max_frames}
    index, totals = select(table, per=per, **budgets)
    assert index == list(plain_greedy(table, per, **budgets))
    adds = torch.tensor(table) if per == "frame" else torch.tensor(table).clamp(max=1)
    assert totals == adds[index].cumsum(dim=0).tolist()
    assert len(index) <= (len(table) if max_clips is None else max_clips)
    assert max_frames is None or sum(map(sum, (table[i] for i in index))) <= max_frames


@QUICK
@given(TABLE, PER)
def test_all_clips_with_events_are_picked_once_without_a_budget(
    table: list[list[int]], per: str
) -> None:
    index, _ = select(table, per=per)
    assert sorted(index) == [i for i, row in enumerate(table) if any(row)]


@QUICK
@given(TABLE, PER, st.integers(1, 9))
def test_a_smaller_budget_is_the_beginning_of_a_larger_one(
    table: list[list[int]], per: str, max_clips: int
) -> None:
    index, totals = select(table, per=per)
    some, their_totals = select(table, per=per, max_clips=max_clips)
    assert (some, their_totals) == (index[:max_clips], totals[:max_clips])


@QUICK
@given(TABLE, PER, st.integers(1, 9))
def test_it_goes_on_from_the_totals_of_another_selection(
    table: list[list[int]], per: str, first: int
) -> None:
    index, totals = select(table, per=per)
    done = index[:first]
    rest = [i for i in range(len(table)) if i not in done]
    if done:
        start = totals[len(done) - 1]
        more, end = select([table[i] for i in rest], per=per, initial=torch.tensor(start))
        assert [rest[i] for i in more] == index[len(done) :]
        assert end == totals[len(done) :]


@QUICK
@given(TABLE, PER, st.permutations(range(CLASSES)))
def test_names_of_classes_do_not_matter(table: list[list[int]], per: str, order: list[int]) -> None:
    renamed = [[row[c] for c in order] for row in table]
    assert select(renamed, per=per)[0] == select(table, per=per)[0]


@QUICK
@given(st.lists(st.integers(1, 3).flatmap(lambda k: st.just([k, 0, 0])), min_size=6, max_size=6))
def test_classes_that_come_alone_grow_side_by_side(rows: list[list[int]]) -> None:
    # The same clips for each class: after every round of three all totals are equal.
    table = [row[-shift:] + row[:-shift] for row in rows for shift in range(CLASSES)]
    _, totals = select(table)
    assert all(len(set(after)) == 1 for after in totals[CLASSES - 1 :: CLASSES])


@QUICK
@given(st.lists(st.integers(0, CLASSES - 1), min_size=4, max_size=7), st.integers(1, 3))
def test_is_the_best_of_all_selections_of_clips_of_one_class(
    labels: list[int], max_clips: int
) -> None:
    table = [[int(c == label) for c in range(CLASSES)] for label in labels]
    best = max(
        value(table, index) for index in itertools.combinations(range(len(labels)), max_clips)
    )
    found = select(table, max_clips=max_clips)[0]
    assert value(table, found) == pytest.approx(best)


@QUICK
@given(TABLE.filter(lambda table: any(map(any, table))), st.integers(6, 40))
def test_is_as_near_the_best_of_all_selections_as_proved(
    table: list[list[int]], max_frames: int
) -> None:
    # Leskovec et al.: this, or the best single clip, has (1 - 1/e) / 2 of the best.
    fitting = [
        index
        for count in range(len(table) + 1)
        for index in itertools.combinations(range(len(table)), count)
        if sum(sum(table[i]) for i in index) <= max_frames
    ]
    best = max(value(table, index) for index in fitting)
    single = max(value(table, index) for index in fitting if len(index) <= 1)
    found = value(table, select(table, max_frames=max_frames)[0])
    assert max(found, single) >= (1 - 1 / math.e) / 2 * best


@QUICK
@given(TABLE.filter(lambda table: any(map(any, table))), st.integers(1, 4))
def test_each_greedy_step_is_the_best_single_step(table: list[list[int]], steps: int) -> None:
    index, totals = select(table, max_clips=steps)
    before = [0] * CLASSES
    for step, after in enumerate(totals):

        def gain(row: list[int], before: list[int] = before) -> float:
            new = math.prod(1 + t + a for t, a in zip(before, row, strict=True))
            return math.log(new / math.prod(1 + t for t in before)) / sum(row)

        others = [row for i, row in enumerate(table) if any(row) and i not in index[:step]]
        assert gain(table[index[step]]) == pytest.approx(max(map(gain, others)))
        before = after


def test_rare_classes_come_first_and_ties_go_to_the_first_clip() -> None:
    table = [[5, 0, 0], [5, 0, 0], [5, 5, 0], [0, 5, 0], [0, 0, 5], [0, 0, 0]]
    assert select(table) == (
        [0, 3, 4, 1, 2],
        [[5, 0, 0], [5, 5, 0], [5, 5, 5], [10, 5, 5], [15, 10, 5]],
    )
    assert select(table, initial=[50, 0, 0])[0] == [3, 4, 2, 0, 1]


def test_what_does_not_fit_is_passed_over() -> None:
    assert select([[3, 0, 0], [0, 9, 0], [0, 0, 4]], max_frames=8)[0] == [0, 2]


def test_real_labels_become_even(data: Callable[[str], Path]) -> None:
    clips = [
        events.window(start, start + 200)
        for path in sorted(data("starss22_metadata").rglob("dev-train-sony/*.csv"))
        for events in [read_events(path, format="dcase2022", check="off")]
        for start in range(0, int(events.frame.max()) - 200, 200)
    ]
    selection = select_clips(clips, 13, max_clips=20)
    every = class_frames(clips, 13).sum(dim=0)

    def evenness(totals: torch.Tensor) -> float:
        share = totals[totals > 0] / totals.sum()
        return float(-(share * share.log()).sum() / math.log(13))

    assert evenness(selection.totals[-1]) > evenness(every) + 0.1


@pytest.mark.messages
def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="max_clips must be at least 1, got 0"):
        select([[1, 0, 0]], max_clips=0)
    with pytest.raises(ValueError, match="max_frames must be at least 1, got -1"):
        select([[1, 0, 0]], max_frames=-1)
    with pytest.raises(ValueError, match=r"initial must be \(cls=3\), got shape \(2,\)"):
        select([[1, 0, 0]], initial=[1, 2])
    with pytest.raises(ValueError, match=r"initial must hold whole numbers from 0, got \[1, -2"):
        select([[1, 0, 0]], initial=[1, -2, 0])
    with pytest.raises(ValueError, match="per must be one of 'frame', 'clip', got 'file'"):
        select([[1, 0, 0]], per="file")
    with pytest.raises(ValueError, match="clips must have classes below num_classes=2"):
        select_clips([clip([0, 0, 1])], 2)
    with pytest.raises(TypeError, match="max_clips must be an integer, got True"):
        select([[1, 0, 0]], max_clips=True)
    with pytest.raises(TypeError, match=r"max_frames must be an integer, got 1\.5"):
        select([[1, 0, 0]], max_frames=1.5)
    with pytest.raises(ValueError, match=r"initial must hold whole numbers from 0, got \[True"):
        select([[1, 0, 0]], initial=[True, False, False])


@pytest.mark.messages
def test_numbers_of_numpy_are_taken() -> None:
    numbers: dict[str, Any] = {"num_classes": np.int64(2), "max_clips": np.int32(1)}
    found = select_clips([clip([1, 0]), clip([0, 1])], **numbers)
    assert found.picks.tolist() == [0]
    assert select([[1, 0, 0]], initial=np.array([1, 0, 0]))[1] == [[2, 0, 0]]
