"""Augmentation: exact rotations of audio or features with their labels, and random filters."""

from seldkit.augment.channel_swap import channel_swaps, swap_channels, swap_directions
from seldkit.augment.filtering import filter_bands

__all__ = ["channel_swaps", "filter_bands", "swap_channels", "swap_directions"]
