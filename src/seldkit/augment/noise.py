"""Noise at a random level below the sound."""

import torch
from torch import Tensor

from seldkit._checks import check_floating, check_shape
from seldkit._typing import Float
from seldkit.augment._chance import Chance, Range, check_range, of_each
from seldkit.augment._labels import Labels


def add_noise(
    waveform: Float[Tensor, "batch channel sample"],
    labels: Labels,
    *,
    snr_db: Range = (10.0, 40.0),
    p: float = 1.0,
    generator: torch.Generator | None = None,
) -> tuple[Float[Tensor, "batch channel sample"], Labels]:
    """Add white Gaussian noise, independent in each channel, as a recorder's own.

    The power of a clip is the mean over its channels and samples; that of the noise lies below it
    by a ratio drawn for each clip. A silent clip stays silent.

    Args:
        waveform: Clips, or anything else whose power is meant.
        labels: Their labels, of any kind, which stay.
        snr_db: Least and greatest signal-to-noise ratio, in dB, drawn from uniformly.
        p: Chance of each clip to get noise.
        generator: Source of randomness, on the device of the waveform; torch's own if None.

    Returns:
        The waveform with noise, and the labels.

    Raises:
        TypeError: If the waveform holds integers.
        ValueError: If the range is reversed or not finite, the chance lies beyond 0..1, or the
            waveform has another shape.

    Examples:
        >>> waveform, target = torch.ones(1, 4, 24000), torch.zeros(1, 10, 14, 3)
        >>> noisy, target = add_noise(waveform, target, snr_db=(20.0, 20.0))
        >>> (noisy - waveform).square().mean().round(decimals=3)
        tensor(0.0100)
    """
    check_shape("waveform", waveform, "batch channel sample")
    check_floating(waveform=waveform)
    check_range("snr_db", snr_db)
    chance = Chance(waveform, p, generator)
    ratio_db = of_each(chance.within(snr_db), waveform)
    # Squares of quiet sound are zero in half precision.
    clean = waveform.to(torch.promote_types(waveform.dtype, torch.float32))
    power = clean.square().mean(dim=(1, 2), keepdim=True)
    level = power.where(power > 0, 1).sqrt() * (power > 0)  # the root of silence has no slope
    gain = level * 10 ** (-ratio_db.to(clean) / 20) * of_each(chance.chosen, clean)
    noise = chance.normal(*clean.shape[1:])
    return (clean + gain * noise).to(waveform.dtype), labels
