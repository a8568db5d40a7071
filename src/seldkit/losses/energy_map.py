"""The losses of energy maps: where there is energy, more is at stake."""

import torch
from torch import Tensor

from seldkit._checks import check_floating, check_same_shape, check_weight
from seldkit._typing import Bool, Float
from seldkit.losses._checks import check_mask, check_same_device, check_some, check_tensors
from seldkit.losses._module import LossModule
from seldkit.losses._reduce import blank, full, mean, own_precision, weighted_mean

AXES = "batch time cls height width"


def energy_map_loss(
    preds: Float[Tensor, "batch time cls *maps"],
    target: Float[Tensor, "batch time cls *maps"],
    *,
    active_weight: float = 10.0,
    mask: Bool[Tensor, "batch time"] | None = None,
) -> Float[Tensor, ""]:
    r"""Mean squared error of energy maps, in which cells with energy weigh more.

    $$\frac{1}{N} \sum_i w_i (p_i - t_i)^2, \qquad w_i = 10 \text{ where } t_i > 0,
    \text{ else } 1$$

    over all $N$ cells: most of the sphere is silent, and a network that says so everywhere is
    nearly right without the weight. With maps of distance, `(batch, time, cls, map=2, ...)`,
    their smooth absolute error over the cells that have a distance is added.

    Source: DCASE 2026 task 3, baseline: the weighted error of the full map, 10 on annotated cells.
    That its weights are not normalised is our reading; the distance of the baseline is a number
    for each source.

    Args:
        preds: Predicted maps.
        target: Target maps, same shape.
        active_weight: Weight of cells with energy, that of others being 1.
        mask: Which frames count; None for all.

    Returns:
        A scalar; 0, with a gradient of zeros, if no frame counts.

    Raises:
        TypeError: If one is no tensor of floats, or the mask does not hold booleans.
        ValueError: If shapes differ or are wrong, or the weight is negative or not finite.

    Examples:
        >>> target = torch.tensor([0.0, 1.0]).reshape(1, 1, 1, 1, 2)
        >>> energy_map_loss(torch.zeros_like(target), target)  # half of the cells are wrong by 1
        tensor(5.)
        >>> energy_map_loss(torch.ones_like(target), target)
        tensor(0.5000)
    """
    _check("energy_map_loss", preds, target, mask)
    check_weight(active_weight=active_weight)
    with own_precision(preds):
        preds = blank(full(preds), mask)
        target = blank(target.to(preds.dtype), mask)
        if preds.ndim == 5:
            return mean(_weighted_square(preds, target, active_weight), mask)
        energy = mean(_weighted_square(preds[:, :, :, 0], target[:, :, :, 0], active_weight), mask)
        known = (target[:, :, :, 1] > 0).to(preds.dtype)
        off = torch.nn.functional.smooth_l1_loss(
            preds[:, :, :, 1], target[:, :, :, 1], reduction="none"
        )
        return energy + weighted_mean(off, known)


def active_energy_loss(
    preds: Float[Tensor, "batch time cls height width"],
    target: Float[Tensor, "batch time cls height width"],
    *,
    mask: Bool[Tensor, "batch time"] | None = None,
) -> Float[Tensor, ""]:
    """Mean squared error of the energy on annotated cells alone.

    Where nothing is annotated nothing is asked, as in the baseline's error on annotated pixels,
    which it adds five times to that of all.

    Source: DCASE 2026 task 3, baseline.

    Args:
        preds: Predicted maps of energy.
        target: Target maps, same shape; cells above 0 are annotated.
        mask: Which frames count; None for all.

    Returns:
        A scalar; a differentiable 0 where no cell is annotated.

    Raises:
        TypeError: If one is no tensor of floats, or the mask does not hold booleans.
        ValueError: If shapes differ or are wrong.

    Examples:
        >>> target = torch.tensor([0.0, 1.0]).reshape(1, 1, 1, 1, 2)
        >>> active_energy_loss(torch.full_like(target, 0.5), target)
        tensor(0.2500)
    """
    _check("active_energy_loss", preds, target, mask)
    with own_precision(preds):
        preds = blank(full(preds), mask)
        target = blank(target.to(preds.dtype), mask)
        return weighted_mean((preds - target).square(), (target > 0).to(preds.dtype))


class EnergyMapLoss(LossModule):
    """Module form of [`energy_map_loss`][seldkit.losses.energy_map_loss]."""

    def __init__(self, *, active_weight: float = 10.0) -> None:
        check_weight(active_weight=active_weight)
        super().__init__(active_weight=active_weight)

    def forward(
        self,
        preds: Float[Tensor, "batch time cls *maps"],
        target: Float[Tensor, "batch time cls *maps"],
        mask: Bool[Tensor, "batch time"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the loss."""
        return energy_map_loss(preds, target, mask=mask, **self._settings())


class ActiveEnergyLoss(LossModule):
    """Module form of [`active_energy_loss`][seldkit.losses.active_energy_loss]."""

    def forward(
        self,
        preds: Float[Tensor, "batch time cls height width"],
        target: Float[Tensor, "batch time cls height width"],
        mask: Bool[Tensor, "batch time"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the loss."""
        return active_energy_loss(preds, target, mask=mask)


def _weighted_square(preds: Tensor, target: Tensor, active_weight: float) -> Tensor:
    return (preds - target).square() * torch.where(target > 0, active_weight, 1.0)


def _check(loss: str, preds: Tensor, target: Tensor, mask: Tensor | None) -> None:
    check_tensors(loss, preds=preds, target=target)
    ranks = (5, 6) if loss == "energy_map_loss" else (5,)
    if preds.ndim not in ranks or (preds.ndim == 6 and preds.shape[3] != 2):
        more = ", or with map=2 before height" if 6 in ranks else ""
        raise ValueError(f"preds must be ({AXES}){more}, got shape {tuple(preds.shape)}")
    check_some("preds", preds)
    check_same_shape(preds=preds, target=target)
    check_floating(preds=preds, target=target)
    check_same_device(preds=preds, target=target)
    check_mask(mask, preds)
