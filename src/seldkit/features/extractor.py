"""From waveform to features: one STFT, any number of parts that read it."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from seldkit._checks import check_shape
from seldkit._typing import Complex, Float
from seldkit.features.stft import STFT


@runtime_checkable
class Part(Protocol):
    """What reads the spectrum in a `FeatureExtractor`: a module with these members."""

    @property
    def num_bins(self) -> int | None:
        """Number of bins of the result, or None for those of the spectrum."""
        ...

    def num_channels(self, in_channels: int) -> int:
        """Return the number of channels made of so many microphones or ambisonic channels."""
        ...

    def __call__(
        self, spectrum: Complex[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch out time bin"]:
        """Return the features of each clip."""
        ...


class FeatureExtractor(nn.Module):
    """Features of a waveform: the parts' channels one after the other, from one STFT.

    The extractor has no state: its `state_dict` is empty. Its tables are float64, so that float64
    audio gives float64 features; on devices without float64 call `.float()` first.

    Shape:
        - Input: `(batch, channel=in_channels, sample)`.
        - Output: `(batch, channel=num_channels, time, freq=num_bins)`.

    Args:
        stft: The transform.
        parts: What reads the spectrum: `LogMel`, `IntensityVector` or any module that is a
            [`Part`][seldkit.features.Part].
        in_channels: Channels of the waveform.

    Raises:
        ValueError: If there is no part, or the parts differ in their number of bins.

    Examples:
        >>> from seldkit.features import STFT, IntensityVector, LogMel, MelFilterBank
        >>> mel = MelFilterBank(64, n_fft=512, sample_rate=24000)
        >>> stft = STFT(n_fft=512, hop_length=300, sample_rate=24000)
        >>> extractor = FeatureExtractor(stft, [LogMel(mel), IntensityVector(mel)])
        >>> extractor(torch.zeros(1, 4, 24000)).shape
        torch.Size([1, 7, 81, 64])
    """

    def __init__(self, stft: STFT, parts: Sequence[Part], *, in_channels: int = 4) -> None:
        super().__init__()
        if not parts:
            raise ValueError("parts must hold at least one feature, got none")
        bins = {part.num_bins or stft.num_bins for part in parts}
        if len(bins) > 1:
            raise ValueError(f"parts must have one number of bins, got {sorted(bins)}")
        self.num_channels: int = sum(part.num_channels(in_channels) for part in parts)
        self.num_bins: int = bins.pop()
        self.in_channels = in_channels
        self.stft = stft
        self.parts = nn.ModuleList(parts)  # type: ignore[arg-type]  # parts are modules

    @property
    def sample_rate(self) -> int:
        """Sampling rate of the waveform, in hertz."""
        return self.stft.sample_rate

    @property
    def frame_rate(self) -> float:
        """Feature frames per second."""
        return self.stft.frame_rate

    def forward(
        self, waveform: Float[Tensor, "batch channel sample"]
    ) -> Float[Tensor, "batch out time bin"]:
        """Return the features of each clip."""
        check_shape("waveform", waveform, "batch channel sample", channel=self.in_channels)
        spectrum = self.stft(waveform)
        return torch.cat([part(spectrum) for part in self.parts], dim=1)
