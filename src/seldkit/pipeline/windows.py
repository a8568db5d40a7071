"""Windows of long audio, cut from a signal that comes in blocks."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Lock
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from seldkit._typing import Float

_LOCK = Lock()
_EVALUATED: WeakKeyDictionary[nn.Module, int] = WeakKeyDictionary()
"""Parts that will train again, and how many evaluate them now."""


@contextmanager
def evaluating(*modules: nn.Module) -> Iterator[None]:
    """Have modules in evaluation mode for a while, and then each of their parts as it was.

    Where several threads evaluate a part, it is as it was when the last of them is done.
    """
    with _LOCK:
        parts = dict.fromkeys(part for module in modules for part in module.modules())
        again = [part for part in parts if part.training or (_EVALUATED and part in _EVALUATED)]
        for part in again:
            _EVALUATED[part] = _EVALUATED.get(part, 0) + 1
        for module in modules if again else ():
            module.eval()
    try:
        yield
    finally:
        with _LOCK:
            for part in again:
                _EVALUATED[part] -= 1
                if not _EVALUATED[part]:
                    del _EVALUATED[part]
                    part.training = True


def cut(
    blocks: Iterable[Float[Tensor, "channel _"]], starts: Iterable[int], length: int
) -> Iterator[Float[Tensor, "channel sample"]]:
    """Yield windows of a signal that comes in blocks, silent after its end.

    Of the signal no more is held than a window and a block.

    Args:
        blocks: The signal, block by block; at least one.
        starts: First sample of each window, in order.
        length: Samples of a window.

    Examples:
        >>> signal = torch.arange(1.0, 8.0).reshape(1, 7)
        >>> [window.tolist() for window in cut(signal.split(3, dim=1), [0, 2, 4], 4)]
        [[[1.0, 2.0, 3.0, 4.0]], [[3.0, 4.0, 5.0, 6.0]], [[5.0, 6.0, 7.0, 0.0]]]
    """
    blocks = iter(blocks)
    held, place = next(blocks), 0  # the samples from a place on
    for start in starts:
        parts = [held[:, start - place :]]
        count = parts[0].shape[1]
        while count < length and (block := next(blocks, None)) is not None:
            parts.append(block)
            count += block.shape[1]
        if count < length:
            parts.append(held.new_zeros(len(held), length - count))
        held, place = torch.cat(parts, dim=1), start
        yield held[:, :length]
