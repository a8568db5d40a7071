"""The spectrum of an array, brought to one level by its running mean."""

from typing import Literal

import torch
from torch import Tensor

from seldkit._checks import check_literal, check_positive, check_shape, integer
from seldkit._typing import Complex, Float
from seldkit.features.bins import Bins, check_bins, check_bins_exist, crop, num_kept
from seldkit.features.meaning import PHASE, ChannelMeaning
from seldkit.features.part import Part
from seldkit.features.running_mean import RunningMean
from seldkit.features.turning import ChannelSwap, exchanged

SpectrumEncoding = Literal["level_and_phase", "real_and_imaginary"]


class NormalizedSpectrum(Part):
    r"""The spectrum of every microphone over the running mean of its magnitude.

    Quiet and loud recordings look alike to a network, and level differences between microphones and
    bins stay: there is one mean for all of them. It knows what has come so far and forgets what is
    long past, so the part streams.

    $$\mu_t = a_t\,\mu_{t-1} + (1 - a_t)\,\overline{|X_t|}, \quad
    a_t = \min\left(\frac{t - 1}{t + 1}, \frac{L - 1}{L + 1}\right)$$

    | `encoding`             | channels                                       | used by        |
    | ---------------------- | ---------------------------------------------- | -------------- |
    | `"level_and_phase"`    | $\log_{10} (\lvert X \rvert / \mu)$ of all, then angles | SRP-DNN |
    | `"real_and_imaginary"` | real parts of $X / \mu$ of all, then imaginary | FN-SSL, IPDnet |

    The formula is that of the published code; frames are counted from 1, and the mean is over all
    microphones and the bins that are kept, which we read into it.

    Shape:
        - Input: complex spectrum `(batch, channel, time, freq)`.
        - Output: `(batch, 2 * channel, time, bin)`.

    Args:
        encoding: `"level_and_phase"` or `"real_and_imaginary"`.
        memory: $L$, in frames, at least 2: 256 of SRP-DNN, 280 of IPDnet.
        bins: The first bin that is kept and the one after the last; all bins if None.
        floor: Least magnitude that is divided by, and least ratio whose logarithm is taken.

    Raises:
        ValueError: If the encoding is unknown, or a number is out of range.

    Source: Yang et al., "SRP-DNN: Learning direct-path phase difference for multiple moving sound
    source localization", ICASSP 2022; Wang et al., "IPDnet: A universal direct-path IPD estimation
    network for sound source localization", IEEE/ACM TASLP 2024; their published code.

    Examples:
        >>> spectrum = torch.tensor([10j, 10j, 100j]).reshape(1, 1, 3, 1)
        >>> NormalizedSpectrum("real_and_imaginary")(spectrum)[0, 1].flatten()
        tensor([1.0000, 1.0000, 1.8182])
    """

    lookahead = 0

    def __init__(
        self,
        encoding: SpectrumEncoding = "level_and_phase",
        *,
        memory: int = 256,
        bins: Bins | None = None,
        floor: float = 1e-6,
    ) -> None:
        super().__init__()
        check_literal("encoding", encoding, SpectrumEncoding)
        if integer("memory", memory) < 2:
            raise ValueError(f"memory must be at least 2 frames, got {memory}")
        check_positive(floor=floor)
        self.encoding, self.memory, self.floor = encoding, int(memory), floor
        self.bins = check_bins(bins)
        self.num_bins = num_kept(self.bins)

    def make(self, n_fft: int, sample_rate: int | None) -> None:
        """Raise `ValueError` if an FFT of this length does not have the bins."""
        del sample_rate
        check_bins_exist(self.bins, n_fft)

    def num_channels(self, in_channels: int) -> int:
        """Return two for each channel."""
        return 2 * in_channels

    def meanings(self, in_channels: int) -> tuple[ChannelMeaning, ...]:
        """Return that levels do not matter, as long as all change alike, and phases are phases."""
        if self.encoding == "level_and_phase":
            return (ChannelMeaning(),) * in_channels + (PHASE,) * in_channels
        return (PHASE,) * (2 * in_channels)

    def forward(
        self, spectrum: Complex[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch out time bin"]:
        """Return the features of whole clips."""
        return self._with(RunningMean(self.memory), spectrum)

    def turn(
        self, features: Float[Tensor, "batch out time bin"], swap: ChannelSwap
    ) -> Float[Tensor, "batch out time bin"]:
        """Return the features of the swapped audio, of which no channel may be inverted."""
        if min(swap.sign) < 0:
            raise ValueError("NormalizedSpectrum cannot be turned so: a channel would be inverted")
        channels = len(swap.index)
        return exchanged(features, [*swap.index, *(channels + index for index in swap.index)])

    def stream(self) -> "NormalizedStream":
        """Return a new stream, which keeps the mean and no frame."""
        return NormalizedStream(self)

    def _with(self, mean: RunningMean, spectrum: Tensor) -> Tensor:
        check_shape("spectrum", spectrum, "batch channel time freq")
        real, imag = crop(spectrum.real, self.bins), crop(spectrum.imag, self.bins)
        # The hypotenuse of silence has no gradient, its floor has one of zero.
        magnitude = (real.square() + imag.square()).clamp(min=1e-30).sqrt()
        level = mean.push(magnitude.mean(dim=(1, 3)))[:, None, :, None].clamp(min=self.floor)
        if self.encoding == "real_and_imaginary":
            return torch.cat((real / level, imag / level), dim=1)
        ratio = (magnitude / level).clamp(min=self.floor)
        silent = magnitude.detach() <= 1e-15  # where the arc tangent's slope would divide by zero
        real, imag = (x.detach().where(silent, x) for x in (real, imag))
        return torch.cat((ratio.log10(), torch.atan2(imag, real + 1e-30)), dim=1)


class NormalizedStream:
    """`NormalizedSpectrum` of some clips, some frames of their spectrum at a time.

    Args:
        part: Its settings.
    """

    def __init__(self, part: NormalizedSpectrum) -> None:
        self._part, self._mean = part, RunningMean(part.memory)
        self._none: Tensor | None = None

    @torch.no_grad()
    def push(
        self, spectrum: Complex[Tensor, "batch channel _ freq"]
    ) -> Float[Tensor, "batch out _ bin"]:
        """Return the features of these frames."""
        features = self._part._with(self._mean, spectrum)
        self._none = features[:, :, :0]
        return features

    def flush(self) -> Float[Tensor, "batch out _ bin"]:
        """Return no features: all are out.

        Raises:
            RuntimeError: If there was no frame.
        """
        if self._none is None:
            raise RuntimeError("NormalizedStream must be given a frame before its clip ends")
        return self._none
