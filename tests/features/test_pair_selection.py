"""Pairs of microphones: all, those of the first, random ones, or those that differ in direction."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seldkit.arrays import ArrayGeometry
from seldkit.features import PairSelection

quick = settings(max_examples=30)


def anywhere(seed: int, count: int) -> ArrayGeometry:
    generator = torch.Generator().manual_seed(seed)
    return ArrayGeometry(0.1 * torch.randn(count, 3, generator=generator).double())


@quick
@given(
    st.integers(0, 2**31),
    st.integers(2, 7),
    st.sampled_from(["all", "first", "random", "distinct_angles"]),
)
def test_pairs_are_some_of_all_in_their_order(seed: int, count: int, rule: Any) -> None:
    array = anywhere(seed, count)
    generator = torch.Generator().manual_seed(seed)
    pairs = PairSelection(rule)(array, generator=generator)
    assert pairs == tuple(pair for pair in array.pairs if pair in pairs)
    least = {"all": len(array.pairs), "first": count - 1, "distinct_angles": 1}
    least["random"] = len(PairSelection("distinct_angles")(array))
    assert len(pairs) >= least[rule]


@quick
@given(st.integers(0, 2**31), st.integers(2, 7), st.floats(0.5, 1.0))
def test_distinct_pairs_are_not_parallel_and_the_rest_is_to_a_longer_one(
    seed: int, count: int, most: float
) -> None:
    array = anywhere(seed, count)
    kept = PairSelection("distinct_angles", max_cosine=most)(array)
    apart = {pair: array.positions[pair[1]] - array.positions[pair[0]] for pair in array.pairs}

    def parallel(a: tuple[int, int], b: tuple[int, int]) -> bool:
        cosine = torch.cosine_similarity(apart[a], apart[b], dim=0).abs()
        return bool(cosine >= most + 1e-9)

    assert not any(parallel(a, b) for a in kept for b in kept if a != b)
    for pair in set(array.pairs) - set(kept):
        cosines = [torch.cosine_similarity(apart[pair], apart[b], dim=0).abs() for b in kept]
        longer = [apart[b].norm() >= apart[pair].norm() - 1e-8 for b in kept]
        assert any(c >= most - 1e-9 and far for c, far in zip(cosines, longer, strict=True))


def test_a_line_has_one_direction() -> None:
    assert PairSelection("distinct_angles")(ArrayGeometry.line(5, 0.04)) == ((0, 4),)


def test_random_pairs_are_those_of_the_seed() -> None:
    array, rule = anywhere(0, 6), PairSelection("random", num_pairs=4)
    draws = [rule(array, generator=torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    assert draws[0] == draws[1]
    assert draws[0] != draws[2]
    assert {len(draw) for draw in draws} == {4}


@pytest.mark.messages
def test_messages() -> None:
    line, every = ArrayGeometry.line(3, 0.1), "must be one of 'all', 'first', 'random'"
    with pytest.raises(ValueError, match=f"rule {every}, 'distinct_angles', got 'few'"):
        PairSelection("few")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="num_pairs must be None for 'all', got 3"):
        PairSelection(num_pairs=3)
    with pytest.raises(ValueError, match="num_pairs must be at least 1, got 0"):
        PairSelection("random", 0)
    with pytest.raises(ValueError, match=r"max_cosine must lie in \(0, 1\], got 1\.5"):
        PairSelection(max_cosine=1.5)
    with pytest.raises(ValueError, match="generator must be a torch\\.Generator"):
        PairSelection("random")(line)
    with pytest.raises(ValueError, match="num_pairs must be at most the array's 3, got 4"):
        PairSelection("random", 4)(line, generator=torch.Generator())
    with pytest.raises(ValueError, match="array must have at least 2 microphones, got 1"):
        PairSelection()(ArrayGeometry([[0, 0, 0]]))
