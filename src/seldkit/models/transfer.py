"""Weights of one network for another."""

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor


class Transplant(NamedTuple):
    """A state with weights of another, and what did not fit.

    Attributes:
        state: All names of the receiving state; load it with `load_state_dict`.
        missing: Names that should have been filled, but for which there was nothing of that shape.
        unexpected: Names of the giving state for which there was no place of that shape.
    """

    state: dict[str, Tensor]
    missing: list[str]
    unexpected: list[str]


def transplant(
    into: Mapping[str, Tensor],
    source: Mapping[str, Tensor],
    prefixes: Mapping[str, str] | None = None,
    *,
    strict: bool = True,
) -> Transplant:
    """Return a state with the weights of another, part by part, by the prefixes of their names.

    Nothing is changed in place and nothing is copied: the result holds the tensors of both.

    Args:
        into: State of the network that receives.
        source: State of the network that gives.
        prefixes: For each prefix of names in `source` the one in `into`, such as
            `{"sss.a.": "sss.b."}`; `{"": "ssl."}` takes a whole network as one part. By default all
            names stay as they are.
        strict: Whether it is an error if something does not fit. What `prefixes` do not name stays
            as it is and never counts.

    Raises:
        KeyError: If something does not fit and `strict`; the error lists all of it.
        ValueError: If two prefixes lead to the same name.

    Examples:
        >>> from torch import nn
        >>> one, two = nn.Linear(3, 2), nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))
        >>> state = transplant(two.state_dict(), one.state_dict(), {"": "0."}).state
        >>> two.load_state_dict(state)
        <All keys matched successfully>
        >>> bool((two[0].weight == one.weight).all())
        True
    """
    renamings = {"": ""} if prefixes is None else prefixes
    origin: dict[str, str] = {}  # names in `into` by those in `source`
    for old, new in renamings.items():
        names = {new + name.removeprefix(old): name for name in source if name.startswith(old)}
        twice = sorted(names.keys() & origin.keys())
        if twice:
            raise ValueError(f"prefixes must lead to different names, got twice {twice}")
        origin |= names
    fitting = {
        new: source[old]
        for new, old in origin.items()
        if new in into and into[new].shape == source[old].shape
    }
    receiving = tuple(renamings.values())
    missing = [name for name in into if name.startswith(receiving) and name not in fitting]
    unexpected = [old for new, old in origin.items() if new not in fitting]
    if strict and missing + unexpected:
        raise KeyError(f"weights do not fit: missing {missing}, unexpected {unexpected}")
    return Transplant({**into, **fitting}, missing, unexpected)
