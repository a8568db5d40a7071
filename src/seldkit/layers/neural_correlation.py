"""GCC-PHAT of filtered signals, with learnt filters before and behind it."""

import math
from contextlib import AbstractContextManager, nullcontext
from itertools import combinations, pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.layers.sinc import SincFilters

_FILTERS = (11, 9, 7)
_FLOOR = 0.001


class NeuralCorrelation(Shown):
    r"""Neural GCC-PHAT: correlations of microphones in learnt bands, filtered over their lags.

    The waveform of each microphone passes [`SincFilters`][seldkit.layers.SincFilters] and three
    convolutions, the same for all. Frame by frame and channel by channel, pairs $m < n$ are
    correlated,

    $$R[\tau] = \mathrm{IFFT}\left(\frac{X_m X_n^*}{|X_m X_n^*| + 0.001}\right),$$

    with FFTs of twice a frame, and four convolutions over the lags follow. As in
    [`GCCPHAT`][seldkit.features.GCCPHAT] of `conjugate="second"`, a peak at lag -3 says that `n`
    hears the sound 3 samples after `m`.

    Filters see the whole clip as a period of itself, so its ends meet, and this cannot stream.

    Source: Berg et al., "Extending GCC-PHAT using shift equivariant neural networks", Interspeech
    2022; for SELD: Berg et al., "The LU system for DCASE 2024 sound event localization and
    detection challenge", DCASE 2024, whose published code has these sizes.

    Shape:
        - Input: waveforms in frames, `(batch, channel, time, sample=frame_length)`.
        - Output: `(batch, pair, out, time, lag=2 * max_lag + 1)`.

    Args:
        channels: Channels between the filters.
        out_channels: Channels of the output for each pair.
        max_lag: Largest lag, in samples.
        frame_length: Samples of a frame.
        sample_rate: Sampling rate, in hertz.

    Raises:
        ValueError: If lags are longer than a frame, or the input has another shape or fewer than
            two channels.

    Examples:
        >>> layer = NeuralCorrelation(channels=8, out_channels=4)
        >>> layer(torch.zeros(2, 4, 10, 480)).shape
        torch.Size([2, 6, 4, 10, 13])
    """

    cosine: Tensor
    sine: Tensor

    @plain_settings()
    def __init__(
        self,
        *,
        channels: int = 32,
        out_channels: int = 16,
        max_lag: int = 6,
        frame_length: int = 480,
        sample_rate: int = 24000,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if max_lag > frame_length:
            raise ValueError(f"max_lag must be at most frame_length={frame_length}, got {max_lag}")
        self.channels, self.out_channels, self.max_lag = channels, out_channels, max_lag
        self.frame_length, self.sample_rate = frame_length, sample_rate
        place: dict[str, Any] = {"device": device, "dtype": dtype}

        def norm(width: int, momentum: float = 0.1) -> nn.BatchNorm1d:
            return nn.BatchNorm1d(width, momentum=momentum, device=device, dtype=dtype)

        length = frame_length - 1 + frame_length % 2  # odd
        self.sinc = SincFilters(channels, length, sample_rate=sample_rate, **place)
        self.sinc_norm = norm(channels, 0.05)
        self.filters = nn.ModuleList(
            nn.Conv1d(channels, channels, size, padding="same", padding_mode="circular", **place)
            for size in _FILTERS
        )
        self.filter_norms = nn.ModuleList(norm(channels, 0.05) for _ in _FILTERS)
        widths = [channels] * (1 + len(_FILTERS)) + [out_channels]
        self.lag_filters = nn.ModuleList(
            nn.Conv1d(*pair, size, padding="same", **place)
            for pair, size in zip(pairwise(widths), (*_FILTERS, 3), strict=True)
        )
        self.lag_norms = nn.ModuleList(norm(width) for width in widths[1:])
        cosine, sine = self._tables()
        self.register_buffer("cosine", cosine.to(device), persistent=False)
        self.register_buffer("sine", sine.to(device), persistent=False)

    def reset_parameters(self) -> None:
        """Draw the weights anew, and fill the tables."""
        with torch.no_grad():
            for table, values in zip((self.cosine, self.sine), self._tables(), strict=True):
                table.copy_(values)
        for module in self.modules():
            if isinstance(module, SincFilters | nn.Conv1d | nn.BatchNorm1d):
                module.reset_parameters()

    def forward(
        self, frames: Float[Tensor, "batch channel time sample"]
    ) -> Float[Tensor, "batch pair out time lag"]:
        """Return the filtered correlations of each pair."""
        check_shape("frames", frames, "batch+ channel time+ sample", sample=self.frame_length)
        batch, microphones, time, _ = frames.shape
        if microphones < 2:
            shape = tuple(frames.shape)
            raise ValueError(f"frames must have at least two channels, got shape {shape}")
        x = self._bands(frames.reshape(batch * microphones, 1, time * self.frame_length))
        x = x.unflatten(0, (batch, microphones)).unflatten(3, (time, -1)).transpose(2, 3)
        lags = self._correlations(x)  # batch pair time channel lag
        pairs, x = lags.shape[1], lags.flatten(0, 2)
        for conv, norm in zip(self.lag_filters, self.lag_norms, strict=True):
            x = functional.leaky_relu(norm(conv(x)), 0.2)
        filtered: Tensor = x.unflatten(0, (batch, pairs, time)).transpose(2, 3)
        return filtered

    def _tables(self) -> tuple[Tensor, Tensor]:
        return _lag_tables(self.max_lag, 2 * self.frame_length)

    def _bands(
        self, waveform: Float[Tensor, "batch 1 sample"]
    ) -> Float[Tensor, "batch channel sample"]:
        x = self.sinc_norm(self.sinc(waveform))
        for conv, norm in zip(self.filters, self.filter_norms, strict=True):
            x = norm(conv(functional.leaky_relu(x, 0.2)))
        output: Tensor = x
        return output

    def _correlations(
        self, x: Float[Tensor, "batch channel time band sample"]
    ) -> Float[Tensor, "batch pair time band lag"]:
        """Return the whitened correlations of each pair around lag 0."""
        precise = torch.promote_types(x.dtype, torch.float32)
        with _without_autocast(x):
            real, imag = _spectrum(x.to(precise), 2 * self.frame_length)
            cosine, sine = self.cosine.to(precise), self.sine.to(precise)
            tiny = torch.finfo(precise).tiny
            rows = []
            for m, n in combinations(range(x.shape[1]), 2):
                cross_real = real[:, m] * real[:, n] + imag[:, m] * imag[:, n]
                cross_imag = imag[:, m] * real[:, n] - real[:, m] * imag[:, n]
                power = cross_real.square() + cross_imag.square()
                scale = 1 / (power.clamp(min=tiny).sqrt() + _FLOOR)
                rows.append((scale * cross_real) @ cosine + (scale * cross_imag) @ sine)
            return torch.stack(rows, dim=1).to(x.dtype)


def _without_autocast(x: Tensor) -> AbstractContextManager[object]:
    """Return a context in which products keep their precision; some devices know no autocast."""
    kind = x.device.type
    if torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind):
        return torch.autocast(kind, enabled=False)
    return nullcontext()


def _spectrum(
    x: Float[Tensor, "*axes sample"], n_fft: int
) -> tuple[Float[Tensor, "*axes freq"], Float[Tensor, "*axes freq"]]:
    """Return real and imaginary parts of the Fourier transform of frames."""
    if not torch.compiler.is_exporting():
        spectrum = torch.fft.rfft(x, n=n_fft)
        return spectrum.real, spectrum.imag
    # Run times such as ONNX lack complex numbers.
    bins = torch.arange(n_fft // 2 + 1, device=x.device)
    places = torch.arange(x.shape[-1], device=x.device).unsqueeze(1)
    angle = (bins * places % n_fft).to(x.dtype) * (2 * math.pi / n_fft)
    return x @ angle.cos(), -(x @ angle.sin())


def _lag_tables(
    max_lag: int, n_fft: int
) -> tuple[Float[Tensor, "freq lag"], Float[Tensor, "freq lag"]]:
    """Return by what an inverse real Fourier transform sums the lags around 0."""
    bins = torch.arange(n_fft // 2 + 1).unsqueeze(1)
    lags = torch.arange(-max_lag, max_lag + 1)
    angle = (bins * lags % n_fft).double() * (2 * math.pi / n_fft)
    ends = (bins == 0) | (2 * bins == n_fft)
    weight = torch.where(ends, 1.0, 2.0).double() / n_fft
    return (weight * angle.cos()).float(), (-weight * angle.sin()).float()
