"""What single frames tell: where each of them is loudest, and how clearly."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from seldkit._typing import Complex, Float, Int
from seldkit.arrays import ArrayGeometry
from seldkit.features import MUSIC, SRPPHAT, STFT, FeatureExtractor, Part
from seldkit.features.bands import band_bins
from seldkit.grids import DirectionGrid
from seldkit.localization.ambisonic_maps import BeamPower, IntensityHistogram

Method = Literal["srp_phat", "music", "intensity"]

_FRAME_S, _HOP_S = 0.064, 0.02
_RANGE_DB = 40.0  # frames so far below the loudest tell nothing


class Sightings(NamedTuple):
    """Peaks of the maps of single frames.

    Attributes:
        time_s: The middle of the frame, in seconds.
        point: Where the map has its peak.
        clarity: How far the peak stands out of the mean of the map.
    """

    time_s: Float[Tensor, " sighting"]
    point: Int[Tensor, " sighting"]
    clarity: Float[Tensor, " sighting"]


def sight(
    waveform: Float[Tensor, "channel sample"],
    array: ArrayGeometry | Literal["foa"],
    grid: DirectionGrid,
    sample_rate: int,
    *,
    method: Method,
    fmin: float,
    fmax: float | None,
) -> Sightings:
    """Return the peak of each frame that is not far below the loudest."""
    hop = max(1, round(_HOP_S * sample_rate))
    stft = STFT(
        n_fft=2 * max(8, round(_FRAME_S / 2 * sample_rate)),
        hop_length=hop,
        sample_rate=sample_rate,
        pad_mode="constant",
    )
    part = _MapAndLevel(_map_part(array, grid, method, fmin, fmax), fmin, fmax)
    stream = FeatureExtractor(stft, [part], in_channels=len(waveform)).stream()
    runs = []
    # A second at a time, so that the maps of no more are in memory.
    for chunk in [*waveform.split(sample_rate, dim=1), None]:
        values = stream.flush() if chunk is None else stream.push(chunk)
        maps, level = values[0, :, :-1], values[0, :, -1]
        height, point = maps.max(dim=1)
        runs.append((point, height - maps.mean(dim=1), level))
    point, clarity, level = (torch.cat(column).cpu() for column in zip(*runs, strict=True))
    loud = (level > level.max() - _RANGE_DB) & (clarity > 0)  # of silence there is no level
    time_s = loud.nonzero().flatten().double() * (hop / sample_rate)
    return Sightings(time_s, point[loud], clarity[loud].double())


def _map_part(
    array: ArrayGeometry | Literal["foa"],
    grid: DirectionGrid,
    method: Method,
    fmin: float,
    fmax: float | None,
) -> Part:
    if method == "music":
        return MUSIC(array, grid, fmin=fmin, fmax=fmax)
    if isinstance(array, ArrayGeometry):
        return SRPPHAT(array, grid, fmin=fmin, fmax=fmax)
    return (BeamPower if method == "srp_phat" else IntensityHistogram)(grid, fmin, fmax)


class _MapAndLevel(Part):
    """A map, and behind its points the level of the frame in decibels."""

    needs_rate = True

    def __init__(self, part: Part, fmin: float, fmax: float | None) -> None:
        super().__init__()
        self.part, self.fmin, self.fmax = part, fmin, fmax
        self.lookback, self.lookahead = part.lookback, part.lookahead
        assert part.num_bins is not None  # the points of the grid
        self.num_bins = part.num_bins + 1

    def make(self, n_fft: int, sample_rate: int | None) -> None:
        """Choose the bins whose level counts."""
        assert sample_rate is not None  # as it is needed
        self._first, self._stop = band_bins(self.fmin, self.fmax, n_fft, sample_rate)

    def num_channels(self, in_channels: int) -> int:
        """Return one."""
        return self.part.num_channels(in_channels)

    def forward(
        self, spectrum: Complex[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch 1 time bin"]:
        """Return map and level of each frame."""
        some = spectrum[..., self._first : self._stop]
        power = (some.real.square() + some.imag.square()).mean(dim=(1, 3))
        level = 10 * power.log10()
        return torch.cat((self.part(spectrum), level[:, None, :, None]), dim=-1)
