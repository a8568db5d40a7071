"""Band-pass filters of two learnt numbers each."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float

LEAST_HZ = 50.0
"""No band begins below this, and none is narrower."""


class SincFilters(Shown):
    r"""A convolution of the waveform by ideal band-pass filters, of which the edges are learnt.

    Filter $i$ lets $f_1 = 50 + |a_i|$ to $f_2 = f_1 + 50 + |b_i|$ hertz pass, at most half the
    sampling rate:

    $$h_i[n] = \frac{1}{f_2 - f_1} \cdot \frac{\sin(2 \pi f_2 n / f_s) - \sin(2 \pi f_1 n / f_s)}
    {2 \pi n / f_s} \, w[n], \qquad h_i[0] = 1,$$

    with a Hamming window $w$, whose halves the published code stretches by half a sample. At the
    start the numbers $a$ and $b$ lay the bands side by side on HTK's mel scale, from 30 Hz to 100
    Hz below half the sampling rate, which the formula moves up. The filters have no delay.

    Source: Ravanelli and Bengio, "Speaker recognition from raw waveform with SincNet", SLT 2018;
    edges and window as in the published code of NGCC-PHAT.

    Shape:
        - Input: waveforms `(batch, channel=1, sample)`, at least half a filter long.
        - Output: `(batch, channel, sample)`. The waveform is continued as if it were a period of
          itself.

    Args:
        channels: Number of filters.
        kernel_size: Length of a filter, in samples; odd.
        sample_rate: Sampling rate, in hertz.

    Raises:
        ValueError: If the length is even, or the input has another shape or is too short.

    Examples:
        >>> filters = SincFilters(32, 479, sample_rate=24000)
        >>> filters(torch.zeros(1, 1, 4800)).shape
        torch.Size([1, 32, 4800])
        >>> sum(p.numel() for p in filters.parameters())
        64
    """

    @plain_settings()
    def __init__(
        self,
        channels: int,
        kernel_size: int,
        *,
        sample_rate: int,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd, got {kernel_size}")
        self.channels, self.kernel_size, self.sample_rate = channels, kernel_size, sample_rate
        self.low = nn.Parameter(torch.empty(channels, device=device, dtype=dtype))
        self.band = nn.Parameter(torch.empty(channels, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Lay the bands side by side on the mel scale."""
        low, high = (2595 * math.log10(1 + hz / 700) for hz in (30, self.sample_rate / 2 - 100))
        mel = torch.linspace(low, high, self.channels + 1, dtype=torch.float64)
        edges = 700 * (10 ** (mel / 2595) - 1)
        with torch.no_grad():
            self.low.copy_(edges[:-1])
            self.band.copy_(edges.diff())

    def filters(self) -> Float[Tensor, "channel sample"]:
        """Return the filters."""
        precise = torch.promote_types(self.low.dtype, torch.float32)
        low = LEAST_HZ + self.low.to(precise).abs().unsqueeze(1)
        high = low + LEAST_HZ + self.band.to(precise).abs().unsqueeze(1)
        high = high.clamp(max=self.sample_rate / 2)
        half = self.kernel_size // 2
        place = torch.arange(-half, 0, device=low.device, dtype=precise)
        turn = 2 * math.pi * place / self.sample_rate
        # Published: its half stretched a little, to end half a sample before the middle.
        end = self.kernel_size / 2 - 1
        steps = torch.linspace(0, end, half, device=low.device, dtype=precise)
        window = 0.54 - 0.46 * torch.cos(2 * math.pi * steps / self.kernel_size)
        left = ((high * turn).sin() - (low * turn).sin()) / turn * window / (high - low)
        return torch.cat((left, torch.ones_like(low), left.flip(1)), dim=1)

    def forward(self, x: Float[Tensor, "batch 1 sample"]) -> Float[Tensor, "batch channel sample"]:
        """Return the bands of each waveform."""
        check_shape("x", x, "batch channel sample", channel=1)
        half = self.kernel_size // 2
        if x.shape[2] < half:
            raise ValueError(f"x must have at least {half} samples, got shape {tuple(x.shape)}")
        x = functional.pad(x, (half, half), mode="circular")
        return functional.conv1d(x, self.filters().unsqueeze(1).to(x.dtype))
