"""How maps over a grid of directions follow when microphones change places."""

import torch
from torch import Tensor

from seldkit._typing import Int
from seldkit.arrays import ArrayGeometry
from seldkit.features.turning import ChannelSwap
from seldkit.grids import DirectionGrid

_SAME_DELAY_M = 1e-6


def turned_points(
    name: str, array: ArrayGeometry, grid: DirectionGrid, swap: ChannelSwap
) -> Int[Tensor, " point"]:
    """Return the old point of each new one: where microphones heard what their followers hear.

    A wave reaches the microphones `swap.index` from the old point with the delays that all of them
    have from the new one. So a map need not be turned back and forth: what counts is which delays
    the array tells apart.

    Raises:
        ValueError: If the grid lacks such a point, or a channel is inverted.
    """
    if set(swap.sign) != {1}:
        raise ValueError(f"{name} cannot be turned so: a microphone would be inverted")
    path = array.delays(grid.directions, speed_of_sound=1.0)
    path = path - path.mean(dim=1, keepdim=True)
    distance = torch.cdist(path, path[:, list(swap.index)])
    nearest = distance.min(dim=1)
    if nearest.values.max() > _SAME_DELAY_M:
        raise ValueError(
            f"{name} cannot be turned so: the grid would be turned to where it has no points"
        )
    return nearest.indices
