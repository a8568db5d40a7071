r"""Active acoustic intensity of first-order ambisonics (FOA).

With the omnidirectional channel $W$ and the dipoles $Y, Z, X$ of a spectrum, the active
intensity $I_c = \operatorname{Re}(W^* C)$ points to where the sound comes from. Published systems
differ in how they normalise it:

| `norm`          | divided by                               | used by            |
| --------------- | ---------------------------------------- | ------------------ |
| `"unit"`        | $\lVert I \rVert$                        | EINV2, PSELDNets, DCASE 2020 |
| `"energy"`      | $|W|^2 + (|Y|^2 + |Z|^2 + |X|^2) / 3$    | DCASE 2022 to 2024 |
| `"mean_energy"` | $(|W|^2 + |Y|^2 + |Z|^2 + |X|^2) / 2$    | DCASE 2021         |

One plane wave has length 1 with `"unit"` and `"mean_energy"` and 3/4 with `"energy"`.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from seldkit._checks import check_choice, check_shape
from seldkit._typing import Complex, Float
from seldkit.features.mel import MelFilterBank

IntensityNorm = Literal["unit", "energy", "mean_energy"]
IntensityAxes = Literal["yzx", "xyz"]

_EPS = {"unit": 2.0**-23, "energy": 1e-8, "mean_energy": 1e-8}


def intensity_vector(
    spectrum: Complex[Tensor, "batch channel=4 time freq"],
    *,
    norm: IntensityNorm = "unit",
    eps: float | None = None,
) -> Float[Tensor, "batch axis=3 time freq"]:
    r"""Return the normalised active intensity $\operatorname{Re}(W^* C)$ of each bin.

    Args:
        spectrum: Spectrum of FOA audio in ACN order (W, Y, Z, X), SN3D normalised.
        norm: `"unit"` divides by the length of the vector, `"energy"` by the energy with the
            dipoles weighed by a third, `"mean_energy"` by half the sum of the four energies.
        eps: Added to the divisor; by default what the published extractors add, 2⁻²³ for `"unit"`
            and 1e-8 for the others.

    Returns:
        The vector in the order of the dipoles (y, z, x); silence gives zeros.

    Raises:
        ValueError: If there are not four channels or `norm` is unknown.

    Examples:
        >>> w, y, z, x = 1 + 1j, 1 + 1j, 0j, 0j  # a plane wave from the left (+y)
        >>> spectrum = torch.tensor([w, y, z, x]).reshape(1, 4, 1, 1)
        >>> intensity_vector(spectrum).flatten().round(decimals=3)
        tensor([1., 0., 0.])
    """
    check_shape("spectrum", spectrum, "batch channel time freq", channel=4)
    check_choice("norm", norm, _EPS)
    # On real parts: complex products would need copies of the conjugate and of the result.
    real, imag = spectrum.real, spectrum.imag
    flow = real[:, :1] * real[:, 1:] + imag[:, :1] * imag[:, 1:]
    if norm == "unit":
        # Many times as fast as vector_norm over this axis; the bound keeps gradients of silence 0.
        square = flow.square().sum(dim=1, keepdim=True)
        divisor = square.clamp(min=torch.finfo(square.dtype).tiny).sqrt()
    else:
        energy = real.square() + imag.square()
        omni, dipole = energy[:, :1], energy[:, 1:].sum(dim=1, keepdim=True)
        divisor = omni + dipole / 3 if norm == "energy" else (omni + dipole) / 2
    intensity: Tensor = flow / (divisor + (_EPS[norm] if eps is None else eps))
    return intensity


class IntensityVector(nn.Module):
    """Intensity vector of FOA audio, in linear bins or in mel bands.

    Shape:
        - Input: complex spectrum `(batch, channel=4, time, freq)`, ACN order, SN3D.
        - Output: `(batch, axis=3, time, freq)`, or `(batch, axis=3, time, mel)`.

    Args:
        mel: Filter bank that sums the normalised vectors of the bins; None keeps linear bins. With
            area-normalised filters the sums are small: a few hundredths.
        norm: See [`intensity_vector`][seldkit.features.intensity_vector].
        axes: Order of the output: `"yzx"` as the channels come, which nearly all published
            extractors use, or `"xyz"`.
        eps: See [`intensity_vector`][seldkit.features.intensity_vector].

    Examples:
        >>> IntensityVector()(torch.ones(1, 4, 5, 513, dtype=torch.complex64)).shape
        torch.Size([1, 3, 5, 513])
    """

    def __init__(
        self,
        mel: MelFilterBank | None = None,
        *,
        norm: IntensityNorm = "unit",
        axes: IntensityAxes = "yzx",
        eps: float | None = None,
    ) -> None:
        super().__init__()
        check_choice("norm", norm, _EPS)
        check_choice("axes", axes, ("yzx", "xyz"))
        self.mel, self.norm, self.axes, self.eps = mel, norm, axes, eps

    @property
    def num_bins(self) -> int | None:
        """Number of mel bands, or None for the bins of the spectrum."""
        return None if self.mel is None else self.mel.num_mels

    def num_channels(self, in_channels: int) -> int:
        """Return 3, if there are the four channels of FOA."""
        if in_channels != 4:
            raise ValueError(f"IntensityVector needs the 4 channels of FOA, got {in_channels}")
        return 3

    def forward(
        self, spectrum: Complex[Tensor, "batch channel=4 time freq"]
    ) -> Float[Tensor, "batch axis=3 time bin"]:
        """Return the intensity vector of each bin or band."""
        vector = intensity_vector(spectrum, norm=self.norm, eps=self.eps)
        if self.axes == "xyz":
            vector = vector.roll(1, dims=1)
        return vector if self.mel is None else self.mel(vector)

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        return f"norm={self.norm!r}, axes={self.axes!r}, eps={self.eps}"
