r"""Mel filter banks and log-mel spectrograms.

Two mel scales are in use. Slaney's is linear below 1 kHz (200/3 Hz per mel) and logarithmic
above, 27 mel per factor of 6.4; HTK's is $2595 \log_{10}(1 + f / 700)$. They place the bands
differently, so a network trained on one does not understand the other; the area normalisation is
a separate choice.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from seldkit._checks import check_choice, check_positive, check_shape
from seldkit._typing import Complex, Float

MelScale = Literal["slaney", "htk"]
MelNorm = Literal["slaney"]

_LINEAR_HZ = 200 / 3
_BREAK_HZ = 1000.0
_LOG_STEP = math.log(6.4) / 27


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

    Raises:
        ValueError: If a size is not positive or not `0 <= fmin < fmax <= sample_rate / 2`.

    Examples:
        >>> bank = MelFilterBank(64, n_fft=1024, sample_rate=24000)
        >>> bank(torch.ones(1, 513)).shape
        torch.Size([1, 64])
    """

    weight: Tensor

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
    ) -> None:
        super().__init__()
        fmax = sample_rate / 2 if fmax is None else fmax
        check_positive(num_mels=num_mels, n_fft=n_fft, sample_rate=sample_rate)
        check_choice("mel_scale", mel_scale, ("slaney", "htk"))
        check_choice("norm", norm, ("slaney", None))
        if not 0 <= fmin < fmax <= sample_rate / 2:
            raise ValueError(
                f"0 <= fmin < fmax <= {sample_rate / 2:g} must hold, got {fmin:g} and {fmax:g}"
            )
        self.num_mels, self.n_fft, self.sample_rate = num_mels, n_fft, sample_rate
        self.fmin, self.fmax, self.mel_scale, self.norm = fmin, fmax, mel_scale, norm
        edges = _mel_to_hz(
            torch.linspace(
                _hz_to_mel(fmin, mel_scale),
                _hz_to_mel(fmax, mel_scale),
                num_mels + 2,
                dtype=torch.float64,
            ),
            mel_scale,
        )
        bins = torch.arange(n_fft // 2 + 1, dtype=torch.float64) * sample_rate / n_fft
        width = edges.diff()
        rising = (bins.unsqueeze(1) - edges[:-2]) / width[:-1]
        falling = (edges[2:] - bins.unsqueeze(1)) / width[1:]
        weight = torch.minimum(rising, falling).clamp(min=0)
        if norm == "slaney":
            weight = weight * 2 / (edges[2:] - edges[:-2])
        self.register_buffer("weight", weight, persistent=False)

    def forward(self, bins: Float[Tensor, "*axes freq"]) -> Float[Tensor, "*axes mel"]:
        """Return the weighted sum of the bins in each band."""
        if bins.shape[-1] != self.weight.shape[0]:
            raise ValueError(
                f"bins must be (..., freq={self.weight.shape[0]}), got shape {tuple(bins.shape)}"
            )
        with torch.autocast(bins.device.type, enabled=False):
            return bins @ self.weight.to(bins.dtype)

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        return (
            f"{self.num_mels}, n_fft={self.n_fft}, sample_rate={self.sample_rate}, "
            f"fmin={self.fmin}, fmax={self.fmax}, mel_scale={self.mel_scale!r}, norm={self.norm!r}"
        )


class LogMel(nn.Module):
    """Log-mel spectrogram of every channel, in decibels.

    Shape:
        - Input: complex spectrum `(batch, channel, time, freq)`.
        - Output: `(batch, channel, time, mel)`.

    Args:
        mel: The filter bank.
        floor: Least power; its level is the least value, -100 dB by default.
        top_db: If given, values are raised to at most this many decibels below the loudest of the
            whole clip and channel, which cannot be computed from a part of the clip.

    Examples:
        >>> bank = MelFilterBank(64, n_fft=1024, sample_rate=24000)
        >>> LogMel(bank)(torch.zeros(1, 4, 3, 513, dtype=torch.complex64)).unique()
        tensor([-100.])
    """

    def __init__(
        self, mel: MelFilterBank, *, floor: float = 1e-10, top_db: float | None = None
    ) -> None:
        super().__init__()
        check_positive(floor=floor)
        if top_db is not None:
            check_positive(top_db=top_db)
        self.mel, self.floor, self.top_db = mel, floor, top_db

    @property
    def num_bins(self) -> int:
        """Number of mel bands."""
        return self.mel.num_mels

    def num_channels(self, in_channels: int) -> int:
        """Return the number of channels made of so many channels."""
        return in_channels

    def forward(
        self, spectrum: Complex[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch channel time mel"]:
        """Return the level of each band."""
        check_shape("spectrum", spectrum, "batch channel time freq")
        power = spectrum.real.square() + spectrum.imag.square()
        level: Tensor = 10 * self.mel(power).clamp(min=self.floor).log10()
        if self.top_db is None:
            return level
        return level.maximum(level.amax(dim=(2, 3), keepdim=True) - self.top_db)

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        return f"floor={self.floor}, top_db={self.top_db}"


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
