"""Whether the names of published weights are those of a network."""

from collections import Counter
from collections.abc import Collection, Mapping


def check_names(title: str, names: Mapping[str, str | None], expected: Collection[str]) -> None:
    """Raise `KeyError` unless each expected tensor has one published name, and no name is over.

    Args:
        title: What the weights should be of, quoted in the message.
        names: From each published name to ours, None where there is none.
        expected: Our names.

    Examples:
        >>> check_names("EINV2", {"a": "x", "b": "x", "c": None}, {"x", "y"})
        Traceback (most recent call last):
        ...
        KeyError: "these are not the weights of EINV2; unknown: ['a', 'b', 'c']; missing: ['y']"
    """
    times = Counter(names.values())
    unknown = sorted(old for old, new in names.items() if new not in expected or times[new] > 1)
    missing = sorted(set(expected) - set(names.values()))
    if unknown or missing:
        raise KeyError(
            f"these are not the weights of {title}; unknown: {unknown}; missing: {missing}"
        )
