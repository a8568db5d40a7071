"""Which pairs of microphones are compared: all, or fewer of an array of many."""

from dataclasses import dataclass
from typing import Literal

import torch

from seldkit._checks import check_count, check_literal, check_number
from seldkit._pairs import Pair
from seldkit.arrays import ArrayGeometry

PairRule = Literal["all", "first", "random", "distinct_angles"]


@dataclass(frozen=True)
class PairSelection:
    """Choose pairs of microphones of any array, each `m < n`, in the order of `array.pairs`.

    Source: Grinstein et al., "The Neural-SRP method for universal robust multi-source tracking",
    IEEE OJSP 5, 2024, and its code, which goes through the pairs in their order and drops all but
    the longest of those that are parallel to one. Here the longest are taken first, so that none is
    dropped for one that is dropped itself.

    Args:
        rule: `"all"` pairs; those of the `"first"` microphone with each other one; `"random"` ones;
            or those of `"distinct_angles"`: the longest first, but none that is nearly parallel to
            a longer one.
        num_pairs: How many `"random"` ones, or None for as many as there are of
            `"distinct_angles"`.
        max_cosine: Of the angle between two pairs, from which on they count as parallel.

    Raises:
        ValueError: If the rule is unknown, a number is out of range, or `num_pairs` is given to
            another rule.

    Examples:
        >>> square = ArrayGeometry([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
        >>> PairSelection("first")(square)
        ((0, 1), (0, 2), (0, 3))
        >>> PairSelection("distinct_angles")(square)  # the diagonals and two sides
        ((0, 1), (0, 2), (0, 3), (1, 3))
    """

    rule: PairRule = "all"
    num_pairs: int | None = None
    max_cosine: float = 0.95

    def __post_init__(self) -> None:
        check_literal("rule", self.rule, PairRule)
        check_number(max_cosine=self.max_cosine)
        if not 0 < self.max_cosine <= 1:
            raise ValueError(f"max_cosine must lie in (0, 1], got {self.max_cosine}")
        if self.num_pairs is not None:
            check_count(num_pairs=self.num_pairs)
            if self.rule != "random":
                raise ValueError(f"num_pairs must be None for {self.rule!r}, got {self.num_pairs}")

    def __call__(
        self, array: ArrayGeometry, *, generator: torch.Generator | None = None
    ) -> tuple[Pair, ...]:
        """Return the pairs of an array.

        Args:
            array: The microphones.
            generator: Draws `"random"` pairs, which need one.

        Raises:
            ValueError: If the array has one microphone, fewer pairs than are asked for, or a
                generator is missing.
        """
        pairs = array.pairs
        if not pairs:
            raise ValueError("array must have at least 2 microphones, got 1")
        if self.rule == "first":
            return tuple(pair for pair in pairs if pair[0] == 0)
        if self.rule == "random":
            return self._drawn(array, generator)
        return self._distinct(array) if self.rule == "distinct_angles" else pairs

    def _drawn(self, array: ArrayGeometry, generator: torch.Generator | None) -> tuple[Pair, ...]:
        if generator is None:
            raise ValueError("generator must be a torch.Generator for 'random', got None")
        every = len(array.pairs)
        count = len(self._distinct(array)) if self.num_pairs is None else self.num_pairs
        if count > every:
            raise ValueError(f"num_pairs must be at most the array's {every}, got {count}")
        drawn = torch.randperm(every, generator=generator, device=generator.device)[:count]
        return tuple(array.pairs[number] for number in sorted(drawn.tolist()))

    def _distinct(self, array: ArrayGeometry) -> tuple[Pair, ...]:
        first, second = torch.tensor(array.pairs).T
        apart = array.positions[second] - array.positions[first]
        length = torch.linalg.vector_norm(apart, dim=1)
        cosine = (apart @ apart.T / (length * length.unsqueeze(1))).abs()
        # Of equally long pairs the first: lengths that differ by rounding alone are equal.
        kept: list[int] = []
        for number in (-length.round(decimals=9)).argsort(stable=True).tolist():
            if not (cosine[number, kept] >= self.max_cosine).any():
                kept.append(number)
        return tuple(array.pairs[number] for number in sorted(kept))
