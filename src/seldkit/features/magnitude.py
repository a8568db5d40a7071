"""Levels of linear frequency bins."""

from torch import Tensor, nn

from seldkit._checks import check_positive, check_shape
from seldkit._typing import Complex, Float
from seldkit.features.bins import Bins, check_bins, crop, num_kept


class LogMagnitude(nn.Module):
    r"""Level of every bin of every channel, $10 \log_{10} |X|^2$ decibels.

    Shape:
        - Input: complex spectrum `(batch, channel, time, freq)`.
        - Output: `(batch, channel, time, freq)`, with the bins that are kept.

    Args:
        bins: The first bin that is kept and the one after the last; all bins if None.
        floor: Least power; its level is the least value, -100 dB by default.

    Raises:
        ValueError: If not `0 <= first < stop`, or the spectrum has fewer bins.

    Examples:
        >>> import torch
        >>> LogMagnitude(bins=(1, 4))(torch.full((1, 1, 1, 9), 10j)).flatten()
        tensor([20., 20., 20.])
    """

    lookback = lookahead = 0

    def __init__(self, bins: Bins | None = None, *, floor: float = 1e-10) -> None:
        super().__init__()
        check_positive(floor=floor)
        self.bins, self.floor = check_bins(bins), floor

    @property
    def num_bins(self) -> int | None:
        """Number of bins that are kept, or None for those of the spectrum."""
        return num_kept(self.bins)

    def num_channels(self, in_channels: int) -> int:
        """Return the number of channels made of so many channels."""
        return in_channels

    def forward(
        self, spectrum: Complex[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch channel time bin"]:
        """Return the level of each bin."""
        check_shape("spectrum", spectrum, "batch channel time freq")
        real, imag = crop(spectrum.real, self.bins), crop(spectrum.imag, self.bins)
        power = real.square() + imag.square()
        level: Tensor = 10 * power.clamp(min=self.floor).log10()
        return level

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        return f"bins={self.bins}, floor={self.floor}"
