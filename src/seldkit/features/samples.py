"""The waveform itself, frame by frame."""

import math

import torch
from torch import Tensor

from seldkit._checks import check_shape
from seldkit._typing import Complex, Float
from seldkit.features.meaning import ChannelMeaning
from seldkit.features.part import Part
from seldkit.features.precision import without_autocast
from seldkit.features.turning import ChannelSwap, exchanged


class Samples(Part):
    """Samples of every channel in frames, for networks that read the waveform.

    They are the inverse transform of the spectrum, so they are windowed as it is: of an
    [`STFT`][seldkit.features.STFT] with `taper="none"` they are the samples that went in, to
    rounding. With them such a network sits behind an extractor as any other does.

    Shape:
        - Input: complex spectrum `(batch, channel, time, freq)`.
        - Output: `(batch, channel, time, sample=n_fft)`.

    Examples:
        >>> from seldkit.features import STFT, FeatureExtractor
        >>> stft = STFT(
        ...     n_fft=4, hop_length=4, taper="none", centered=False, pad_mode="constant",
        ...     sample_rate=8,
        ... )
        >>> extractor = FeatureExtractor(stft, [Samples()], in_channels=1)
        >>> extractor(torch.arange(8.0).reshape(1, 1, 8)).round(decimals=3)
        tensor([[[[0., 1., 2., 3.],
                  [4., 5., 6., 7.]]]])
    """

    lookback = lookahead = 0
    meaning = ChannelMeaning("sample", per_db=None)
    cosine: Tensor
    sine: Tensor

    def make(self, n_fft: int, sample_rate: int | None) -> None:
        """Make the tables of an FFT length."""
        del sample_rate
        self.n_fft = self.num_bins = n_fft
        bins, places = torch.arange(n_fft // 2 + 1).unsqueeze(1), torch.arange(n_fft)
        angle = (bins * places % n_fft).double() * (2 * math.pi / n_fft)
        ends = (bins == 0) | (2 * bins == n_fft)  # the bins without a mirror image
        weight = torch.where(ends, 1.0, 2.0).double() / n_fft
        self.register_constant("cosine", weight * angle.cos())
        self.register_constant("sine", -weight * angle.sin())

    def forward(
        self, spectrum: Complex[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch channel time sample"]:
        """Return the samples of each frame."""
        check_shape("spectrum", spectrum, "batch channel time freq")
        self._check_bound()
        real, imag = spectrum.real, spectrum.imag
        with without_autocast(real):
            samples: Tensor = real @ self.cosine.to(real.dtype) + imag @ self.sine.to(real.dtype)
            return samples

    def turn(
        self, features: Float[Tensor, "batch channel time sample"], swap: ChannelSwap
    ) -> Float[Tensor, "batch channel time sample"]:
        """Return the samples of the swapped audio."""
        return exchanged(features, swap.index, swap.sign)
