"""Columns of published scalers: how channels and bins were made one axis."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seldkit._checks import check_count, check_finite, check_literal
from seldkit._typing import Float

Array = Tensor | NDArray[np.floating] | Sequence[float] | Sequence[Sequence[float]]
ScalerOrder = Literal["channel_bin", "bin_channel"]


def scaler_table(
    mean: Array,
    scale: Array,
    num_channels: int,
    num_bins: int,
    order: ScalerOrder,
    blocks: Sequence[int] | None,
) -> Float[Tensor, "moment=2 channel bin"]:
    """Return a scaler's mean and scale for each channel and bin, arguments as below.

    Raises:
        ValueError: If the sizes do not fit, a value is not finite or a scale not positive.
    """
    table = torch.stack(
        [
            _channel_by_bin(name, array, num_channels, num_bins, order, blocks)
            for name, array in (("mean", mean), ("scale", scale))
        ]
    )
    wrong = int((~(table[1] > 0)).sum())
    if wrong:
        raise ValueError(f"scale must be positive, got other values in {wrong} of its columns")
    return table


def _channel_by_bin(
    name: str,
    array: Array,
    num_channels: int,
    num_bins: int,
    order: ScalerOrder,
    blocks: Sequence[int] | None,
) -> Float[Tensor, "channel bin"]:
    """Return a column's value for each channel and bin, float64 on the CPU.

    Args:
        name: What the array is, for messages.
        array: One value for each column, or `(channel, bin)`, or `(channel, 1, bin)`.
        num_channels: Channels that it is of.
        num_bins: Bins of each.
        order: Which of both comes first in the columns.
        blocks: Channels of each block of columns; one block if None.

    Raises:
        ValueError: If the sizes do not fit or a value is not finite.
    """
    check_literal("order", order, ScalerOrder)
    values = torch.as_tensor(array, dtype=torch.float64).detach().cpu()
    check_finite(name, values)
    sizes = [num_channels] if blocks is None else list(blocks)
    check_count(**{f"blocks[{place}]": size for place, size in enumerate(sizes)})
    if sum(sizes) != num_channels:
        raise ValueError(f"blocks must have {num_channels} channels together, got {sizes}")
    if values.shape in ((num_channels, num_bins), (num_channels, 1, num_bins)):
        return values.reshape(num_channels, num_bins)
    if values.shape not in ((num_channels * num_bins,), (1, num_channels * num_bins)):
        raise ValueError(
            f"{name} must have {num_channels * num_bins} columns, or be"
            f" (channel={num_channels}, bin={num_bins}), got shape {tuple(values.shape)}"
        )
    parts = values.flatten().split([size * num_bins for size in sizes])
    if order == "channel_bin":
        return torch.cat([part.unflatten(0, (-1, num_bins)) for part in parts])
    return torch.cat([part.unflatten(0, (num_bins, -1)).mT for part in parts])
