"""What was read last stays in memory, up to a size."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, Protocol, TypeVar, runtime_checkable


@runtime_checkable
class Sized(Protocol):
    """What knows its size in memory, as arrays do."""

    @property
    def nbytes(self) -> int:
        """Size in bytes."""


Value = TypeVar("Value", bound=Sized)


class Recent(Generic[Value]):
    """Values by their keys; the least recently used one goes first. Threads may share it.

    A copy in another process begins empty.

    Args:
        megabytes: How much is kept; one value in any case.

    Examples:
        >>> import numpy as np
        >>> recent = Recent(1e-6)
        >>> recent.get("a", lambda: np.zeros(1)) is recent.get("a", lambda: np.zeros(1))
        True
    """

    def __init__(self, megabytes: float) -> None:
        self._limit = megabytes * 1e6
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return the value of a key, made if it is not there."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make()
        with self._lock:
            self._values[key] = value
            while len(self._values) > 1 and self._size() > self._limit:
                self._values.popitem(last=False)
        return value

    def _size(self) -> int:
        return sum(value.nbytes for value in self._values.values())

    def __reduce__(self) -> tuple[type["Recent[Value]"], tuple[float]]:
        return type(self), (self._limit / 1e6,)
