"""The loss of a network that says which row belongs to which column."""

from typing import Literal, get_args

from torch import Tensor

from seldkit._checks import check_choice, check_floating, check_same_shape
from seldkit._typing import Bool, Float
from seldkit.losses._checks import check_activity, check_mask, check_same_device, check_tensors
from seldkit.losses._module import LossModule
from seldkit.losses._reduce import blank, full, num_places, own_precision
from seldkit.losses.activity import activity_loss

Reduction = Literal["mean", "sum"]
REDUCTIONS: tuple[Reduction, ...] = get_args(Reduction)


def association_loss(
    logits: Float[Tensor, "*axes row col"],
    target: Float[Tensor, "*axes row col"],
    *,
    reduction: Reduction = "mean",
    mask: Bool[Tensor, "batch time"] | None = None,
) -> Float[Tensor, ""]:
    r"""Binary cross-entropy of pairs, of rows and of columns, added up.

    $$\sum_{ij} B(x_{ij}, y_{ij}) + \sum_i B\Bigl(\max_j x_{ij}, \sum_j y_{ij}\Bigr)
    + \sum_j B\Bigl(\max_i x_{ij}, \sum_i y_{ij}\Bigr)$$

    The second and the third say whether a row or a column has a partner at all.

    Source: Adavanne et al., "Differentiable tracking-based training of deep learning sound source
    localizers", WASPAA 2021, as its published code of the Hungarian network, which takes
    `reduction="sum"`.

    Args:
        logits: Of pairs, such as those of [`HungarianNet`][seldkit.layers.HungarianNet].
        target: 1 where row and column are matched, else 0: at most one in each row and column.
            Booleans and integers will do.
        reduction: `"sum"` over all matrices, or the `"mean"` of the sums of each.
        mask: Which frames count, where the first axes are batch and time; None for all.

    Returns:
        A scalar. The mean of no matrices is 0 under a mask, with a gradient of zeros.

    Raises:
        TypeError: If one is no tensor, logits are no floats, or the mask does not hold booleans.
        ValueError: If shapes differ, there are no rows and columns, or `reduction` is unknown; on
            the processor, if the sum of a row or column is not in 0..1.

    Examples:
        >>> import torch
        >>> association_loss(40 * torch.eye(2) - 20, torch.eye(2)).round(decimals=3)
        tensor(0.)
    """
    check_tensors("association_loss", logits=logits, target=target)
    check_same_shape(logits=logits, target=target)
    check_floating(logits=logits)
    check_same_device(logits=logits, target=target)
    check_choice("reduction", reduction, REDUCTIONS)
    check_mask(mask, logits)
    if logits.ndim < 2 or 0 in logits.shape[-2:]:
        rule = "must be (..., row, col), at least one of each"
        raise ValueError(f"logits {rule}, got shape {tuple(logits.shape)}")
    if mask is not None and logits.ndim < 4:
        rule = "mask needs logits (batch, time, ..., row, col)"
        raise ValueError(f"{rule}, got shape {tuple(logits.shape)}")
    with own_precision(logits):
        logits = blank(full(logits), mask)
        target = blank(target.to(logits.dtype), mask)
        check_activity("target", target)
        total = activity_loss(logits, target, mask, reduction="sum")
        for axis in (-1, -2):
            partners = target.sum(dim=axis)
            check_activity("sums of rows and columns of target", partners)
            total = total + activity_loss(logits.amax(dim=axis), partners, mask, reduction="sum")
        return total if reduction == "sum" else total / num_places(logits[..., 0, 0], mask)


class AssociationLoss(LossModule):
    """Module form of [`association_loss`][seldkit.losses.association_loss]."""

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        check_choice("reduction", reduction, REDUCTIONS)
        super().__init__(reduction=reduction)

    def forward(
        self,
        logits: Float[Tensor, "*axes row col"],
        target: Float[Tensor, "*axes row col"],
        mask: Bool[Tensor, "batch time"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the loss."""
        return association_loss(logits, target, mask=mask, **self._settings())
