"""Weights go from network to network by the prefixes of their names, or not at all."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from seldkit.models import transplant

State = dict[str, Tensor]


def state(number: float, *names: str, size: int = 2) -> State:
    """Return tensors of one number by name."""
    return {name: torch.full((size,), number) for name in names}


def numbers(tensors: State) -> dict[str, float]:
    """Return the number of each tensor."""
    return {name: float(x[0]) for name, x in tensors.items()}


def test_parts_are_moved_and_the_rest_stays() -> None:
    into = state(0, "a.x", "a.y", "b.x", "b.y", "c.x")
    source = state(1, "a.x", "a.y", "c.x")
    result = transplant(into, source, {"a.": "b."})
    assert numbers(result.state) == {"a.x": 0, "a.y": 0, "b.x": 1, "b.y": 1, "c.x": 0}
    assert (result.missing, result.unexpected) == ([], [])
    assert result.state["b.x"] is source["a.x"]
    assert numbers(into) == dict.fromkeys(into, 0)
    assert set(source) == {"a.x", "a.y", "c.x"}


def test_a_whole_network_becomes_a_part_and_a_part_a_whole_network() -> None:
    part = transplant(state(0, "head.x", "x"), state(1, "x"), {"": "head."}).state
    assert numbers(part) == {"head.x": 1, "x": 0}
    assert numbers(transplant(state(0, "x"), part, {"head.": ""}).state) == {"x": 1}


def test_one_part_may_go_to_several_places() -> None:
    result = transplant(state(0, "a.x", "b.x"), state(1, "a.x"), {"a.": "b."})
    result = transplant(result.state, state(1, "a.x"), {"a.": "a."})
    assert numbers(result.state) == {"a.x": 1, "b.x": 1}


@given(st.lists(st.text("abc.", min_size=1, max_size=4), unique=True))
def test_by_default_all_names_stay(names: list[str]) -> None:
    result = transplant(state(0, *names), state(1, *names))
    assert numbers(result.state) == dict.fromkeys(names, 1)


def test_what_does_not_fit_is_listed() -> None:
    into = state(0, "a.x", "a.y", "a.z", "b.x")
    source = state(1, "a.x", "a.w", "c.x") | state(1, "a.y", size=3)
    result = transplant(into, source, {"a.": "a."}, strict=False)
    assert numbers(result.state) == {"a.x": 1, "a.y": 0, "a.z": 0, "b.x": 0}
    assert result.missing == ["a.y", "a.z"]
    assert result.unexpected == ["a.w", "a.y"]


@pytest.mark.messages
@pytest.mark.parametrize(
    ("prefixes", "message"),
    [
        ({"a.": "b."}, r"missing \['b.y'\], unexpected \['a.z'\]"),
        ({"q.": "b."}, r"missing \['b.x', 'b.y'\], unexpected \[\]"),
        ({"a.": "q."}, r"missing \[\], unexpected \['a.x', 'a.z'\]"),
        (None, r"missing \['b.x', 'b.y'\], unexpected \['a.x', 'a.z'\]"),
    ],
)
def test_by_default_it_is_an_error(prefixes: Any, message: str) -> None:
    with pytest.raises(KeyError, match=f"weights do not fit: {message}"):
        transplant(state(0, "b.x", "b.y"), state(1, "a.x", "a.z"), prefixes)


@pytest.mark.messages
def test_two_parts_cannot_have_one_place() -> None:
    with pytest.raises(ValueError, match=r"different names, got twice \['c.x'\]"):
        transplant(state(0, "c.x"), state(1, "a.x", "b.x"), {"a.": "c.", "b.": "c."})
