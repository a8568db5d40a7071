"""A division of recordings into folds that needs nothing but their names."""

import hashlib
from collections.abc import Sequence

NUM_FOLDS = 5
ORDER = ("1", "4", "3", "2", "5")
"""Which folds a class of few recordings has: those to train with and to test with come first."""


def fold_by_hash(names: Sequence[str]) -> list[str]:
    """Return the fold of each recording of a class: 1 to 5, by a hash of its name.

    A name says the fold, whatever other names there are. Only where a fold would be empty, it gets
    a recording of the fold that has most; and of fewer than five recordings each has a fold of its
    own.

    Args:
        names: What the recordings are called.

    Examples:
        >>> fold_by_hash(["a.wav", "b.wav"])
        ['1', '4']
        >>> many = fold_by_hash([f"{number}.wav" for number in range(1000)])
        >>> [many.count(fold) for fold in "12345"]
        [202, 180, 207, 215, 196]
    """
    hashes = [hashlib.sha256(name.encode()).digest() for name in names]
    folds = [str(1 + digest[0] % NUM_FOLDS) for digest in hashes]
    wanted = ORDER[: len(names)]
    if len(names) < NUM_FOLDS:
        # Too few for chance: in the order of their hashes.
        ranks = sorted(range(len(names)), key=hashes.__getitem__)
        for number, fold in zip(ranks, wanted, strict=True):
            folds[number] = fold
        return folds
    for fold in wanted:
        if fold not in folds:
            largest = max(ORDER, key=folds.count)
            inside = [i for i, own in enumerate(folds) if own == largest]
            folds[min(inside, key=hashes.__getitem__)] = fold
    return folds
