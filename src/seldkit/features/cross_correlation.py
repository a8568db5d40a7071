"""Generalised cross-correlation with phase transform (GCC-PHAT) of pairs of microphones."""

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from seldkit._checks import (
    check_count,
    check_literal,
    check_number,
    check_positive,
    check_shape,
)
from seldkit._pairs import Pair, check_pairs, pairs_among
from seldkit._typing import Float
from seldkit.features.bins import fft_length
from seldkit.features.cross_spectrum import SILENCE, cross_spectrum, whiten
from seldkit.features.meaning import LAG, ChannelMeaning
from seldkit.features.part import Part
from seldkit.features.precision import without_autocast
from seldkit.features.products import real_product
from seldkit.features.real_spectrum import AnySpectrum
from seldkit.features.turning import ChannelSwap, PairRules, exchanged_pairs

Conjugate = Literal["first", "second"]


class GCCPHAT(Part):
    r"""Whitened cross-correlation of pairs $(m, n)$ of microphones around lag 0.

    $$R_{mn}[\tau] = \frac{1}{N} \sum_{k=0}^{N-1} \frac{X_m^*[k]\,X_n[k]}{|X_m[k]|\,|X_n[k]|}\,
    e^{2 \pi j k \tau / N}$$

    peaks at the delay $\tau$, in samples, by which microphone $n$ hears a sound after microphone
    $m$. The frame is taken as periodic, as in published extractors: lags must be short beside it.
    Fully whitened correlations lie between -1 and 1. Lags stand in the place of bins.

    Shape:
        - Input: complex spectrum `(batch, channel, time, freq)`.
        - Output: `(batch, pair, time, lag=num_lags)`.

    Args:
        num_lags: Number of lags: from `-(num_lags // 2)` on, so 64 are -32 to 31, 11 are -5 to 5;
            as many as mel bands, so that both can be one tensor.
        pairs: Pairs `(m, n)` of channels; by default every pair with `m < n`.
        conjugate: `"first"` is $X_m^* X_n$, as the DCASE baselines: a peak at lag 3 says that `n`
            hears the sound 3 samples after `m`. `"second"` is $X_m X_n^*$, with the lags mirrored.
        interpolation: Lags per sample. With 4 the lags are a quarter of a sample apart, exact
            values of the band-limited correlation, and 64 of them reach from -8 to 7.75 samples.
        exponent: How far each bin is whitened: 1 is PHAT, 0 the plain cross-correlation.
        absolute: Whether correlations lose their sign, as Neural-SRP reads them.
        n_fft: Length of the FFT; in a `FeatureExtractor` that of its transform. With it the tables
            of cosines and sines are made once. On its own and without it they are made in every
            call from the number of bins, which must then be of an even length.
        floor: Least power of a bin that is divided by; silence gives zeros.

    Raises:
        ValueError: If a size is not positive, there are more lags than the frame has, the number
            of bins does not fit `n_fft`, or a pair names one channel twice or none that exists.

    Source: Knapp and Carter, "The generalized correlation method for estimation of time delay",
    IEEE TASSP 24(4), 1976.

    Examples:
        >>> sound = torch.tensor([0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
        >>> waveform = torch.stack((sound, sound.roll(2)))  # the second is 2 samples late
        >>> spectrum = torch.fft.rfft(waveform).reshape(1, 2, 1, 5)
        >>> GCCPHAT(num_lags=7)(spectrum).flatten().abs().round(decimals=3)  # lags -3 to 3
        tensor([0., 0., 0., 0., 0., 1., 0.])
        >>> GCCPHAT(num_lags=5, interpolation=2).lags
        [-1.0, -0.5, 0.0, 0.5, 1.0]
    """

    lookback = lookahead = 0
    reads_halves = True
    cosine: Tensor | None
    sine: Tensor | None

    def __init__(
        self,
        num_lags: int = 64,
        *,
        pairs: Sequence[Pair] | None = None,
        conjugate: Conjugate = "first",
        interpolation: int = 1,
        exponent: float = 1.0,
        absolute: bool = False,
        n_fft: int | None = None,
        floor: float = SILENCE,
    ) -> None:
        super().__init__()
        check_count(num_lags=num_lags, interpolation=interpolation)
        check_positive(floor=floor)
        check_number(exponent=exponent)
        check_literal("conjugate", conjugate, Conjugate)
        if not 0 <= exponent <= 1:
            raise ValueError(f"exponent must lie between 0 and 1, got {exponent}")
        self.num_lags, self.pairs, self.conjugate = int(num_lags), check_pairs(pairs), conjugate
        self.interpolation, self.exponent = int(interpolation), exponent
        self.absolute = absolute
        self.floor, self.num_bins = floor, self.num_lags
        self.meaning = LAG if exponent == 1 else ChannelMeaning("lag", per_db=None)
        self.register_buffer("cosine", None, persistent=False)
        self.register_buffer("sine", None, persistent=False)
        self._say(n_fft, None)

    def make(self, n_fft: int, sample_rate: int | None) -> None:
        """Make the tables of an FFT length."""
        del sample_rate
        cosine, sine = _lag_tables(self.num_lags, self.conjugate, self.interpolation, n_fft)
        self.n_fft = n_fft
        self.register_constant("cosine", cosine)
        self.register_constant("sine", sine)

    @property
    def lags(self) -> list[float]:
        """The lag of each bin, in samples."""
        first = -(self.num_lags // 2)
        return [(first + step) / self.interpolation for step in range(self.num_lags)]

    def num_channels(self, in_channels: int) -> int:
        """Return the number of pairs."""
        return len(pairs_among(in_channels, self.pairs))

    def forward(self, spectrum: AnySpectrum) -> Float[Tensor, "batch pair time lag"]:
        """Return the whitened cross-correlation of each pair."""
        check_shape("spectrum", spectrum, "batch channel time freq")
        n_fft = fft_length(spectrum.shape[-1], self.n_fft)
        real = spectrum.real
        if self.cosine is None or self.sine is None:
            shape = self.num_lags, self.conjugate, self.interpolation, n_fft
            cosine, sine = _lag_tables(*shape, real.dtype, real.device)
        else:
            cosine, sine = self.cosine.to(real.dtype), self.sine.to(real.dtype)
        used = pairs_among(spectrum.shape[1], self.pairs)
        with without_autocast(real):
            power = real_product(spectrum)
            real, imag = whiten(
                real, spectrum.imag, power, exponent=self.exponent, floor=self.floor
            )
            # A Fourier transform would give all lags of the frame: for the few that are kept these
            # products are cheaper. One pair after the other stays in the processor's cache.
            crosses = (cross_spectrum(real, imag, pair) for pair in used)
            halves = [(cross[0] @ cosine, cross[1] @ sine) for cross in crosses]
            even, odd = (torch.stack(half, dim=1) for half in zip(*halves, strict=True))
            lags = _both_ways(even, odd, self.num_lags)
            return lags.abs() if self.absolute else lags

    def turn(
        self, features: Float[Tensor, "batch pair time lag"], swap: ChannelSwap
    ) -> Float[Tensor, "batch pair time lag"]:
        """Return the correlations of the swapped audio.

        Those of a pair the other way round have their lags mirrored. Of an even number of lags the
        first one, such as -32 of 64, is lost then: 32 is not there.
        """

        def mirrored(lags: Tensor) -> Tensor:
            if self.num_lags % 2:
                return lags.flip(-1)
            if swap.lost_lag == "error":
                raise ValueError(
                    f"GCCPHAT cannot be turned so: a pair changes its direction, and of"
                    f" {self.num_lags} lags the first has no mirror image; take an odd number, or"
                    " lost_lag='nearest', which puts its neighbour's value there"
                )
            rest = lags[..., 1:].flip(-1)
            return torch.cat((rest[..., :1], rest), dim=-1)

        pairs = pairs_among(len(swap.index), self.pairs)
        negate = torch.abs if self.absolute else torch.neg
        rules = PairRules(mirrored, negate, None)
        return exchanged_pairs("GCCPHAT", features, pairs, swap, rules)


def _both_ways(
    even: Float[Tensor, "batch pair time lag"],
    odd: Float[Tensor, "batch pair time later"],
    num_lags: int,
) -> Float[Tensor, "batch pair time both"]:
    """Return lags of both signs, from what keeps its sign when mirrored and what changes it.

    Args:
        even: Of lags from 0 on.
        odd: Of lags from 1 on.
        num_lags: How many there are of both signs.
    """
    zero, even = even[..., :1], even[..., 1:]
    after = num_lags - num_lags // 2 - 1
    later = even[..., :after] + odd[..., :after]
    return torch.cat(((even - odd).flip(-1), zero, later), dim=-1)


def _lag_tables(
    num_lags: int,
    conjugate: Conjugate,
    interpolation: int,
    n_fft: int,
    dtype: torch.dtype = torch.float64,
    device: torch.device | None = None,
) -> tuple[Float[Tensor, "freq lag"], Float[Tensor, "freq later"]]:
    """Return the cosines and sines by which an inverse real Fourier transform sums some lags.

    Cosines of lags from 0 on, and sines of lags from 1 on: the others mirror them.
    """
    period = n_fft * interpolation
    if num_lags > period:
        raise ValueError(f"num_lags must be at most {period}, those of a frame, got {num_lags}")
    bins = torch.arange(n_fft // 2 + 1, device=device).unsqueeze(1)
    lags = torch.arange(num_lags // 2 + 1, device=device)
    # Whole turns are taken off while the product is a whole number, so float32 loses nothing.
    angle = (bins * lags % period).to(dtype) * (2 * math.pi / period)
    ends = (bins == 0) | (2 * bins == n_fft)  # the bins without a mirror image
    weight = torch.where(ends, 1.0, 2.0).to(dtype) / n_fft
    turn = -weight if conjugate == "first" else weight
    return weight * angle.cos(), turn * angle[:, 1:].sin()
