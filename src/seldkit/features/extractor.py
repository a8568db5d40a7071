"""From waveform to features: one STFT, any number of parts that read it."""

import copy
from collections.abc import Sequence
from itertools import chain
from typing import cast

import torch
from torch import Tensor, nn

from seldkit._checks import check_shape
from seldkit._typing import Float
from seldkit.features.part import Part, per_clip, runs_in_blocks
from seldkit.features.stft import STFT
from seldkit.features.stream import FeatureStream, PartsInStep, WindowStream


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
        if self._runs_in_blocks(waveform):
            return self._in_blocks(waveform)
        spectrum = self.stft(waveform)
        return torch.cat([part(spectrum) for part in self.parts], dim=1)

    def stream(self) -> FeatureStream:
        """Return a new stream, which takes the samples of one clip chunk by chunk.

        Raises:
            ValueError: If a part needs the whole clip, such as `LogMel` with `top_db`.

        Examples:
            >>> from seldkit.features import presets
            >>> extractor, waveform = presets.ein_seld(), torch.randn(4, 24000)
            >>> stream = extractor.stream()
            >>> parts = [stream.push(chunk) for chunk in waveform.split(4800, dim=1)]
            >>> [part.shape[1] for part in parts], stream.latency
            ([8, 8, 8, 8, 8], 512)
            >>> features = torch.cat([*parts, stream.flush()], dim=1)
            >>> torch.allclose(features, extractor(waveform.unsqueeze(0))[0], atol=1e-5)
            True
        """
        return FeatureStream(self.stft, self._parts(), in_channels=self.in_channels)

    def for_export(self) -> "FeatureExtractor":
        """Return a copy without complex numbers, which can be exported to ONNX.

        Its transform is `real_valued`, and its tables are float32. The features are the same up to
        rounding, but take longer. In the exported graph batch and samples may have any size.

        Examples:
            >>> from seldkit.features import presets
            >>> presets.ein_seld().for_export().stft.real_valued
            True
        """
        stft, parts = self.stft.for_export(), copy.deepcopy(self._parts())
        return FeatureExtractor(stft, parts, in_channels=self.in_channels).float().eval()

    def _parts(self) -> list[Part]:
        return [cast(Part, part) for part in self.parts]

    def _runs_in_blocks(self, waveform: Tensor) -> bool:
        learns = torch.is_grad_enabled() and any(p.requires_grad for p in self.parameters())
        possible = self.stft.block_size(waveform) is not None and not learns
        return possible and all(runs_in_blocks(part) for part in self._parts())

    def _in_blocks(self, waveform: Tensor) -> Tensor:
        """Return the features, computed from samples to features block by block.

        What one step leaves in the cache the next one reads there, and of the whole clip nothing
        but the features is in memory.
        """
        parts, count = self._parts(), self.stft.num_frames(waveform.shape[2])
        sizes = [part.num_channels(self.in_channels) for part in parts]
        shape = (len(waveform), self.num_channels, count, self.num_bins)
        dtype = waveform.dtype if waveform.dtype == torch.float64 else torch.float32
        features = waveform.new_empty(shape, dtype=dtype)
        in_step, done = PartsInStep([WindowStream(part) for part in parts]), 0
        runs = (in_step.push(spectrum) for spectrum in self.stft.blocks(waveform))
        for run in chain(runs, (in_step.flush() for _ in range(1))):
            places = features[:, :, done : done + run[0].shape[2]].split(sizes, dim=1)
            for place, known in zip(places, run, strict=True):
                place.copy_(known)
            done += run[0].shape[2]
        for part, place in zip(parts, features.split(sizes, dim=1), strict=True):
            step = per_clip(part)
            if step is not None:
                place.copy_(step(place))
        return features
