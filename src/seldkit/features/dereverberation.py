"""Direct and reverberant sound, told apart by weighted prediction error, and their ratio."""

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._checks import check_count, check_positive, check_shape
from seldkit._typing import Complex, Float
from seldkit.features.log_mel import LogMel
from seldkit.features.meaning import CUE, LEVEL, ChannelMeaning
from seldkit.features.mel import MelFilterBank
from seldkit.features.part import Part
from seldkit.features.precision import without_autocast
from seldkit.features.turning import ChannelSwap


def direct_sound(
    spectrum: Complex[Tensor, "*axes time freq"],
    *,
    taps: int = 60,
    delay: int = 5,
    iterations: int = 5,
) -> Complex[Tensor, "*axes time freq"]:
    r"""Return a spectrum without its late reverberation, by weighted prediction error (WPE).

    In each bin, what frames of the past predict of a frame is taken away:

    $$d_t = x_t - \sum_{k=0}^{K-1} g_k\, x_{t-\Delta-k},$$

    with the $g$ that makes $\sum_t |d_t|^2 / \lambda_t$ least, where $\lambda_t$ is the power
    $|d_t|^2$ of the iteration before. Frames nearer than the delay $\Delta$ predict nothing, so
    that early reflections and the sound itself stay. It needs the whole clip.

    Computed in float64 whatever comes in: the equations are close to singular, and in single
    precision, as in the published features, the result is mostly rounding.

    Source: Nakatani et al., "Speech dereverberation based on variance-normalized delayed linear
    prediction", IEEE TASLP 18(7), 2010, one channel.

    Args:
        spectrum: Spectrum of the sound; each channel stands alone.
        taps: Frames of the past that predict, $K$.
        delay: Frames between a frame and the nearest that predicts it.
        iterations: How often the weights are computed anew.

    Returns:
        The direct sound, as precise as the input; the reverberant is what is left of it.

    Raises:
        TypeError: If the spectrum is not complex.
        ValueError: If a number is below 1, or there is no frame or bin.

    Examples:
        >>> spectrum = torch.zeros(3, 1, dtype=torch.complex64)
        >>> spectrum[0] = 1.0  # a click dies away at once
        >>> direct_sound(spectrum, taps=1, delay=1).flatten().real
        tensor([1., 0., 0.])
    """
    check_count(taps=taps, delay=delay, iterations=iterations)
    if not spectrum.is_complex():
        raise TypeError(f"spectrum must be complex, got {spectrum.dtype}")
    if not all(spectrum.shape[-2:]):
        raise ValueError(f"spectrum must have frames and bins, got shape {tuple(spectrum.shape)}")
    with without_autocast(spectrum):
        x = spectrum.mT.to(torch.complex128)  # ... freq time
        before = torch.stack([functional.pad(part, (delay + taps - 1, 0)) for part in _parts(x)])
        rows = torch.complex(*before).unfold(-1, taps, 1)[..., : x.shape[-1], :].flip(-1)
        direct = x
        for _ in range(iterations):
            power = direct.real.square() + direct.imag.square()
            largest = power.amax(dim=-1, keepdim=True)
            weight = 1 / power.maximum(1e-10 * largest).where(largest > 0, 1)
            weighted = (rows * weight.unsqueeze(-1)).mH
            matrix = weighted @ rows
            # Where a bin is silent, or too few frames are there, the least addition solves it.
            trace = matrix.diagonal(dim1=-2, dim2=-1).real.mean(dim=-1)[..., None, None]
            unit = torch.eye(taps, dtype=matrix.dtype, device=matrix.device)
            matrix = matrix + (1e-12 * trace + (trace == 0)) * unit
            taken = torch.linalg.solve(matrix, weighted @ x.unsqueeze(-1))
            direct = x - (rows @ taken).squeeze(-1)
        result: Tensor = direct.mT.to(spectrum.dtype)
    return result


class DirectReverberant(Part):
    r"""Levels of direct and of reverberant sound, and their ratio (DRR), in mel bands.

    The direct sound $D$ is what [`direct_sound`][seldkit.features.direct_sound] leaves of the first
    channel, the reverberant $R$ is the rest. The ratio is
    $10 \log_{10} \sum_f m_f\, |D_f|^2 / |R_f|^2$, with the filters $m$ of each band: large for what
    is near. It needs the whole clip, so it cannot stream.

    Source: Berghi and Jackson, "Reverberation-based features for sound event localization and
    detection with distance estimation", arXiv 2504.08644, 2025, and its released code: frames of
    512 samples with a hop of 150 at 24 kHz. There the direct sound goes back to a waveform before
    the reverberant is taken, and the two levels square sums over complex bins; here both are taken
    in the spectrum, and levels are sums of power, as everywhere.

    Shape:
        - Input: complex spectrum `(batch, channel, time, freq)`.
        - Output: `(batch, channel=3, time, mel)`: direct, reverberant, ratio, in decibels.

    Args:
        mel: The filter bank.
        taps: See [`direct_sound`][seldkit.features.direct_sound].
        delay: Likewise; 5 frames of 150 samples at 24 kHz are 31 ms.
        iterations: Likewise.
        floor: Least power of a bin and of a band.

    Raises:
        TypeError: If the spectrum is not complex, as in what is exported to ONNX.
        ValueError: If a number is not positive.

    Examples:
        >>> bank = MelFilterBank(8, n_fft=64, sample_rate=8000)
        >>> part = DirectReverberant(bank, taps=3, delay=2)
        >>> part(torch.randn(1, 4, 20, 33, dtype=torch.complex64)).shape
        torch.Size([1, 3, 20, 8])
    """

    whole_clip = True

    def __init__(
        self,
        mel: MelFilterBank,
        *,
        taps: int = 60,
        delay: int = 5,
        iterations: int = 5,
        floor: float = 1e-10,
    ) -> None:
        super().__init__()
        check_count(taps=taps, delay=delay, iterations=iterations)
        check_positive(floor=floor)
        self.mel, self.floor, self.num_bins = mel, floor, mel.num_mels
        self.taps, self.delay, self.iterations = int(taps), int(delay), int(iterations)
        self._level = LogMel(mel, floor=floor)

    def num_channels(self, in_channels: int) -> int:
        """Return 3."""
        del in_channels
        return 3

    def meanings(self, in_channels: int) -> tuple[ChannelMeaning, ...]:
        """Return that of two levels and a cue."""
        del in_channels
        return LEVEL, LEVEL, CUE

    def forward(
        self, spectrum: Complex[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch channel=3 time mel"]:
        """Return both levels and their ratio."""
        check_shape("spectrum", spectrum, "batch channel time freq")
        if not isinstance(spectrum, Tensor):
            raise TypeError("spectrum must be complex for DirectReverberant, got a RealSpectrum")
        first = spectrum[:, :1]
        settings = {"taps": self.taps, "delay": self.delay, "iterations": self.iterations}
        direct = direct_sound(first, **settings)
        return self.of_parts(direct, first - direct)

    def of_parts(
        self,
        direct: Complex[Tensor, "batch 1 time freq"],
        reverberant: Complex[Tensor, "batch 1 time freq"],
    ) -> Float[Tensor, "batch channel=3 time mel"]:
        """Return the same of sound that is told apart already."""
        near, far = (part.real.square() + part.imag.square() for part in (direct, reverberant))
        ratio = self.mel(near.clamp(min=self.floor) / far.clamp(min=self.floor))
        levels = [self._level.of_power(power) for power in (near, far)]
        return torch.cat([*levels, 10 * ratio.clamp(min=self.floor).log10()], dim=1)

    def turn(
        self, features: Float[Tensor, "batch channel=3 time mel"], swap: ChannelSwap
    ) -> Float[Tensor, "batch channel=3 time mel"]:
        """Return the features of the swapped audio: those of the first channel, if it stays."""
        if swap.index[0]:
            raise ValueError(
                "DirectReverberant cannot be turned so: it reads the first channel alone, and that"
                f" becomes channel {swap.index[0]}"
            )
        return features


def _parts(x: Tensor) -> tuple[Tensor, Tensor]:
    return x.real, x.imag
