"""From waveform to features: one STFT, any number of parts that read it."""

import copy
from collections.abc import Sequence
from itertools import chain
from typing import Literal, cast

import torch
from torch import Tensor, nn

from seldkit._checks import check_count, check_floating, check_literal, check_shape
from seldkit._typing import Float
from seldkit.arrays import ArrayGeometry
from seldkit.features.binding import bind
from seldkit.features.blocks import in_blocks
from seldkit.features.meaning import ChannelMeaning
from seldkit.features.part import Part, check_parts, checked, runs_in_blocks
from seldkit.features.precision import (
    Cast,
    PreciseModule,
    asked_dtype,
    widened,
    without_autocast,
)
from seldkit.features.stft import STFT
from seldkit.features.stream import FeatureStream
from seldkit.features.turning import ChannelSwap, LostLag, channel_swap


class FeatureExtractor(PreciseModule):
    """Features of a waveform: the parts' channels one after the other, from one STFT.

    The sampling rate and the length of the FFT are said once, best to the transform: parts that say
    none take them from there, and those that say others are an error.

    Features have the precision of the waveform, float32 at least, until the extractor is cast:
    after `.half()`, `.bfloat16()`, `.float()`, `.double()` or `.to(dtype)` they have that one. They
    are computed in float32 or better whatever it is, also inside `torch.autocast`, and only the
    result is rounded. The extractor has no state: its `state_dict` is empty. Its tables are
    float64; on devices without float64 call `.float()` first.

    Shape:
        - Input: `(batch, channel=in_channels, sample)`.
        - Output: `(batch, channel=num_channels, time, freq=num_bins)`.

    Args:
        stft: The transform.
        parts: What reads the spectrum: `LogMel`, `IntensityVector` or any other
            [`Part`][seldkit.features.Part], such as one of your own.
        in_channels: Channels of the waveform.

    Raises:
        TypeError: If a part is of another kind.
        ValueError: If there is no part, the parts differ in their number of bins, or they and the
            transform in the sampling rate or the length of the FFT; or if a band, bin or frequency
            limit of a part lies beyond those of the transform.

    Examples:
        >>> from seldkit.features import STFT, IntensityVector, LogMel, MelFilterBank
        >>> mel = MelFilterBank(64)
        >>> stft = STFT(n_fft=512, hop_length=300, sample_rate=24000)
        >>> extractor = FeatureExtractor(stft, [LogMel(mel), IntensityVector(mel)])
        >>> extractor(torch.zeros(1, 4, 24000)).shape
        torch.Size([1, 7, 81, 64])
    """

    def __init__(self, stft: STFT, parts: Sequence[Part], *, in_channels: int = 4) -> None:
        super().__init__()
        check_parts(parts)
        check_count(in_channels=in_channels)
        bind([stft, *parts])
        bins = {part.num_bins or stft.num_bins for part in parts}
        if len(bins) > 1:
            raise ValueError(f"parts must have one number of bins, got {sorted(bins)}")
        self.num_channels: int = sum(part.num_channels(in_channels) for part in parts)
        self.num_bins: int = bins.pop()
        self.in_channels = int(in_channels)
        self.dtype: torch.dtype | None = None
        self.stft = stft
        self.parts = nn.ModuleList(parts)

    @property
    def sample_rate(self) -> int:
        """Sampling rate of the waveform, in hertz, or `ValueError` if nobody said it."""
        if self.stft.sample_rate is None:
            raise ValueError("sample_rate must be said to the STFT or to a part, got none")
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
        check_floating(waveform=waveform)
        waveform = widened(waveform, self.dtype)
        with without_autocast(waveform):
            if self._runs_in_blocks(waveform):
                features = in_blocks(self.stft, self._parts(), waveform)
            else:
                spectrum = self.stft(waveform)
                pieces = [checked(part, part(spectrum), spectrum) for part in self._parts()]
                features = torch.cat(pieces, dim=1)
        return features if self.dtype is None else features.to(self.dtype)

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
        return FeatureStream(
            self.stft, self._parts(), in_channels=self.in_channels, dtype=self.dtype
        )

    @property
    def reads_foa(self) -> bool:
        """Whether a part makes sense of first-order ambisonics alone."""
        return any(part.reads_foa for part in self._parts())

    def turn(
        self,
        features: Float[Tensor, "batch out time bin"],
        matrix: Tensor,
        *,
        array: ArrayGeometry | Literal["foa"] | None = None,
        lost_lag: LostLag = "error",
    ) -> Float[Tensor, "batch out time bin"]:
        """Return the features of the sound field turned or mirrored, without computing them anew.

        They are those of the turned audio, but for the constant 1e-8 that some presets add to every
        channel, which has no direction: levels are exchanged as their channels are, intensity
        follows in its own order of axes, pairs of microphones change places and direction. It is
        done by index and sign, in the precision that the features have; where two microphones that
        are no pair are compared by way of a third, by a difference. Turn features before they are
        standardised: statistics of single channels do not turn with them.

        Args:
            features: What this extractor returned.
            matrix: Every source moves from `d` to `matrix @ d`: one matrix `(axis, axis)`, or one
                for each item, `(batch, axis, axis)`, of integers or floats. For FOA signed
                permutations, as `augment.channel_swaps` has them; for an array what maps it onto
                itself.
            array: The microphones in the order of the channels, or `"foa"`. None will do where a
                part reads FOA alone, as an intensity vector does, or where there is one channel.
                Stereo is an array on a line from left to right.
            lost_lag: [`GCCPHAT`][seldkit.features.GCCPHAT] with an even number of lags lacks one
                that the other direction of a pair needs, 32 of -32 to 31. `"error"`, or `"nearest"`
                to put the value of its neighbour there.

        Raises:
            ValueError: If features of these parts cannot be turned so, or a shape, the matrix or
                the array is wrong.

        Examples:
            >>> from seldkit.features import presets
            >>> extractor, waveform = presets.dcase2023_foa(), torch.randn(1, 4, 4800)
            >>> mirror = torch.diag(torch.tensor([1, -1, 1]))  # left and right
            >>> mirrored = waveform * torch.tensor([1, -1, 1, 1]).reshape(4, 1)
            >>> turned = extractor.turn(extractor(waveform), mirror)
            >>> torch.allclose(turned, extractor(mirrored), atol=1e-4)
            True
        """
        sizes = {"channel": self.num_channels, "freq": self.num_bins}
        check_shape("features", features, "batch channel time freq", **sizes)
        check_floating(features=features)
        geometry = self._array(array)
        if matrix.ndim == 2:
            check_shape("matrix", matrix, "axis axis", axis=3)
            matrix = matrix.expand(features.shape[0], 3, 3)
        check_shape("matrix", matrix, "batch axis axis", batch=features.shape[0], axis=3)
        if not features.shape[0]:
            return features
        items: dict[tuple[float, ...], list[int]] = {}
        for item, entries in enumerate(matrix.flatten(1).tolist()):
            items.setdefault(tuple(entries), []).append(item)
        results: list[Tensor] = []
        with without_autocast(features):
            for places in items.values():
                swap = channel_swap(
                    matrix[places[0]], self.in_channels, array=geometry, lost_lag=lost_lag
                )
                results.append(self._turned(features[places], swap))
            order = [place for places in items.values() for place in places]
            back = torch.tensor(order, device=features.device).argsort()
            return torch.cat(results).index_select(0, back)

    @property
    def meanings(self) -> tuple[ChannelMeaning, ...]:
        """What each channel means, or `ValueError` if a part does not say it.

        Examples:
            >>> from seldkit.features import presets
            >>> [meaning.bins for meaning in presets.dcase2023_mic().meanings][3:5]
            ['frequency', 'lag']
        """
        return tuple(chain(*(part.meanings(self.in_channels) for part in self._parts())))

    def silence(self) -> Float[Tensor, "channel bin"]:
        """Return the features of a frame of silence."""
        samples = self.stft.n_fft + 8 * self.stft.hop_length
        features: Tensor = self(self.stft.window.new_zeros(1, self.in_channels, samples))
        return features[0, :, features.shape[2] // 2]

    def silenced(
        self, features: Float[Tensor, "batch out time bin"], mask: Tensor
    ) -> Float[Tensor, "batch out time bin"]:
        """Return the features with those of silence where a mask, `batch out time bin`, says so.

        In a clip whose levels end `top_db` below the loudest they are those of silence there.
        """
        filled = torch.where(mask, self.silence().unsqueeze(1).to(features), features)
        return torch.cat([part.per_clip(piece) for part, piece in self._pieces(filled)], dim=1)

    def for_export(self) -> "FeatureExtractor":
        """Return a copy without complex numbers, which can be exported to ONNX.

        Its transform is `real_valued`, and its tables are float32. The features are the same up to
        rounding, in the same precision, but take longer. In the exported graph batch and samples
        may have any size.

        Examples:
            >>> from seldkit.features import presets
            >>> presets.ein_seld().for_export().stft.real_valued
            True
        """
        stft, parts = self.stft.for_export(), copy.deepcopy(self._parts())
        copied = FeatureExtractor(stft, parts, in_channels=self.in_channels).float().eval()
        copied.dtype = self.dtype
        return copied

    def _apply(self, fn: Cast, recurse: bool = True) -> "FeatureExtractor":
        super()._apply(fn, recurse)
        self.dtype = asked_dtype(fn) or self.dtype
        return self

    def _turned(self, features: Tensor, swap: ChannelSwap) -> Tensor:
        return torch.cat([part.turn(piece, swap) for part, piece in self._pieces(features)], dim=1)

    def _pieces(self, features: Tensor) -> list[tuple[Part, Tensor]]:
        """Return each part with its channels."""
        parts = self._parts()
        counts = [part.num_channels(self.in_channels) for part in parts]
        return list(zip(parts, features.split(counts, dim=1), strict=True))

    def _array(self, array: ArrayGeometry | Literal["foa"] | None) -> ArrayGeometry | None:
        """Return the microphones, or None for FOA."""
        foa = self.reads_foa
        if array is None and not foa and self.in_channels > 1:
            raise ValueError(
                "array must be the ArrayGeometry of the microphones, or 'foa', for parts that can"
                " read both, got None"
            )
        if array is None or isinstance(array, str):
            check_literal("array", array, Literal["foa"] | None)
            return None
        if foa:
            raise ValueError(f"array must be 'foa' or None for parts that read FOA, got {array}")
        return array

    def _parts(self) -> list[Part]:
        return [cast(Part, part) for part in self.parts]

    def _runs_in_blocks(self, waveform: Tensor) -> bool:
        learns = torch.is_grad_enabled() and any(p.requires_grad for p in self.parameters())
        possible = not (learns or self.stft.real_valued)
        possible = possible and self.stft.framing.block_size(waveform) is not None
        return possible and all(runs_in_blocks(part) for part in self._parts())
