"""Time differences of arrival (TDOA) of pairs of microphones, between samples."""

from collections.abc import Sequence

import torch
from torch import Tensor

from seldkit._checks import check_count, check_floating
from seldkit._pairs import Pair, pairs_among
from seldkit._typing import Complex, Float
from seldkit.features.cross_correlation import GCCPHAT
from seldkit.features.cross_spectrum import SILENCE
from seldkit.features.meaning import LAG
from seldkit.features.part import Part
from seldkit.features.turning import ChannelSwap, PairRules, exchanged_pairs


def peak_place(correlation: Float[Tensor, "*axes lag"]) -> Float[Tensor, "*axes"]:
    r"""Return where correlations peak, counted in lags from the first, between lags by a parabola.

    Through the greatest value $r_0$ and those on both sides of it goes one parabola, whose top is

    $$\frac{1}{2}\,\frac{r_{-1} - r_1}{r_{-1} - 2 r_0 + r_1}$$

    lags later. At either end, and where the three are equal, there is none: the place is that of
    the lag. Whitened correlations are narrower than parabolas, which are biased towards the lag
    then: take several lags per sample first, `GCCPHAT(..., interpolation=8)`.

    Args:
        correlation: Values over lags, with any axes before. Of equal values the first is the peak.

    Returns:
        Places from 0 to the number of lags less one, nan where there is one among the values.
        Gradients flow through the parabola alone.

    Raises:
        TypeError: If the correlation holds integers.
        ValueError: If it has no lag.

    Examples:
        >>> lag = torch.arange(7.0)
        >>> peak_place(-(lag - 3.25).square())
        tensor(3.2500)
    """
    check_floating(correlation=correlation)
    if correlation.ndim < 1 or not correlation.shape[-1]:
        raise ValueError(f"correlation must be (..., lag), got shape {tuple(correlation.shape)}")
    last = correlation.shape[-1] - 1
    top = correlation.argmax(dim=-1, keepdim=True)
    before = correlation.gather(-1, (top - 1).clamp(min=0))
    after = correlation.gather(-1, (top + 1).clamp(max=last))
    bend = before - 2 * correlation.gather(-1, top) + after
    inside = (top > 0) & (top < last) & (bend < 0)
    offset = 0.5 * (before - after) / bend.where(inside, -1)
    unknown = correlation.isnan().any(dim=-1, keepdim=True)
    place: Tensor = (top + offset.where(inside, 0)).masked_fill(unknown, torch.nan).squeeze(-1)
    return place


class TDOA(Part):
    """By how many samples the second microphone of each pair hears a sound later than the first.

    It is where [`GCCPHAT`][seldkit.features.GCCPHAT] peaks, with lags a fraction of a sample apart
    and a parabola between them.

    Shape:
        - Input: complex spectrum `(batch, channel, time, freq)`.
        - Output: `(batch, pair, time, 1)`, in samples.

    Args:
        max_lag: The longest delay that is looked for, in samples:
            [`ArrayGeometry.max_lag`][seldkit.arrays.ArrayGeometry.max_lag] tells it.
        pairs: Pairs `(m, n)` of channels; by default every pair with `m < n`.
        interpolation: Lags per sample.
        n_fft: Length of the FFT; in a `FeatureExtractor` that of its transform.
        floor: Least power of a bin that is divided by; silence has the delay `-max_lag`.

    Raises:
        ValueError: If a size is not positive, the lags are longer than the frame, or a pair names
            one channel twice or none that exists.

    Examples:
        >>> sound = torch.randn(64)
        >>> spectrum = torch.fft.rfft(torch.stack((sound, sound.roll(3)))).reshape(1, 2, 1, 33)
        >>> TDOA(max_lag=5)(spectrum).flatten().round(decimals=2)
        tensor([3.])
    """

    lookback = lookahead = 0
    num_bins = 1
    meaning = LAG

    def __init__(
        self,
        max_lag: int,
        *,
        pairs: Sequence[Pair] | None = None,
        interpolation: int = 8,
        n_fft: int | None = None,
        floor: float = SILENCE,
    ) -> None:
        super().__init__()
        check_count(max_lag=max_lag, interpolation=interpolation)
        self.max_lag, self.interpolation, self.floor = int(max_lag), int(interpolation), floor
        lags = 2 * self.max_lag * self.interpolation + 1
        self.correlation = GCCPHAT(
            lags, pairs=pairs, interpolation=self.interpolation, n_fft=n_fft, floor=floor
        )
        self.pairs = self.correlation.pairs
        self._say(n_fft, None)

    def num_channels(self, in_channels: int) -> int:
        """Return the number of pairs."""
        return self.correlation.num_channels(in_channels)

    def forward(
        self, spectrum: Complex[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch pair time 1"]:
        """Return the delay of each pair."""
        place = peak_place(self.correlation(spectrum))
        return (place / self.interpolation - self.max_lag).unsqueeze(-1)

    def turn(
        self, features: Float[Tensor, "batch pair time 1"], swap: ChannelSwap
    ) -> Float[Tensor, "batch pair time 1"]:
        """Return the delays of the swapped audio; reversed pairs that are silent have `max_lag`."""
        pairs = pairs_among(len(swap.index), self.pairs)
        return exchanged_pairs("TDOA", features, pairs, swap, PairRules(torch.neg, None, None))
