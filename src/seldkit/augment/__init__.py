"""Augmentation: exact transformations of audio or features together with their labels."""

from seldkit.augment.channel_swap import channel_swaps, swap_channels, swap_directions

__all__ = ["channel_swaps", "swap_channels", "swap_directions"]
