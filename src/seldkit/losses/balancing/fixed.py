"""Weights that stay as they are."""

from math import isfinite

from torch import Tensor

from seldkit._checks import check_number
from seldkit._typing import Float
from seldkit.losses.balancing.base import Balancer


class FixedWeights(Balancer):
    r"""Fixed weights: $\sum_i w_i l_i$.

    They are settings, not state: a resumed run takes the weights it is given. A loss that is nan or
    infinite makes the total so.

    Args:
        sed: Weight of the loss named `sed`; None leaves it out, whether it comes or not.
        doa: Weight of the loss named `doa`, likewise.
        others: Weights of the losses of other names.

    Raises:
        TypeError: If a weight is no number.
        ValueError: If a weight is negative or not finite, or there is none.

    Examples:
        >>> import torch
        >>> balancer = FixedWeights(sed=0.25, doa=0.75)
        >>> balancer({"sed": torch.tensor(4.0), "doa": torch.tensor(8.0)})
        tensor(7.)
        >>> balancer.weights
        {'doa': 0.75, 'sed': 0.25}
    """

    def __init__(
        self, sed: float | None = 0.5, doa: float | None = 0.5, **others: float | None
    ) -> None:
        settings = {"sed": sed, "doa": doa, **others}
        weights = {name: w for name, w in settings.items() if w is not None}
        check_number(**weights)
        weights = {name: float(w) for name, w in weights.items()}
        wrong = {name: w for name, w in weights.items() if not (isfinite(w) and w >= 0)}
        if wrong or not weights:
            raise ValueError(f"weights must be finite and at least 0, got {wrong or settings}")
        super().__init__(weights)
        self._left_out = frozenset(settings) - frozenset(weights)
        self._settings = settings
        self._fixed = [weights[task] for task in self.tasks]

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        return ", ".join(f"{name}={weight}" for name, weight in self._settings.items())

    def total(self, values: Float[Tensor, " task"]) -> Float[Tensor, ""]:
        """Return the sum under the weights given."""
        return self.weighted(values, self._constants(self._fixed, values))
