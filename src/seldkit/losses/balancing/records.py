"""Records of the losses, and the balancers that follow them."""

from collections.abc import Iterable
from typing import Any, Literal

import torch
from torch import Tensor

from seldkit._checks import integer
from seldkit._typing import Bool, Float
from seldkit.losses.balancing.base import SMALLEST, Balancer, mean_over_processes

Record = Literal["running"] | int


class RecordBalancer(Balancer):
    """A balancer whose weights follow from the mean losses of the last two records.

    A step with a loss that is nan or infinite is left out. A record that is due stays open until
    the mean loss of every task is above 1e-8, because one that is not has no scale to divide by.

    The choices are made by `torch.where`, so that a GPU is never waited for.

    Args:
        tasks: Names of the tasks.
        record: Calls in a record, or `"running"`: each call closes a record that began with the
            first call.

    Attributes:
        running_mean: Mean losses of the open record, `[task]`.
        running_steps: Steps in it.
        num_records: Records closed so far.
        last_means: Mean losses of the last closed record and of the one before, `[2, task]`.
    """

    running_mean: Tensor
    running_steps: Tensor
    num_records: Tensor
    last_means: Tensor

    def __init__(self, tasks: Iterable[str], record: Record) -> None:
        super().__init__(tasks)
        self.record: Record = record if record == "running" else int(record)
        self.register_buffer("running_mean", torch.zeros(len(self.tasks)))
        self.register_buffer("running_steps", torch.zeros((), dtype=torch.int64))
        self.register_buffer("num_records", torch.zeros((), dtype=torch.int64))
        self.register_buffer("last_means", torch.ones(2, len(self.tasks)))

    def total(self, values: Float[Tensor, " task"]) -> Float[Tensor, ""]:
        """Return the sum under the weights that the records make, and record the losses."""
        self._follow(values)
        weights = self._weights()
        if self.training:
            with torch.no_grad():
                self._record(mean_over_processes(values.detach()), weights)
        return self.weighted(values, weights)

    def _weights(self) -> Float[Tensor, " task"]:
        raise NotImplementedError

    def _record(
        self, values: Float[Tensor, " task"], weights: Float[Tensor, " task"]
    ) -> Bool[Tensor, ""]:
        """Add a step to the open record, and return whether that closed it."""
        known = values.isfinite().all()
        steps = self.running_steps + known
        change = torch.where(known, values - self.running_mean, 0.0)
        mean = self.running_mean + change / steps.clamp(min=1)
        due = steps >= (1 if self.record == "running" else self.record)
        closed = known & due & (mean > SMALLEST).all()
        # The first record stands for the one before it too.
        before = torch.where(self.num_records > 0, self.last_means[0], mean)
        self.last_means.copy_(torch.where(closed, torch.stack([mean, before]), self.last_means))
        self.num_records += closed
        if self.record != "running":
            mean, steps = torch.where(closed, 0.0, mean), torch.where(closed, 0, steps)
        self.running_mean.copy_(mean)
        self.running_steps.copy_(steps)
        return closed

    # Also where the first call is a validation in inference mode, training goes on with them.
    @torch.inference_mode(mode=False)
    def _follow(self, values: Tensor) -> None:
        """Keep the records where the losses are, and as precise as they are."""
        dtype = torch.promote_types(self.last_means.dtype, values.dtype)
        for name, buffer in list(self.named_buffers()):
            wanted = dtype if buffer.is_floating_point() else buffer.dtype
            if (buffer.dtype, buffer.device) != (wanted, values.device):
                setattr(self, name, buffer.to(values.device, wanted))

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        for name, buffer in list(self.named_buffers()):
            saved = state_dict.get(prefix + name, buffer)
            setattr(self, name, buffer.to(saved.dtype))  # so that no digit of it is lost
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


def check_record(record: Record, *, running: bool) -> None:
    """Raise `ValueError` unless `record` is a number of calls, or "running" where that is known."""
    if running and isinstance(record, str) and record == "running":
        return
    try:
        is_count = integer("record", record) > 0
    except TypeError:
        is_count = False
    if not is_count:
        rule = "'running' or a positive integer" if running else "a positive integer"
        raise ValueError(f"record must be {rule}, got {record!r}")
