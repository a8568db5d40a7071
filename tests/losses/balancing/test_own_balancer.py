"""A rule of one's own, written as a user would: with public names alone."""

import torch
from torch import Tensor, nn

from seldkit.losses import Balancer, TaskLosses


class Smoothed(Balancer):
    """Weights that bring all losses to one height, by their moving averages."""

    mean: Tensor

    def __init__(self, tasks: tuple[str, ...] = ("sed", "doa"), *, rate: float = 0.5) -> None:
        super().__init__(tasks)
        self.rate = rate
        self.register_buffer("mean", torch.ones(len(self.tasks)))

    def total(self, values: Tensor) -> Tensor:
        if self.training:
            self.mean += self.rate * (values.detach() - self.mean)
        return self.weighted(values, 1 / self.mean)


def test_a_rule_of_ones_own_is_a_balancer() -> None:
    balancer, parameter = Smoothed(), nn.Parameter(torch.tensor(3.0))
    balancer(TaskLosses(sed=parameter, doa=5 * parameter)).backward()
    assert balancer.weights == {"doa": 1 / 8, "sed": 0.5}
    assert parameter.grad == 0.5 + 5 / 8
    resumed = Smoothed()
    resumed.load_state_dict(balancer.state_dict())
    assert resumed.mean.tolist() == [8, 2]
