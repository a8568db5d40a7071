"""Short-term autocorrelation: the echoes in a frame, which tell how far a source is."""

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._checks import check_count, check_literal, check_positive, check_shape, integer
from seldkit._typing import Complex, Float
from seldkit.features.bins import fft_length
from seldkit.features.meaning import LAG
from seldkit.features.part import Part
from seldkit.features.precision import widened, without_autocast
from seldkit.features.products import real_product
from seldkit.features.turning import ChannelSwap, exchanged

Resample = Literal["mean", "fft"]


class Autocorrelation(Part):
    r"""Short-term power of the autocorrelation of every frame (stpACC), over lags from 0 on.

    $$r[\tau] = \max\Big(0, \mathcal F^{-1}(|X|^2)[\tau] \Big/ \mathcal F^{-1}(|X|^2)[0]\Big),
    \qquad y = (r^2 * h) / \max_\tau (r^2 * h),$$

    with a short Hann window $h$; then the lags are resampled to as many bins as mel bands have, so
    that both can be one tensor. Reflections of walls and floor stand at their delays behind the
    direct sound, nearer to it and weaker for a source that is near. Levels do not matter. Each
    frame stands alone, so it streams. Lags stand in the place of bins.

    Source: Berghi and Jackson, "Reverberation-based features for sound event localization and
    detection with distance estimation", arXiv 2504.08644, 2025, and its released code: frames of
    1024 samples with a hop of 150 at 24 kHz, and a symmetric window. With `resample="fft"` the
    numbers are those of the code; it rings. The mean, which does not, is ours.

    Shape:
        - Input: complex spectrum `(batch, channel, time, freq)`.
        - Output: `(batch, channel, time, lag=num_bins)`, the channels that are read.

    Args:
        num_lags: Lags from 0 on that are kept, in samples, at most half a frame and one more.
        num_bins: Bins that they are resampled to, which divide `num_lags`.
        smoothing: Points of the Hann window with its zeros: 8 are 0.33 ms at 24 kHz, or 10 cm; 1
            for none.
        channels: Channels that are read: by default the first, the omnidirectional one of FOA.
            None for all.
        resample: `"mean"` of the lags of a bin, or `"fft"`.
        n_fft: Length of the FFT; in a `FeatureExtractor` that of its transform.
        floor: Least power of a frame that is divided by, so that silence gives zeros; nothing else
            changes by it.

    Raises:
        ValueError: If a size is out of range, or `num_bins` does not divide `num_lags`.

    Examples:
        >>> clap = torch.zeros(16)
        >>> clap[2], clap[7] = 1.0, 0.5  # and its echo, 5 samples later
        >>> spectrum = torch.fft.rfft(clap).reshape(1, 1, 1, 9)
        >>> part = Autocorrelation(8, 8, smoothing=1)
        >>> part(spectrum).flatten().round(decimals=2)
        tensor([1.0000, 0.0000, 0.0000, 0.0000, 0.0000, 0.1600, 0.0000, 0.0000])
    """

    lookback = lookahead = 0
    meaning = LAG
    resampling: Tensor
    hann: Tensor

    def __init__(
        self,
        num_lags: int = 512,
        num_bins: int = 64,
        *,
        smoothing: int = 8,
        channels: Sequence[int] | None = (0,),
        resample: Resample = "mean",
        n_fft: int | None = None,
        floor: float = 1e-10,
    ) -> None:
        super().__init__()
        check_count(num_lags=num_lags, num_bins=num_bins, smoothing=smoothing)
        check_positive(floor=floor)
        check_literal("resample", resample, Resample)
        if num_lags % num_bins:
            raise ValueError(f"num_bins must divide num_lags={num_lags}, got {num_bins}")
        if smoothing == 2:
            raise ValueError("smoothing must be 1 or at least 3, got 2: a window of two zeros")
        if channels is not None:
            channels = tuple(integer("channels", channel) for channel in channels)
            if not channels or min(channels) < 0 or len(set(channels)) < len(channels):
                raise ValueError(f"channels must be different and from 0, got {channels}")
        self.num_lags, self.num_bins = int(num_lags), int(num_bins)
        self.smoothing, self.channels, self.resample = int(smoothing), channels, resample
        self.floor = floor
        hann = torch.hann_window(smoothing, periodic=False, dtype=torch.float64)
        self.register_constant("hann", hann)
        self.register_constant("resampling", _resampling(self.num_lags, self.num_bins, resample))
        self._say(n_fft, None)

    def make(self, n_fft: int, sample_rate: int | None) -> None:
        """Take the length of the FFT, which must hold the lags."""
        del sample_rate
        _check_lags(self.num_lags, n_fft)
        self.n_fft = n_fft

    def num_channels(self, in_channels: int) -> int:
        """Return the number of channels that are read."""
        return len(self._read(in_channels))

    def forward(
        self, spectrum: Complex[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch out time lag"]:
        """Return the smoothed squares of the autocorrelation of every frame."""
        check_shape("spectrum", spectrum, "batch channel time freq")
        n_fft = fft_length(spectrum.shape[-1], self.n_fft)
        _check_lags(self.num_lags, n_fft)
        power = widened(real_product(spectrum))[:, self._read(spectrum.shape[1])]
        with without_autocast(power):
            if isinstance(spectrum, Tensor):
                lags = torch.fft.irfft(power, n_fft)[..., : self.num_lags]
            else:  # to be exported: from all lags of a frame those from 0 on
                lags = power @ _cosines(self.num_lags, n_fft, power)
            ratio = lags.clamp(min=0) / lags[..., :1].clamp(min=self.floor)
            behind = (self.smoothing - 1) // 2
            rows = functional.pad(
                ratio.square().flatten(0, 2).unsqueeze(1), (self.smoothing - 1 - behind, behind)
            )
            rows = functional.conv1d(rows, self.hann.to(rows.dtype).reshape(1, 1, -1)).squeeze(1)
            # The largest of sound is no less than what is left of lag 0; silence is divided by 1.
            largest = rows.amax(dim=1, keepdim=True)
            rows = rows / largest.where(largest > 0, 1)
            bins: Tensor = rows @ self.resampling.to(rows.dtype)
            shaped: Tensor = bins.reshape(*power.shape[:3], -1)
            return shaped

    def turn(
        self, features: Float[Tensor, "batch channel time lag"], swap: ChannelSwap
    ) -> Float[Tensor, "batch channel time lag"]:
        """Return the features of the swapped audio: they do not know signs."""
        read = self._read(len(swap.index))
        there = [swap.index[channel] for channel in read]
        if not set(there) <= set(read):
            raise ValueError(
                f"Autocorrelation cannot be turned so: it reads channels {read}, and"
                f" {there} would be needed"
            )
        return exchanged(features, [read.index(channel) for channel in there])

    def _read(self, in_channels: int) -> list[int]:
        """Return the channels that are read of so many."""
        read = list(range(in_channels)) if self.channels is None else list(self.channels)
        if max(read) >= in_channels:
            raise ValueError(f"channels must be below {in_channels}, as there are, got {max(read)}")
        return read


def _check_lags(num_lags: int, n_fft: int) -> None:
    if num_lags > n_fft // 2 + 1:
        raise ValueError(
            f"num_lags must be at most {n_fft // 2 + 1} for n_fft={n_fft}, got {num_lags}"
        )


def _cosines(num_lags: int, n_fft: int, like: Tensor) -> Float[Tensor, "freq lag"]:
    """Return the cosines by which an inverse real Fourier transform sums lags from 0 on."""
    bins = torch.arange(n_fft // 2 + 1, device=like.device).unsqueeze(1)
    angle = bins * torch.arange(num_lags, device=like.device) % n_fft * (2 * math.pi / n_fft)
    ends = (bins == 0) | (2 * bins == n_fft)  # the bins without a mirror image
    return torch.where(ends, 1.0, 2.0).to(like.dtype) / n_fft * angle.to(like.dtype).cos()


def _resampling(num_lags: int, num_bins: int, resample: Resample) -> Float[Tensor, "lag bin"]:
    """Return the matrix from lags to bins."""
    unit = torch.eye(num_lags, dtype=torch.float64)
    if resample == "mean" or num_bins == num_lags:
        means: Tensor = unit.unflatten(1, (num_bins, -1)).mean(dim=2)
        return means
    waves = torch.fft.rfft(unit)[:, : num_bins // 2 + 1]
    if num_bins % 2 == 0:
        waves[:, -1] *= 2  # it stands for its mirror image, too
    bins: Tensor = torch.fft.irfft(waves, num_bins) * (num_bins / num_lags)
    return bins
