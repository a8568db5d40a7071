"""Augmentation: sound or features together with their labels, batch by batch, on any device."""

from seldkit.augment.channel_swap import (
    channel_swaps,
    swap_channels,
    swap_directions,
    swap_microphones,
)
from seldkit.augment.equalizing import equalize
from seldkit.augment.masking import cutout, spec_augment
from seldkit.augment.mixing import mix_clips, paste_events
from seldkit.augment.noise import add_noise
from seldkit.augment.recipe import four_stage
from seldkit.augment.shifting import shift_frequency, shift_time
from seldkit.augment.turning import turn_clips

__all__ = [
    "add_noise",
    "channel_swaps",
    "cutout",
    "equalize",
    "four_stage",
    "mix_clips",
    "paste_events",
    "shift_frequency",
    "shift_time",
    "spec_augment",
    "swap_channels",
    "swap_directions",
    "swap_microphones",
    "turn_clips",
]
