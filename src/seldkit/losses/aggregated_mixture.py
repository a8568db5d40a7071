"""The aggregated losses of track-wise networks, mixed."""

from torch import Tensor

from seldkit._checks import check_number
from seldkit._typing import Bool, Float
from seldkit.losses._module import LossModule
from seldkit.losses._reduce import Error, check_error, full_pair, own_precision
from seldkit.losses.aggregated import best_pairs, check_inputs, sums_of_tracks
from seldkit.outputs import SELDOutput


def aggregated_mixture_loss(
    preds: SELDOutput,
    target: SELDOutput,
    *,
    alpha: float = 0.5,
    error: Error = "mse",
    mask: Bool[Tensor, "batch time"] | None = None,
) -> Float[Tensor, ""]:
    """Mixture of both aggregated losses: `alpha * AGG1 + (1 - alpha) * AGG2`.

    Source: the aggregated losses of PSELDNets (Hu et al., github.com/Jinbo-Hu/PSELDNets).

    Args:
        preds: Logits `(batch, time, track, cls)` and directions `(batch, time, track, axis)`.
        target: Activities in 0..1 and unit vectors, same shapes; silent tracks are all zeros.
        alpha: Weight in 0..1 of [`aggregated_pit_loss`][seldkit.losses.aggregated_pit_loss],
            against [`aggregated_sum_loss`][seldkit.losses.aggregated_sum_loss].
        error: Mean squared (`"mse"`) or mean absolute (`"l1"`) error.
        mask: Which frames count; None for all.

    Returns:
        A scalar.

    Raises:
        TypeError: As [`aggregated_pit_loss`][seldkit.losses.aggregated_pit_loss].
        ValueError: Likewise, or if `alpha` is out of range.

    Examples:
        >>> import torch
        >>> output = SELDOutput(torch.zeros(1, 1, 2, 1), torch.eye(3)[:2].expand(1, 1, 2, 3))
        >>> target = SELDOutput(torch.ones(1, 1, 2, 1), output.direction)
        >>> loss = AggregatedMixtureLoss(alpha=0.5)(output, target)  # AGG1 1/12, AGG2 2/12
        >>> loss.round(decimals=3)
        tensor(0.1250)
    """
    _check_alpha(alpha)
    check_inputs("aggregated_mixture_loss", preds, target, error, mask)
    with own_precision(preds.activity):
        preds, target = full_pair(preds, target, mask)
        pairs = best_pairs(preds, target, error, mask)
        sums = sums_of_tracks(preds, target, error, mask)
        return alpha * pairs + (1 - alpha) * sums


class AggregatedMixtureLoss(LossModule):
    """Module form of [`aggregated_mixture_loss`][seldkit.losses.aggregated_mixture_loss]."""

    def __init__(self, *, alpha: float = 0.5, error: Error = "mse") -> None:
        _check_alpha(alpha)
        check_error(error)
        super().__init__(alpha=alpha, error=error)

    def forward(
        self,
        preds: SELDOutput,
        target: SELDOutput,
        mask: Bool[Tensor, "batch time"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the loss."""
        return aggregated_mixture_loss(preds, target, mask=mask, **self._settings())


def _check_alpha(alpha: float) -> None:
    check_number(alpha=alpha)
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha must be in 0..1, got {alpha}")
