"""A run stops when its patience with scores that are no better is at an end."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seldkit.data import EarlyStopping

SCORES = st.lists(st.floats(allow_infinity=False), min_size=1, max_size=20)


@given(scores=SCORES, higher=st.booleans())
def test_the_best_is_the_first_of_the_best(scores: list[float], higher: bool) -> None:
    stopping = EarlyStopping(higher=higher)
    best_at = [number for number, score in enumerate(scores) if stopping.update(score)]
    known = [score for score in scores if not math.isnan(score)]
    assert stopping.best is not None
    if known:
        best = max(known) if higher else min(known)
        assert stopping.best == best
        assert best_at[-1] == scores.index(best)
    else:
        assert math.isnan(stopping.best)
    assert best_at[0] == 0, "something must be kept"
    assert stopping.stale == len(scores) - 1 - best_at[-1]
    assert not stopping.stop


@given(scores=SCORES, patience=st.integers(1, 4), cut=st.integers(0, 20))
def test_a_run_that_goes_on_stops_where_it_would_have(
    scores: list[float], patience: int, cut: int
) -> None:
    whole, first, second = (EarlyStopping(patience) for _ in range(3))
    said = [(whole.update(score), whole.stop) for score in scores]
    again = [(first.update(score), first.stop) for score in scores[:cut]]
    second.load_state_dict(first.state_dict())
    assert second.stop == first.stop
    again += [(second.update(score), second.stop) for score in scores[cut:]]
    assert said == again


@pytest.mark.messages
def test_what_is_no_score_is_told() -> None:
    with pytest.raises(ValueError, match="patience must be at least 1, got 0"):
        EarlyStopping(0)
    with pytest.raises(TypeError, match="score must be a number, got None"):
        EarlyStopping().update(None)  # type: ignore[arg-type]
