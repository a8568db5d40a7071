"""Events of a signal as it comes in."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from seldkit._typing import Float
from seldkit.events import Events
from seldkit.pipeline.audio import BLOCK, checked_waveform
from seldkit.pipeline.output_stream import Output, OutputStream, joined, num_frames
from seldkit.pipeline.precision import as_waveform
from seldkit.pipeline.sound_field import Check, SoundFieldWatch
from seldkit.pipeline.windows import evaluating

if TYPE_CHECKING:
    from seldkit.pipeline.pipeline import Pipeline


class EventStream:
    """The events of one signal, whose samples come in chunks of any size.

    Made by [`Pipeline.stream`][seldkit.pipeline.Pipeline.stream]. What `push` and `flush` return,
    one after the other, is what `predict` returns for the whole signal. Frames count from the start
    of the stream, and `num_frames` of the events tells up to which frame all is told. The state is
    in the stream and not in the network, which may serve several streams at once; it does not grow
    with time.

    Args:
        pipeline: The trained system.
        begin: Returns the stream of outputs of a new clip.
        decode: From outputs to events.
        check: What to do about a signal that cannot be the ambisonics that the features read.

    Attributes:
        latency_s: Time from the beginning of a label frame until its events are told, at most, once
            the stream is under way: what comes later in the frame, what features and network read
            behind it, and post-processing. A chunk that ends later adds to it.
    """

    def __init__(
        self,
        pipeline: "Pipeline",
        begin: Callable[[], OutputStream],
        decode: Callable[[Output], Events],
        check: Check,
    ) -> None:
        self._pipeline, self._begin, self._decode = pipeline, begin, decode
        self._check = check
        self.reset()
        self.latency_s = self._outputs.latency / pipeline.extractor.sample_rate

    def reset(self) -> None:
        """Forget all that came, and begin with another clip."""
        self._outputs = self._begin()
        self._watch = SoundFieldWatch(self._pipeline.extractor, self._check)
        self._told = 0
        self._ended = False

    def push(self, chunk: Float[Tensor, "channel sample"] | NDArray[Any]) -> Events:
        """Take the next samples and return the events of the frames that are known with them.

        Args:
            chunk: A tensor or array with full scale 1, of any number of samples, also none, at the
                sampling rate of the extractor.

        Returns:
            Events, possibly none; their `num_frames` counts the frames told since the start.

        Raises:
            RuntimeError: If the stream has ended.
            TypeError: If the chunk is of another kind or holds integers.
            ValueError: If the channels or the samples are wrong; or by the check, with this chunk
                and all that follow.
        """
        self._check_open()
        samples = checked_waveform("chunk", chunk, self._pipeline.extractor.in_channels)
        self._watch.push(samples)
        blocks = as_waveform(samples, self._pipeline.model).split(BLOCK, dim=1)
        with evaluating(self._pipeline), torch.inference_mode():
            return self._tell(joined([self._outputs.push(block) for block in blocks]))

    def flush(self) -> Events:
        """End the stream and return the events of the frames that are left.

        The last frame may be partly silence. Only `reset` leads on.

        Raises:
            RuntimeError: If the stream has ended before.
            ValueError: By the check.
        """
        self._check_open()
        self._watch.flush()
        self._ended = True
        with evaluating(self._pipeline), torch.inference_mode():
            return self._tell(self._outputs.flush())

    def _check_open(self) -> None:
        if self._ended:
            raise RuntimeError("the stream has ended with flush(); reset() begins a new one")

    def _tell(self, output: Output | None) -> Events:
        """Return the events of the next frames."""
        if output is None or not num_frames(output):
            frame_s, none = 1 / self._pipeline.label_rate, torch.zeros(0)
            return Events(none, none, torch.zeros(0, 3), num_frames=self._told, frame_s=frame_s)
        events, told = self._decode(output), self._told
        self._told += num_frames(output)
        return replace(events, frame=events.frame + told, num_frames=self._told)
