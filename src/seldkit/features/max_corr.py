"""Band-pass filters over all microphones, whose delays are learned with their bands."""

import math

import torch
from torch import Tensor, nn

from seldkit._checks import check_positive
from seldkit._settings import plain_settings
from seldkit._typing import Float
from seldkit.features.learned_filters import (
    band_pass,
    check_odd,
    check_samples,
    filtered,
    taps,
)
from seldkit.features.mel import MelScale
from seldkit.features.precision import widened
from seldkit.features.sinc_filters import BandGain, LearnedBands


class MaxCorrFilterbank(LearnedBands):
    r"""Band-pass filters that delay each microphone and sum: beams that learn where to look.

    A filter has one band, and for each channel a delay $t_c$ in samples:

    $$y(m) = \sum_c \sum_n x_c(m + n)\, k(n - t_c).$$

    It answers most to a sound that channel $c$ hears $t_c$ samples later than the origin of the
    array, which is what [`delays`][seldkit.arrays.ArrayGeometry.delays] tells. A delay is no whole
    number: the closed form of the band-pass is taken between the samples, window and all, so that
    it is exact and has a gradient. It is bounded by $t_c = D \tanh p_c$.

    Experimental. Known from the abstract are filters that tell phases and frequencies; from code of
    others the band-pass with a delay for each channel, 2 numbers and one for each channel in all.
    Read into it here: fractional delays in closed form under a window that moves with them, the
    bound, the first delays, and the sum over channels (whether the paper takes a maximum over
    delays is not known). The edges are those of later code by the same author.

    Source: He et al., "SoundDet: polyphonic moving sound event detection and localization from raw
    waveform", ICML 2021.

    Shape:
        - Input: `(batch, channel=num_channels, sample)`.
        - Output: `(batch, time, freq=num_filters)`, with a frame for each whole stride, centred on
          the middle of it.

    Args:
        num_filters: Number of filters.
        num_channels: Channels of the waveform. Delays tell directions where these are microphones
            apart from one another; in ambisonics, whose channels hear at once, they tell little.
        sample_rate: Sampling rate of the waveform, in hertz.
        max_delay: Bound $D$ of the delays, in samples: best the radius of the array in samples,
            `radius_m * sample_rate / 343`.
        kernel_size: Taps of a filter, odd; the window is shorter by the bound on both sides.
        stride: Samples from one response to the next.
        fmin: Where the lowest band begins before it learns, less `min_low_hz`, in hertz.
        fmax: Where the highest one ends, less both minima; 20 Hz below half the sampling rate if
            None.
        min_low_hz: Least lower edge.
        min_band_hz: Least width of a band.
        gain: As of [`SincFilterbank`][seldkit.features.SincFilterbank].
        mel_scale: Over which scale the first bands are evenly spaced.

    Raises:
        TypeError: If the waveform holds integers.
        ValueError: If a number is out of range, or the waveform has another number of channels or
            is shorter than a stride.

    Examples:
        >>> bank = MaxCorrFilterbank(256, 4, sample_rate=24000, stride=75)
        >>> bank(torch.zeros(1, 4, 2400)).shape, sum(p.numel() for p in bank.parameters())
        (torch.Size([1, 32, 256]), 1536)
    """

    @plain_settings()
    def __init__(
        self,
        num_filters: int,
        num_channels: int,
        *,
        sample_rate: int,
        max_delay: float = 8.0,
        kernel_size: int = 501,
        stride: int = 1,
        fmin: float = 10.0,
        fmax: float | None = None,
        min_low_hz: float = 10.0,
        min_band_hz: float = 10.0,
        gain: BandGain = "peak",
        mel_scale: MelScale = "htk",
    ) -> None:
        super().__init__(
            num_filters,
            sample_rate=sample_rate,
            fmin=fmin,
            fmax=sample_rate / 2 - 20 if fmax is None else fmax,
            min_low_hz=min_low_hz,
            min_band_hz=min_band_hz,
            mel_scale=mel_scale,
        )
        check_odd(kernel_size)
        check_positive(max_delay=max_delay)
        self.window_half = kernel_size // 2 - math.ceil(max_delay)
        if self.window_half < 1:
            raise ValueError(
                f"kernel_size must be over {2 * math.ceil(max_delay) + 2} for"
                f" max_delay={max_delay:g}, got {kernel_size}"
            )
        self.num_channels, self.max_delay = num_channels, max_delay
        self.kernel_size, self.stride = kernel_size, stride
        self.gain: BandGain = gain
        self.delay_share = nn.Parameter(torch.empty(num_filters, num_channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Put the bands side by side over mel, and draw small delays."""
        super().reset_parameters()
        nn.init.normal_(self.delay_share, std=0.1)

    def delays(self) -> Float[Tensor, "filter channel"]:
        """Return the delays as they are now, in samples."""
        return self.max_delay * widened(self.delay_share).tanh()

    def steer(self, delays: Float[Tensor, "*filters channel"]) -> None:
        """Set the delays, so that the filters look into directions to begin with.

        Args:
            delays: In samples, by how much later than the origin each channel hears the sound: one
                set for all filters, or one for each.

        Raises:
            ValueError: If one is not below `max_delay`.

        Examples:
            >>> from seldkit.arrays import ArrayGeometry
            >>> from seldkit.geometry import unit_vector
            >>> array = ArrayGeometry.tetrahedron()
            >>> left = unit_vector(torch.tensor(90.0), torch.tensor(0.0))
            >>> bank = MaxCorrFilterbank(8, 4, sample_rate=24000)
            >>> bank.steer(24000 * array.delays(left))
            >>> bank.delays()[0].detach().round(decimals=2)
            tensor([-1.7000,  1.7000, -1.7000,  1.7000])
        """
        if not (delays.abs() < self.max_delay).all():
            raise ValueError(
                f"delays must be below max_delay={self.max_delay:g} samples, got"
                f" {delays.abs().max().item():g}"
            )
        with torch.no_grad():
            self.delay_share.copy_((delays / self.max_delay).atanh())

    def filters(self) -> Float[Tensor, "filter channel tap"]:
        """Return the filters as they are now."""
        low, high = (edge.unsqueeze(1) / self.sample_rate for edge in self.edges_hz())
        time = taps(self.kernel_size, self.low_hz) - self.delays().unsqueeze(-1)
        return self.gained(band_pass(time, low, high, self.window_half), self.gain)

    def forward(
        self, waveform: Float[Tensor, "batch channel sample"]
    ) -> Float[Tensor, "batch time filter"]:
        """Return the response of every filter."""
        check_samples(waveform, self.stride, channel=self.num_channels)
        return filtered(waveform, self.filters(), self.stride).mT
