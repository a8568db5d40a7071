"""Listening to one direction of first-order ambisonics."""

from typing import Literal

import torch
from torch import Tensor

from seldkit._checks import check_floating, check_literal, check_shape
from seldkit._typing import Float

BeamPattern = Literal["cardioid", "hypercardioid"]

DIFFUSE = (1.0, 1 / 3, 1 / 3, 1 / 3)
"""Power of W, Y, Z and X in sound from all around."""

LOUDER = 30.0
"""Power of a sound that is not to be heard against all that comes from around."""


def beam(
    waveform: Float[Tensor, "*batch channel=4 sample"],
    direction: Float[Tensor, "axis=3"],
    *,
    pattern: BeamPattern = "hypercardioid",
    without: Float[Tensor, "other axis=3"] | None = None,
) -> Float[Tensor, "*batch sample"]:
    r"""Return what a directional microphone hears that looks to one direction.

    It is $a W + (1 - a)(x X + y Y + z Z)$: sound from the direction itself has gain 1.

    A hypercardioid can keep off other directions as well, those of sounds that are known to be
    there. Its pattern is then the one that hears least of sound from all around and of these sounds
    together, each taken to be 15 dB louder. One other is all but silent, and so are two; the closer
    they are to the direction, the more is heard of the rest.

    Args:
        waveform: FOA audio in ACN order, SN3D normalised.
        direction: Unit vector to listen to.
        pattern: `"hypercardioid"`, $a = 1/4$, takes least of the sound from all around, 6 dB less
            than W does; `"cardioid"`, $a = 1/2$, takes 4.8 dB less and nothing from behind.
        without: Unit vectors not to listen to, if the pattern is a hypercardioid.

    Raises:
        TypeError: If the waveform holds integers.
        ValueError: If there are not four channels, a direction is no vector, the pattern is
            unknown, or there are others for a cardioid.

    Examples:
        >>> from seldkit.ambisonics import plane_wave
        >>> left, right = torch.tensor([0.0, 1.0, 0.0]), torch.tensor([0.0, -1.0, 0.0])
        >>> wave = plane_wave(torch.ones(1), left)
        >>> beam(wave, left), beam(wave, right), beam(wave, right, pattern="cardioid")
        (tensor([1.]), tensor([-0.5000]), tensor([0.]))
        >>> front = torch.tensor([1.0, 0.0, 0.0])
        >>> beam(plane_wave(torch.ones(1), front), left, without=front[None]).round(decimals=2)
        tensor([0.])
    """
    check_shape("direction", direction, "axis", axis=3)
    if waveform.ndim < 2 or waveform.shape[-2] != 4:
        raise ValueError(f"waveform must be (..., channel=4, sample), got {tuple(waveform.shape)}")
    check_floating(waveform=waveform)
    check_literal("pattern", pattern, BeamPattern)
    if without is not None and pattern == "cardioid":
        raise ValueError("without must be None for a cardioid, which has one pattern")
    look = _wave(direction)
    if pattern == "cardioid":
        gains = look / 2
    else:
        unwanted = torch.tensor(DIFFUSE, dtype=look.dtype).diag()
        if without is not None:
            check_shape("without", without, "other axis", axis=3)
            others = _wave(without)
            unwanted = unwanted + LOUDER * others.mT @ others
        gains = torch.linalg.solve(unwanted, look)
        gains = gains / (gains @ look)
    exact = torch.promote_types(waveform.dtype, torch.float32)
    # A sum of products and no matrix product, which would run in half precision under autocast.
    return (waveform * gains.to(waveform.device, exact).unsqueeze(-1)).sum(dim=-2).to(waveform)


def _wave(direction: Float[Tensor, "*axes axis=3"]) -> Float[Tensor, "*axes channel=4"]:
    """Return the channels of a plane wave of 1."""
    x, y, z = direction.detach().cpu().double().unbind(dim=-1)
    return torch.stack((torch.ones_like(x), y, z, x), dim=-1)
