"""Maps of directions of ambisonic recordings, frame by frame."""

import torch
from torch import Tensor

from seldkit._typing import Complex, Float
from seldkit.ambisonics import AXIS_TO_CHANNEL, plane_wave_gains
from seldkit.features import Part
from seldkit.features.bands import band_bins
from seldkit.grids import DirectionGrid

_QUIET = 1e-18
_WIDTH_DEG = 8.0


class _AmbisonicMap(Part):
    """What both maps share: a grid, and a band of frequency."""

    lookback = lookahead = 0
    needs_rate = reads_foa = True

    def __init__(self, grid: DirectionGrid, fmin: float, fmax: float | None) -> None:
        super().__init__()
        self.grid, self.fmin, self.fmax = grid, fmin, fmax
        self.num_bins = grid.num_points

    def make(self, n_fft: int, sample_rate: int | None) -> None:
        """Choose the bins."""
        assert sample_rate is not None  # as it is needed
        self._first, self._stop = band_bins(self.fmin, self.fmax, n_fft, sample_rate)

    def num_channels(self, in_channels: int) -> int:
        """Return one."""
        del in_channels
        return 1

    def _band(
        self, spectrum: Complex[Tensor, "batch channel time freq"]
    ) -> tuple[Complex[Tensor, "batch channel time bin"], Float[Tensor, "batch time bin"]]:
        """Return the bins of the band, and the energy of each."""
        some = spectrum[..., self._first : self._stop]
        energy = (some.real.square() + some.imag.square()).sum(dim=1) / 2
        return some, energy.clamp(min=_QUIET)


class BeamPower(_AmbisonicMap):
    """Power of a beam in each direction, every bin brought to one loudness: SRP-PHAT of FOA.

    A plane wave alone has 1 in its direction, and 0 in the opposite one.
    """

    def forward(
        self, spectrum: Complex[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch 1 time point"]:
        """Return the map of each frame."""
        some, energy = self._band(spectrum)
        white = some * (0.5 / energy).sqrt().unsqueeze(1)
        white = white.transpose(1, 2)  # batch time channel freq
        covariance = (white @ white.mH).real / white.shape[-1]
        gains = plane_wave_gains(self.grid.directions.to(covariance))
        forms = (gains.unsqueeze(-1) * gains.unsqueeze(-2)).flatten(1) / 2
        return (covariance.flatten(2) @ forms.mT).unsqueeze(1)


class IntensityHistogram(_AmbisonicMap):
    """How many bins have intensity from each direction, counted by how plain it is in each."""

    def forward(
        self, spectrum: Complex[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch 1 time point"]:
        """Return the map of each frame."""
        some, energy = self._band(spectrum)
        dipoles = some[:, AXIS_TO_CHANNEL]
        vector = (some[:, :1].conj() * dipoles).real / energy.unsqueeze(1)
        vector = vector.permute(0, 2, 3, 1).flatten(0, 1)  # frame freq axis
        counts = vector.new_zeros(len(vector), self.grid.num_points)
        for row, bins in zip(counts, vector, strict=True):
            row.index_add_(0, self.grid.nearest(bins), torch.linalg.vector_norm(bins, dim=-1))
        maps = counts @ nearness(self.grid, _WIDTH_DEG).to(counts) / vector.shape[1]
        return maps.reshape(energy.shape[0], 1, energy.shape[1], self.grid.num_points)


def nearness(grid: DirectionGrid, width_deg: float) -> Float[Tensor, "point point"]:
    """Return how near points are to each other: 1 for themselves, falling off like a Gaussian."""
    cosine = (grid.directions @ grid.directions.mT).clamp(max=1)
    width = torch.deg2rad(torch.tensor(width_deg, dtype=cosine.dtype))
    near: Tensor = ((cosine - 1) / width.square()).exp()
    return near
