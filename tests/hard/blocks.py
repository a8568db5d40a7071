"""What it takes to try a block: how to build it, what it reads, and what it may do."""

import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils import _pytree

from house import SOURCE

TIME = -1
"""Stands for the number of frames or samples in a shape."""


class Block(NamedTuple):
    """What takes tensors, each with an item of a batch in every row.

    Attributes:
        make: Builds a module or a function of tensors.
        shapes: Axes of each tensor behind the batch.
        time: Frames or samples that `TIME` stands for.
        kind: What the tensors hold.
        partly: Why some of the output does not depend on an item.
        answers: What is promised of nan instead of nan.
        together: Why an item may change what becomes of others.
        undefined: Why there may be nan though there is none in what comes in.
    """

    make: Callable[[], Callable[..., Any]]
    shapes: tuple[tuple[int, ...], ...]
    time: int = 12
    kind: torch.dtype = torch.float32
    partly: str = ""
    answers: str = ""
    together: str = ""
    undefined: str = ""

    def filled(
        self, fill: Callable[[tuple[int, ...]], Tensor], batch: int, time: int | None = None
    ) -> list[Tensor]:
        """Return tensors of a filling, of a length or of the block's own."""
        length = self.time if time is None else time
        sizes = [tuple(length if n == TIME else n for n in axes) for axes in self.shapes]
        return [fill((batch, *size)).to(self.kind) for size in sizes]


class With(nn.Module):
    """A module that is called with more than tensors."""

    def __init__(self, module: nn.Module, call: Callable[..., Any]) -> None:
        super().__init__()
        self.module, self.call = module, call

    def forward(self, *inputs: Tensor) -> Any:
        """Return what the call returns."""
        return self.call(self.module, *inputs)


def each(function: Callable[..., Any]) -> Callable[..., list[Tensor]]:
    """Return a function of one item as one of batches."""

    def of_batch(*inputs: Tensor) -> list[Tensor]:
        made = [function(*item) for item in zip(*inputs, strict=True)]
        return [torch.stack(made)] if made else []

    return of_batch


def is_refusal(error: BaseException) -> bool:
    """Tell whether an error is a refusal of the library, and no accident further down."""
    last = traceback.extract_tb(error.__traceback__)[-1].filename
    return isinstance(error, TypeError | ValueError) and last.startswith(str(SOURCE))


def tensors(output: Any) -> list[Tensor]:
    """Return the floats of an output."""
    leaves = [x for x in _pytree.tree_leaves(output) if isinstance(x, Tensor)]
    return [x for x in leaves if x.is_floating_point() or x.is_complex()]
