"""What weights lie in, what their names begin with, and whether they are those of a network."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor

_WRAPPERS = ("model", "state_dict", "model_state_dict", "seld_model")
_PREFIXES = re.compile(r"(?:(?:module|net|model|_orig_mod)\.)*")


def bare_weights(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the weights of a checkpoint by their published names.

    Weights may lie in entries `model`, `state_dict`, `model_state_dict` or `seld_model`, also in
    one another, beside what else a checkpoint holds. Their names may begin with `module.`, `net.`,
    `model.` and `_orig_mod.`, in any order, as training in parallel, Lightning and the compiler
    leave them.

    Raises:
        TypeError: If it is no mapping.
        KeyError: If it holds weights in two entries, or two names are one but for their beginning.

    Examples:
        >>> bare_weights({"epoch": 3, "state_dict": {"net._orig_mod.fc.bias": Tensor([1.0])}})
        {'fc.bias': tensor([1.])}
        >>> bare_weights({"fc.bias": Tensor([1.0]), "module.fc.bias": Tensor([1.0])})
        Traceback (most recent call last):
        ...
        KeyError: "names of weights must differ, got twice: ['fc.bias', 'module.fc.bias']"
    """
    if not isinstance(checkpoint, Mapping):
        raise TypeError(f"weights must be a mapping from names, got {type(checkpoint).__name__}")
    held = [name for name in _WRAPPERS if isinstance(checkpoint.get(name), Mapping)]
    if len(held) > 1:
        raise KeyError(f"a checkpoint must hold weights in one entry, got {held}")
    if held:
        return bare_weights(checkpoint[held[0]])
    names = without_beginnings(checkpoint, _PREFIXES)
    return {bare: checkpoint[name] for bare, name in names.items()}


def without_beginnings(names: Iterable[Any], beginning: re.Pattern[str]) -> dict[str, Any]:
    """Return the names without what they begin with, each with the whole name.

    Raises:
        KeyError: If two names are one then; the error lists all such names.
    """
    whole: defaultdict[str, list[Any]] = defaultdict(list)
    for name in names:
        whole[beginning.sub("", str(name), count=1)].append(name)
    twice = sorted(str(name) for same in whole.values() if len(same) > 1 for name in same)
    if twice:
        raise KeyError(f"names of weights must differ, got twice: {twice}")
    return {bare: same[0] for bare, same in whole.items()}


def check_names(title: str, names: Mapping[str, str | None], expected: Mapping[str, str]) -> None:
    """Raise `KeyError` unless each expected tensor has its published name, and no name is over.

    Args:
        title: What the weights should be of, quoted in the message.
        names: From each published name to ours, None where there is none.
        expected: From each of our names to the published one.

    Examples:
        >>> check_names("EINV2", {"a": "x", "c": None}, {"x": "a", "y": "b"})
        Traceback (most recent call last):
        ...
        KeyError: "these are not the weights of EINV2; unknown: ['c']; missing: ['b (here y)']"
    """
    unknown = sorted(old for old, new in names.items() if new is None or expected.get(new) != old)
    missing = sorted(f"{old} (here {new})" for new, old in expected.items() if old not in names)
    if unknown or missing:
        raise KeyError(
            f"these are not the weights of {title}; unknown: {unknown}; missing: {missing}"
        )
