"""Phase differences of pairs of microphones."""

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from seldkit._checks import check_literal, check_positive, check_shape
from seldkit._pairs import Pair, check_pairs, pairs_among, pairs_with_first
from seldkit._typing import Float
from seldkit.arrays import SPEED_OF_SOUND
from seldkit.features.bins import (
    Bins,
    check_bins,
    check_bins_exist,
    crop,
    fft_length,
    num_kept,
)
from seldkit.features.cross_spectrum import SILENCE, cross_spectrum, whiten
from seldkit.features.meaning import CUE, PHASE
from seldkit.features.mel import MelFilterBank
from seldkit.features.part import Part
from seldkit.features.real_spectrum import AnySpectrum
from seldkit.features.turning import ChannelSwap, PairRules, exchanged_pairs

PhaseEncoding = Literal["angle", "cosine_sine", "path"]


class PhaseDifference(Part):
    r"""Phase differences between microphones, in one of three encodings.

    The phase $\varphi$ of $X_m^* X_n$ is $2 \pi f\,\tau$ where microphone $n$ hears a sound $\tau$
    seconds before microphone $m$, less whole turns: it lies in $[-\pi, \pi]$.

    | `encoding`      | value                                 | used by                  |
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
        encoding: `"angle"`, `"cosine_sine"` or `"path"`, which is 0 at 0 Hz.
        pairs: Pairs `(m, n)` of channels; by default the first channel with each other one.
        bins: The first bin that is kept and the one after the last; all bins if None.
        mel: Filter bank that sums cosines and sines into mel bands; angles have no such sum.
        sample_rate: Sampling rate, in hertz; in a `FeatureExtractor` that of its transform. Only
            the path depends on it.
        n_fft: Length of the FFT; in a `FeatureExtractor` that of its transform, on its own the even
            one of so many bins if None. Only the path depends on it.
        speed_of_sound: In metres per second; only the path depends on it.
        floor: Power below which a bin has no phase: silence gives zeros.

    Raises:
        ValueError: If a value is out of range, or mel bands are asked for with another encoding or
            together with `bins`.
        RuntimeError: If the path is asked for before the sampling rate is known.

    Source: Nguyen et al., "SALSA-Lite: A fast and effective feature for polyphonic sound event
    localization and detection with microphone arrays", ICASSP 2022 (frequency-normalised).

    Examples:
        >>> ahead = torch.tensor([1 + 0j, 1j]).reshape(1, 2, 1, 1)  # a quarter of a period
        >>> PhaseDifference()(ahead).flatten() / math.pi
        tensor([0.5000])
        >>> part = PhaseDifference("path", sample_rate=24000)
        >>> part(torch.ones(1, 4, 5, 513, dtype=torch.complex64)).shape
        torch.Size([1, 3, 5, 513])
    """

    lookback = lookahead = 0
    reads_halves = True

    def __init__(
        self,
        encoding: PhaseEncoding = "angle",
        *,
        pairs: Sequence[Pair] | None = None,
        bins: Bins | None = None,
        mel: MelFilterBank | None = None,
        sample_rate: int | None = None,
        n_fft: int | None = None,
        speed_of_sound: float = SPEED_OF_SOUND,
        floor: float = SILENCE,
    ) -> None:
        super().__init__()
        check_literal("encoding", encoding, PhaseEncoding)
        check_positive(speed_of_sound=speed_of_sound, floor=floor)
        if mel is not None and (encoding != "cosine_sine" or bins is not None):
            raise ValueError(
                "mel must be None unless encoding is 'cosine_sine' and bins is None,"
                f" got {encoding=} and {bins=}"
            )
        self.encoding, self.mel = encoding, mel
        self.pairs, self.bins = check_pairs(pairs), check_bins(bins)
        self.speed_of_sound, self.floor = speed_of_sound, floor
        self.num_bins = num_kept(self.bins) if mel is None else mel.num_mels
        self.needs_rate = encoding == "path"
        self.meaning = CUE if encoding == "path" else PHASE
        self._say(n_fft, sample_rate)

    def make(self, n_fft: int, sample_rate: int | None) -> None:
        """Raise `ValueError` if an FFT of this length does not have the bins."""
        del sample_rate
        check_bins_exist(self.bins, n_fft)

    def num_channels(self, in_channels: int) -> int:
        """Return the number of pairs, twice that for cosines and sines."""
        pairs = pairs_among(in_channels, self.pairs, pairs_with_first)
        return len(pairs) * (2 if self.encoding == "cosine_sine" else 1)

    def forward(self, spectrum: AnySpectrum) -> Float[Tensor, "batch out time bin"]:
        """Return the phase differences of each bin or band."""
        check_shape("spectrum", spectrum, "batch channel time freq")
        used = pairs_among(spectrum.shape[1], self.pairs, pairs_with_first)
        real, imag = crop(spectrum.real, self.bins), crop(spectrum.imag, self.bins)
        if self.encoding == "cosine_sine":
            real, imag = whiten(real, imag, floor=self.floor)
            cosines, sines = zip(*(cross_spectrum(real, imag, pair) for pair in used), strict=True)
            both = torch.stack(cosines + sines, dim=1)
            return both if self.mel is None else self.mel(both)
        angles = []
        for pair in used:
            cosine, sine = cross_spectrum(real, imag, pair)
            # The floor gives silence the angle 0 and a finite gradient, and drowns in any sound.
            angles.append(torch.atan2(sine, cosine + self.floor))
        angle = torch.stack(angles, dim=1)
        if self.encoding == "angle":
            return angle
        return angle * crop(self._metres_per_radian(spectrum.real), self.bins)

    def turn(
        self, features: Float[Tensor, "batch out time bin"], swap: ChannelSwap
    ) -> Float[Tensor, "batch out time bin"]:
        """Return the differences of the swapped audio.

        One of two microphones that are no pair follows from their differences to a third, if that
        one and both of them sound.
        """
        pairs = pairs_among(len(swap.index), self.pairs, pairs_with_first)
        return exchanged_pairs("PhaseDifference", features, pairs, swap, self._rules(features))

    def _metres_per_radian(self, real: Float[Tensor, "*axes freq"]) -> Float[Tensor, " freq"]:
        if self.sample_rate is None:
            raise RuntimeError(
                "PhaseDifference('path') must be given its sample_rate, or be part of a"
                " FeatureExtractor, before it is used"
            )
        num_bins = real.shape[-1]
        bins = torch.arange(num_bins, device=real.device, dtype=real.dtype)
        wavelength = fft_length(num_bins, self.n_fft) * self.speed_of_sound / self.sample_rate
        # The path of a constant is not known; bin 0 is given the value 0.
        return wavelength / (2 * math.pi) / bins.clamp(min=1) * (bins > 0)

    def _rules(self, features: Float[Tensor, "batch out time bin"]) -> PairRules:
        if self.encoding == "cosine_sine":
            between = None if self.mel is not None else _between
            return PairRules(_conjugate, torch.neg, between)
        if self.encoding == "angle":
            return angle_rules(2 * math.pi)
        num_bins = features.shape[-1] if self.n_fft is None else self.n_fft // 2 + 1
        metres = self._metres_per_radian(features.new_zeros(num_bins))
        return angle_rules(2 * math.pi * crop(metres, self.bins))


def angle_rules(turn: Float[Tensor, " bin"] | float) -> PairRules:
    """Return how phase differences follow from each other.

    Args:
        turn: A whole turn in the unit of the angles, in each bin.
    """

    def between(one: Tensor, other: Tensor) -> Tensor:
        angle, half = other - one, turn / 2
        less = torch.where(angle > half, angle - turn, angle)
        return torch.where(less < -half, less + turn, less)

    why = ", and angles wrap around; their cosines and sines can be turned"
    return PairRules(torch.neg, None, between, why)


def _conjugate(pair: Float[Tensor, "batch entry=2 time bin"]) -> Tensor:
    return torch.stack((pair[:, 0], -pair[:, 1]), dim=1)


def _between(one: Tensor, other: Tensor) -> Tensor:
    (a, b), (c, d) = one.unbind(dim=1), other.unbind(dim=1)
    return torch.stack((a * c + b * d, a * d - b * c), dim=1)
