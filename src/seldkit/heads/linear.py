"""What the layers of every head have in common."""

import torch
from torch import Tensor, nn


def linear_layer(
    in_channels: int,
    out_channels: int,
    device: torch.device | None = None,
    dtype: torch.dtype | None = None,
) -> nn.Linear:
    """Return a linear layer with the start values of a head."""
    layer = nn.Linear(in_channels, out_channels, device=device, dtype=dtype)
    reset_linear(layer)
    return layer


def reset_linear(module: nn.Module) -> None:
    """Give the linear layers of a module the start values of EIN-SELD: Kaiming uniform, no bias."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)


def vector_entries(*, distance: bool, onscreen: bool, planar: bool) -> int:
    """Return the length of x, y[, z][, distance][, onscreen]."""
    return (2 if planar else 3) + distance + onscreen


def bound_vectors(x: Tensor, *, distance: bool, planar: bool) -> Tensor:
    """Apply tanh to x, y[, z] and ReLU to the distance; leave an on-screen logit as it is."""
    axes = 2 if planar else 3
    vector, rest = x[..., :axes].tanh(), x[..., axes:]
    if distance:
        rest = torch.cat((rest[..., :1].relu(), rest[..., 1:]), dim=-1)
    return torch.cat((vector, rest), dim=-1)
