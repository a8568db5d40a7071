"""Uncertainty weights: a learned variance of each task."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from seldkit._checks import check_number
from seldkit._typing import Float
from seldkit.losses.balancing.base import TASKS, Balancer, mean_over_processes


class UncertaintyWeights(Balancer):
    r"""Divide each loss by a learned variance, and pay for the variance.

    $$\tfrac{1}{2} \sum_i \left( e^{-s_i} \, l_i + s_i \right), \qquad s_i = \log \sigma_i^2$$

    which is least where $\sigma_i^2 = l_i$. The loss of a classification (a cross-entropy) has
    twice the weight, $e^{-s_i} l_i + s_i / 2$, if it is named as one.

    `log_variance` is a parameter: give `balancer.parameters()` to the optimiser too. Its gradient
    follows from the losses averaged over all processes, so it is the same in each.

    A loss that is
    nan or infinite makes the total so, but gives `log_variance` a gradient of zero.

    Source: Kendall, Gal and Cipolla, "Multi-task learning using uncertainty to weigh losses for
    scene geometry and semantics", CVPR 2018.

    Args:
        tasks: Names of the tasks.
        initial: The first $s_i$. The paper does not say; -0.5 is LibMTL's.
        half: Whether to keep the factor 1/2. Many programs leave it out, which doubles the total.
        classification: Those of the tasks whose loss is that of a classification, such as
            `("sed",)`.

    Attributes:
        log_variance: The $s_i$ in sorted order of the names, `[task]`.

    Raises:
        TypeError: If `initial` is no number.
        ValueError: If names come twice, or `classification` has one that is no task.

    Examples:
        >>> balancer = UncertaintyWeights(initial=0.0)
        >>> balancer({"sed": torch.tensor(4.0), "doa": torch.tensor(1.0)})
        tensor(2.5000, grad_fn=<AddBackward0>)
    """

    def __init__(
        self,
        tasks: Sequence[str] = TASKS,
        *,
        initial: float = -0.5,
        half: bool = True,
        classification: Sequence[str] = (),
    ) -> None:
        check_number(initial=initial)
        super().__init__(tasks)
        unknown = sorted(set(classification) - set(self.tasks))
        if unknown:
            raise ValueError(f"classification must be among {list(self.tasks)}, got {unknown}")
        # Not `half`: that is what every module is cast to half precision by.
        self.initial, self.halved, self.classification = initial, half, tuple(classification)
        self.log_variance = nn.Parameter(torch.empty(len(self.tasks)))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start again from the first variances."""
        nn.init.constant_(self.log_variance, self.initial)

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        settings = f"initial={self.initial}, half={self.halved}"
        return f"{self.tasks}, {settings}, classification={self.classification}"

    def total(self, values: Float[Tensor, " task"]) -> Float[Tensor, ""]:
        """Return the sum of the losses over their variances, and what the variances cost."""
        # The losses of this process train the network, those of all processes the variances.
        seen = values.detach()
        seen = mean_over_processes(seen) if self.training else seen
        known = seen.isfinite().all()
        log_variance = torch.where(known, self.log_variance, self.log_variance.detach())
        scale = 0.5 if self.halved else 1.0
        factors = [2 * scale if task in self.classification else scale for task in self.tasks]
        weights = self._constants(factors, values) * torch.exp(-log_variance)
        gradient_alone = (weights - weights.detach()) * torch.where(known, seen, 0.0)
        penalty = (gradient_alone + scale * log_variance).sum()
        return self.weighted(values, weights) + penalty
