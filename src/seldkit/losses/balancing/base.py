"""What all balancers share: losses by name in, one scalar out."""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, distributed, nn

from seldkit._typing import Float

TASKS = ("sed", "doa")
"""What the losses of SELD are called where nothing else is said."""

SMALLEST = 1e-8
"""A loss that is not larger says nothing about its scale."""


@runtime_checkable
class NamedLosses(Protocol):
    """A `NamedTuple` of scalars, such as [`TaskLosses`][seldkit.losses.TaskLosses]."""

    def _asdict(self) -> dict[str, Any]: ...


class Balancer(nn.Module):
    """One scalar of the losses of several tasks: the base of all balancers.

    Losses come by name, as a [`TaskLosses`][seldkit.losses.TaskLosses] or a mapping;
    `balancer.weights` tells by what each was multiplied in the last call.

    A rule of your own is a subclass with one method, [`total`][seldkit.losses.Balancer.total]. It
    gets the losses in one vector, in sorted order of their names, so numbers of your own are
    buffers or parameters `[task]` in the order of `self.tasks`. They travel with the `state_dict`,
    which also says to which tasks they belong.

    Args:
        tasks: Names of the tasks.

    Attributes:
        tasks: The names in sorted order, so that the order of a mapping does not matter.

    Raises:
        ValueError: If there is no name, or one comes twice.

    Examples:
        >>> class LogBalancer(Balancer):  # the gradients of every logarithm count alike
        ...     def total(self, values):
        ...         return self.weighted(values, 1 / values.clamp(min=1e-8))
        >>> balancer = LogBalancer()
        >>> balancer({"sed": torch.tensor(0.5), "doa": torch.tensor(0.25)})
        tensor(2.)
        >>> balancer.weights
        {'doa': 4.0, 'sed': 2.0}
    """

    def __init__(self, tasks: Iterable[str] = TASKS) -> None:
        super().__init__()
        names = list(tasks)
        if isinstance(tasks, str) or not names or len(set(names)) < len(names):
            raise ValueError(f"tasks must be different names, at least one, got {tasks!r}")
        self.tasks = tuple(sorted(names))
        self._left_out: frozenset[str] = frozenset()
        self._latest: Tensor | None = None
        self._constant: Tensor | None = None

    @property
    def weights(self) -> dict[str, float]:
        """By what each loss was multiplied in the last call; empty before the first.

        Weights of a GPU are waited for when this is read, not when the balancer is called.
        """
        if self._latest is None:
            return {}
        return dict(zip(self.tasks, self._latest.tolist(), strict=True))

    def forward(self, losses: Mapping[str, Tensor] | NamedLosses) -> Float[Tensor, ""]:
        """Return the losses as one scalar.

        Args:
            losses: A scalar of each task, by name.

        Returns:
            A scalar in the precision of the losses, float32 at least.

        Raises:
            KeyError: If the names are not those of the tasks; the error lists both.
            TypeError: If they come without names, or one is no tensor.
            ValueError: If a loss is not a scalar, or there is none.
        """
        return self.total(torch.stack(self._in_order(losses)))

    def total(self, values: Float[Tensor, " task"]) -> Float[Tensor, ""]:
        """Return the scalar to train by; this is what a subclass says.

        Args:
            values: The losses in sorted order of their names, in one precision, float32 at least.
                Their gradients go to the network. In training mode (`self.training`) a rule may
                record them.

        Returns:
            A scalar, mostly `self.weighted(values, weights)`.
        """
        raise NotImplementedError(f"{type(self).__name__} must say its total")

    def weighted(
        self, values: Float[Tensor, " task"], weights: Float[Tensor, " task"]
    ) -> Float[Tensor, ""]:
        """Return the sum of the losses under weights, which are taken as constants and kept.

        Args:
            values: The losses, as `total` gets them.
            weights: What each is multiplied by; `balancer.weights` shows them.
        """
        self._latest = weights.detach().to(values.dtype)
        return (self._latest * values).sum()

    def _in_order(self, losses: Mapping[str, Tensor] | NamedLosses) -> list[Tensor]:
        """Return the losses in the order of the tasks, in one precision."""
        if not isinstance(losses, Mapping | NamedLosses):
            raise TypeError(f"losses must be a mapping or a NamedTuple, got {type(losses)}")
        named = losses if isinstance(losses, Mapping) else losses._asdict()
        kinds = {name: type(loss) for name, loss in named.items() if not isinstance(loss, Tensor)}
        if kinds:
            raise TypeError(f"losses must be tensors, got {kinds}")
        shapes = {name: tuple(loss.shape) for name, loss in named.items() if loss.ndim > 0}
        if shapes or not named:
            raise ValueError(f"losses must be scalars, at least one, got shapes {shapes}")
        names = tuple(sorted(set(named) - self._left_out))
        if names != self.tasks:
            raise KeyError(f"losses must be of {list(self.tasks)}, got {list(names)}")
        dtypes = [named[name].dtype for name in names]
        dtype = reduce(torch.promote_types, dtypes, torch.float32)
        return [named[name].to(dtype) for name in names]

    # Also where the first call is a validation in inference mode, training goes on with it.
    @torch.inference_mode(mode=False)
    def _constants(
        self, numbers: Sequence[float], like: Float[Tensor, " task"]
    ) -> Float[Tensor, " task"]:
        """Return numbers as a tensor, which is kept: to copy them to a GPU is to wait for it."""
        kept = self._constant
        if kept is None or (kept.dtype, kept.device) != (like.dtype, like.device):
            kept = self._constant = like.new_tensor(numbers)
        return kept

    def get_extra_state(self) -> Tensor:
        """Return the names of the tasks as a tensor of bytes: some file formats hold no more."""
        return torch.tensor(list(json.dumps(self.tasks).encode()), dtype=torch.uint8)

    def set_extra_state(self, state: Tensor) -> None:
        """Compare the names of the tasks.

        Raises:
            KeyError: If this balancer has others; the error lists both.
        """
        tasks = json.loads(bytes(state.tolist()))
        if tasks != list(self.tasks):
            raise KeyError(f"state must be of {list(self.tasks)}, got that of {tasks}")


def mean_over_processes(x: Tensor) -> Tensor:
    """Return the mean over all processes of the `torch.distributed` group, if there is one."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return x
    total = x.clone()
    distributed.all_reduce(total)
    return total / distributed.get_world_size()
