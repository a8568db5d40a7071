"""The checker of the run with `--jaxtyping-packages=seldkit,shapes.check`."""

from collections.abc import Callable
from typing import Any

from beartype import BeartypeConf, beartype

_beartype = beartype(conf=BeartypeConf(is_pep484_tower=True))
_checked: dict[tuple[str, ...], Callable[..., Any]] = {}


def check(signature: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that checks its arguments; for a float an int will do, as for mypy.

    It is given a function without a body, once for each time that one is defined. Those within
    other functions are defined at every call: what they accept is worked out the first time.
    """
    key = signature.__module__, signature.__qualname__, str(signature.__annotations__)
    if key not in _checked:
        _checked[key] = _beartype(signature)
    return _checked[key]
