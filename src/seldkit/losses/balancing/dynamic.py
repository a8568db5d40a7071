"""Dynamic weight average: weights from how fast each loss falls."""

from collections.abc import Iterable

import torch
from torch import Tensor

from seldkit._checks import check_positive
from seldkit._typing import Float
from seldkit.losses.balancing.base import TASKS
from seldkit.losses.balancing.records import RecordBalancer, check_record


class DynamicWeightAverage(RecordBalancer):
    r"""Give more to the task whose loss falls slowly, whatever its scale.

    With $\gamma_i^{(r)}$ the mean loss of task $i$ in record $r$ and $K$ tasks, the weights of the
    next record are

    $$w_i^{(r+1)} = K \, \operatorname{softmax}_i
    \left( \frac{\gamma_i^{(r)} / \gamma_i^{(r-1)}}{T} \right)$$

    and 1 in the first two records.

    Losses are averaged over all processes before they are recorded, and recorded in training mode
    alone. A step with a loss that is nan or infinite is not recorded: the weights stay as they
    were, and the returned total is what the losses make of it. A record in which the mean loss of a
    task is not above 1e-8 goes on until it is. The records travel with the `state_dict`.

    Source: Liu, Johns and Davison, "End-to-end multi-task learning with attention", CVPR 2019.

    Args:
        tasks: Names of the tasks.
        temperature: The $T$ above: the larger, the more equal the weights.
        record: Calls in a record; the paper takes those of an epoch.

    Raises:
        ValueError: If `temperature` or `record` is not positive, or names come twice.

    Examples:
        >>> balancer = DynamicWeightAverage(temperature=1.0)
        >>> for sed, doa in ((4.0, 4.0), (2.0, 4.0), (1.0, 4.0)):
        ...     total = balancer({"sed": torch.tensor(sed), "doa": torch.tensor(doa)})
        >>> {name: round(weight, 3) for name, weight in balancer.weights.items()}
        {'doa': 1.245, 'sed': 0.755}
    """

    def __init__(
        self, tasks: Iterable[str] = TASKS, *, temperature: float = 2.0, record: int = 1
    ) -> None:
        check_positive(temperature=temperature)
        check_record(record, running=False)
        super().__init__(tasks, record)
        self.temperature = temperature

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        return f"{self.tasks}, temperature={self.temperature}, record={self.record}"

    def _weights(self) -> Float[Tensor, " task"]:
        latest, before = self.last_means
        return len(latest) * torch.softmax(latest / before / self.temperature, dim=0)
