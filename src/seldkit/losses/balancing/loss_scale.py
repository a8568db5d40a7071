"""Loss scale balancing: weights that keep the shares of the tasks and stress slow ones."""

from collections.abc import Iterable, Mapping
from math import isfinite
from warnings import warn

import torch
from torch import Tensor

from seldkit._checks import check_number, check_weight
from seldkit._typing import Bool, Float
from seldkit.losses.balancing.base import TASKS
from seldkit.losses.balancing.records import Record, RecordBalancer, check_record


class LossScaleBalancer(RecordBalancer):
    r"""Give each task its share of the total, and more to the one whose loss falls slowly.

    The losses are averaged over records. With $\gamma_i^{(r)}$ the mean loss of task $i$ in record
    $r$, $e_i^{(r)}$ its weight in it, $\gamma^{(r)} = \sum_i e_i^{(r)} \gamma_i^{(r)}$ and $p_i$
    its priority, the weights of the next record are

    $$e_i^{(r+1)} = A \, D_i \, p_i \frac{\gamma^{(r)}}{\gamma_i^{(r)}}, \qquad
    D_i = \left( \frac{\gamma_i^{(r)} / \gamma_i^{(r-1)}}{\gamma^{(r)} / \gamma^{(r-1)}}
    \right)^{\beta}, \qquad A = \frac{1}{\sum_i p_i D_i}$$

    for $K$ tasks $1 / K$ in the first record, and $D_i = A = 1$ in the second. So
    $\sum_i e_i^{(r+1)} \gamma_i^{(r)} = \gamma^{(r)}$: what changes is the shares, not the sum.
    The published equation for $A$ takes the first task's priority for both, which lets the weights
    grow without bound unless it is 0.5; it is read as printed here.

    Losses are averaged over all processes before they are recorded, and recorded in training mode
    alone. A step with a loss that is nan or infinite is not recorded: the weights stay as they
    were, and the returned total is what the losses make of it. A record in which the mean loss of a
    task is not above 1e-8 goes on until it is. The records travel with the `state_dict`, so a
    resumed run goes on as if it had not been stopped.

    Source: J.-H. Lee, C. Lee and C.-S. Kim, "Learning multiple pixelwise tasks based on loss scale
    balancing", ICCV 2021, as the ROAM paper on L3DAS22 Task 2 writes it, equations 8 to 13.

    Args:
        priorities: Name of each task and its part of the total, any positive numbers; equal parts
            of `tasks` if None.
        tasks: Names of the tasks, where there are no priorities.
        record: `"running"`: each call makes a record, the mean over all calls so far, as the ROAM
            paper words it. A number: each so many calls make one, such as an epoch's.
        exponent: The $\beta$ above: 0 keeps the shares at the priorities. It is a plain attribute:
            set it between calls to follow a schedule, such as from 0 to 1 over a run.

    Raises:
        TypeError: If a priority or `exponent` is no number.
        ValueError: If a priority is not positive and finite, `record` is neither, or `exponent` is
            negative or not finite; if `tasks` are given and not those of the priorities.

    Warns:
        UserWarning: If `record` is 1: the scale of the total then walks at random.

    Examples:
        >>> balancer = LossScaleBalancer({"sed": 0.25, "doa": 0.75})
        >>> losses = {"sed": torch.tensor(1.0), "doa": torch.tensor(3.0)}
        >>> balancer(losses), balancer.weights
        (tensor(2.), {'doa': 0.5, 'sed': 0.5})
        >>> balancer(losses), balancer.weights
        (tensor(2.), {'doa': 0.5, 'sed': 0.5})
        >>> balancer({"sed": torch.tensor(1.0), "doa": torch.tensor(1.0)})
        tensor(1.)
    """

    last_total: Tensor

    def __init__(
        self,
        priorities: Mapping[str, float] | None = None,
        *,
        tasks: Iterable[str] = TASKS,
        record: Record = "running",
        exponent: float = 1.0,
    ) -> None:
        check_record(record, running=True)
        check_weight(exponent=exponent)
        for name, priority in (priorities or {}).items():
            check_number(**{f"priority of {name!r}": priority})
            if not (isfinite(priority) and priority > 0):
                raise ValueError(f"priorities must be positive, got {priority} for {name!r}")
        if priorities is not None and set(tasks) not in (set(TASKS), set(priorities)):
            raise ValueError(f"tasks must be those of priorities, {list(priorities)}, got {tasks}")
        super().__init__(tasks if priorities is None else priorities, record)
        if record == 1:
            reason = "the scale of the total walks at random; take 'running' or a longer record"
            warn(f"record=1 follows the noise of each call: {reason}", UserWarning, stacklevel=2)
        self.exponent = exponent
        self.priorities = dict(priorities or dict.fromkeys(self.tasks, 1.0))
        whole = sum(self.priorities.values())
        self._shares = [self.priorities[task] / whole for task in self.tasks]
        self.register_buffer("last_total", torch.ones(()))

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        return f"{self.priorities}, record={self.record!r}, exponent={self.exponent}"

    def _weights(self) -> Float[Tensor, " task"]:
        latest, before = self.last_means
        # The fall of the total in D is common to all tasks, so A cancels it.
        shares = self._constants(self._shares, latest) * (latest / before) ** self.exponent
        weights = shares / shares.sum() * self.last_total / latest
        return torch.where(self.num_records > 0, weights, 1 / len(latest))

    def _record(
        self, values: Float[Tensor, " task"], weights: Float[Tensor, " task"]
    ) -> Bool[Tensor, ""]:
        closed = super()._record(values, weights)
        total = (weights * self.last_means[0]).sum()
        self.last_total.copy_(torch.where(closed, total, self.last_total))
        return closed
