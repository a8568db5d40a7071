r"""Acoustic intensity of first-order ambisonics (FOA).

With the omnidirectional channel $W$ and the dipoles $Y, Z, X$ of a spectrum, the active
intensity $I_c = \operatorname{Re}(W^* C)$ points to where the sound comes from. Published systems
differ in how they normalise it:

| `norm`          | divided by                            | used by                        |
| --------------- | ------------------------------------- | ------------------------------ |
| `"unit"`        | $\lVert I \rVert$                     | EINV2, PSELDNets, DCASE 2020   |
| `"energy"`      | $|W|^2 + (|Y|^2 + |Z|^2 + |X|^2) / 3$ | Perotin 2018, DCASE 2022-2024  |
| `"mean_energy"` | $(|W|^2 + |Y|^2 + |Z|^2 + |X|^2) / 2$ | DCASE 2021, AT2SELD            |
| None            | 1                                     | to let loudness weigh the bins |

One plane wave has length 1 with `"unit"` and `"mean_energy"`, 3/4 with `"energy"` and its power
without. The reactive intensity $\operatorname{Im}(W^* C)$ of one plane wave is zero: it shows
standing waves, as near to a source and in reverberation.
"""

from typing import Literal

import torch
from torch import Tensor

from seldkit._checks import check_choice, check_literal, check_number, check_shape, literal_words
from seldkit._typing import Complex, Float
from seldkit.features.meaning import CUE, ChannelMeaning
from seldkit.features.mel import MelFilterBank, num_bands
from seldkit.features.part import Part
from seldkit.features.products import imaginary_product, real_product
from seldkit.features.real_spectrum import RealSpectrum
from seldkit.features.turning import ChannelSwap, exchanged

IntensityNorm = Literal["unit", "energy", "mean_energy"]
IntensityAxes = Literal["yzx", "xyz"]
IntensityKind = Literal["active", "reactive"]

_NORMS, _KINDS = literal_words(IntensityNorm | None), literal_words(IntensityKind)

_EPS = {"unit": 2.0**-23, "energy": 1e-8, "mean_energy": 1e-8, None: 0.0}


def intensity_vector(
    spectrum: Complex[Tensor, "batch channel=4 time freq"] | RealSpectrum,
    *,
    norm: IntensityNorm | None = "unit",
    eps: float | None = None,
    kind: IntensityKind = "active",
) -> Float[Tensor, "batch axis=3 time freq"]:
    r"""Return the normalised intensity of each bin.

    Args:
        spectrum: Spectrum of FOA audio in ACN order (W, Y, Z, X), SN3D normalised.
        norm: `"unit"` divides by the length of the vector, `"energy"` by the energy with the
            dipoles weighed by a third, `"mean_energy"` by half the sum of the four energies, None
            by nothing.
        eps: Added to the divisor; by default what the published extractors add, 2⁻²³ for `"unit"`
            and 1e-8 for the others.
        kind: `"active"` for the flow of energy $\operatorname{Re}(W^* C)$, which points to the
            source, or `"reactive"` for $\operatorname{Im}(W^* C)$.

    Returns:
        The vector in the order of the dipoles (y, z, x); silence gives zeros.

    Raises:
        ValueError: If there are not four channels, or `norm` or `kind` is unknown.

    Examples:
        >>> w, y, z, x = 1 + 1j, 1 + 1j, 0j, 0j  # a plane wave from the left (+y)
        >>> spectrum = torch.tensor([w, y, z, x]).reshape(1, 4, 1, 1)
        >>> intensity_vector(spectrum).flatten().round(decimals=3)
        tensor([1., 0., 0.])
    """
    check_shape("spectrum", spectrum, "batch channel time freq", channel=4)
    check_choice("norm", norm, _NORMS)
    check_choice("kind", kind, _KINDS)
    product = real_product if kind == "active" else imaginary_product
    flow = product(spectrum, slice(0, 1), slice(1, 4))
    if norm is None:
        return flow
    if norm == "unit":
        # The bound keeps gradients of silence 0.
        square = _total(flow.square())
        divisor = square.clamp(min=torch.finfo(square.dtype).tiny).sqrt()
    else:
        power = real_product(spectrum)
        omni, dipole = power[:, :1], _total(power[:, 1:])
        divisor = omni + dipole / 3 if norm == "energy" else (omni + dipole) / 2
    intensity: Tensor = flow / (divisor + (_EPS[norm] if eps is None else eps))
    return intensity


class IntensityVector(Part):
    """Intensity vector of FOA audio, in linear bins or in mel bands.

    Shape:
        - Input: complex spectrum `(batch, channel=4, time, freq)`, ACN order, SN3D.
        - Output: `(batch, axis=3, time, freq)`, or `(batch, axis=3, time, mel)`.

    Args:
        mel: Filter bank that sums the normalised vectors of the bins; None keeps linear bins. With
            area-normalised filters the sums are small: a few hundredths.
        norm: What the vector is divided by, see
            [`intensity_vector`][seldkit.features.intensity_vector].
        axes: Order of the output: `"yzx"` as the channels come, which nearly all published
            extractors use, or `"xyz"`.
        eps: Added to the divisor, see
            [`intensity_vector`][seldkit.features.intensity_vector].
        kind: `"active"` or `"reactive"`.

    Examples:
        >>> IntensityVector()(torch.ones(1, 4, 5, 513, dtype=torch.complex64)).shape
        torch.Size([1, 3, 5, 513])
    """

    lookback = lookahead = 0
    reads_halves = True
    reads_foa = True

    def __init__(
        self,
        mel: MelFilterBank | None = None,
        *,
        norm: IntensityNorm | None = "unit",
        axes: IntensityAxes = "yzx",
        eps: float | None = None,
        kind: IntensityKind = "active",
    ) -> None:
        super().__init__()
        check_literal("norm", norm, IntensityNorm | None)
        check_literal("axes", axes, IntensityAxes)
        check_literal("kind", kind, IntensityKind)
        if eps is not None:
            check_number(eps=eps)
        self.mel, self.norm, self.axes, self.eps, self.kind = mel, norm, axes, eps, kind
        self.meaning = ChannelMeaning(per_db=None) if norm is None else CUE
        self.num_bins = num_bands(mel)

    def num_channels(self, in_channels: int) -> int:
        """Return 3, if there are the four channels of FOA."""
        if in_channels != 4:
            raise ValueError(f"IntensityVector needs the 4 channels of FOA, got {in_channels}")
        return 3

    def forward(
        self, spectrum: Complex[Tensor, "batch channel=4 time freq"] | RealSpectrum
    ) -> Float[Tensor, "batch axis=3 time bin"]:
        """Return the intensity vector of each bin or band."""
        vector = intensity_vector(spectrum, norm=self.norm, eps=self.eps, kind=self.kind)
        bands: Tensor = vector if self.mel is None else self.mel(vector)
        return bands if self.axes == "yzx" else bands.roll(1, dims=1)

    def turn(
        self, features: Float[Tensor, "batch axis=3 time bin"], swap: ChannelSwap
    ) -> Float[Tensor, "batch axis=3 time bin"]:
        """Return the vectors of the turned sound field: the axes follow their dipoles."""
        dipoles = (1, 2, 3) if self.axes == "yzx" else (3, 1, 2)
        old = [dipoles.index(swap.index[dipole]) for dipole in dipoles]
        return exchanged(features, old, [swap.sign[dipole] for dipole in dipoles])


def _total(dipoles: Float[Tensor, "batch channel=3 time freq"]) -> Tensor:
    """Sum over channels: over so few, and so far apart, `sum` is slow."""
    return dipoles[:, :1] + dipoles[:, 1:2] + dipoles[:, 2:]
