"""Log-mel spectrograms."""

import math
from typing import Literal

import torch
from torch import Tensor

from seldkit._checks import check_literal, check_number, check_positive, check_shape
from seldkit._typing import Float
from seldkit.features.meaning import ChannelMeaning
from seldkit.features.mel import MelFilterBank
from seldkit.features.part import Part
from seldkit.features.precision import widened
from seldkit.features.products import real_product
from seldkit.features.real_spectrum import AnySpectrum
from seldkit.features.turning import ChannelSwap, exchanged

TopDbPer = Literal["channel", "clip"]
Exponent = Literal[1, 2]
Logarithm = Literal["db", "half_db", "natural"]


class LogMel(Part):
    """Log-mel spectrogram of every channel, in decibels.

    Shape:
        - Input: complex spectrum `(batch, channel, time, freq)`.
        - Output: `(batch, channel, time, mel)`.

    Args:
        mel: The filter bank.
        floor: Least value of a band before the logarithm; -100 dB by default.
        top_db: If given, values are raised to at most this many decibels below the loudest of the
            whole clip and channel, which cannot be computed from a part of the clip.
        top_db_per: `"channel"`, or `"clip"` for the loudest of all channels of the clip.
        exponent: What the bands sum: 2 for power, 1 for magnitude.
        offset: Added to each band before the logarithm, where systems do that in place of a floor.
        log: `"db"` for decibels, `"natural"` for the natural logarithm, or `"half_db"` for ten
            times the decimal logarithm of sums of magnitudes, which some systems take for powers.

    Raises:
        ValueError: If a setting is out of range, `top_db` is given for another logarithm than
            `"db"`, or `"half_db"` for powers.

    Examples:
        >>> bank = MelFilterBank(64, n_fft=1024, sample_rate=24000)
        >>> LogMel(bank)(torch.zeros(1, 4, 3, 513, dtype=torch.complex64)).unique()
        tensor([-100.])
    """

    lookback = lookahead = 0
    reads_halves = True

    def __init__(
        self,
        mel: MelFilterBank,
        *,
        floor: float = 1e-10,
        top_db: float | None = None,
        top_db_per: TopDbPer = "channel",
        exponent: Exponent = 2,
        offset: float = 0.0,
        log: Logarithm = "db",
    ) -> None:
        super().__init__()
        check_positive(floor=floor)
        check_literal("top_db_per", top_db_per, TopDbPer)
        check_literal("exponent", exponent, Exponent)
        check_literal("log", log, Logarithm)
        if top_db is not None:
            check_positive(top_db=top_db)
            if log != "db":
                raise ValueError(f"top_db needs log='db', got {log!r}")
        if log == "half_db" and exponent != 1:
            raise ValueError(f"exponent must be 1 for log='half_db', got {exponent}")
        check_number(offset=offset)
        if not offset >= 0:
            raise ValueError(f"offset must not be negative, got {offset}")
        self.mel, self.floor, self.top_db, self.top_db_per = mel, floor, top_db, top_db_per
        self.exponent, self.offset, self.log = exponent, offset, log
        self.num_bins, self.whole_clip = mel.num_mels, top_db is not None
        self._scale = {"db": 20 / exponent, "half_db": 10.0, "natural": math.log(10)}[log]
        self.meaning = ChannelMeaning(per_db=exponent * self._scale / 20)

    def forward(self, spectrum: AnySpectrum) -> Float[Tensor, "batch channel time mel"]:
        """Return the level of each band."""
        return self.per_clip(self.per_frame(spectrum))

    def per_frame(self, spectrum: AnySpectrum) -> Float[Tensor, "batch channel time mel"]:
        """Return the level of each band before `top_db`."""
        check_shape("spectrum", spectrum, "batch channel time freq")
        return self.of_power(real_product(spectrum))

    def per_clip(
        self, features: Float[Tensor, "batch channel time mel"]
    ) -> Float[Tensor, "batch channel time mel"]:
        """Return the levels raised to `top_db` below the loudest."""
        if self.top_db is None:
            return features
        axes = (2, 3) if self.top_db_per == "channel" else (1, 2, 3)
        return features.maximum(features.amax(dim=axes, keepdim=True) - self.top_db)

    def of_power(
        self, power: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch channel time mel"]:
        """Return the level of each band of a power spectrum, before `top_db`."""
        bins = widened(power)
        if self.exponent == 1:
            # The bound keeps gradients of silence 0.
            bins = bins.clamp(min=torch.finfo(bins.dtype).tiny).sqrt()
        bands: Tensor = self.mel(bins)
        if self.offset:
            bands = bands + self.offset
        bands = bands.clamp(min=self.floor)
        level = bands.log() if self.log == "natural" else bands.log10() * self._scale
        return level.to(power.dtype)

    def turn(
        self, features: Float[Tensor, "batch channel time mel"], swap: ChannelSwap
    ) -> Float[Tensor, "batch channel time mel"]:
        """Return the levels of the swapped audio: they do not know signs."""
        return exchanged(features, swap.index)
