"""Levels of the bins of SALSA, and what lies beyond the ends of its clip."""

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._typing import Float

GROUP = 8
"""How many bins are averaged at high frequencies."""
_LEAST_POWER = 1e-10


def bin_levels(
    real: Float[Tensor, "batch channel time freq"],
    imag: Float[Tensor, "batch channel time freq"],
    *,
    compress: bool,
) -> Float[Tensor, "batch channel time bin"]:
    """Return the level of each bin but the first, in decibels.

    Args:
        real: Real part of the spectrum of an even FFT length.
        imag: Its imaginary part.
        compress: Whether bins above 3/8 of the sampling rate are averaged by eight.
    """
    power = real[..., 1:].square().addcmul_(imag[..., 1:], imag[..., 1:])
    if compress:
        single = 3 * power.shape[-1] // 4
        # The last group lacks the bin at half the sampling rate: seven bins, divided by eight.
        rest = functional.pad(power[..., single:-1], (0, 1)).unflatten(-1, (-1, GROUP))
        power = torch.cat((power[..., :single], rest.mean(dim=-1)), dim=-1)
    return 10 * power.clamp(min=_LEAST_POWER).log10()


def with_edges(
    x: Float[Tensor, "batch channel time freq"], reach: int, *, wrap: bool
) -> Float[Tensor, "batch channel padded_time freq"]:
    """Return frames with `reach` more at either end: the clip's other end, or none."""
    frames = x.shape[2]
    if not wrap:
        return functional.pad(x, (0, 0, reach, reach))
    wrapped = torch.arange(-reach, frames + reach, device=x.device) % frames
    return x.index_select(2, wrapped)
