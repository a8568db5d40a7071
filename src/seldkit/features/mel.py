r"""Mel filter banks and log-mel spectrograms.

Two mel scales are in use. Slaney's is linear below 1 kHz (200/3 Hz per mel) and logarithmic
above, 27 mel per factor of 6.4; HTK's is $2595 \log_{10}(1 + f / 700)$. They place the bands
differently, so a network trained on one does not understand the other; the area normalisation is
a separate choice, and so is whether the flanks of a band are straight over hertz or over mel.
"""

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from seldkit._checks import check_choice, check_positive, check_shape
from seldkit._typing import Complex, Float
from seldkit.features.products import real_product

MelScale = Literal["slaney", "htk"]
MelNorm = Literal["slaney"]
MelSlope = Literal["hz", "mel"]

_LINEAR_HZ = 200 / 3
_BREAK_HZ = 1000.0
_LOG_STEP = math.log(6.4) / 27
_GROUP = 16  # bands multiplied at a time: fewer leave the vector units empty, more multiply zeros


class MelFilterBank(nn.Module):
    """Triangular filters that sum frequency bins into mel bands.

    Shape:
        - Input: `(..., freq=n_fft // 2 + 1)`.
        - Output: `(..., freq=num_mels)`.

    Args:
        num_mels: Number of bands.
        n_fft: Length of the FFT that made the bins.
        sample_rate: Sampling rate, in hertz.
        fmin: Lower edge of the lowest band, in hertz.
        fmax: Upper edge of the highest band, in hertz; half the sampling rate if None.
        mel_scale: `"slaney"` or `"htk"`: where the bands lie.
        norm: `"slaney"` divides each band by half its width in hertz, None leaves peaks at 1.
        slope: Over what the filters are triangles: `"hz"` as in librosa, or `"mel"` as in
            TensorFlow and Kaldi.

    Raises:
        ValueError: If a size is not positive or not `0 <= fmin < fmax <= sample_rate / 2`.

    Examples:
        >>> bank = MelFilterBank(64, n_fft=1024, sample_rate=24000)
        >>> bank(torch.ones(1, 513)).shape
        torch.Size([1, 64])
    """

    weight: Tensor
    _single: Tensor

    def __init__(
        self,
        num_mels: int,
        *,
        n_fft: int,
        sample_rate: int,
        fmin: float = 0.0,
        fmax: float | None = None,
        mel_scale: MelScale = "slaney",
        norm: MelNorm | None = "slaney",
        slope: MelSlope = "hz",
    ) -> None:
        super().__init__()
        fmax = sample_rate / 2 if fmax is None else fmax
        check_positive(num_mels=num_mels, n_fft=n_fft, sample_rate=sample_rate)
        check_choice("mel_scale", mel_scale, ("slaney", "htk"))
        check_choice("norm", norm, ("slaney", None))
        check_choice("slope", slope, ("hz", "mel"))
        if not 0 <= fmin < fmax <= sample_rate / 2:
            raise ValueError(
                f"0 <= fmin < fmax <= {sample_rate / 2:g} must hold, got {fmin:g} and {fmax:g}"
            )
        self.num_mels, self.n_fft, self.sample_rate = num_mels, n_fft, sample_rate
        self.fmin, self.fmax, self.mel_scale = fmin, fmax, mel_scale
        self.norm, self.slope = norm, slope
        ends = _hz_to_mel(fmin, mel_scale), _hz_to_mel(fmax, mel_scale)
        mels = torch.linspace(*ends, num_mels + 2, dtype=torch.float64)
        edges = _mel_to_hz(mels, mel_scale)
        bins = torch.arange(n_fft // 2 + 1, dtype=torch.float64) * sample_rate / n_fft
        if slope == "hz":
            weight = _triangles(bins, edges)
        else:
            places = [_hz_to_mel(hz, mel_scale) for hz in bins.tolist()]
            weight = _triangles(torch.tensor(places, dtype=torch.float64, device=mels.device), mels)
        if norm == "slaney":
            weight = weight * 2 / (edges[2:] - edges[:-2])
        self.register_buffer("weight", weight, persistent=False)
        self.register_buffer("_single", weight.float(), persistent=False)
        first = range(0, max(num_mels - _GROUP, 0) + 1, _GROUP)
        last = [*first[1:], num_mels]
        self._groups = [_reach(weight, slice(*ends)) for ends in zip(first, last, strict=True)]

    def forward(self, bins: Float[Tensor, "*axes freq"]) -> Float[Tensor, "*axes mel"]:
        """Return the weighted sum of the bins in each band."""
        if bins.shape[-1] != self.weight.shape[0]:
            raise ValueError(
                f"bins must be (..., freq={self.weight.shape[0]}), got shape {tuple(bins.shape)}"
            )
        weight = self._single if bins.dtype == torch.float32 else self.weight
        weight = weight.to(bins.dtype)
        with torch.autocast(bins.device.type, enabled=False):
            if bins.requires_grad or bins.device.type != "cpu":
                return bins @ weight
            # A band reads few bins: without the zeros there is several times less to multiply.
            rows = bins.reshape(-1, bins.shape[-1])
            groups = [rows[:, reach] @ weight[reach, bands] for reach, bands in self._groups]
            return torch.cat(groups, dim=1).reshape(*bins.shape[:-1], self.num_mels)

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        return (
            f"{self.num_mels}, n_fft={self.n_fft}, sample_rate={self.sample_rate}, "
            f"fmin={self.fmin}, fmax={self.fmax}, mel_scale={self.mel_scale!r}, "
            f"norm={self.norm!r}, slope={self.slope!r}"
        )


class LogMel(nn.Module):
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
        log: `"db"` for decibels, `"natural"` for the natural logarithm.

    Raises:
        ValueError: If a setting is out of range, or `top_db` is given for the natural logarithm.

    Examples:
        >>> bank = MelFilterBank(64, n_fft=1024, sample_rate=24000)
        >>> LogMel(bank)(torch.zeros(1, 4, 3, 513, dtype=torch.complex64)).unique()
        tensor([-100.])
    """

    lookback = lookahead = 0

    def __init__(
        self,
        mel: MelFilterBank,
        *,
        floor: float = 1e-10,
        top_db: float | None = None,
        top_db_per: Literal["channel", "clip"] = "channel",
        exponent: Literal[1, 2] = 2,
        offset: float = 0.0,
        log: Literal["db", "natural"] = "db",
    ) -> None:
        super().__init__()
        check_positive(floor=floor)
        check_choice("top_db_per", top_db_per, ("channel", "clip"))
        check_choice("exponent", exponent, (1, 2))
        check_choice("log", log, ("db", "natural"))
        if top_db is not None:
            check_positive(top_db=top_db)
            if log != "db":
                raise ValueError(f"top_db needs log='db', got {log!r}")
        if not offset >= 0:
            raise ValueError(f"offset must not be negative, got {offset}")
        self.mel, self.floor, self.top_db, self.top_db_per = mel, floor, top_db, top_db_per
        self.exponent, self.offset, self.log = exponent, offset, log

    @property
    def num_bins(self) -> int:
        """Number of mel bands."""
        return self.mel.num_mels

    def num_channels(self, in_channels: int) -> int:
        """Return the number of channels made of so many channels."""
        return in_channels

    @property
    def per_clip(self) -> Callable[[Tensor], Tensor] | None:
        """The step that needs the whole clip: `top_db`."""
        return None if self.top_db is None else self._raise_to_top_db

    def forward(
        self, spectrum: Complex[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch channel time mel"]:
        """Return the level of each band."""
        level = self.per_frame(spectrum)
        return level if self.per_clip is None else self.per_clip(level)

    def per_frame(
        self, spectrum: Complex[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch channel time mel"]:
        """Return the level of each band before `top_db`."""
        check_shape("spectrum", spectrum, "batch channel time freq")
        return self.of_power(real_product(spectrum))

    def of_power(
        self, power: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch channel time mel"]:
        """Return the level of each band of a power spectrum, before `top_db`."""
        bins = power
        if self.exponent == 1:
            # The bound keeps gradients of silence 0.
            bins = bins.clamp(min=torch.finfo(bins.dtype).tiny).sqrt()
        bands: Tensor = self.mel(bins)
        if self.offset:
            bands = bands + self.offset
        bands = bands.clamp(min=self.floor)
        if self.log == "natural":
            return bands.log()
        return bands.log10() * (20 / self.exponent)

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        return (
            f"floor={self.floor}, top_db={self.top_db}, top_db_per={self.top_db_per!r}, "
            f"exponent={self.exponent}, offset={self.offset}, log={self.log!r}"
        )

    def _raise_to_top_db(self, level: Tensor) -> Tensor:
        assert self.top_db is not None
        axes = (2, 3) if self.top_db_per == "channel" else (1, 2, 3)
        return level.maximum(level.amax(dim=axes, keepdim=True) - self.top_db)


def _triangles(bins: Tensor, edges: Tensor) -> Tensor:
    """Return triangles that rise from one edge to the next and fall to the one after, `bin mel`."""
    width = edges.diff()
    rising = (bins.unsqueeze(1) - edges[:-2]) / width[:-1]
    falling = (edges[2:] - bins.unsqueeze(1)) / width[1:]
    return torch.minimum(rising, falling).clamp(min=0)


def _reach(weight: Tensor, bands: slice) -> tuple[slice, slice]:
    """Return the bins that a group of bands reads, and the group."""
    bins = weight[:, bands].any(dim=1).nonzero().flatten().tolist() or [0]
    return slice(bins[0], bins[-1] + 1), bands


def _hz_to_mel(hz: float, scale: MelScale) -> float:
    if scale == "htk":
        return 2595 * math.log10(1 + hz / 700)
    if hz < _BREAK_HZ:
        return hz / _LINEAR_HZ
    return _BREAK_HZ / _LINEAR_HZ + math.log(hz / _BREAK_HZ) / _LOG_STEP


def _mel_to_hz(mel: Tensor, scale: MelScale) -> Tensor:
    if scale == "htk":
        return 700 * (10 ** (mel / 2595) - 1)
    above = mel - _BREAK_HZ / _LINEAR_HZ
    return torch.where(above < 0, mel * _LINEAR_HZ, _BREAK_HZ * (_LOG_STEP * above).exp())
