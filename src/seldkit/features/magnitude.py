"""Levels of linear frequency bins."""

from collections.abc import Sequence

from torch import Tensor

from seldkit._checks import check_positive, check_shape, integer
from seldkit._typing import Float
from seldkit.features.bins import Bins, check_bins, check_bins_exist, crop, num_kept
from seldkit.features.meaning import LEVEL
from seldkit.features.part import Part
from seldkit.features.real_spectrum import AnySpectrum
from seldkit.features.turning import ChannelSwap, exchanged


class LogMagnitude(Part):
    r"""Level of every bin of every channel, $10 \log_{10} |X|^2$ decibels.

    Shape:
        - Input: complex spectrum `(batch, channel, time, freq)`.
        - Output: `(batch, channel, time, freq)`, with the channels and bins that are kept.

    Args:
        bins: The first bin that is kept and the one after the last; all bins if None.
        channels: Channels that are kept, such as `(0,)`; all if None.
        floor: Least power; its level is the least value, -100 dB by default.

    Raises:
        ValueError: If not `0 <= first < stop`, or the spectrum has fewer bins or channels.

    Examples:
        >>> import torch
        >>> LogMagnitude(bins=(1, 4))(torch.full((1, 1, 1, 9), 10j)).flatten()
        tensor([20., 20., 20.])
    """

    lookback = lookahead = 0
    reads_halves = True
    meaning = LEVEL

    def __init__(
        self,
        bins: Bins | None = None,
        *,
        channels: Sequence[int] | None = None,
        floor: float = 1e-10,
    ) -> None:
        super().__init__()
        check_positive(floor=floor)
        kept = None if channels is None else tuple(integer("channels", c) for c in channels)
        if kept is not None and (not kept or min(kept) < 0):
            raise ValueError(f"channels must be counted from 0, one at least, got {channels}")
        self.bins, self.floor = check_bins(bins), floor
        self.channels, self.num_bins = kept, num_kept(self.bins)

    def make(self, n_fft: int, sample_rate: int | None) -> None:
        """Raise `ValueError` if an FFT of this length does not have the bins."""
        del sample_rate
        check_bins_exist(self.bins, n_fft)

    def num_channels(self, in_channels: int) -> int:
        """Return the number of channels made of so many channels."""
        if self.channels is None:
            return in_channels
        if max(self.channels) >= in_channels:
            raise ValueError(
                f"channels must be below {in_channels}, as there are so many, got {self.channels}"
            )
        return len(self.channels)

    def forward(self, spectrum: AnySpectrum) -> Float[Tensor, "batch out time bin"]:
        """Return the level of each bin."""
        check_shape("spectrum", spectrum, "batch channel time freq")
        self.num_channels(spectrum.shape[1])
        real, imag = crop(spectrum.real, self.bins), crop(spectrum.imag, self.bins)
        if self.channels is not None:
            real, imag = real[:, self.channels], imag[:, self.channels]
        power = real.square() + imag.square()
        level: Tensor = 10 * power.clamp(min=self.floor).log10()
        return level

    def turn(
        self, features: Float[Tensor, "batch out time bin"], swap: ChannelSwap
    ) -> Float[Tensor, "batch out time bin"]:
        """Return the levels of the swapped audio: they do not know signs."""
        kept = self.channels or range(len(swap.index))
        old = [swap.index[channel] for channel in kept]
        lost = sorted(set(old) - set(kept))
        if lost:
            raise ValueError(
                f"LogMagnitude cannot be turned so: it would need the channels {lost}, which are"
                f" not among its channels {tuple(kept)}"
            )
        return exchanged(features, [list(kept).index(channel) for channel in old])
