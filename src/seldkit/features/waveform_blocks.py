"""The waveform itself as features, for networks that begin with filters of their own."""

import math

import torch
from torch import Tensor

from seldkit._checks import check_count, check_shape
from seldkit._typing import Complex, Float
from seldkit.features.meaning import ChannelMeaning
from seldkit.features.part import Part
from seldkit.features.turning import ChannelSwap, exchanged


class WaveformBlocks(Part):
    """The samples in the middle of each frame: blocks that make the waveform again, side by side.

    Networks whose filters learn read the waveform. As features it comes in blocks, one a frame, and
    so it is stored, standardised, streamed and exported as other features are. Each block is
    computed from the middle half of a frame of twice its length, where the window is one half at
    least: it is the waveform up to rounding. Where the frames lie a block apart, as in
    [`presets.waveform`][seldkit.features.presets.waveform], block `i` has the samples around sample
    `i * block_size`, from half a block before it.

    Shape:
        - Input: complex spectrum `(batch, channel, time, freq)` of an FFT and window of twice
          `block_size` samples.
        - Output: `(batch, channel, time, block_size)`.

    Args:
        block_size: Samples of a block, even.

    Raises:
        ValueError: If it is odd, or the FFT is of another length than twice that.

    Examples:
        >>> from seldkit.features import presets
        >>> waveform = torch.randn(1, 4, 3000)
        >>> blocks = presets.waveform(block_size=300)(waveform)
        >>> blocks.shape
        torch.Size([1, 4, 10, 300])
        >>> torch.allclose(blocks.flatten(2)[..., 150:], waveform[..., :-150], atol=1e-5)
        True
    """

    lookback = lookahead = 0
    meaning = ChannelMeaning("lag", per_db=None, anywhere=False)  # places in time
    basis: Tensor

    def __init__(self, block_size: int) -> None:
        super().__init__()
        check_count(block_size=block_size)
        if block_size % 2:
            raise ValueError(f"block_size must be even, got {block_size}")
        self.block_size = self.num_bins = int(block_size)
        n_fft = 2 * self.block_size
        sample = torch.arange(n_fft, dtype=torch.float64)[block_size // 2 : -block_size // 2]
        turns = torch.outer(torch.arange(block_size + 1, dtype=torch.float64), sample) / n_fft
        angle = 2 * math.pi * turns
        twice = torch.full((block_size + 1, 1), 2.0, dtype=torch.float64)
        twice[[0, -1]] = 1.0  # bins without a conjugate
        window = torch.hann_window(n_fft, dtype=torch.float64)[block_size // 2 : -block_size // 2]
        inverse = torch.cat((twice * angle.cos(), -twice * angle.sin())) / (n_fft * window)
        self.register_constant("basis", inverse)

    def make(self, n_fft: int, sample_rate: int | None) -> None:
        """Raise `ValueError` unless the FFT is twice as long as a block."""
        del sample_rate
        if n_fft != 2 * self.block_size:
            raise ValueError(f"block_size must be half of n_fft={n_fft}, got {self.block_size}")

    def forward(
        self, spectrum: Complex[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch channel time sample"]:
        """Return the samples of each block."""
        check_shape("spectrum", spectrum, "batch channel time freq", freq=self.block_size + 1)
        both = torch.cat((spectrum.real, spectrum.imag), dim=-1)
        samples: Tensor = both @ self.basis.to(both.dtype)
        return samples

    def turn(
        self, features: Float[Tensor, "batch channel time sample"], swap: ChannelSwap
    ) -> Float[Tensor, "batch channel time sample"]:
        """Return the samples of the swapped audio."""
        sign = features.new_tensor(swap.sign).reshape(-1, 1, 1)
        return exchanged(features, swap.index) * sign
