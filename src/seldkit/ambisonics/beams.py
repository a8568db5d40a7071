"""Listening to one direction of first-order ambisonics."""

from typing import Literal

import torch
from torch import Tensor

from seldkit._checks import check_floating, check_literal, check_shape
from seldkit._typing import Float

BeamPattern = Literal["cardioid", "hypercardioid"]

_OMNI = {"cardioid": 0.5, "hypercardioid": 0.25}
"""How much of W there is in a beam; the rest is dipole."""


def beam(
    waveform: Float[Tensor, "*batch channel=4 sample"],
    direction: Float[Tensor, "axis=3"],
    *,
    pattern: BeamPattern = "hypercardioid",
) -> Float[Tensor, "*batch sample"]:
    r"""Return what a directional microphone hears that looks to one direction.

    It is $a W + (1 - a)(x X + y Y + z Z)$: sound from the direction itself has gain 1.

    Args:
        waveform: FOA audio in ACN order, SN3D normalised.
        direction: Unit vector to listen to.
        pattern: `"hypercardioid"`, $a = 1/4$, takes least of the sound from all around, 6 dB less
            than W does; `"cardioid"`, $a = 1/2$, takes 4.8 dB less and nothing from behind.

    Raises:
        TypeError: If the waveform holds integers.
        ValueError: If there are not four channels, the direction is no vector, or the pattern is
            unknown.

    Examples:
        >>> from seldkit.ambisonics import plane_wave
        >>> left, right = torch.tensor([0.0, 1.0, 0.0]), torch.tensor([0.0, -1.0, 0.0])
        >>> wave = plane_wave(torch.ones(1), left)
        >>> beam(wave, left), beam(wave, right), beam(wave, right, pattern="cardioid")
        (tensor([1.]), tensor([-0.5000]), tensor([0.]))
    """
    check_shape("direction", direction, "axis", axis=3)
    if waveform.ndim < 2 or waveform.shape[-2] != 4:
        raise ValueError(f"waveform must be (..., channel=4, sample), got {tuple(waveform.shape)}")
    check_floating(waveform=waveform)
    check_literal("pattern", pattern, BeamPattern)
    exact = torch.promote_types(waveform.dtype, torch.float32)
    x, y, z = direction.to(waveform.device, exact)
    omni = torch.full_like(x, _OMNI[pattern])
    gains = torch.stack((omni, (1 - omni) * y, (1 - omni) * z, (1 - omni) * x))
    # A sum of products and no matrix product, which would run in half precision under autocast.
    return (waveform * gains.unsqueeze(-1)).sum(dim=-2).to(waveform.dtype)
