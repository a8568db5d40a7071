"""Beamformed energy: how much each direction sounds, band by band."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from seldkit._checks import check_choice, check_shape
from seldkit._typing import Complex, Float
from seldkit.ambisonics import plane_wave_gains
from seldkit.features.bands import band_bins, check_band
from seldkit.features.meaning import ChannelMeaning
from seldkit.features.part import Part
from seldkit.features.precision import without_autocast
from seldkit.grids import DirectionGrid

QUIET = 1e-18


class BeamEnergy(Part):
    r"""Maps of directions: the power of a cardioid beam of ambisonics, one map for each band.

    A beam to $u$ weighs the channels by what a plane wave from there has in them, $y(u)$,

    $$E_b(u) = \frac{1}{|b|} \sum_{k \in b} \frac{1}{4 w_k} \big| y(u)^T X[k] \big|^2, \qquad
    w_k = \tfrac{1}{2} \sum_c |X_c[k]|^2$$

    so that a plane wave alone has 1 in its direction and 0 opposite, however loud it is. With
    `scale="power"` bins are not brought to one loudness, $w_k = 1$, and the map is the energy that
    the beam receives.

    The maps are channels, and the points of the grid stand in the place of bins; means over time,
    `.mean(dim=2)`, are maps of longer frames.

    Shape:
        - Input: complex spectrum `(batch, channel=4, time, freq)` of FOA, ACN order, SN3D.
        - Output: `(batch, channel=band, time, point)`.

    Args:
        grid: The directions to look at.
        edges: Where bands end and the next one begins, in hertz, rising; a bin on an edge is in
            both.
        scale: `"loudness"` as above, or `"power"`.
        n_fft: Length of the FFT; in a `FeatureExtractor` that of its transform.
        sample_rate: Sampling rate, in hertz; in a `FeatureExtractor` that of the others.

    Raises:
        ValueError: If there are fewer than two edges, they do not rise, a band holds no bin, or the
            scale is unknown.

    Source: Rafaely, "Fundamentals of Spherical Array Processing", 2015, section 5.

    Examples:
        >>> from seldkit.ambisonics import plane_wave
        >>> from seldkit.features import STFT, FeatureExtractor
        >>> stft = STFT(n_fft=512, hop_length=240, sample_rate=24000)
        >>> extractor = FeatureExtractor(stft, [BeamEnergy(DirectionGrid.equiangular(3, 4))])
        >>> left = plane_wave(torch.randn(2400), torch.tensor([0.0, 1.0, 0.0]))
        >>> maps = extractor(left.unsqueeze(0))
        >>> maps.shape
        torch.Size([1, 4, 11, 12])
        >>> maps.mean(dim=2)[0, 0, 4:8].round(decimals=2) + 0.0  # behind, right, front, left
        tensor([0.2500, 0.0000, 0.2500, 1.0000])
    """

    lookback = lookahead = 0
    needs_rate = reads_foa = True
    meaning = ChannelMeaning("point")
    forms: Tensor
    bands: Tensor

    def __init__(
        self,
        grid: DirectionGrid,
        *,
        edges: Sequence[float] = (200.0, 800.0, 1600.0, 3200.0, 6400.0),
        scale: str = "loudness",
        n_fft: int | None = None,
        sample_rate: int | None = None,
    ) -> None:
        super().__init__()
        check_choice("scale", scale, ("loudness", "power"))
        if len(edges) < 2:
            raise ValueError(f"edges must be at least 2, got {len(edges)}")
        for low, high in pairwise(edges):
            check_band(low, high)
        self.grid, self.scale = grid, scale
        self.edges = tuple(map(float, edges))
        self.num_bins = grid.num_points
        gains = plane_wave_gains(grid.directions)
        forms = (gains.unsqueeze(-1) * gains.unsqueeze(-2)).flatten(1)
        self.register_constant("forms", forms / 4)
        self._say(n_fft, sample_rate)

    def make(self, n_fft: int, sample_rate: int | None) -> None:
        """Choose the bins of each band."""
        assert sample_rate is not None  # as it is needed
        if self.edges[-1] > sample_rate / 2:
            raise ValueError(f"edges must be at most {sample_rate / 2:g}, got {self.edges[-1]:g}")
        weight = torch.zeros(len(self.edges) - 1, n_fft // 2 + 1, dtype=torch.float64)
        for row, (low, high) in zip(weight, pairwise(self.edges), strict=True):
            first, stop = band_bins(low, high, n_fft, sample_rate)
            row[first:stop] = 1 / (stop - first)
        self.register_constant("bands", weight)

    def num_channels(self, in_channels: int) -> int:
        """Return the number of bands, or raise `ValueError` unless there are the four of FOA."""
        if in_channels != 4:
            raise ValueError(f"BeamEnergy needs the 4 channels of FOA, got {in_channels}")
        return len(self.edges) - 1

    def forward(
        self, spectrum: Complex[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch band time point"]:
        """Return the maps of each frame."""
        check_shape("spectrum", spectrum, "batch channel time freq", channel=4)
        self._check_bound()
        real, imag = spectrum.real, spectrum.imag
        with without_autocast(real):
            if self.scale == "loudness":
                energy = (real.square() + imag.square()).sum(dim=1, keepdim=True) / 2
                gain = energy.clamp(min=QUIET).rsqrt()
                real, imag = real * gain, imag * gain
            pairs = real.unsqueeze(2) * real.unsqueeze(1) + imag.unsqueeze(2) * imag.unsqueeze(1)
            covariance = pairs.flatten(1, 2) @ self.bands.to(real).mT  # batch pair time band
            maps = covariance.permute(0, 3, 2, 1) @ self.forms.to(real).mT
        return maps
