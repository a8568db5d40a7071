"""The output of a network for a signal that comes in chunks."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._typing import Float
from seldkit.features import FeatureExtractor
from seldkit.layers import step_size, stream_step
from seldkit.outputs import SELDOutput, apply, combine
from seldkit.pipeline.precision import as_features, steady

Output = Any
"""A `SELDOutput` or a tensor without the batch axis, frames first."""


@runtime_checkable
class OutputStream(Protocol):
    """The output for one clip, whose samples come in chunks of any size.

    Attributes:
        latency: Samples from the beginning of a label frame to the end of the chunk with which its
            output is known, at most.
    """

    latency: int

    def push(self, samples: Float[Tensor, "channel sample"]) -> Output | None:
        """Take the next samples and return the frames that are known with them, if any."""
        ...

    def flush(self) -> Output | None:
        """End the clip and return the frames that are left, if any."""
        ...


class StepOutputs:
    """The output of a network that reads a clip step by step from its start, and never ahead.

    Args:
        extractor: Makes the features.
        standardize: Acts on them.
        model: The network.
        samples: Samples of a label frame.

    Raises:
        ValueError: If the features need the whole clip, a layer of the network cannot stream, or it
            makes frames of another rate than the labels'.
    """

    def __init__(
        self,
        extractor: FeatureExtractor,
        standardize: nn.Module | None,
        model: nn.Module,
        samples: int,
    ) -> None:
        self._standardize, self._model, self._samples = standardize, model, samples
        self._taken, made = step_size(model)
        hop = extractor.stft.hop_length
        if self._taken * hop != made * samples:
            raise ValueError(
                f"label_rate must be that of the network, {extractor.frame_rate:g} feature frames"
                f" per second of which {self._taken} make {made}, got"
                f" {extractor.sample_rate / samples:g}"
            )
        self._least = self._taken // made if self._taken % made == 0 else self._taken
        self._features = extractor.stream()
        self.latency = (self._taken - 1) * hop + self._features.steady_latency + 1
        self._held: Tensor | None = None  # features that make no whole step yet
        self._state: Any = None
        self._num_samples = self._num_frames = 0
        self._silence = torch.zeros(0)

    def push(self, samples: Float[Tensor, "channel sample"]) -> Output | None:
        """Take the next samples and return the frames that are known with them, if any."""
        self._silence = samples.new_zeros(len(samples), self._samples)
        self._num_samples += samples.shape[1]
        return self._step(self._features.push(samples), self._taken)

    def flush(self) -> Output | None:
        """End the clip, whose last label frame ends in silence, and return the frames left."""
        if not self._num_samples:
            return None
        length = -(-self._num_samples // self._samples)
        missing = length * self._samples - self._num_samples
        features = [self._features.push(self._silence[:, :missing]), self._features.flush()]
        return self._step(torch.cat(features, dim=1), self._least, length - self._num_frames)

    def _step(self, features: Tensor, unit: int, most: int | None = None) -> Output | None:
        """Return the output of all features by whole units, and hold the rest."""
        if self._held is not None:
            features = torch.cat((self._held, features), dim=1)
        count = features.shape[1] // unit * unit
        self._held = features[:, count:].clone()
        if not count:
            return None
        features = features[:, :count].unsqueeze(0)
        if self._standardize is not None:
            features = self._standardize(features)
        features = as_features(features, self._model)
        output, self._state = stream_step(self._model, features, self._state)
        output = apply(lambda x: steady(x[0, :most]), output)
        self._num_frames += num_frames(output)
        return output


class WindowOutputs:
    """The output of a network that runs on windows, joined in the middle of their overlaps.

    It is that of [`Pipeline.scan`][seldkit.pipeline.Pipeline.scan] to the last frame: a frame is
    told once it is known from which window it comes, wherever the clip may end. So a frame waits
    half a window and half a hop, and one sample, for those around it; those at the start of the
    clip wait for the first whole window.

    Args:
        run: From windows `(batch, channel, sample)` to the output, a frame for each label frame.
        window: Label frames of a window.
        hop: Label frames from one window to the next.
        samples: Samples of a label frame.
    """

    def __init__(
        self, run: Callable[[Tensor], Output], window: int, hop: int, samples: int
    ) -> None:
        self._run, self._window, self._hop, self._samples = run, window, hop, samples
        # The first frame of a window waits for its last one; the last frame waits for as much of
        # the clip that the next window begins in time, if it ends with the clip.
        both = window + hop
        self.latency = max(-(-both // 2) * samples, both // 2 * samples + 1 if hop > 1 else 0)
        self._held: Tensor | None = None  # the samples from the start of the window on
        self._start = 0  # of the window, in label frames
        self._output: Output = None  # of the window
        self._num_samples = self._num_frames = 0

    def push(self, samples: Float[Tensor, "channel sample"]) -> Output | None:
        """Take the next samples and return the frames that are known with them, if any."""
        self._num_samples += samples.shape[1]
        # A copy, because who gave the samples may use their memory again.
        held = [samples] if self._held is None else [self._held, samples]
        self._held = torch.cat(held, dim=1)
        told = []
        while self._num_samples >= (self._start + self._window) * self._samples:
            if self._output is None:
                self._output = self._of_window(self._window)
            # Where the next window begins: with the clip's end, or at its place.
            least = -(-self._num_samples // self._samples) - self._window
            place = self._start + self._hop
            told.append(self._until(self._middle(max(min(least, place), self._start + 1))))
            if least < place:
                break
            self._move(place)
        return joined(told)

    def flush(self) -> Output | None:
        """End the clip, whose last label frame ends in silence, and return the frames left."""
        if self._held is None or not self._num_samples:
            return None
        length = -(-self._num_samples // self._samples)
        told = []
        last = max(length - self._window, 0)
        if self._output is not None and last > self._start:
            told.append(self._until(self._middle(last)))
            self._move(last)
        if self._output is None:
            self._output = self._of_window(length - last)
        return joined([*told, self._until(length)])

    def _of_window(self, frames: int) -> Output:
        """Return the output of so many label frames of what is held, silent after its end."""
        assert self._held is not None
        samples = self._held[:, : frames * self._samples]
        missing = frames * self._samples - samples.shape[1]
        return self._run(functional.pad(samples, (0, missing)).unsqueeze(0))

    def _middle(self, start: int) -> int:
        """Return from which frame on the next window counts that begins there."""
        return (self._start + start + self._window) // 2

    def _move(self, start: int) -> None:
        """Go to the window that begins there."""
        assert self._held is not None
        self._held = self._held[:, (start - self._start) * self._samples :].clone()
        self._start, self._output = start, None

    def _until(self, frame: int) -> Output:
        """Return the frames of the window up to one of the clip that were not told yet."""
        span = slice(self._num_frames - self._start, max(frame, self._num_frames) - self._start)
        self._num_frames = max(frame, self._num_frames)
        return apply(lambda x: x[0, span], self._output)


class PostprocessedOutputs:
    """The output of another stream after a step of post-processing that reads some frames around.

    Args:
        outputs: The other stream.
        postprocess: Acts on outputs.
        lookback: Frames before a frame that it reads.
        lookahead: Frames behind it.
        samples: Samples of a label frame.
    """

    def __init__(
        self,
        outputs: OutputStream,
        postprocess: Callable[[Output], Output],
        lookback: int,
        lookahead: int,
        samples: int,
    ) -> None:
        self._outputs, self._postprocess = outputs, postprocess
        self._lookback, self._lookahead = lookback, lookahead
        self.latency = outputs.latency + lookahead * samples
        self._held: Output | None = None  # frames that are to be read again
        self._told = 0  # how many of them are told

    def push(self, samples: Float[Tensor, "channel sample"]) -> Output | None:
        """Take the next samples and return the frames that are known with them, if any."""
        return self._advance(self._outputs.push(samples), self._lookahead)

    def flush(self) -> Output | None:
        """End the clip and return the frames that are left, if any."""
        return self._advance(self._outputs.flush(), 0)

    def _advance(self, output: Output | None, lookahead: int) -> Output | None:
        held = joined([self._held, output])
        if held is None:
            return None
        known = num_frames(held) - lookahead
        if known <= self._told:
            self._held = held
            return None
        span = slice(self._told, known)
        result = apply(lambda x: x[span], self._postprocess(held))
        first = max(known - self._lookback, 0)
        self._held, self._told = apply(lambda x: x[first:].clone(), held), known - first
        return result


def joined(parts: Iterable[Output | None]) -> Output | None:
    """Return parts one after the other, or None if there are none."""
    there = [part for part in parts if part is not None]
    return combine(torch.cat, there) if there else None


def num_frames(output: Output) -> int:
    """Return the number of frames of an output without the batch axis."""
    return len(output.activity if isinstance(output, SELDOutput) else output)
