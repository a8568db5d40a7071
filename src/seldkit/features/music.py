"""Multiple signal classification (MUSIC): directions that only noise has no part in."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._checks import check_count, check_literal, check_shape, integer
from seldkit._typing import Complex, Float
from seldkit.ambisonics import plane_wave_gains
from seldkit.arrays import ArrayGeometry
from seldkit.features.bands import Band, band_bins, check_band
from seldkit.features.bins import crop, fft_length
from seldkit.features.eigenvalues import with_eigenvalues
from seldkit.features.meaning import ChannelMeaning
from seldkit.features.part import Part
from seldkit.features.point_turning import turned_points
from seldkit.features.precision import without_autocast
from seldkit.features.turning import ChannelSwap
from seldkit.grids import DirectionGrid

Width = Literal["wide", "narrow"]

_AT_ONCE = 16  # bins whose maps are in memory together
_LEAST = 1e-6  # what a direction's share of noise is raised to


class MUSIC(Part):
    r"""Pseudo-spectrum of MUSIC: how little of each direction lies in the noise of the channels.

    The covariance of the channels over some frames has as many large eigenvalues as there are
    sources. The eigenvectors of the others, $E$, are orthogonal to the steering vectors $a(u)$ of
    all sources, so that

    $$P(u) = \frac{\lVert a(u) \rVert^2}{\lVert E^H a(u) \rVert^2}$$

    is great there. It is computed in each bin and divided by its greatest value. `"narrow"` returns
    these maps, `"wide"` their mean: near 1 where all bins agree on a direction. No map tells how
    loud anything is.

    Maps of silence are zeros. Between eigenvalues that are equal, as in silence, the slope is 0, so
    gradients are finite. `torch.export` takes it, but ONNX has no eigenvectors.

    Shape:
        - Input: complex spectrum `(batch, channel, time, freq)`.
        - Output: `(batch, channel=1, time, point)`, or a channel for each bin of the band.

    Args:
        array: The microphones in the order of the channels, or `"foa"` for ambisonics.
        grid: The directions to look at.
        num_sources: How many sources sound at once in a bin, less than there are channels.
        reach: How many frames before and after a frame its covariance is taken over.
        fmin: Lowest frequency that counts, in hertz.
        fmax: Highest frequency that counts, in hertz; None is half the sampling rate.
        width: `"wide"`, one map a frame, or `"narrow"`, one for each bin.
        n_fft: Length of the FFT; in a `FeatureExtractor` that of its transform.
        sample_rate: Sampling rate, in hertz; in a `FeatureExtractor` that of the others.

    Raises:
        ValueError: If there are not more channels than sources, a setting is out of range, the band
            holds no bin, or the spectrum has other channels or bins.
        RuntimeError: If it is used before the length of the FFT and the sampling rate are known.

    Source: Schmidt, "Multiple emitter location and signal parameter estimation", IEEE TAP 34(3),
    1986; the mean of normalised maps: Salvati et al., "Incoherent frequency fusion for broadband
    steered response power algorithms in noisy environments", IEEE SPL 21(5), 2014.

    Examples:
        >>> grid = DirectionGrid.equiangular(3, 4)
        >>> part = MUSIC("foa", grid, n_fft=64, sample_rate=16000)
        >>> left = torch.tensor([1.0, 1.0, 0.0, 0.0]).reshape(1, 4, 1, 1)
        >>> spectrum = left * torch.randn(1, 1, 9, 33, dtype=torch.complex64)
        >>> grid.peaks(part(spectrum)[0, 0, 4]).direction.round(decimals=2) + 0.0
        tensor([[0., 1., 0.]])
    """

    needs_rate = True
    meaning = ChannelMeaning("point")
    steering: Tensor

    def __init__(
        self,
        array: ArrayGeometry | Literal["foa"],
        grid: DirectionGrid,
        *,
        num_sources: int = 1,
        reach: int = 4,
        fmin: float = 0.0,
        fmax: float | None = None,
        width: Width = "wide",
        n_fft: int | None = None,
        sample_rate: int | None = None,
    ) -> None:
        super().__init__()
        self.reads_foa = not isinstance(array, ArrayGeometry)
        if not isinstance(array, ArrayGeometry) and array != "foa":
            raise ValueError(f"array must be an ArrayGeometry or 'foa', got {array!r}")
        self._channels = array.num_channels if isinstance(array, ArrayGeometry) else 4
        check_count(num_sources=num_sources)
        if num_sources >= self._channels:
            raise ValueError(
                f"num_sources must be less than the {self._channels} channels, got {num_sources}"
            )
        if integer("reach", reach) < 0:
            raise ValueError(f"reach must not be negative, got {reach}")
        check_literal("width", width, Width)
        check_band(fmin, fmax)
        self.array, self.grid, self.fmin, self.fmax = array, grid, fmin, fmax
        self.num_sources, self.reach, self.width = int(num_sources), int(reach), width
        self.lookback = self.lookahead = self.reach
        self.num_bins = grid.num_points
        self._say(n_fft, sample_rate)

    def make(self, n_fft: int, sample_rate: int | None) -> None:
        """Make the steering vectors of an FFT length and a sampling rate."""
        assert sample_rate is not None  # as it is needed
        self._bins: Band = band_bins(self.fmin, self.fmax, n_fft, sample_rate)
        if isinstance(self.array, ArrayGeometry):
            hertz = torch.arange(*self._bins, dtype=torch.float64) * (sample_rate / n_fft)
            vectors = self.array.steering(self.grid.directions, hertz).transpose(0, 1)
        else:
            vectors = plane_wave_gains(self.grid.directions).unsqueeze(0).to(torch.complex128)
        vectors = vectors / torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
        forms = _entries(vectors.unsqueeze(-1).conj() * vectors.unsqueeze(-2))
        forms[..., self._channels :] *= 2  # once for each side of the diagonal
        forms[..., -(self._channels * (self._channels - 1) // 2) :] *= -1  # of conjugates
        self.register_constant("steering", forms.mT.contiguous())

    def num_channels(self, in_channels: int) -> int:
        """Return one, or the number of bins of the band; `ValueError` for other channels."""
        if in_channels != self._channels:
            raise ValueError(
                f"array must have {in_channels} channels, as the audio, got {self._channels}"
            )
        if self.width == "wide":
            return 1
        self._check_bound()
        return self._bins[1] - self._bins[0]

    def forward(
        self, spectrum: Complex[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch out time point"]:
        """Return the map of each frame."""
        self._check_bound()
        check_shape("spectrum", spectrum, "batch channel time freq", channel=self._channels)
        fft_length(spectrum.shape[-1], self.n_fft)
        real, imag = crop(spectrum.real, self._bins), crop(spectrum.imag, self._bins)
        with without_autocast(real):
            noise, sounds = self._noise(torch.complex(real, imag).permute(0, 3, 2, 1))
            maps, total = [], torch.zeros((), dtype=real.dtype, device=real.device)
            for first in range(0, noise.shape[1], _AT_ONCE):
                some = slice(first, first + _AT_ONCE)
                few = self._maps(noise[:, some], some) * sounds[:, some].unsqueeze(-1)
                if self.width == "narrow":
                    maps.append(few)
                else:
                    total = total + few.sum(dim=1, keepdim=True)
            return torch.cat(maps, dim=1) if maps else total / noise.shape[1]

    def turn(
        self, features: Float[Tensor, "batch out time point"], swap: ChannelSwap
    ) -> Float[Tensor, "batch out time point"]:
        """Return the maps of the swapped audio; the grid must be mapped onto itself."""
        if not isinstance(self.array, ArrayGeometry):
            heard = plane_wave_gains(self.grid.directions)
        elif set(swap.sign) == {1}:
            path = self.array.delays(self.grid.directions, speed_of_sound=1.0)
            heard = path - path.mean(dim=1, keepdim=True)
        else:
            raise ValueError("MUSIC cannot be turned so: a microphone would be inverted")
        return features[..., turned_points("MUSIC", heard, swap)]

    def _noise(
        self, spectrum: Complex[Tensor, "batch freq time channel"]
    ) -> tuple[Float[Tensor, "batch freq time entry"], Float[Tensor, "batch freq time"]]:
        """Return the projection onto the noise, and 1 where anything sounds at all."""
        squares = (spectrum.unsqueeze(-1) * spectrum.unsqueeze(-2).conj()).flatten(3)
        frames, reach = squares.shape[2], self.reach
        around = functional.pad(squares, (0, 0, reach, reach))
        total = around[:, :, :frames]
        for shift in range(1, 2 * reach + 1):
            total = total + around[:, :, shift : shift + frames]
        covariance = total.unflatten(3, (self._channels, self._channels))
        power = covariance.diagonal(dim1=-2, dim2=-1).real.sum(dim=-1)
        sounds = power > torch.finfo(power.dtype).tiny
        scale = power.where(sounds, 1)[..., None, None]
        noise = with_eigenvalues(covariance / scale, self._smallest)
        return _entries(noise), sounds.to(power.dtype)

    def _smallest(self, values: Float[Tensor, "*batch row"]) -> tuple[Tensor, Tensor]:
        number = torch.arange(self._channels, device=values.device)
        noise = (number < self._channels - self.num_sources).to(values.dtype)
        return noise.expand(values.shape), torch.zeros_like(values)

    def _maps(
        self, noise: Float[Tensor, "batch freq time entry"], bins: slice
    ) -> Float[Tensor, "batch freq time point"]:
        """Return the maps of some bins."""
        some = bins if isinstance(self.array, ArrayGeometry) else slice(None)
        share = (noise @ self.steering[some].to(noise)).clamp(min=_LEAST)
        return share.amin(dim=-1, keepdim=True) / share


def _entries(matrix: Complex[Tensor, "*axes row row"]) -> Float[Tensor, "*axes entry"]:
    """Return what tells Hermitian matrices: the diagonals, then real and imaginary parts above."""
    size = matrix.shape[-1]
    row, column = torch.triu_indices(size, size, offset=1, device=matrix.device)
    above = matrix[..., row, column]
    diagonal = matrix.diagonal(dim1=-2, dim2=-1)
    return torch.cat((diagonal.real, above.real, above.imag), dim=-1)
