"""How active a network says that classes are before it has learned."""

import math

import torch
from torch import nn

from seldkit._checks import check_number


def set_prior(layers: nn.Module, probability: float) -> None:
    r"""Let the last layers of an activity start at a probability: that with which a class is there.

    With dozens of classes each is silent nearly always. Logits that start around 0 have to fall far
    first, which biases do slowly, so features learn to push them down, and lose what tells classes
    apart: the loss stays at what a guess of rare classes costs. With the bias

    $$b = \log \frac{\pi}{1 - \pi}$$

    there is nothing to push. Weights stay as they are.

    Source: Lin et al., "Focal loss for dense object detection", ICCV 2017, sections 3.3 and 4.1.

    Args:
        layers: The layers that make logits, such as `network.head.activity`: each linear layer and
            convolution in it gets the bias.
        probability: Probability at the start, in 0..1: 0.01 for many classes.

    Raises:
        ValueError: If the probability is not inside 0..1, or no layer has a bias.

    Examples:
        >>> layer = nn.Linear(128, 170)
        >>> set_prior(layer, 0.01)
        >>> layer(torch.zeros(128)).sigmoid().mean().round(decimals=4)
        tensor(0.0100, grad_fn=<RoundBackward1>)
    """
    check_number(probability=probability)
    if not 0 < probability < 1:
        raise ValueError(f"probability must be inside 0..1, got {probability}")
    last = [x for x in layers.modules() if isinstance(x, nn.Linear | nn.Conv1d | nn.Conv2d)]
    biases = [layer.bias for layer in last if layer.bias is not None]
    if not biases:
        raise ValueError(f"layers must hold one with a bias, got {type(layers).__name__}")
    with torch.no_grad():
        for bias in biases:
            bias.fill_(math.log(probability / (1 - probability)))
