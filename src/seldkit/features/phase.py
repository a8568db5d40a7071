"""Phase differences of pairs of microphones."""

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from seldkit._checks import check_choice, check_positive, check_shape
from seldkit._typing import Complex, Float
from seldkit.arrays import SPEED_OF_SOUND
from seldkit.features.bins import Bins, check_bins, crop, fft_length, num_kept
from seldkit.features.cross_spectrum import (
    SILENCE,
    Pair,
    check_pairs,
    cross_spectrum,
    pairs_among,
    pairs_with_first,
    whiten,
)
from seldkit.features.mel import MelFilterBank

PhaseForm = Literal["angle", "cosine_sine", "path"]


def phase_difference(
    spectrum: Complex[Tensor, "batch channel time freq"],
    *,
    pairs: Sequence[Pair] | None = None,
    floor: float = SILENCE,
) -> Float[Tensor, "batch pair time freq"]:
    r"""Return the phase of $X_m^* X_n$ of each pair $(m, n)$ of microphones, in radians.

    It is $2 \pi f\,\tau$ where microphone $n$ hears a sound $\tau$ seconds before microphone $m$,
    less whole turns: it lies in $[-\pi, \pi]$.

    Args:
        spectrum: Spectrum of each microphone.
        pairs: Pairs `(m, n)` of channels; by default the first channel with each other one.
        floor: Added to the real part of the cross-spectrum: the phase of much quieter bins is 0.

    Raises:
        ValueError: If a pair names one channel twice or none that exists.

    Examples:
        >>> ahead = torch.tensor([1 + 0j, 1j]).reshape(1, 2, 1, 1)  # a quarter of a period
        >>> phase_difference(ahead).flatten() / math.pi
        tensor([0.5000])
    """
    check_shape("spectrum", spectrum, "batch channel time freq")
    used = pairs_among(spectrum.shape[1], check_pairs(pairs), pairs_with_first)
    return _angles(spectrum.real, spectrum.imag, used, floor)


class PhaseDifference(nn.Module):
    r"""Phase differences between microphones, in one of three forms.

    With the phase $\varphi$ of [`phase_difference`][seldkit.features.phase_difference]:

    | `form`          | value                                 | used by                  |
    | --------------- | ------------------------------------- | ------------------------ |
    | `"angle"`       | $\varphi$, in radians                 | as $\varphi / \pi$, SALSA-IPD |
    | `"cosine_sine"` | $\cos \varphi$ and $\sin \varphi$    | binaural systems         |
    | `"path"`        | $\varphi\,c / (2 \pi f)$, in metres   | SALSA-Lite               |

    The path is by how much the sound's way to the second microphone is shorter than to the first:
    $u \cdot (r_n - r_m)$ for a far source in the direction $u$, whatever the frequency. Above
    [`aliasing_frequency`][seldkit.arrays.ArrayGeometry.aliasing_frequency] phases wrap around, and
    only cosine and sine have no jumps.

    Shape:
        - Input: complex spectrum `(batch, channel, time, freq)`.
        - Output: `(batch, pair, time, bin)`; with `"cosine_sine"` the cosines of all pairs, then
          their sines, `(batch, 2 * pair, time, bin)`.

    Args:
        form: `"angle"`, `"cosine_sine"` or `"path"`, which is 0 at 0 Hz.
        pairs: Pairs `(m, n)` of channels; by default the first channel with each other one.
        bins: The first bin that is kept and the one after the last; all bins if None.
        mel: Filter bank that sums cosines and sines into mel bands; angles have no such sum.
        sample_rate: Sampling rate, in hertz; only the path depends on it.
        n_fft: Length of the FFT, if it is odd; only the path depends on it.
        speed_of_sound: In metres per second; only the path depends on it.
        floor: Power below which a bin has no phase: silence gives zeros.

    Raises:
        ValueError: If a value is out of range, or mel bands are asked for with another form or
            together with `bins`.

    Source: Nguyen et al., "SALSA-Lite: A fast and effective feature for polyphonic sound event
    localization and detection with microphone arrays", ICASSP 2022 (frequency-normalised).

    Examples:
        >>> PhaseDifference("path")(torch.ones(1, 4, 5, 513, dtype=torch.complex64)).shape
        torch.Size([1, 3, 5, 513])
    """

    lookback = lookahead = 0

    def __init__(
        self,
        form: PhaseForm = "angle",
        *,
        pairs: Sequence[Pair] | None = None,
        bins: Bins | None = None,
        mel: MelFilterBank | None = None,
        sample_rate: int = 24000,
        n_fft: int | None = None,
        speed_of_sound: float = SPEED_OF_SOUND,
        floor: float = SILENCE,
    ) -> None:
        super().__init__()
        check_choice("form", form, ("angle", "cosine_sine", "path"))
        check_positive(sample_rate=sample_rate, speed_of_sound=speed_of_sound, floor=floor)
        if mel is not None and (form != "cosine_sine" or bins is not None):
            raise ValueError(
                "mel must be None unless form is 'cosine_sine' and bins is None,"
                f" got {form=} and {bins=}"
            )
        self.form, self.pairs, self.bins, self.mel = form, check_pairs(pairs), check_bins(bins), mel
        self.sample_rate, self.n_fft = sample_rate, n_fft
        self.speed_of_sound, self.floor = speed_of_sound, floor

    @property
    def num_bins(self) -> int | None:
        """Number of mel bands or of bins that are kept, or None for those of the spectrum."""
        return num_kept(self.bins) if self.mel is None else self.mel.num_mels

    def num_channels(self, in_channels: int) -> int:
        """Return the number of pairs, twice that for cosines and sines."""
        pairs = pairs_among(in_channels, self.pairs, pairs_with_first)
        return len(pairs) * (2 if self.form == "cosine_sine" else 1)

    def forward(
        self, spectrum: Complex[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch out time bin"]:
        """Return the phase differences of each bin or band."""
        check_shape("spectrum", spectrum, "batch channel time freq")
        used = pairs_among(spectrum.shape[1], self.pairs, pairs_with_first)
        real, imag = crop(spectrum.real, self.bins), crop(spectrum.imag, self.bins)
        if self.form == "cosine_sine":
            real, imag = whiten(real, imag, floor=self.floor)
            cosines, sines = zip(*(cross_spectrum(real, imag, pair) for pair in used), strict=True)
            both = torch.stack(cosines + sines, dim=1)
            return both if self.mel is None else self.mel(both)
        angle = _angles(real, imag, used, self.floor)
        return angle if self.form == "angle" else angle * self._metres_per_radian(spectrum)

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        return (
            f"{self.form!r}, pairs={self.pairs}, bins={self.bins}, "
            f"sample_rate={self.sample_rate}, n_fft={self.n_fft}, "
            f"speed_of_sound={self.speed_of_sound}, floor={self.floor}"
        )

    def _metres_per_radian(
        self, spectrum: Complex[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, " bin"]:
        real = spectrum.real
        bins = torch.arange(real.shape[-1], device=real.device, dtype=real.dtype)
        wavelength = fft_length(len(bins), self.n_fft) * self.speed_of_sound / self.sample_rate
        # The path of a constant is not known; bin 0 is given the value 0.
        metres = wavelength / (2 * math.pi) / bins.clamp(min=1) * (bins > 0)
        return crop(metres, self.bins)


def _angles(
    real: Float[Tensor, "batch channel time freq"],
    imag: Float[Tensor, "batch channel time freq"],
    pairs: Sequence[Pair],
    floor: float,
) -> Float[Tensor, "batch pair time freq"]:
    angles = []
    for pair in pairs:
        cosine, sine = cross_spectrum(real, imag, pair)
        # The floor gives silence the angle 0 and a finite gradient, and drowns in any sound.
        angles.append(torch.atan2(sine, cosine + floor))
    return torch.stack(angles, dim=1)
