"""States of which every process of a training has its own."""

from collections.abc import Mapping
from typing import Any

from seldkit.data._group import gather, place
from seldkit.data._parts import Part, check_part, state_of, take_up
from seldkit.data._tree import pack, unpack


class PerProcess:
    """A part of a checkpoint that differs between the processes of a training: a generator.

    A checkpoint is written by the first process. What all processes share, such as a model, it has
    itself; of what they do not share it would keep its own alone. Wrapped in this, the states of
    all are kept, and each process takes up its own.

    Args:
        part: A generator of torch or NumPy, or anything with a state.

    Raises:
        TypeError: If it has no state.

    Examples:
        >>> import torch
        >>> generator = torch.Generator().manual_seed(3)
        >>> chance = PerProcess(generator)
        >>> state = chance.state_dict()
        >>> first = torch.rand(2, generator=generator)
        >>> chance.load_state_dict(state)
        >>> torch.equal(torch.rand(2, generator=generator), first)
        True
    """

    def __init__(self, part: Part) -> None:
        check_part("part", part)
        self.part = part

    def state_dict(self) -> dict[str, Any]:
        """Return the states of all processes, each of which must call it."""
        tensors: dict[str, Any] = {}
        tree = pack(state_of("part", self.part), "part", tensors)  # tensors go to the CPU
        return {"processes": [unpack(*packed) for packed in gather((tree, tensors))]}

    def load_state_dict(self, state_dict: Mapping[str, Any], /) -> None:
        """Take up the state of this process.

        Raises:
            ValueError: If there were more processes, or fewer.
        """
        rank, size = place()
        states = state_dict["processes"]
        if len(states) != size:
            raise ValueError(f"it was saved by {len(states)} processes and goes on with {size}")
        take_up(self.part, states[rank])
