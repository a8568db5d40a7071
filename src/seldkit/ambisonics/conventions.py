"""Channel orders and normalisations of first-order ambisonics, and the plane waves they define."""

import math
from typing import Literal

import torch
from torch import Tensor

from seldkit._checks import check_choice, check_floating, check_shape, check_vectors
from seldkit._typing import Float

Order = Literal["acn", "fuma"]
Normalization = Literal["sn3d", "n3d", "fuma"]

AXIS_TO_CHANNEL = (3, 1, 2)
"""The FOA channel that holds the x, the y and the z dipole."""


def plane_wave(
    signal: Float[Tensor, " sample"], direction: Float[Tensor, "axis=3"]
) -> Float[Tensor, "channel=4 sample"]:
    """Encode a plane wave: what an ideal FOA microphone records of a far source.

    Args:
        signal: The sound at the microphone.
        direction: Unit vector towards the source.

    Raises:
        TypeError: If the signal holds integers.
        ValueError: If the signal has other axes, or the direction is no vector.

    Examples:
        >>> plane_wave(torch.ones(1), torch.tensor([0.0, 1.0, 0.0])).flatten()  # from the left
        tensor([1., 1., 0., 0.])
    """
    check_shape("signal", signal, "sample")
    check_shape("direction", direction, "axis", axis=3)
    check_floating(signal=signal)
    # In half precision a direction would be rounded before the product is.
    x, y, z = direction.to(signal.device, torch.promote_types(signal.dtype, torch.float32))
    with torch.autocast(signal.device.type, enabled=False):
        return torch.stack((signal, *((dipole * signal).to(signal) for dipole in (y, z, x))))


def plane_wave_gains(direction: Float[Tensor, "*axes axis=3"]) -> Float[Tensor, "*axes channel=4"]:
    """Return how loud each channel hears a far source: the steering vector, at all frequencies.

    Args:
        direction: Unit vectors towards the source.

    Raises:
        ValueError: If the last axis of the direction is not x, y, z.

    Examples:
        >>> plane_wave_gains(torch.tensor([0.0, 1.0, 0.0]))  # W, Y, Z, X of a wave from the left
        tensor([1., 1., 0., 0.])
    """
    check_vectors(direction=direction)
    x, y, z = direction.unbind(dim=-1)
    return torch.stack((torch.ones_like(x), y, z, x), dim=-1)


def convert(
    waveform: Float[Tensor, "*batch channel=4 sample"],
    *,
    order: Order,
    normalization: Normalization,
) -> Float[Tensor, "*batch channel=4 sample"]:
    """Convert FOA audio of another convention to ACN order and SN3D normalisation.

    Args:
        waveform: FOA audio in the given convention.
        order: `"acn"` is W, Y, Z, X; `"fuma"` is W, X, Y, Z.
        normalization: `"sn3d"` has dipoles of gain 1; `"n3d"` has them at √3; `"fuma"` has W
            attenuated by √2.

    Returns:
        The same audio in ACN order, SN3D normalised.

    Raises:
        TypeError: If the waveform holds integers.
        ValueError: If there are not four channels, or a name is unknown.

    Examples:
        >>> left = torch.tensor([0.5**0.5, 0.0, 1.0, 0.0]).reshape(4, 1)  # W, X, Y, Z
        >>> convert(left, order="fuma", normalization="fuma").flatten().round(decimals=3)
        tensor([1., 1., 0., 0.])
    """
    if waveform.ndim < 2 or waveform.shape[-2] != 4:
        raise ValueError(f"waveform must be (..., channel=4, sample), got {tuple(waveform.shape)}")
    check_floating(waveform=waveform)
    check_choice("order", order, ("acn", "fuma"))
    check_choice("normalization", normalization, ("sn3d", "n3d", "fuma"))
    if order == "fuma":
        waveform = waveform[..., [0, 2, 3, 1], :]
    omni = math.sqrt(2) if normalization == "fuma" else 1.0
    dipole = math.sqrt(1 / 3) if normalization == "n3d" else 1.0
    exact = torch.promote_types(waveform.dtype, torch.float32)
    gains = torch.tensor([omni, dipole, dipole, dipole], dtype=exact, device=waveform.device)
    return (waveform * gains.unsqueeze(-1)).to(waveform.dtype)
