"""Noise at a random level below the sound."""

import torch
from torch import Tensor

from seldkit._checks import check_floating, check_shape
from seldkit._typing import Float


def add_noise(
    waveform: Float[Tensor, "batch channel sample"],
    *,
    snr_db: tuple[float, float] = (10.0, 40.0),
    generator: torch.Generator | None = None,
) -> Float[Tensor, "batch channel sample"]:
    """Add white Gaussian noise, independent in each channel, as a recorder's own.

    The power of a clip is the mean over its channels and samples; that of the noise lies below it
    by a ratio drawn for each clip. A silent clip stays silent.

    Args:
        waveform: Clips, or anything else whose power is meant.
        snr_db: Least and greatest signal-to-noise ratio, in dB, drawn from uniformly.
        generator: Source of randomness, on the CPU; torch's own if None. The noise itself is drawn
            on the waveform's device, from a seed of this source.

    Raises:
        TypeError: If the waveform holds integers.
        ValueError: If the range is reversed or not finite, or the waveform has another shape.

    Examples:
        >>> waveform = torch.ones(1, 4, 24000)
        >>> noise = add_noise(waveform, snr_db=(20.0, 20.0)) - waveform
        >>> noise.square().mean().round(decimals=3)
        tensor(0.0100)
    """
    check_shape("waveform", waveform, "batch channel sample")
    check_floating(waveform=waveform)
    low, high = snr_db
    if not -torch.inf < low <= high < torch.inf:
        raise ValueError(f"snr_db must be low and high, finite, got {snr_db}")
    ratio_db = low + (high - low) * torch.rand(len(waveform), 1, 1, generator=generator)
    seed = int(torch.randint(2**62, (), generator=generator))
    # Squares of quiet sound are zero in half precision.
    clean = waveform.to(torch.promote_types(waveform.dtype, torch.float32))
    noise = torch.randn(
        clean.shape,
        generator=torch.Generator(clean.device).manual_seed(seed),
        device=clean.device,
        dtype=clean.dtype,
    )
    power = clean.square().mean(dim=(1, 2), keepdim=True)
    gain = (power * 10 ** (-ratio_db.to(clean) / 10)).sqrt()
    return (clean + gain * noise).to(waveform.dtype)
