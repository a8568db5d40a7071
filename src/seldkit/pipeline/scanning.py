"""A trained system's network, run over a signal of any length."""

from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from seldkit._typing import Float
from seldkit.data import chunk_starts
from seldkit.data.joining import join
from seldkit.outputs import apply
from seldkit.pipeline.audio import Source
from seldkit.pipeline.checks import reach_of
from seldkit.pipeline.frames import Frames, Pace
from seldkit.pipeline.output_stream import (
    Output,
    OutputStream,
    PostprocessedOutputs,
    StepOutputs,
    WindowOutputs,
    joined,
)
from seldkit.pipeline.precision import as_waveform, steady
from seldkit.pipeline.windows import cut, evaluating

if TYPE_CHECKING:
    from seldkit.pipeline.pipeline import Pipeline


class Scanner:
    """Runs a network on windows, or step by step, as its pipeline says.

    Args:
        pipeline: The trained system.
        measured: The system that was last found to make a frame for each label frame.
    """

    def __init__(self, pipeline: "Pipeline", measured: set[object]) -> None:
        self._pipeline, self._measured = pipeline, measured
        rate = pipeline.extractor.sample_rate
        self.frames = Frames.of(pipeline.window_s, pipeline.hop_s, pipeline.label_rate, rate)

    def scan(
        self, source: Source, batch_size: int, decode: Callable[[Output], object] | None
    ) -> Output:
        """Return the output of a whole signal; `decode` tries the first window."""
        steps = None
        if self.frames.window is None:
            with suppress(ValueError):  # of what looks ahead, to which a clip is one window
                steps = self._steps()
        if steps is not None:
            model = self._pipeline.model
            with evaluating(self._pipeline), torch.inference_mode():
                parts = [steps.push(as_waveform(block, model)) for block in source.blocks]
                return joined([*parts, steps.flush()])
        length = -(-source.num_samples // self.frames.samples)
        window, hop = self.frames.of_clip(length)
        starts = chunk_starts(length, window, hop)
        places = [start * self.frames.samples for start in starts]
        windows = cut(source.blocks, places, window * self.frames.samples)
        outputs: list[Any] = []
        with evaluating(self._pipeline), torch.inference_mode():
            while batch := list(islice(windows, batch_size)):
                outputs.append(self._run(torch.stack(batch)))
                if decode is not None and len(outputs) == 1:
                    decode(apply(lambda x: x[0], outputs[0]))
        return join(outputs, starts, window)

    def stream(self) -> OutputStream:
        """Return the stream of outputs of a new signal, after post-processing.

        Raises:
            ValueError: If features, network or post-processing cannot stream.
        """
        window, hop, samples = self.frames
        outputs: OutputStream
        if window is None or hop is None:
            outputs = self._steps()
        else:
            outputs = WindowOutputs(self._run, window, hop, samples)
        postprocess = self._pipeline.postprocess
        if postprocess is None:
            return outputs
        return PostprocessedOutputs(outputs, postprocess, *reach_of(postprocess), samples)

    def _steps(self) -> StepOutputs:
        of = self._pipeline
        return StepOutputs(of.extractor, of.standardize, of.model, self.frames.samples)

    def _run(self, windows: Float[Tensor, "batch channel sample"]) -> Output:
        """Return the output of windows, as many frames as there are label frames in each."""
        of, window = self._pipeline, windows.shape[2] // self.frames.samples
        whole = window if self.frames.window is None else self.frames.window
        output = of(as_waveform(windows, of.model))
        pace = Pace(of.extractor.frame_rate, of.label_rate, whole, self._on_silence)
        pace.check(output, len(windows), window)
        measured = (id(of.model), id(of.extractor), self.frames)
        if measured not in self._measured:
            pace.check_whole(output if window == whole else None)
            self._measured.clear()
            self._measured.add(measured)
        return apply(lambda x: steady(x[:, :window]), output)

    def _on_silence(self, window: int) -> Output:
        """Return the output of so many label frames of silence."""
        of = self._pipeline
        silence = torch.zeros(1, of.extractor.in_channels, window * self.frames.samples)
        return of(as_waveform(silence, of.model))
