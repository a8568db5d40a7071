"""Pairs of channels: which there are, and whether a recording has them."""

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations

from seldkit._checks import integer

Pair = tuple[int, int]


def check_pairs(pairs: Iterable[Sequence[int]] | None) -> tuple[Pair, ...] | None:
    """Return the pairs as tuples, or raise `ValueError` unless each joins two channels."""
    if pairs is None:
        return None
    checked = [tuple(integer("pairs", channel) for channel in pair) for pair in pairs]
    if not checked:
        raise ValueError("pairs must hold at least one pair of channels, got none")
    for pair in checked:
        if len(pair) != 2 or pair[0] == pair[1] or min(pair) < 0:
            raise ValueError(f"pairs must join two different channels, counted from 0, got {pair}")
    return tuple((first, second) for first, second in checked)


def every_pair(num_channels: int) -> tuple[Pair, ...]:
    """Return all pairs `m < n`: (0, 1), (0, 2), and so on."""
    return tuple(combinations(range(num_channels), 2))


def pairs_with_first(num_channels: int) -> tuple[Pair, ...]:
    """Return the first channel with each other: (0, 1), (0, 2), and so on."""
    return tuple((0, other) for other in range(1, num_channels))


def pairs_among(
    num_channels: int,
    pairs: tuple[Pair, ...] | None,
    default: Callable[[int], tuple[Pair, ...]] = every_pair,
) -> tuple[Pair, ...]:
    """Return the pairs or the default ones, or raise `ValueError` if a channel is missing."""
    if num_channels < 2:
        raise ValueError(f"pairs need at least 2 channels, got {num_channels}")
    if pairs is None:
        return default(num_channels)
    last = max(map(max, pairs))
    if last >= num_channels:
        raise ValueError(f"pairs must join channels below {num_channels}, got {last}")
    return pairs
