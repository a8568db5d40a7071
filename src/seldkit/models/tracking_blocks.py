"""What DOANet and Neural-SRP are built of: convolutions with maxima, and linear layers."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import nn

Activation = Callable[[], nn.Module]


def max_stages(
    in_channels: int,
    widths: Sequence[int],
    pool_time: Sequence[int],
    pool_freq: Sequence[int],
    activation: Activation,
    dropout: float = 0.0,
) -> nn.Sequential:
    """Return 3 x 3 convolutions with norm and activation, each before the maximum of patches."""
    pools = zip(pairwise([in_channels, *widths]), pool_time, pool_freq, strict=True)
    return nn.Sequential(
        *(
            nn.Sequential(
                OrderedDict(
                    conv=nn.Conv2d(*pair, 3, padding=1),
                    norm=nn.BatchNorm2d(pair[1]),
                    activation=activation(),
                    pool=nn.MaxPool2d((time, freq)),
                    dropout=nn.Dropout2d(dropout),
                )
            )
            for pair, time, freq in pools
        )
    )


def dense(in_channels: int, widths: Sequence[int], activation: Activation) -> nn.Sequential:
    """Return linear layers, each with an activation behind it."""
    return nn.Sequential(
        *(
            nn.Sequential(OrderedDict(linear=nn.Linear(*pair), activation=activation()))
            for pair in pairwise([in_channels, *widths])
        )
    )
