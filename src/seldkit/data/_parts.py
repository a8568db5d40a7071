"""What a checkpoint is made of: whatever gives its state and takes it up."""

from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor


@runtime_checkable
class Stateful(Protocol):
    """What a checkpoint holds: a module, an optimiser, a schedule."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state as nested dictionaries and lists of tensors and plain values."""
        ...

    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any:
        """Take up a state."""
        ...


Part = Stateful | torch.Generator | np.random.Generator


def check_part(name: str, part: object) -> None:
    """Raise `TypeError` unless it has a state."""
    if not isinstance(part, Stateful | torch.Generator | np.random.Generator):
        raise TypeError(f"{name} must have a state, got {type(part).__name__}")


def state_of(name: str, part: Part) -> Any:
    """Return the state of a part, or raise an error that names it."""
    check_part(name, part)
    if isinstance(part, torch.Generator):
        return part.get_state()
    return part.bit_generator.state if isinstance(part, np.random.Generator) else part.state_dict()


def take_up(part: Part, state: Any) -> None:
    """Give a part a state."""
    if isinstance(part, torch.Generator):
        part.set_state(state)
    elif isinstance(part, np.random.Generator):
        part.bit_generator.state = state
    else:
        part.load_state_dict(state)
        if hasattr(part, "param_groups"):
            _lay_out(part)


def _lay_out(optimizer: Any) -> None:
    """Give the state of each weight its memory order: fused optimisers read both side by side."""
    for weight, state in optimizer.state.items():
        for name, value in state.items():
            if not isinstance(value, Tensor) or value.shape != weight.shape:
                continue
            like = torch.empty_like(weight, dtype=value.dtype, device=value.device)
            if value.stride() != like.stride():
                state[name] = like.detach().copy_(value)
