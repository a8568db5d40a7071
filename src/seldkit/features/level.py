"""Level features of stereo recordings and of other pairs of channels.

A stereo recording tells left from right by level where its microphones stand at one place and look
in different directions (coincident pairs, the stereo of DCASE 2025). What there is to read is the
level of each channel ([`LogMel`][seldkit.features.LogMel] and
[`LogMagnitude`][seldkit.features.LogMagnitude]), of their sum and difference, and their ratio.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from seldkit._checks import check_positive, check_shape
from seldkit._pairs import Pair, check_pairs, pairs_among
from seldkit._typing import Complex, Float
from seldkit.features.meaning import CUE, LEVEL
from seldkit.features.mel import MelFilterBank, num_bands
from seldkit.features.part import Part
from seldkit.features.turning import ChannelSwap, PairRules, exchanged, exchanged_pairs


class MidSideLevel(Part):
    r"""Level of mid $(L + R) / 2$ and side $(L - R) / 2$ of a stereo recording, in decibels.

    Where left and right were made of FOA as `W + Y` and `W - Y`, mid is W and side is Y: the side
    is silent for sources in the middle plane and as loud as mid for those at either side.

    Shape:
        - Input: complex spectrum `(batch, channel=2, time, freq)`, left and right.
        - Output: `(batch, channel=2, time, bin)`, mid and side.

    Args:
        mel: Filter bank; None keeps linear bins.
        floor: Least power; its level is the least value, -100 dB by default.

    Examples:
        >>> middle = torch.full((1, 2, 1, 3), 10j)  # the same left and right
        >>> MidSideLevel()(middle).flatten()
        tensor([  20.,   20.,   20., -100., -100., -100.])
    """

    lookback = lookahead = 0
    meaning = LEVEL

    def __init__(self, mel: MelFilterBank | None = None, *, floor: float = 1e-10) -> None:
        super().__init__()
        check_positive(floor=floor)
        self.mel, self.floor, self.num_bins = mel, floor, num_bands(mel)

    def num_channels(self, in_channels: int) -> int:
        """Return 2, if there are left and right."""
        if in_channels != 2:
            raise ValueError(f"MidSideLevel needs 2 channels, left and right, got {in_channels}")
        return 2

    def forward(
        self, spectrum: Complex[Tensor, "batch channel=2 time freq"]
    ) -> Float[Tensor, "batch channel=2 time bin"]:
        """Return the level of mid and side in each bin or band."""
        check_shape("spectrum", spectrum, "batch channel time freq", channel=2)
        # Waves are added before they are squared: from squares a weak side would be rounding noise.
        power = _mid_side(spectrum.real).square() + _mid_side(spectrum.imag).square()
        return 10 * _in_bands(power, self.mel).clamp(min=self.floor).log10()

    def turn(
        self, features: Float[Tensor, "batch channel=2 time bin"], swap: ChannelSwap
    ) -> Float[Tensor, "batch channel=2 time bin"]:
        """Return the levels of the swapped audio: with one channel inverted mid is side."""
        return features if swap.sign[0] == swap.sign[1] else exchanged(features, (1, 0))


class LevelDifference(Part):
    r"""Level difference between channels (ILD), $10 \log_{10} (P_m / P_n)$ decibels.

    Positive where the first channel of the pair is louder: for stereo, where the left is.

    Shape:
        - Input: complex spectrum `(batch, channel, time, freq)`.
        - Output: `(batch, pair, time, bin)`.

    Args:
        mel: Filter bank that sums powers before their ratio is taken; None keeps linear bins.
        pairs: Pairs `(m, n)` of channels; by default every pair with `m < n`.
        floor: Least power; it bounds the difference, and silence has none: 0 dB.

    Examples:
        >>> left = torch.tensor([10.0, 1.0]).reshape(1, 2, 1, 1) + 0j
        >>> LevelDifference()(left).flatten()
        tensor([20.])
    """

    lookback = lookahead = 0
    meaning = CUE

    def __init__(
        self,
        mel: MelFilterBank | None = None,
        *,
        pairs: Sequence[Pair] | None = None,
        floor: float = 1e-10,
    ) -> None:
        super().__init__()
        check_positive(floor=floor)
        self.mel, self.pairs, self.floor = mel, check_pairs(pairs), floor
        self.num_bins = num_bands(mel)

    def num_channels(self, in_channels: int) -> int:
        """Return the number of pairs."""
        return len(pairs_among(in_channels, self.pairs))

    def forward(
        self, spectrum: Complex[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch pair time bin"]:
        """Return the level difference of each pair in each bin or band."""
        check_shape("spectrum", spectrum, "batch channel time freq")
        pairs = pairs_among(spectrum.shape[1], self.pairs)
        power = spectrum.real.square() + spectrum.imag.square()
        level = 10 * _in_bands(power, self.mel).clamp(min=self.floor).log10()
        return torch.stack([level[:, first] - level[:, second] for first, second in pairs], dim=1)

    def turn(
        self, features: Float[Tensor, "batch pair time bin"], swap: ChannelSwap
    ) -> Float[Tensor, "batch pair time bin"]:
        """Return the differences of the swapped audio: they do not know signs."""
        pairs = pairs_among(len(swap.index), self.pairs)
        rules = PairRules(torch.neg, lambda x: x, lambda one, other: other - one)
        return exchanged_pairs("LevelDifference", features, pairs, swap, rules)


def _mid_side(
    stereo: Float[Tensor, "batch channel=2 time freq"],
) -> Float[Tensor, "batch channel=2 time freq"]:
    left, right = stereo[:, :1], stereo[:, 1:]
    return torch.cat((left + right, left - right), dim=1) / 2


def _in_bands(
    power: Float[Tensor, "batch channel time freq"], mel: MelFilterBank | None
) -> Float[Tensor, "batch channel time bin"]:
    return power if mel is None else mel(power)
