"""GradNorm: learned weights that bring the gradients of all tasks to one scale."""

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from seldkit._checks import check_number
from seldkit._typing import Float
from seldkit.losses.balancing.base import (
    SMALLEST,
    TASKS,
    Balancer,
    NamedLosses,
    mean_over_processes,
)


class GradNorm(Balancer):
    r"""Learn weights under which all tasks train at one rate.

    The gradient of a weighted loss with respect to the last shared layer $W$ has the norm
    $G_i = w_i \lVert \nabla_W l_i \rVert$. The task whose loss has fallen least since the start is
    to have the largest:

    $$L = \sum_i \left| G_i - \bar G \, r_i^\alpha \right|, \qquad
    r_i = \frac{l_i / l_i^{(0)}}{\frac{1}{K} \sum_j l_j / l_j^{(0)}}$$

    with the aim $\bar G \, r_i^\alpha$ taken as a constant. The total is $\sum_i w_i l_i + L$: the
    sum trains the network and $L$ the weights, neither the other. A call costs one more backward
    pass per task, from the losses to the shared layer.

    `weight` is a parameter: give `balancer.parameters()` to the optimiser too, without weight
    decay. At each call in training mode the weights are made positive (1e-8 at least) with the
    sum $K$.

    Losses and
    norms are averaged over all processes, so that the weights are the same in each. The first loss
    of a task is its first above 1e-8; until all tasks have one, the weights do not learn. Nor do
    they where a loss or a norm is nan or infinite; the total is then what the losses make of it.
    The first losses travel with the `state_dict`. In evaluation mode the total is the sum alone.

    Source: Chen et al., "GradNorm: gradient normalization for adaptive loss balancing in deep
    multitask networks", ICML 2018.

    Args:
        parameters: Those of the last layer that all tasks share. They stay the network's: they are
            no parameters of this module.
        tasks: Names of the tasks.
        exponent: The $\alpha$ above: the larger, the harder the tasks are held to one rate.

    Attributes:
        weight: The $w_i$ in sorted order of the names, `[task]`.
        initial: The first losses, `[task]`, nan before.

    Raises:
        TypeError: If `exponent` is no number.
        ValueError: If there is no parameter, or names come twice; when called in training mode, if
            a loss does not depend on the parameters.

    Examples:
        >>> shared = nn.Parameter(torch.tensor([2.0, 2.0]))
        >>> balancer = GradNorm(shared)
        >>> balancer({"sed": shared.sum(), "doa": 3 * shared.sum()}).backward()
        >>> doa, sed = balancer.weight.grad.sign()
        >>> doa, sed  # the weight of the larger gradient is to fall, the other to rise
        (tensor(1.), tensor(-1.))
    """

    initial: Tensor

    def __init__(
        self,
        parameters: nn.Parameter | Iterable[nn.Parameter],
        tasks: Iterable[str] = TASKS,
        *,
        exponent: float = 1.5,
    ) -> None:
        check_number(exponent=exponent)
        super().__init__(tasks)
        # In a tuple, because a module takes a parameter that is its attribute for its own.
        self._shared = (parameters,) if isinstance(parameters, Tensor) else tuple(parameters)
        if not self._shared:
            raise ValueError("parameters must be those of a shared layer, got none")
        self.exponent = exponent
        self.weight = nn.Parameter(torch.empty(len(self.tasks)))
        self.register_buffer("initial", torch.empty(len(self.tasks)))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start again with equal weights, and forget the first losses."""
        nn.init.ones_(self.weight)
        self.initial.fill_(torch.nan)

    def forward(self, losses: Mapping[str, Tensor] | NamedLosses) -> Float[Tensor, ""]:
        """Return the weighted sum of the losses and, in training mode, what trains the weights.

        It takes and raises what every [`Balancer`][seldkit.losses.Balancer] does, and `ValueError`
        if a loss does not depend on the shared parameters.
        """
        parts = self._in_order(losses)
        values = torch.stack(parts)
        positive = self.weight.detach().clamp(min=SMALLEST)
        weights = len(values) * positive / positive.sum()
        total = self.weighted(values, weights)
        if not self.training:
            return total
        with torch.no_grad():
            self.weight.copy_(weights)
        pairs = zip(self.tasks, parts, strict=True)
        norms = torch.stack([self._norm(task, loss) for task, loss in pairs])
        return total + self._gap(*mean_over_processes(torch.stack([values.detach(), norms])))

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        return f"{self.tasks}, exponent={self.exponent}"

    def _norm(self, task: str, loss: Tensor) -> Float[Tensor, ""]:
        """Return the norm of the gradient of a loss with respect to the shared parameters."""
        gradients: Sequence[Tensor | None] = [None]
        if loss.requires_grad:
            gradients = torch.autograd.grad(
                loss, self._shared, retain_graph=True, allow_unused=True
            )
        squares = [g.to(loss.dtype).square().sum() for g in gradients if g is not None]
        if not squares:
            rule = "every loss must depend on the parameters in training mode"
            raise ValueError(f"{rule}, got {task!r}, which does not")
        return torch.stack(squares).sum().sqrt()

    def _gap(
        self, losses: Float[Tensor, " task"], norms: Float[Tensor, " task"]
    ) -> Float[Tensor, ""]:
        """Return how far the norms of the weighted gradients are from where they should be."""
        known = losses.isfinite().all() & norms.isfinite().all()
        first = self.initial.isnan() & known & (losses > SMALLEST)
        self.initial.copy_(torch.where(first, losses, self.initial))
        left = losses / self.initial
        weighted = self.weight.detach() * norms
        aim = weighted.mean() * (left / left.mean().clamp(min=SMALLEST)) ** self.exponent
        known = known & aim.isfinite().all()
        weighted = self.weight * torch.where(known, norms, 0.0)
        return (weighted - torch.where(known, aim, 0.0)).abs().sum()
