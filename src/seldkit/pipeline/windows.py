"""Windows of long audio, cut from a signal that comes in blocks."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from seldkit._typing import Float


@contextmanager
def evaluating(*modules: nn.Module) -> Iterator[None]:
    """Have modules in evaluation mode for a while, and then each of their parts as it was."""
    training = [part for module in modules for part in module.modules() if part.training]
    if not training:
        yield
        return
    try:
        for module in modules:
            module.eval()
        yield
    finally:
        for part in training:
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
