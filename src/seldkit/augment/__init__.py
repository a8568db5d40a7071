"""Augmentation: rotations and shifts with their labels, random filters, and noise."""

from seldkit.augment.channel_swap import (
    channel_swaps,
    swap_channels,
    swap_directions,
    swap_microphones,
)
from seldkit.augment.filtering import filter_bands
from seldkit.augment.noise import add_noise
from seldkit.augment.shifting import shift_time

__all__ = [
    "add_noise",
    "channel_swaps",
    "filter_bands",
    "shift_time",
    "swap_channels",
    "swap_directions",
    "swap_microphones",
]
