"""Features of audio as it comes in, equal to those of the whole clip."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._checks import check_floating, check_shape
from seldkit._typing import Float
from seldkit.features.binding import bind
from seldkit.features.framing import spectrum_of
from seldkit.features.part import Part, PartStream, check_parts
from seldkit.features.precision import widened, without_autocast
from seldkit.features.stft import STFT


class FeatureStream:
    """The features of one clip whose samples come in chunks of any size.

    Made by `FeatureExtractor.stream`. What `push` and `flush` return, one after the other along
    time, is what the extractor makes of the whole clip. The stream keeps the samples and frames
    that the next frame needs and no more, and passes no gradients. After `flush` it has ended:
    each clip has its own.

    Args:
        stft: The transform.
        parts: What reads the spectrum.
        in_channels: Channels of the waveform.
        dtype: What the features are cast to; the precision of the first chunk if None.

    Raises:
        ValueError: If a part cannot stream.

    Examples:
        >>> from seldkit.features import STFT, IntensityVector
        >>> stft = STFT(n_fft=64, hop_length=16)
        >>> stream = FeatureStream(stft, [IntensityVector()], in_channels=4)
        >>> waveform = torch.randn(4, 320)
        >>> [stream.push(chunk).shape[1] for chunk in waveform.split(100, dim=1)]
        [5, 6, 6, 2]
        >>> stream.flush().shape
        torch.Size([3, 2, 33])
    """

    def __init__(
        self,
        stft: STFT,
        parts: Sequence[Part],
        *,
        in_channels: int,
        dtype: torch.dtype | None = None,
    ) -> None:
        check_parts(parts)
        bind([stft, *parts])
        self._stft, self._in_channels, self._dtype = stft, in_channels, dtype
        self._parts = PartsInStep([part.stream() for part in parts])
        self._num_channels = sum(part.num_channels(in_channels) for part in parts)
        self._num_bins = parts[0].num_bins or stft.num_bins
        self._lookahead = max(part.lookahead or 0 for part in parts)
        self._samples: Tensor | None = None
        self._spare = 0  # how many of them come before the next frame
        self._num_samples = 0  # pushed so far
        self._num_frames = 0  # transformed so far
        self._started = self._ended = False

    @property
    def latency(self) -> int:
        """Delay of the features behind the samples, in samples.

        The frame centred on sample `i * hop_length` comes out with sample
        `i * hop_length + latency`, counted from 0, at the latest. That is half an FFT, plus the
        hops that a part looks ahead. (Where the clip's last frame is left out and the hop is longer
        than half the FFT, it is a hop, because only then a frame is known not to be the last.)
        """
        lookahead = self._lookahead * self._stft.hop_length
        return max(self.steady_latency, self._stft.framing.lead + lookahead)

    @property
    def steady_latency(self) -> int:
        """Delay of the features of all frames but the first, in samples, counted as `latency`.

        What lies before the clip mirrors its start, which the first frame may have to wait for.
        """
        stft, hop = self._stft, self._stft.hop_length
        rest = stft.n_fft - 1 - stft.framing.lead
        return max(rest, 0 if stft.last_frame else hop - 1) + self._lookahead * hop

    @torch.no_grad()
    def push(self, chunk: Float[Tensor, "channel sample"]) -> Float[Tensor, "out _ bin"]:
        """Take the next samples and return the features that are known with them.

        Args:
            chunk: Any number of samples, also none, in the precision of the first chunk.

        Returns:
            Features `(channel, time, freq)`, possibly of no frames.

        Raises:
            RuntimeError: If the stream has ended.
            TypeError: If the samples are no floats or change their precision.
            ValueError: If the number of channels is wrong.
        """
        self._check_open()
        check_shape("chunk", chunk, "channel sample", channel=self._in_channels)
        check_floating(chunk=chunk)
        samples = widened(chunk, self._dtype).unsqueeze(0) + self._stft.offset
        if self._samples is not None:
            if samples.dtype != self._samples.dtype:
                raise TypeError(
                    f"chunk must hold {self._samples.dtype} as the first did, got {chunk.dtype}"
                )
            samples = torch.cat((self._samples, samples), dim=2)
        self._num_samples += chunk.shape[1]
        if not self._started and self._start_is_known():
            samples = self._continued(samples, at_start=True)
            self._started = True
        with without_autocast(samples):
            return self._cast(self._advance(samples, self._known_frames(samples)))

    @torch.no_grad()
    def flush(self) -> Float[Tensor, "out _ bin"]:
        """End the clip and return the features of its last frames.

        Raises:
            RuntimeError: If the stream has ended before.
            ValueError: If the clip was too short to have features.
        """
        self._check_open()
        self._ended = True
        self._stft.framing.check_length(self._num_samples)
        assert self._samples is not None  # or the clip would have been too short
        count = self._stft.num_frames(self._num_samples) - self._num_frames
        samples = self._continued(self._samples, at_start=False) if count else self._samples
        with without_autocast(samples):
            last = self._advance(samples, count)
            self._samples = None
            return self._cast(torch.cat((last, torch.cat(self._parts.flush(), dim=1)[0]), dim=1))

    def _cast(self, features: Tensor) -> Tensor:
        return features if self._dtype is None else features.to(self._dtype)

    def _check_open(self) -> None:
        if self._ended:
            raise RuntimeError("the stream has ended with flush(); begin one for each clip")

    def _start_is_known(self) -> bool:
        """Return whether the samples before the clip can be told from those that have come."""
        return self._stft.pad_mode == "constant" or self._num_samples > self._stft.n_fft // 2

    def _continued(self, samples: Tensor, *, at_start: bool) -> Tensor:
        tail = max(self._stft.framing.tail(self._num_samples), 0)
        sizes = (self._stft.framing.lead, 0) if at_start else (0, tail)
        return functional.pad(samples, sizes, mode=self._stft.pad_mode)

    def _known_frames(self, samples: Tensor) -> int:
        """Return how many frames after the last one lie on these samples."""
        if not self._started:
            return 0
        length = samples.shape[2] - self._spare
        count = (length - self._stft.n_fft) // self._stft.hop_length + 1
        if not self._stft.last_frame:
            count = min(count, self._stft.num_frames(self._num_samples) - self._num_frames)
        return max(count, 0)

    def _advance(self, samples: Tensor, count: int) -> Tensor:
        """Return the features that are known with `count` more frames, and keep the rest."""
        features = [samples.new_zeros(1, self._num_channels, 0, self._num_bins)]
        if count:
            later = samples[..., self._spare :]
            for start, end in self._stft.framing.spans(count, later):
                block = later[..., start:end]
                spectrum = spectrum_of(block, self._stft.window, self._stft.hop_length)
                features.append(torch.cat(self._parts.push(spectrum), dim=1))
            # One sample more than the next frame needs: reflection at the end may reach it.
            samples = samples[..., self._spare + count * self._stft.hop_length - 1 :].clone()
            self._spare = 1
        self._samples = samples
        self._num_frames += count
        return torch.cat(features, dim=2)[0]


class PartsInStep:
    """The features of each part, each frame when all parts have it.

    Args:
        streams: A stream for each part.
    """

    def __init__(self, streams: Sequence[PartStream]) -> None:
        self._streams = streams
        self._waiting: list[Tensor] = []

    def push(self, spectrum: Any) -> list[Tensor]:
        """Return the features that are known with these frames, `batch out time bin` each.

        Args:
            spectrum: What each of the streams takes, `batch channel _ freq`.
        """
        return self._step([stream.push(spectrum) for stream in self._streams])

    def flush(self) -> list[Tensor]:
        """Return the features of the frames that are left."""
        return self._step([stream.flush() for stream in self._streams])

    def _step(self, features: list[Tensor]) -> list[Tensor]:
        if any(waiting.shape[2] for waiting in self._waiting):
            pairs = zip(self._waiting, features, strict=True)
            features = [torch.cat(pair, dim=2) for pair in pairs]
        counts = {feature.shape[2] for feature in features}
        if len(counts) == 1:
            self._waiting = []
            return features
        known = min(counts)
        self._waiting = [feature[:, :, known:].clone() for feature in features]
        return [feature[:, :, :known] for feature in features]
