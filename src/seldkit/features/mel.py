r"""Mel filter banks.

Two mel scales are in use. Slaney's is linear below 1 kHz (200/3 Hz per mel) and logarithmic
above, 27 mel per factor of 6.4; HTK's is $2595 \log_{10}(1 + f / 700)$. They place the bands
differently, so a network trained on one does not understand the other; the area normalisation is
a separate choice, and so is whether the flanks of a band are straight over hertz or over mel.
"""

import math
from typing import Literal

import torch
from torch import Tensor

from seldkit._checks import (
    check_count,
    check_floating,
    check_literal,
    check_number,
    check_positive,
)
from seldkit._typing import Float
from seldkit.features.binding import BoundModule
from seldkit.features.precision import widened, without_autocast

MelScale = Literal["slaney", "htk"]
MelNorm = Literal["slaney"]
MelSlope = Literal["hz", "mel"]

_LINEAR_HZ = 200 / 3
_BREAK_HZ = 1000.0
_LOG_STEP = math.log(6.4) / 27
ROUNDING_HZ = 1e-9
"""By how much a frequency may exceed its limit, such as half the sampling rate."""
_GROUP = 16  # bands multiplied at a time: fewer leave the vector units empty, more multiply zeros


class MelFilterBank(BoundModule):
    """Triangular filters that sum frequency bins into mel bands.

    In a `FeatureExtractor` it takes the length of the FFT and the sampling rate from the transform;
    if it says them itself they must be the same.

    Shape:
        - Input: `(..., freq=n_fft // 2 + 1)`.
        - Output: `(..., freq=num_mels)`.

    Args:
        num_mels: Number of bands.
        n_fft: Length of the FFT that made the bins; None for that of the extractor.
        sample_rate: Sampling rate, in hertz; None for that of the extractor.
        fmin: Lower edge of the lowest band, in hertz.
        fmax: Upper edge of the highest band, in hertz; half the sampling rate if None.
        mel_scale: `"slaney"` or `"htk"`: where the bands lie.
        norm: `"slaney"` divides each band by half its width in hertz, None leaves peaks at 1.
        slope: Over what the filters are triangles: `"hz"` as in librosa, or `"mel"` as in
            TensorFlow and Kaldi.

    Raises:
        ValueError: If a size is not positive or not `0 <= fmin < fmax <= sample_rate / 2`.
        RuntimeError: If it is used before FFT and rate are known.

    Examples:
        >>> bank = MelFilterBank(64, n_fft=1024, sample_rate=24000)
        >>> bank(torch.ones(1, 513)).shape
        torch.Size([1, 64])
    """

    needs_rate = True
    weight: Tensor
    _single: Tensor

    def __init__(
        self,
        num_mels: int,
        *,
        n_fft: int | None = None,
        sample_rate: int | None = None,
        fmin: float = 0.0,
        fmax: float | None = None,
        mel_scale: MelScale = "slaney",
        norm: MelNorm | None = "slaney",
        slope: MelSlope = "hz",
    ) -> None:
        super().__init__()
        check_count(num_mels=num_mels)
        check_number(fmin=fmin)
        if fmax is not None:
            check_positive(fmax=fmax)
        check_literal("mel_scale", mel_scale, MelScale)
        check_literal("norm", norm, MelNorm | None)
        check_literal("slope", slope, MelSlope)
        self.num_mels, self.fmin, self.fmax = int(num_mels), fmin, fmax
        self.mel_scale, self.norm, self.slope = mel_scale, norm, slope
        self.register_buffer("weight", None, persistent=False)
        self.register_buffer("_single", None, persistent=False)
        self._first_bins: list[int] = []
        self._tables: dict[torch.dtype, list[Tensor]] = {}
        if fmax is not None and not 0 <= fmin < fmax:
            raise ValueError(f"0 <= fmin < fmax must hold, got {fmin:g} and {fmax:g}")
        self._say(n_fft, sample_rate)

    def make(self, n_fft: int, sample_rate: int | None) -> None:
        """Make the filters."""
        assert sample_rate is not None  # as it is needed
        nyquist = sample_rate / 2
        fmax = nyquist if self.fmax is None else self.fmax
        if not 0 <= self.fmin < fmax <= nyquist + ROUNDING_HZ:
            raise ValueError(
                f"0 <= fmin < fmax <= {nyquist:g} must hold, got {self.fmin:g} and {fmax:g}"
            )
        self.fmax = fmax
        mels = _even_mels(self.num_mels + 2, self.fmin, fmax, self.mel_scale)
        edges = _mel_to_hz(mels, self.mel_scale)
        bins = torch.arange(n_fft // 2 + 1, dtype=torch.float64) * sample_rate / n_fft
        if self.slope == "hz":
            weight = _triangles(bins, edges)
        else:
            places = [_hz_to_mel(hz, self.mel_scale) for hz in bins.tolist()]
            weight = _triangles(torch.tensor(places, dtype=torch.float64, device=mels.device), mels)
        if self.norm == "slaney":
            weight = weight * 2 / (edges[2:] - edges[:-2])
        self.register_constant("weight", weight)
        self.register_buffer("_single", weight.float(), persistent=False)
        later = [*range(_GROUP, self.num_mels - _GROUP + 1, _GROUP)]
        groups = weight.cpu().tensor_split(later, dim=1)
        reaches = [_reach(group) for group in groups]
        self._first_bins = [reach.start for reach in reaches]
        tables = [group[reach] for group, reach in zip(groups, reaches, strict=True)]
        self._tables = {
            dtype: [table.to(dtype, copy=True) for table in tables]
            for dtype in (torch.float32, torch.float64)
        }

    def forward(self, bins: Float[Tensor, "*axes freq"]) -> Float[Tensor, "*axes mel"]:
        """Return the weighted sum of the bins in each band."""
        self._check_bound()
        check_floating(bins=bins)
        if bins.shape[-1] != self.weight.shape[0]:
            raise ValueError(
                f"bins must be (..., freq={self.weight.shape[0]}), got shape {tuple(bins.shape)}"
            )
        wide = widened(bins)
        weight = self._single if wide.dtype == torch.float32 else self.weight
        return self._sums(wide, weight.to(wide.dtype)).to(bins.dtype)

    def _sums(self, bins: Tensor, weight: Tensor) -> Tensor:
        with without_autocast(bins):
            # One product where gradients are kept, on GPUs, and in graphs, which then stay small.
            if bins.requires_grad or bins.device.type != "cpu" or torch.compiler.is_compiling():
                return bins @ weight
            # A band reads few bins: without the zeros there is several times less to multiply.
            rows = bins.reshape(-1, bins.shape[-1])
            sums = rows.new_empty(rows.shape[0], self.num_mels)
            tables = self._tables[bins.dtype]
            places = sums.split([table.shape[1] for table in tables], dim=1)
            for first, table, place in zip(self._first_bins, tables, places, strict=True):
                place.addmm_(rows.narrow(1, first, table.shape[0]), table, beta=0)
            return sums.reshape(*bins.shape[:-1], self.num_mels)


def num_bands(mel: MelFilterBank | None) -> int | None:
    """Return the number of mel bands, or None without a bank, for the bins of the spectrum."""
    return None if mel is None else mel.num_mels


def mel_spaced(
    number: int, fmin: float, fmax: float, scale: MelScale
) -> Float[Tensor, " frequency"]:
    """Return so many frequencies from one to another, evenly spaced over mel, in hertz."""
    return _mel_to_hz(_even_mels(number, fmin, fmax, scale), scale)


def _even_mels(number: int, fmin: float, fmax: float, scale: MelScale) -> Tensor:
    ends = _hz_to_mel(fmin, scale), _hz_to_mel(fmax, scale)
    return torch.linspace(*ends, number, dtype=torch.float64)


def _triangles(bins: Tensor, edges: Tensor) -> Tensor:
    """Return triangles that rise from one edge to the next and fall to the one after, `bin mel`."""
    width = edges.diff()
    rising = (bins.unsqueeze(1) - edges[:-2]) / width[:-1]
    falling = (edges[2:] - bins.unsqueeze(1)) / width[1:]
    return torch.minimum(rising, falling).clamp(min=0)


def _reach(weight: Float[Tensor, "freq mel"]) -> slice:
    """Return the bins that some bands read."""
    bins = weight.any(dim=1).nonzero().flatten().tolist() or [0]
    return slice(bins[0], bins[-1] + 1)


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
