"""In what precision features are computed, whatever the module and its surroundings are cast to.

Levels reach over a hundred decibels and bands sum hundreds of bins: half precision has too few
digits for windows, tables and sums. So constants stay in float32 or better, features are computed
in float32 or better, and only the result is cast.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from seldkit._typing import Float

Cast = Callable[[Tensor], Tensor]

_SINGLE = torch.finfo(torch.float32).bits // 8  # bytes of a number


class PreciseModule(nn.Module):
    """A module whose floats stay float32 or better when it is cast, as those of its children do.

    Constants are made in float64. `.float()` makes them float32, `.double()` what they were;
    `.half()` and `.bfloat16()` leave them.
    """

    def __init__(self) -> None:
        super().__init__()
        self._exact: dict[str, Tensor] = {}

    def register_constant(self, name: str, value: Float[Tensor, "*axes"]) -> None:
        """Register a float64 buffer that is no part of the `state_dict`."""
        self.register_buffer(name, value, persistent=False)
        self._exact[name] = value

    def _apply(self, fn: Cast, recurse: bool = True) -> "PreciseModule":
        before = {name: self._buffers[name] for name in self._exact}
        super()._apply(lambda x: _single_at_least(fn, x), recurse)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        for name, buffer in before.items():
            after = self._buffers[name]
            if buffer is None or after is None or after.dtype == buffer.dtype:
                continue
            if after.dtype == torch.float64:
                self._buffers[name] = self._exact[name].to(after.device)
        return self


def asked_dtype(fn: Cast) -> torch.dtype | None:
    """Return the type of floats that `Module._apply` is asked for, or None if it is not."""
    dtypes = {fn(torch.empty(0, dtype=dtype)).dtype for dtype in (torch.float16, torch.float32)}
    return dtypes.pop() if len(dtypes) == 1 else None


def widened(x: Float[Tensor, "*axes"], dtype: torch.dtype | None = None) -> Float[Tensor, "*axes"]:
    """Return a tensor in the precision that its features are computed in.

    Args:
        x: Floats of any precision.
        dtype: The precision that is wanted of the result, if any is.
    """
    wanted = x.dtype if dtype is None else torch.promote_types(x.dtype, dtype)
    return x.to(torch.promote_types(wanted, torch.float32))


def without_autocast(x: Tensor) -> AbstractContextManager[object]:
    """Return a context in which products on the device of a tensor keep their precision."""
    kind = x.device.type
    if torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind):
        return torch.autocast(kind, enabled=False)
    return nullcontext()


def _single_at_least(fn: Cast, x: Tensor) -> Tensor:
    after = fn(x)
    if x.is_floating_point() and after.element_size() < _SINGLE <= x.element_size():
        return x.detach().to(after.device)
    return after
