"""First-order ambisonics (FOA): channel orders, normalisations, plane waves.

Inside seldkit FOA is always in ACN order (W, Y, Z, X) with SN3D normalisation, also called AmbiX:
a plane wave has `W = s` and `(Y, Z, X) = s * (y, z, x)` of its unit vector.
"""

import math
from typing import Literal

import torch
from torch import Tensor

from seldkit._checks import check_choice, check_shape
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

    Examples:
        >>> plane_wave(torch.ones(1), torch.tensor([0.0, 1.0, 0.0])).flatten()  # from the left
        tensor([1., 1., 0., 0.])
    """
    check_shape("signal", signal, "sample")
    check_shape("direction", direction, "axis", axis=3)
    x, y, z = direction.to(signal)
    return torch.stack((signal, y * signal, z * signal, x * signal))


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
        ValueError: If there are not four channels, or a name is unknown.

    Examples:
        >>> left = torch.tensor([0.5**0.5, 0.0, 1.0, 0.0]).reshape(4, 1)  # W, X, Y, Z
        >>> convert(left, order="fuma", normalization="fuma").flatten().round(decimals=3)
        tensor([1., 1., 0., 0.])
    """
    if waveform.ndim < 2 or waveform.shape[-2] != 4:
        raise ValueError(f"waveform must be (..., channel=4, sample), got {tuple(waveform.shape)}")
    check_choice("order", order, ("acn", "fuma"))
    check_choice("normalization", normalization, ("sn3d", "n3d", "fuma"))
    if order == "fuma":
        waveform = waveform[..., [0, 2, 3, 1], :]
    omni = math.sqrt(2) if normalization == "fuma" else 1.0
    dipole = math.sqrt(1 / 3) if normalization == "n3d" else 1.0
    return waveform * waveform.new_tensor([omni, dipole, dipole, dipole]).unsqueeze(-1)
