"""Band-pass filters whose edges are learned."""

from typing import Literal

import torch
from torch import Tensor, nn

from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.features.learned_filters import (
    band_pass,
    check_band,
    check_not_negative,
    check_odd,
    check_samples,
    filtered_alone,
    taps,
)
from seldkit.features.mel import MelScale, mel_spaced
from seldkit.features.precision import widened

BandGain = Literal["peak", "band"]


class LearnedBands(Shown):
    """The edges of band-pass filters, which are learned: the base of banks of such filters.

    The lower edge is `min_low_hz + |low_hz|`, and the upper one lies `min_band_hz + |band_hz|`
    above it, at most at half the sampling rate. They begin as bands side by side over mel.

    Args:
        num_filters: Number of filters.
        sample_rate: Sampling rate of the waveform, in hertz.
        fmin: Where the lowest band begins before it learns, less `min_low_hz`.
        fmax: Where the highest one ends, less both minima; half the sampling rate if None.
        min_low_hz: Least lower edge.
        min_band_hz: Least width of a band.
        mel_scale: Over which scale the first bands are evenly spaced.
    """

    def __init__(
        self,
        num_filters: int,
        *,
        sample_rate: int,
        fmin: float,
        fmax: float | None,
        min_low_hz: float,
        min_band_hz: float,
        mel_scale: MelScale,
    ) -> None:
        super().__init__()
        check_not_negative(min_low_hz=min_low_hz, min_band_hz=min_band_hz)
        self.num_filters, self.sample_rate = num_filters, sample_rate
        self.fmin, self.fmax = fmin, check_band(fmin, fmax, sample_rate)
        self.min_low_hz, self.min_band_hz = min_low_hz, min_band_hz
        self.mel_scale: MelScale = mel_scale
        self.low_hz = nn.Parameter(torch.empty(num_filters))
        self.band_hz = nn.Parameter(torch.empty(num_filters))

    def reset_parameters(self) -> None:
        """Put the bands side by side over mel."""
        edges = mel_spaced(self.num_filters + 1, self.fmin, self.fmax, self.mel_scale)
        with torch.no_grad():
            self.low_hz.copy_(edges[:-1])
            self.band_hz.copy_(edges.diff())

    def edges_hz(self) -> tuple[Float[Tensor, " filter"], Float[Tensor, " filter"]]:
        """Return the lower and upper edge of every filter, in hertz."""
        low = self.min_low_hz + widened(self.low_hz).abs()
        high = low + self.min_band_hz + widened(self.band_hz).abs()
        nyquist = self.sample_rate / 2
        return low.clamp(max=nyquist), high.clamp(max=nyquist)

    def gained(self, kernel: Tensor, gain: BandGain) -> Tensor:
        """Return filters with the gain that is asked for, of those that pass their band as it is.

        `kernel` is `filter *axes`; the bands have no width where both edges are at the limit.
        """
        if gain == "band":
            return kernel
        low, high = self.edges_hz()
        width = (2 * (high - low) / self.sample_rate).clamp(min=1e-6)
        return kernel / width.reshape(-1, *[1] * (kernel.ndim - 1))


class SincFilterbank(LearnedBands):
    r"""Band-pass filters of a waveform, each with two numbers that are learned: its edges.

    A filter is the difference of two low-passes under a Hamming window,

    $$k(n) = \bigl(2 f_2 \operatorname{sinc}(2 f_2 n) - 2 f_1 \operatorname{sinc}(2 f_1 n)\bigr)\,
    w(n).$$

    Filters whose bands lie side by side sum to the filter of all of them with `gain="band"`. The
    defaults are those of the published code of SincNet and NGCC-PHAT, whose bands overlap by
    `min_band_hz` at first, as it is added to bands that lie side by side; and its window, which is
    not quite even, differs by less than 1e-5 from this one.

    Source: Ravanelli and Bengio, "Speaker recognition from raw waveform with SincNet", SLT 2018.

    Shape:
        - Input: `(batch, channel, sample)`.
        - Output: `(batch, channel, time, freq=num_filters)`, with a frame for each whole stride,
          centred on the middle of it.

    Args:
        num_filters: Number of filters.
        sample_rate: Sampling rate of the waveform, in hertz.
        kernel_size: Taps of a filter, odd.
        stride: Samples from one response to the next.
        fmin: Where the lowest band begins before it learns, less `min_low_hz`, in hertz.
        fmax: Where the highest one ends, less both minima; half the sampling rate if None.
        min_low_hz: Least lower edge.
        min_band_hz: Least width of a band.
        gain: `"peak"` has 1 at the middle tap, as published, so that narrow bands are louder;
            `"band"` passes its band as it is.
        mel_scale: Over which scale the first bands are evenly spaced.

    Raises:
        TypeError: If the waveform holds integers.
        ValueError: If a number is out of range, or the waveform is shorter than a stride.

    Examples:
        >>> bank = SincFilterbank(32, sample_rate=24000, kernel_size=479, stride=24)
        >>> bank(torch.zeros(2, 4, 2400)).shape, sum(p.numel() for p in bank.parameters())
        (torch.Size([2, 4, 100, 32]), 64)
    """

    @plain_settings()
    def __init__(
        self,
        num_filters: int,
        *,
        sample_rate: int,
        kernel_size: int = 251,
        stride: int = 1,
        fmin: float = 30.0,
        fmax: float | None = None,
        min_low_hz: float = 50.0,
        min_band_hz: float = 50.0,
        gain: BandGain = "peak",
        mel_scale: MelScale = "htk",
    ) -> None:
        super().__init__(
            num_filters,
            sample_rate=sample_rate,
            fmin=fmin,
            fmax=fmax,
            min_low_hz=min_low_hz,
            min_band_hz=min_band_hz,
            mel_scale=mel_scale,
        )
        check_odd(kernel_size)
        self.kernel_size, self.stride = kernel_size, stride
        self.gain: BandGain = gain
        self.reset_parameters()

    def filters(self) -> Float[Tensor, "filter tap"]:
        """Return the filters as they are now."""
        low, high = (edge / self.sample_rate for edge in self.edges_hz())
        time = taps(self.kernel_size, self.low_hz).expand(self.num_filters, -1)
        return self.gained(band_pass(time, low, high, self.kernel_size // 2), self.gain)

    def forward(
        self, waveform: Float[Tensor, "batch channel sample"]
    ) -> Float[Tensor, "batch channel time filter"]:
        """Return the response of every filter to each channel."""
        check_samples(waveform, self.stride)
        return filtered_alone(waveform, self.filters(), self.stride)
