"""SALSA-Lite and SALSA-IPD: log-spectrograms and phase differences of microphones."""

import math
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._checks import check_literal, check_number, check_positive, check_shape
from seldkit._pairs import pairs_among, pairs_with_first
from seldkit._typing import Float
from seldkit.arrays import SPEED_OF_SOUND
from seldkit.features.magnitude import LogMagnitude
from seldkit.features.meaning import CUE, LEVEL, PHASE, ChannelMeaning
from seldkit.features.mel import ROUNDING_HZ
from seldkit.features.part import Part
from seldkit.features.phase import PhaseDifference, angle_rules
from seldkit.features.real_spectrum import AnySpectrum
from seldkit.features.turning import ChannelSwap, exchanged, exchanged_pairs

SALSALiteEncoding = Literal["path", "ipd"]


class SALSALite(Part):
    r"""Log-spectrograms of every microphone, then its phase difference to the first one.

    The phases need no statistics over frames and no tests, so that this is a few times as fast as
    [`SALSA`][seldkit.features.SALSA]. They are 0 above `fmax_doa`.

    Shape:
        - Input: complex spectrum `(batch, channel, time, freq=n_fft // 2 + 1)`.
        - Output: `(batch, 2 * channel - 1, time, bin=num_bins)`.

    Args:
        encoding: `"path"`, SALSA-Lite: by how many metres the sound's way to a microphone is
            shorter than to the first, as the phase has it, times $c / (2 \pi f)$. `"ipd"`,
            SALSA-IPD: the phase difference divided by π, in [-1, 1].
        n_fft: Length of the FFT; None for that of the extractor.
        sample_rate: Sampling rate, in hertz; None for that of the extractor.
        fmin: Bins start at the one that holds this frequency, in hertz, but not at bin 0.
        fmax: Bins end before the one that holds this frequency, in hertz.
        fmax_doa: Phases end with the bin that holds this frequency, in hertz: best the
            [`aliasing_frequency`][seldkit.arrays.ArrayGeometry.aliasing_frequency] of the array.
        speed_of_sound: In metres per second; only the path depends on it.

    Raises:
        ValueError: If a value is out of range.
        RuntimeError: If it is used before FFT and rate are known.

    Source: Nguyen et al., "SALSA-Lite: A fast and effective feature for polyphonic sound event
    localization and detection with microphone arrays", ICASSP 2022.

    Examples:
        >>> spectrum = torch.ones(1, 4, 5, 257, dtype=torch.complex64)
        >>> spectrum[:, 1] *= 1j  # a quarter of a period ahead of the first
        >>> features = SALSALite("ipd", n_fft=512, sample_rate=24000)(spectrum)
        >>> features.shape
        torch.Size([1, 7, 5, 191])
        >>> features[0, 4, 0, 40:44]
        tensor([0.5000, 0.5000, 0.0000, 0.0000])
    """

    needs_rate = True
    lookback = lookahead = 0
    reads_halves = True

    def __init__(
        self,
        encoding: SALSALiteEncoding = "path",
        *,
        n_fft: int | None = None,
        sample_rate: int | None = None,
        fmin: float = 50.0,
        fmax: float = 9000.0,
        fmax_doa: float = 2000.0,
        speed_of_sound: float = SPEED_OF_SOUND,
    ) -> None:
        super().__init__()
        check_literal("encoding", encoding, SALSALiteEncoding)
        check_number(fmin=fmin)
        check_positive(fmax=fmax, fmax_doa=fmax_doa, speed_of_sound=speed_of_sound)
        if not 0 <= fmin < fmax_doa <= fmax:
            raise ValueError(
                f"0 <= fmin < fmax_doa <= fmax must hold, got {fmin:g}, {fmax_doa:g} and {fmax:g}"
            )
        self.encoding = encoding
        self.fmin, self.fmax, self.fmax_doa = fmin, fmax, fmax_doa
        self.speed_of_sound = speed_of_sound
        self.level: LogMagnitude | None = None
        self.phase: PhaseDifference | None = None
        self._say(n_fft, sample_rate)

    def make(self, n_fft: int, sample_rate: int | None) -> None:
        """Choose the bins."""
        assert sample_rate is not None  # as it is needed
        if self.fmax > sample_rate / 2 + ROUNDING_HZ:
            raise ValueError(
                f"0 <= fmin < fmax_doa <= fmax <= {sample_rate / 2:g} must hold for"
                f" {sample_rate=}, got {self.fmin:g}, {self.fmax_doa:g} and {self.fmax:g}"
            )
        first, stop, last_phase = (
            max(1, int(frequency * n_fft // sample_rate))
            for frequency in (self.fmin, self.fmax, self.fmax_doa)
        )
        if stop <= first:
            raise ValueError(
                f"fmin and fmax must hold a bin of {n_fft=} and {sample_rate=}, got"
                f" {self.fmin:g} and {self.fmax:g}"
            )
        self.level, self.num_bins = LogMagnitude((first, stop)), stop - first
        self.phase = PhaseDifference(
            "path" if self.encoding == "path" else "angle",
            bins=(first, min(last_phase + 1, stop)),
            sample_rate=sample_rate,
            n_fft=n_fft,
            speed_of_sound=self.speed_of_sound,
        )

    def num_channels(self, in_channels: int) -> int:
        """Return the number of spectrograms and phase differences."""
        return in_channels + len(pairs_among(in_channels, None, pairs_with_first))

    def meanings(self, in_channels: int) -> tuple[ChannelMeaning, ...]:
        """Return levels, then phase differences."""
        cue = CUE if self.encoding == "path" else PHASE
        return (LEVEL,) * in_channels + (cue,) * (self.num_channels(in_channels) - in_channels)

    def forward(self, spectrum: AnySpectrum) -> Float[Tensor, "batch out time bin"]:
        """Return spectrograms and phase differences."""
        self._check_bound()
        assert self.level is not None
        assert self.phase is not None
        assert self.n_fft is not None
        check_shape("spectrum", spectrum, "batch channel time freq", freq=self.n_fft // 2 + 1)
        level, phase = self.level(spectrum), self.phase(spectrum)
        if self.encoding == "ipd":
            phase = phase / math.pi
        phase = functional.pad(phase, (0, level.shape[-1] - phase.shape[-1]))
        return torch.cat((level, phase), dim=1)

    def turn(
        self, features: Float[Tensor, "batch out time bin"], swap: ChannelSwap
    ) -> Float[Tensor, "batch out time bin"]:
        """Return the features of the swapped audio, see `PhaseDifference.turn`."""
        assert self.phase is not None  # it made the features
        count, kept = len(swap.index), self.phase.num_bins
        level, phase = exchanged(features[:, :count], swap.index), features[:, count:]
        pairs, inside = pairs_with_first(count), phase[..., :kept]
        if self.encoding == "ipd":
            inside = exchanged_pairs("SALSALite", inside, pairs, swap, angle_rules(2.0))
        else:
            inside = self.phase.turn(inside, swap)
        return torch.cat((level, torch.cat((inside, phase[..., kept:]), dim=-1)), dim=1)
