"""How maps over a grid of directions follow when channels are exchanged."""

import torch
from torch import Tensor

from seldkit._typing import Float, Int
from seldkit.features.turning import ChannelSwap

_SAME = 1e-6  # metres of path, or parts of a gain


def turned_points(
    name: str, heard: Float[Tensor, "point channel"], swap: ChannelSwap
) -> Int[Tensor, " point"]:
    """Return the old point of each new one: where channels heard what their followers hear.

    So a map need not be turned back and forth: what counts is which directions are told apart.

    Args:
        name: What makes the map, for the message.
        heard: What each channel hears of each point, equal where points cannot be told apart.
        swap: How the channels are exchanged.

    Raises:
        ValueError: If the grid lacks such a point.
    """
    followers = heard[:, list(swap.index)] * heard.new_tensor(swap.sign)
    nearest = torch.cdist(heard, followers).min(dim=1)
    if nearest.values.max() > _SAME:
        raise ValueError(
            f"{name} cannot be turned so: the grid would be turned to where it has no points"
        )
    return nearest.indices
