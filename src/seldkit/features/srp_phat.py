"""Steered response power with phase transform (SRP-PHAT): how much each direction sounds."""

from math import e, pi
from typing import Literal

import torch
from torch import Tensor

from seldkit._checks import check_literal, check_positive, check_shape
from seldkit._typing import Complex, Float
from seldkit.arrays import SPEED_OF_SOUND, ArrayGeometry
from seldkit.features.bands import Band, band_bins, check_band
from seldkit.features.bins import crop, fft_length
from seldkit.features.cross_spectrum import SILENCE, whiten
from seldkit.features.meaning import ChannelMeaning
from seldkit.features.part import Part
from seldkit.features.point_turning import turned_points
from seldkit.features.precision import without_autocast
from seldkit.features.turning import ChannelSwap
from seldkit.grids import DirectionGrid

Lags = Literal["exact", "whole"]
Scale = Literal["mean", "power", "sum", "frame"]


class SRPPHAT(Part):
    r"""Map of directions: the whitened cross-correlation of all pairs at the delays of each.

    $$S(u) = \frac{1}{P \sum_k w_k} \sum_{m < n} \sum_k w_k \operatorname{Re}
    \frac{X_m[k]\,X_n^*[k]}{|X_m[k]|\,|X_n[k]|}\,e^{2 \pi j f_k (\tau_m(u) - \tau_n(u))}$$

    over the $P$ pairs of microphones and the bins $k$ of the band, where $\tau_m(u)$ is how much
    later than at the centre a wave from $u$ arrives at microphone $m$. A plane wave alone has 1 in
    its direction. The bins 0 and half the sampling rate, which have no mirror image, weigh half.

    The map is one channel, and the points of the grid stand in the place of bins. A level array
    cannot tell above from below: give it the upper half. Means of maps over time, `.mean(dim=2)`,
    are maps of longer frames.

    Shape:
        - Input: complex spectrum `(batch, channel, time, freq)`, a channel for each microphone.
        - Output: `(batch, channel=1, time, point)`.

    Args:
        array: The microphones, in the order of the channels.
        grid: The directions to look at.
        fmin: Lowest frequency that counts, in hertz.
        fmax: Highest frequency that counts, in hertz; None is half the sampling rate.
        lags: `"exact"` delays, or those of the nearest `"whole"` samples, as Cross3D and icoDOA
            take them; small arrays then cannot tell many directions apart.
        scale: `"mean"` is the formula above. `"power"` is that of pyroomacoustics,
            $2 S + 2 / (M - 1)$ for $M$ microphones, the power of a beam and never negative. `"sum"`
            is that of Cross3D, $2 P S + M$, which counts both orders of all pairs and each
            microphone with itself, in the whole band; `"frame"` is what that network reads, the sum
            without the mean of its map, divided by the greatest value that is left.
        n_fft: Length of the FFT; in a `FeatureExtractor` that of its transform.
        sample_rate: Sampling rate, in hertz; in a `FeatureExtractor` that of the others.
        speed_of_sound: In metres per second.
        floor: Least power of a bin that is divided by; silence has a map of zeros.

    Raises:
        ValueError: If the array has one microphone, a setting is out of range, the band holds no
            bin, or the spectrum has other channels or bins.
        RuntimeError: If it is used before the length of the FFT and the sampling rate are known.

    Source: DiBiase, "A high-accuracy, low-latency technique for talker localization in reverberant
    environments using microphone arrays", PhD thesis, Brown University, 2000. Scales as in
    pyroomacoustics and in Diaz-Guerra et al., "Robust sound source tracking using SRP-PHAT and 3D
    convolutional neural networks", IEEE/ACM TASLP 29, 2021.

    Examples:
        >>> from seldkit.features import STFT, FeatureExtractor
        >>> array, grid = ArrayGeometry.tetrahedron(), DirectionGrid.equiangular(3, 4)
        >>> stft = STFT(n_fft=512, hop_length=240, sample_rate=24000)
        >>> extractor = FeatureExtractor(stft, [SRPPHAT(array, grid)])
        >>> sound = torch.randn(1, 1, 2400).expand(1, 4, 2400)  # at once in all microphones
        >>> extractor(sound).shape
        torch.Size([1, 1, 11, 12])
    """

    lookback = lookahead = 0
    needs_rate = True
    meaning = ChannelMeaning("point")
    cosine: Tensor
    sine: Tensor
    steering: Tensor

    def __init__(
        self,
        array: ArrayGeometry,
        grid: DirectionGrid,
        *,
        fmin: float = 0.0,
        fmax: float | None = None,
        lags: Lags = "exact",
        scale: Scale = "mean",
        n_fft: int | None = None,
        sample_rate: int | None = None,
        speed_of_sound: float = SPEED_OF_SOUND,
        floor: float = SILENCE,
    ) -> None:
        super().__init__()
        if array.num_channels < 2:
            raise ValueError("array must have at least 2 microphones, got 1")
        check_literal("lags", lags, Lags)
        check_literal("scale", scale, Scale)
        check_positive(speed_of_sound=speed_of_sound, floor=floor)
        check_band(fmin, fmax)
        self.array, self.grid, self.fmin, self.fmax = array, grid, fmin, fmax
        self.lags, self.scale = lags, scale
        self.speed_of_sound, self.floor = speed_of_sound, floor
        self.num_bins = grid.num_points
        self._first, self._second = zip(*array.pairs, strict=True)
        self._say(n_fft, sample_rate)

    def make(self, n_fft: int, sample_rate: int | None) -> None:
        """Make the tables of an FFT length and a sampling rate."""
        assert sample_rate is not None  # as it is needed
        self._bins: Band = band_bins(self.fmin, self.fmax, n_fft, sample_rate)
        delays = self.array.delays(self.grid.directions, speed_of_sound=self.speed_of_sound)
        lag = sample_rate * (delays[:, list(self._second)] - delays[:, list(self._first)])
        if self.lags == "whole":
            nodes, steering = _whole_lags(lag)
        else:
            nodes, steering = _exact_lags(lag, self._bins[1] / n_fft)
        bins = torch.arange(*self._bins, dtype=torch.float64)
        weight = torch.where((bins == 0) | (2 * bins == n_fft), 0.5, 1.0).to(bins)
        weight = weight / (weight.sum() * len(self._first))
        angle = bins.unsqueeze(1) * nodes * (2 * pi / n_fft)
        self.register_constant("cosine", weight.unsqueeze(1) * angle.cos())
        self.register_constant("sine", -weight.unsqueeze(1) * angle.sin())
        self.register_constant("steering", steering)

    def num_channels(self, in_channels: int) -> int:
        """Return one, or raise `ValueError` unless there is a channel for each microphone."""
        if in_channels != self.array.num_channels:
            raise ValueError(
                f"array must have {in_channels} microphones, as the audio has channels,"
                f" got {self.array.num_channels}"
            )
        return 1

    def forward(
        self, spectrum: Complex[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch 1 time point"]:
        """Return the map of each frame."""
        self._check_bound()
        check_shape(
            "spectrum", spectrum, "batch channel time freq", channel=self.array.num_channels
        )
        fft_length(spectrum.shape[-1], self.n_fft)
        real, imag = crop(spectrum.real, self._bins), crop(spectrum.imag, self._bins)
        with without_autocast(real):
            real, imag = whiten(real, imag, floor=self.floor)
            a, b = real[:, self._first], imag[:, self._first]
            c, d = real[:, self._second], imag[:, self._second]
            # The correlation of each pair at few lags, and from there to all points at once.
            few = (a * c + b * d) @ self.cosine.to(real) + (a * d - b * c) @ self.sine.to(real)
            values = few.transpose(1, 2).flatten(2) @ self.steering.to(real)
            return self._scaled(values).unsqueeze(1)

    def turn(
        self, features: Float[Tensor, "batch 1 time point"], swap: ChannelSwap
    ) -> Float[Tensor, "batch 1 time point"]:
        """Return the maps of the swapped audio.

        The grid must be mapped onto itself, as far as the array can tell its points apart.
        """
        if set(swap.sign) != {1}:
            raise ValueError("SRPPHAT cannot be turned so: a microphone would be inverted")
        path = self.array.delays(self.grid.directions, speed_of_sound=1.0)
        heard = path - path.mean(dim=1, keepdim=True)
        return features[..., turned_points("SRPPHAT", heard, swap)]

    def _scaled(self, values: Float[Tensor, "batch time point"]) -> Tensor:
        channels, pairs = self.array.num_channels, len(self._first)
        if self.scale == "mean":
            return values
        if self.scale == "power":
            return 2 * values + 2 / (channels - 1)
        values = 2 * pairs * values
        if self.scale == "sum":
            return values + channels
        values = values - values.mean(dim=-1, keepdim=True)
        return values / values.amax(dim=-1, keepdim=True).clamp(min=1e-12)


def _whole_lags(
    lag: Float[Tensor, "point pair"],
) -> tuple[Float[Tensor, " lag"], Float[Tensor, "row point"]]:
    """Return lags in whole samples, and a table that picks for each pair and point the nearest.

    Rows are the lags of the first pair, those of the second, and so on.
    """
    nearest = lag.round()
    reach = int(nearest.abs().max())
    nodes = torch.arange(-reach, reach + 1, dtype=lag.dtype)
    return nodes, (nearest.T.unsqueeze(1) == nodes.unsqueeze(1)).to(lag.dtype).flatten(0, 1)


def _exact_lags(
    lag: Float[Tensor, "point pair"], highest: float
) -> tuple[Float[Tensor, " lag"], Float[Tensor, "row point"]]:
    r"""Return lags from which correlations follow at all others between, and how.

    A correlation over lags up to $L$ is a sum of oscillations of at most $\omega$: a polynomial
    through Chebyshev nodes meets it everywhere as soon as there are somewhat more of them than
    $\omega L$. The error falls faster than $(e \omega L / 2 n)^n$ with their number $n$, which is
    chosen so that nothing but rounding is left.

    Args:
        lag: In samples, for each direction and pair.
        highest: Highest frequency, in periods per sample.
    """
    reach = float(lag.abs().max()) * (1 + 1e-9) or 1.0
    phase, count = 2 * pi * highest * reach, 4
    while (e * phase / (2 * count)) ** count > 1e-15:
        count += 1
    angle = (torch.arange(count, dtype=lag.dtype) + 0.5) * (pi / count)
    order = torch.arange(count, dtype=lag.dtype)
    # Values at the nodes to coefficients of Chebyshev polynomials, and these to values at the lags.
    to_coefficients = (2 / count) * torch.outer(order, angle).cos()
    to_coefficients[0] /= 2
    polynomials = ((lag / reach).clamp(-1, 1).acos().unsqueeze(-1) * order).cos()
    steering = polynomials @ to_coefficients  # point pair lag
    return reach * angle.cos(), steering.permute(1, 2, 0).flatten(0, 1)
