"""Gabor filters whose frequencies and widths are learned."""

import math

import torch
from torch import Tensor, nn

from seldkit._settings import Shown, plain_settings
from seldkit._typing import Complex, Float
from seldkit.features.learned_filters import (
    check_band,
    check_odd,
    check_samples,
    filtered_alone,
    taps,
)
from seldkit.features.mel import MelScale, mel_spaced
from seldkit.features.precision import widened

_HALF_WIDTH = math.sqrt(2 * math.log(2))
"""Half the width of a Gaussian at half its height, in standard deviations."""


class GaborFilterbank(Shown):
    r"""A transform of a waveform whose bands are learned: complex, as a short-time Fourier one.

    Each filter is a complex tone under a Gaussian,

    $$\varphi(n) = \frac{1}{\sqrt{2 \pi}\,\sigma} e^{-n^2 / 2 \sigma^2} e^{j \eta n}, \qquad
    z(m) = \sum_n x(m + n)\, \varphi^*(n),$$

    with two numbers that are learned: its frequency $\eta$, in radians per sample, and its width
    $\sigma$ in samples. A tone of amplitude 1 within the band gives one half, as its phase turns:
    what is known of phases of a spectrum holds, such as that of
    [`PhaseDifference`][seldkit.features.PhaseDifference], which reads the output.

    Frequencies are kept within 0 and $\pi$; widths so that a band is between 2 / `kernel_size` and
    a half of the frequency range wide at half its height.

    The filters begin as triangular mel bands. LEAF takes the bin of the greatest weight and counts
    the bins over half the root of it in a table of 2048 bins; here both are taken from the
    triangle itself, the peak and three quarters of the base, so that no band is lost between bins.
    The time is symmetric; the code that used such filters for SELD begins it half a length before
    and ends one short.

    Source: Zeghidour et al., "LEAF: a learnable frontend for audio classification", ICLR 2021,
    without its pooling; as front-end of SELD: He et al., "SoundDoA", Interspeech 2022.

    Shape:
        - Input: `(batch, channel, sample)`.
        - Output: `(batch, channel, time, freq=num_filters)`, complex, with a frame for each whole
          stride, centred on the middle of it.

    Args:
        num_filters: Number of filters.
        sample_rate: Sampling rate of the waveform, in hertz; needed for the mel bands alone.
        kernel_size: Taps of a filter, odd.
        stride: Samples from one response to the next.
        fmin: Lower edge of the lowest band before it learns, in hertz.
        fmax: Upper edge of the highest; half the sampling rate if None.
        mel_scale: Over which scale the first bands are evenly spaced.

    Raises:
        TypeError: If the waveform holds integers.
        ValueError: If a number is out of range, or the waveform is shorter than a stride.

    Examples:
        >>> bank = GaborFilterbank(256, sample_rate=24000, stride=300)
        >>> z = bank(torch.zeros(1, 4, 2400))
        >>> z.shape, z.dtype, sum(p.numel() for p in bank.parameters())
        (torch.Size([1, 4, 8, 256]), torch.complex64, 512)
    """

    @plain_settings()
    def __init__(
        self,
        num_filters: int,
        *,
        sample_rate: int,
        kernel_size: int = 1025,
        stride: int = 1,
        fmin: float = 0.0,
        fmax: float | None = None,
        mel_scale: MelScale = "htk",
    ) -> None:
        super().__init__()
        check_odd(kernel_size)
        self.num_filters, self.sample_rate = num_filters, sample_rate
        self.kernel_size, self.stride = kernel_size, stride
        self.fmin, self.fmax = fmin, check_band(fmin, fmax, sample_rate)
        self.mel_scale: MelScale = mel_scale
        self.frequency = nn.Parameter(torch.empty(num_filters))
        self.width = nn.Parameter(torch.empty(num_filters))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Make the filters mel bands."""
        edges = mel_spaced(self.num_filters + 2, self.fmin, self.fmax, self.mel_scale)
        radians = 2 * math.pi * edges / self.sample_rate
        with torch.no_grad():
            self.frequency.copy_(radians[1:-1])
            self.width.copy_(2 * _HALF_WIDTH / (0.75 * (radians[2:] - radians[:-2])))

    def bands(self) -> tuple[Float[Tensor, " filter"], Float[Tensor, " filter"]]:
        """Return frequencies and widths as they are used, within their bounds."""
        least, most = 4 * _HALF_WIDTH / math.pi, self.kernel_size * _HALF_WIDTH / math.pi
        frequency = widened(self.frequency).clamp(0.0, math.pi)
        return frequency, widened(self.width).clamp(min(least, most), most)

    def filters(self) -> tuple[Float[Tensor, "filter tap"], Float[Tensor, "filter tap"]]:
        """Return the real and the imaginary part of the filters as they are now."""
        frequency, width = (x.unsqueeze(1) for x in self.bands())
        time = taps(self.kernel_size, self.width)
        bell = (-0.5 * (time / width).square()).exp() / (math.sqrt(2 * math.pi) * width)
        return bell * (frequency * time).cos(), bell * (frequency * time).sin()

    def parts(
        self, waveform: Float[Tensor, "batch channel sample"]
    ) -> tuple[
        Float[Tensor, "batch channel time filter"], Float[Tensor, "batch channel time filter"]
    ]:
        """Return real and imaginary part apart, for half precision and export."""
        check_samples(waveform, self.stride)
        real, imag = self.filters()
        responses = filtered_alone(waveform, torch.cat((real, -imag)), self.stride)
        first, second = responses.chunk(2, dim=-1)
        return first, second

    def forward(
        self, waveform: Float[Tensor, "batch channel sample"]
    ) -> Complex[Tensor, "batch channel time filter"]:
        """Return the response of every filter to each channel, complex64 at least."""
        return torch.complex(*(widened(part) for part in self.parts(waveform)))
