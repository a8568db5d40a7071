"""A rule of one's own, written as a user would: with public names alone."""

import torch
from torch import Tensor

from seldkit.losses import Balancer, TaskLosses


class Smoothed(Balancer):
    """Weights that bring all losses to one height, by their moving averages."""

    mean: Tensor

    def __init__(self, tasks: tuple[str, ...] = ("sed", "doa")) -> None:
        super().__init__(tasks)
        self.register_buffer("mean", torch.ones(len(self.tasks)))

    def total(self, values: Tensor) -> Tensor:
        """Return the sum of the losses over their averages."""
        if self.training:
            self.mean += 0.5 * (values.detach() - self.mean)
        return self.weighted(values, 1 / self.mean)


def test_a_rule_of_ones_own_is_a_balancer() -> None:
    balancer, resumed, losses = Smoothed(), Smoothed(), torch.tensor([3.0, 15.0])
    assert balancer(TaskLosses(*losses)) == 3 / 2 + 15 / 8
    assert balancer.weights == {"doa": 1 / 8, "sed": 1 / 2}
    resumed.load_state_dict(balancer.state_dict())
    assert resumed.mean.tolist() == [8, 2]
