"""Made matrices: those that are there are matched, and nothing else is."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seldkit.assignment import exact_assignment
from seldkit.synth import assignment_examples
from seldkit.synth.association import COUNTS


def test_there_are_as_many_as_published() -> None:
    distance, association = assignment_examples(seed=0, counts=[n // 100 for n in COUNTS])
    # Nine resolutions; of nine pairs of numbers five have none, three one, and one two in common.
    assert len(distance) == len(association) == 9 * (5 * 30 + 3 * 50 + 150) == 405_000 // 100
    matches = association.sum(dim=(1, 2)).long().bincount().tolist()
    assert matches == [9 * 5 * 30, 9 * 3 * 50, 9 * 150]


@settings(max_examples=10)
@given(st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_who_is_there_is_matched_at_the_least_cost(tracks: int, seed: int) -> None:
    distance, association = assignment_examples(
        tracks, seed=seed, counts=(2, 4), resolutions_deg=(7,)
    )
    assert distance.shape == association.shape == (len(distance), tracks, tracks)
    for axis in (1, 2):
        assert association.sum(dim=axis).max() <= 1
    assert (distance[association.bool()] <= 2.0001).all()
    # Those without anything absent are matched as a whole.
    whole = association.sum(dim=(1, 2)) == tracks
    exact = exact_assignment(distance[whole])
    cost = (distance[whole] * exact).sum(dim=(1, 2))
    torch.testing.assert_close((distance[whole] * association[whole]).sum(dim=(1, 2)), cost)


def test_what_is_absent_is_far_or_filled_alike() -> None:
    distance, association = assignment_examples(1, seed=1, counts=(4000,), resolutions_deg=(5,))
    nobody, one_side, other_side, both = distance.flatten().split(4000)
    assert not association[:-4000].any()
    assert association[-4000:].all()
    assert (nobody[::2] == 0).all(), "(10, 10, 10) on both sides"
    assert nobody[1::2].min() > 0
    for alone in (one_side, other_side):
        fixed, free = alone[::2], alone[1::2]
        assert fixed.min() >= 300**0.5 - 1
        assert fixed.max() <= 300**0.5 + 1
        assert free.max() > 50
    assert both.max() <= 2.0001


def test_directions_lie_on_the_grid() -> None:
    distance, _ = assignment_examples(1, seed=2, counts=(0, 2000), resolutions_deg=(30,))
    # Chords between points of a grid of 30 degrees: few values.
    assert len((distance * 1e4).round().unique()) < 150
    assert (distance == 0).any()


def test_rows_or_columns_are_shuffled() -> None:
    _, association = assignment_examples(2, seed=3, counts=(0, 4000, 0), resolutions_deg=(1,))
    places = association.mean(dim=0)
    assert (places > 0.05).all(), "no place is preferred by much"


def test_one_seed_one_set() -> None:
    first, again = (assignment_examples(2, seed=4, counts=(5,)) for _ in range(2))
    assert torch.equal(first.distance, again.distance)
    assert not torch.equal(first.distance, assignment_examples(2, seed=5, counts=(5,)).distance)
    assert torch.equal(first.association, again.association)


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="num_tracks must be at least 1, got 0"):
        assignment_examples(0, seed=0)
    with pytest.raises(ValueError, match=r"counts\[1\] must be at least 0, got -1"):
        assignment_examples(seed=0, counts=(1, -1))
    with pytest.raises(ValueError, match=r"resolutions_deg\[0\] must be at least 1, got 0"):
        assignment_examples(seed=0, resolutions_deg=(0,))
    with pytest.raises(ValueError, match="counts and resolutions_deg must not be empty"):
        assignment_examples(seed=0, counts=())
