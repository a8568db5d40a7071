"""SALSA: log-spectrograms, and where the sound comes from in bins that one source dominates."""

import math
from typing import Literal, cast

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._checks import (
    check_literal,
    check_number,
    check_positive,
    check_shape,
)
from seldkit._pairs import pairs_with_first
from seldkit._typing import Bool, Complex, Float
from seldkit.arrays import SPEED_OF_SOUND
from seldkit.features.meaning import CUE, LEVEL, ChannelMeaning
from seldkit.features.mel import ROUNDING_HZ
from seldkit.features.noise_floor import MAX_WAIT, above_noise_floor
from seldkit.features.part import Part
from seldkit.features.phase import angle_rules
from seldkit.features.principal_vector import principal_vector
from seldkit.features.salsa_bins import GROUP, bin_levels, with_edges
from seldkit.features.salsa_stream import SALSAStream
from seldkit.features.turning import ChannelSwap, exchanged, exchanged_pairs

SALSAFormat = Literal["foa", "mic"]
SALSAEdges = Literal["clip", "wrap"]

_FMAX_DOA = {"foa": 9000.0, "mic": 4000.0}
_REACH = 3  # frames before and after a frame that its covariance is summed over
# Bins of a block of frames: what a processor's cache holds and still keeps two threads at work.
_BLOCK = 2**16


class SALSA(Part):
    r"""Log-spectrograms of every channel, then the principal eigenvector of each bin.

    The covariance of the channels is summed over seven frames around each. Where one source is much
    louder than all else, its principal eigenvector $v$ is what that source looks like to the array,
    and the channels after the spectrograms show it:

    - `"foa"`: $\operatorname{Re}(v_c / v_0)$ of the dipoles, scaled to unit length, in the order
      y, z, x: for a plane wave, the direction it comes from.
    - `"mic"`: the phase of $v_m$ against the first microphone, times $c / (2 \pi f)$: by how many
      metres the sound's way to microphone $m$ is shorter than to the first. It is
      $u \cdot (r_m - r_0)$ for a far source in the direction $u$, if the phase does not wrap.

    Elsewhere they are 0: outside the band, in bins that do not stand out of the background noise,
    and in bins whose largest eigenvalue is not much larger than the second. Gradients pass through
    levels and vectors, not through these two tests.

    The noise floor follows the level of the first channel, the root of its mean power over a frame
    and the two before. It starts at half the mean level of the first five frames. A frame above it
    raises it, by 2 % in the first three frames of a sound and by 0.2 % from the fourth on; any
    other lowers it by 2 %, not below 1e-6. Each floor depends on the one before: this is a loop
    over frames, and runs on the CPU wherever the audio is.

    Shape:
        - Input: complex spectrum `(batch, channel, time, freq=n_fft // 2 + 1)`.
        - Output: `(batch, 2 * channel - 1, time, bin=num_bins)`.

    Args:
        format: `"foa"` for first-order ambisonics (ACN order, SN3D), `"mic"` for any microphones.
        n_fft: Length of the FFT, a multiple of 64; None for that of the extractor.
        sample_rate: Sampling rate, in hertz; None for that of the extractor.
        fmin_doa: Vectors start at the bin that holds this frequency, in hertz, but not at bin 0.
        fmax_doa: Vectors end before the bin that holds this frequency, in hertz: by default 9 kHz
            for FOA and 4 kHz for microphones, whose phases wrap above
            [`aliasing_frequency`][seldkit.arrays.ArrayGeometry.aliasing_frequency].
        noise_ratio: By how much a level must exceed the noise floor; None leaves out that test.
        condition: How many times the largest eigenvalue must exceed the second; None leaves out
            that test and takes longer, because the vectors of all bins are then of use.
        compress: Whether bins above 3/8 of the sampling rate are averaged by eight, as published:
            200 bins for an FFT of 512. Bin 0 is always left out, and the last if this is true.
        edges: What is beyond the ends of the clip: `"clip"`, nothing, so that the sums have fewer
            frames there; or `"wrap"`, its other end, as in the published code, where the first
            three frames depend on the last three, so that nothing can be streamed.
        speed_of_sound: In metres per second; only microphones depend on it.

    Raises:
        ValueError: If a value is out of range.
        RuntimeError: If it is used before FFT and rate are known.

    Source: Nguyen et al., "SALSA: Spatial cue-augmented log-spectrogram features for polyphonic
    sound event localization and detection", IEEE/ACM TASLP 2022; constants of the published code.

    Examples:
        >>> from seldkit.ambisonics import plane_wave
        >>> from seldkit.features import STFT
        >>> left = plane_wave(torch.randn(4800), torch.tensor([0.0, 1.0, 0.0]))
        >>> spectrum = STFT(n_fft=512, hop_length=300)(left.unsqueeze(0))
        >>> features = SALSA(n_fft=512, sample_rate=24000, noise_ratio=None)(spectrum)
        >>> features.shape
        torch.Size([1, 7, 17, 200])
        >>> features[0, 4:, 8, 50].round(decimals=3)  # y, z, x
        tensor([1., 0., 0.])
    """

    needs_rate = True
    metres: Tensor

    def __init__(
        self,
        format: SALSAFormat = "foa",
        *,
        n_fft: int | None = None,
        sample_rate: int | None = None,
        fmin_doa: float = 50.0,
        fmax_doa: float | None = None,
        noise_ratio: float | None = 1.5,
        condition: float | None = 5.0,
        compress: bool = True,
        edges: SALSAEdges = "clip",
        speed_of_sound: float = SPEED_OF_SOUND,
    ) -> None:
        super().__init__()
        check_literal("format", format, SALSAFormat)
        check_literal("edges", edges, SALSAEdges)
        check_positive(speed_of_sound=speed_of_sound)
        check_number(fmin_doa=fmin_doa)
        if noise_ratio is not None:
            check_positive(noise_ratio=noise_ratio)
        if condition is not None:
            check_number(condition=condition)
            if not 1 < condition < math.inf:
                raise ValueError(f"condition must be above 1 and finite, or None, got {condition}")
        fmax_doa = _FMAX_DOA[format] if fmax_doa is None else fmax_doa
        check_positive(fmax_doa=fmax_doa)
        if not 0 <= fmin_doa < fmax_doa:
            raise ValueError(
                f"0 <= fmin_doa < fmax_doa must hold, got {fmin_doa:g} and {fmax_doa:g}"
            )
        self.format, self.speed_of_sound, self.noise_ratio = format, speed_of_sound, noise_ratio
        self.fmin_doa, self.fmax_doa, self.condition = fmin_doa, fmax_doa, condition
        self.compress, self.edges, self.doa_bins = compress, edges, (0, 0)
        self.register_buffer("metres", None, persistent=False)
        self.reads_foa = format == "foa"
        # Frames at the start wait for the noise floor, which reaches back without end.
        self.lookahead = _REACH if noise_ratio is None else max(_REACH, MAX_WAIT)
        self._say(n_fft, sample_rate)

    def make(self, n_fft: int, sample_rate: int | None) -> None:
        """Choose the bins, and make the wavelengths."""
        assert sample_rate is not None  # as it is needed
        if n_fft % (8 * GROUP):
            raise ValueError(f"n_fft must be a multiple of {8 * GROUP}, got {n_fft}")
        limit = sample_rate * (3 / 8 if self.compress else 1 / 2)
        if self.fmax_doa > limit + ROUNDING_HZ:
            raise ValueError(
                f"0 <= fmin_doa < fmax_doa <= {limit:g} must hold for {sample_rate=} and"
                f" compress={self.compress}, got {self.fmin_doa:g} and {self.fmax_doa:g}"
            )
        first = max(1, int(self.fmin_doa * n_fft // sample_rate))
        self.doa_bins = first, max(first + 1, int(self.fmax_doa * n_fft // sample_rate))
        frequency = torch.arange(*self.doa_bins, dtype=torch.float64) * (sample_rate / n_fft)
        self.num_bins = 25 * n_fft // 64 if self.compress else n_fft // 2
        self.register_constant("metres", self.speed_of_sound / (2 * math.pi * frequency))

    def num_channels(self, in_channels: int) -> int:
        """Return the number of spectrograms and vector components."""
        if self.format == "foa" and in_channels != 4:
            raise ValueError(f"SALSA needs the 4 channels of FOA, got {in_channels}")
        if in_channels < 2:
            raise ValueError(f"SALSA needs at least 2 microphones, got {in_channels}")
        return 2 * in_channels - 1

    def meanings(self, in_channels: int) -> tuple[ChannelMeaning, ...]:
        """Return levels, then cues of direction."""
        return (LEVEL,) * in_channels + (CUE,) * (in_channels - 1)

    def forward(
        self, spectrum: Complex[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch out time bin"]:
        """Return spectrograms and vectors."""
        self._check_bound()
        check_shape(
            "spectrum", spectrum, "batch channel time freq", freq=cast(int, self.n_fft) // 2 + 1
        )
        out_channels = self.num_channels(spectrum.shape[1])
        real, imag = (
            with_edges(x, _REACH, wrap=self.edges == "wrap") for x in (spectrum.real, spectrum.imag)
        )
        above = None
        if self.noise_ratio is not None:
            power = self._first_power(real[:, :, _REACH:-_REACH], imag[:, :, _REACH:-_REACH])
            above = above_noise_floor(power, ratio=self.noise_ratio, wrap=self.edges == "wrap")
        if torch.compiler.is_compiling() or real.device.type != "cpu":
            return self._features(real, imag, above)
        batch, _, frames, _ = spectrum.shape
        features = real.new_empty(batch, out_channels, frames, cast(int, self.num_bins))
        size = max(1, _BLOCK // (self.doa_bins[1] - self.doa_bins[0]))
        for clip in range(batch):
            for first in range(0, frames, size):
                inner, outer = slice(first, first + size), slice(first, first + size + 2 * _REACH)
                index = slice(clip, clip + 1)
                features[index, :, inner] = self._features(
                    real[index, :, outer],
                    imag[index, :, outer],
                    None if above is None else above[index, inner],
                )
        return features

    def turn(
        self, features: Float[Tensor, "batch out time bin"], swap: ChannelSwap
    ) -> Float[Tensor, "batch out time bin"]:
        """Return the features of the swapped audio.

        The noise floor is that of the first channel, and so are the phases: another microphone can
        only come first where `noise_ratio` is None.
        """
        count, bins = len(swap.index), self.doa_bins
        level, cue = exchanged(features[:, :count], swap.index), features[:, count:]
        if swap.index[0] != 0 and self.noise_ratio is not None:
            raise ValueError(
                "SALSA cannot be turned so: its noise floor is that of the first channel, whose"
                f" place channel {swap.index[0]} takes; noise_ratio=None has none"
            )
        if self.format == "foa":
            old = [channel - 1 for channel in swap.index[1:]]
            return torch.cat((level, exchanged(cue, old, swap.sign[1:])), dim=1)
        band = slice(bins[0] - 1, bins[1] - 1)
        rules = angle_rules(2 * math.pi * self.metres.to(features))
        pairs = pairs_with_first(count)
        inside = exchanged_pairs("SALSA", cue[..., band], pairs, swap, rules)
        ends = cue[..., : band.start], cue[..., band.stop :]
        return torch.cat((level, torch.cat((ends[0], inside, ends[1]), dim=-1)), dim=1)

    def stream(self) -> SALSAStream:
        """Return a new stream, which takes the spectrum of some clips run of frames by run.

        Raises:
            ValueError: If the clip's edges wrap.
        """
        self._check_bound()
        if self.edges == "wrap":
            raise ValueError(
                "SALSA(edges='wrap') reads the last frames of a clip for its first, so it cannot"
                " stream; edges='clip' can"
            )
        return SALSAStream(
            self._features, self._first_power, reach=_REACH, noise_ratio=self.noise_ratio
        )

    def _first_power(self, real: Tensor, imag: Tensor) -> Float[Tensor, "batch time band"]:
        """Return the power of the first channel in the bins that have vectors."""
        band = slice(*self.doa_bins)
        return real[:, 0, :, band].square() + imag[:, 0, :, band].square()

    def _features(
        self,
        real: Float[Tensor, "batch channel padded_time freq"],
        imag: Float[Tensor, "batch channel padded_time freq"],
        above: Bool[Tensor, "batch time band"] | None,
    ) -> Float[Tensor, "batch out time bin"]:
        """Return the features of frames that have three more frames of spectrum at either end.

        Args:
            real: Real part of the spectrum.
            imag: Its imaginary part.
            above: Which bins stand out of the noise, if that is asked.
        """
        first, stop = self.doa_bins
        inner, band = slice(_REACH, -_REACH), slice(first, stop)
        level = bin_levels(real[:, :, inner], imag[:, :, inner], compress=self.compress)
        vector = principal_vector(
            real[..., band].contiguous(),
            imag[..., band].contiguous(),
            reach=_REACH,
            condition=self.condition,
        )
        tests = [test for test in (above, vector.coherent) if test is not None]
        passed = torch.stack(tests).all(dim=0) if tests else None
        if self.format == "foa":
            cue = vector.direction(passed)
        else:
            cue = vector.phase(passed) * self.metres.to(real.dtype)
        cue = cue.masked_fill(vector.real[0].isnan().unsqueeze(1), torch.nan)  # no quiet 0
        cue = functional.pad(cue, (first - 1, level.shape[-1] - (stop - 1)))
        return torch.cat((level, cue), dim=1)
