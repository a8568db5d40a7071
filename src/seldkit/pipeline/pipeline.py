"""From an audio file to events: features, network and output format in one object."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from seldkit._checks import check_count, check_positive
from seldkit._typing import Float
from seldkit.events import Events
from seldkit.features import FeatureExtractor, Standardize
from seldkit.outputs import SELDOutput
from seldkit.pipeline.audio import Audio, open_audio
from seldkit.pipeline.checks import OutputFormat, check_sizes, class_names
from seldkit.pipeline.event_stream import EventStream
from seldkit.pipeline.folder import DESCRIPTION, WEIGHTS, write
from seldkit.pipeline.frames import TELLING, Frames
from seldkit.pipeline.loading import PARTS, VALUES, faults_of, fill, read_pipeline
from seldkit.pipeline.precision import as_features, as_waveform, precise
from seldkit.pipeline.saving import compare_outputs, describe
from seldkit.pipeline.scanning import Scanner
from seldkit.pipeline.sound_field import Check, watched
from seldkit.pipeline.windows import evaluating


class Pipeline(nn.Module):
    """A trained system: waveform in, events out, over audio of any length.

    Long audio is cut into overlapping windows, and each frame is taken from the window in whose
    middle it lies, so windows join without seams. With `window_s=None` the network reads a clip as
    a whole: one that never looks ahead, such as [`causal_crnn`][seldkit.models.causal_crnn], step
    by step from the start to the end. A file is read as it is needed, so memory does not grow with
    its length, but for networks that look ahead without windows.

    Features are computed in float32 or better, whatever the precision of the network:
    `pipeline.half()` and `pipeline.bfloat16()` change the network alone.

    Args:
        extractor: Makes features of a waveform.
        model: Makes the output of features, any number of frames: a `SELDOutput`, or the tensor of
            an ACCDOA format. For a window it returns as many frames as there are label frames in
            it, or one more.
        format: Decodes the output.
        standardize: Acts on the features before the model, fitted on the training data.
        postprocess: Acts on the whole output without the batch axis, before it is decoded.
        window_s: Length of a window, in seconds: best that of the training chunks. None for none,
            best for networks that never look ahead.
        hop_s: Distance between windows, in seconds; half a window, in whole label frames, if None.
        label_rate: Output frames per second.
        classes: Names of the classes, kept with the pipeline.

    Raises:
        TypeError: If a number is none, or `classes` is a string or holds something else.
        ValueError: If a window or hop is no whole number of label frames, a hop exceeds the window,
            a label frame is no whole number of samples, the names of the classes are not as many as
            the format has or not different, or `standardize` has other sizes than the features.

    Examples:
        >>> from seldkit import features, formats, models
        >>> extractor = features.presets.ein_seld(num_mels=32)
        >>> model = models.einv2(5, widths=(8, 8), pool_time=(2, 2), pool_freq=(4, 4))
        >>> pipeline = Pipeline(extractor, model, formats.TrackWise(5))
        >>> events = pipeline.predict(torch.zeros(4, 60000), sample_rate=24000)
        >>> events.num_frames
        25
    """

    def __init__(
        self,
        extractor: FeatureExtractor,
        model: nn.Module,
        format: OutputFormat[Any],
        *,
        standardize: Standardize | None = None,
        postprocess: Callable[[Any], Any] | None = None,
        window_s: float | None = 4.0,
        hop_s: float | None = None,
        label_rate: float = 10.0,
        classes: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        check_positive(label_rate=label_rate)
        frames = Frames.of(window_s, hop_s, label_rate, extractor.sample_rate)
        if hop_s is None and frames.hop is not None:
            hop_s = frames.hop / label_rate
        if postprocess is not None and not callable(postprocess):
            raise TypeError(f"postprocess must be a function or None, got {postprocess!r:.80}")
        if standardize is not None:
            check_sizes(standardize, extractor)
        self.extractor = extractor
        self.standardize = standardize
        self.model = model
        self.format = format
        self.postprocess = postprocess
        self.window_s = None if window_s is None else float(window_s)
        self.hop_s = None if hop_s is None else float(hop_s)
        self.label_rate = float(label_rate)
        self.classes = class_names(classes, format)
        self._measured: set[object] = set()

    def forward(self, waveform: Float[Tensor, "batch channel sample"]) -> SELDOutput | Tensor:
        """Return the network's output for a batch of waveforms."""
        features = self.extractor(waveform)
        if self.standardize is not None:
            features = self.standardize(features)
        output: SELDOutput | Tensor = self.model(as_features(features, self.model))
        if not isinstance(output, SELDOutput | Tensor):
            raise TypeError(
                f"model must return a SELDOutput or a tensor, got {type(output).__name__}"
            )
        return output

    def predict(
        self,
        audio: Audio,
        sample_rate: float | None = None,
        *,
        batch_size: int = 8,
        check: Check = "warn",
    ) -> Events:
        """Return the events of a file or waveform of any length.

        Args:
            audio: Path of an audio file, resampled if need be, or a waveform with full scale 1, a
                tensor or a NumPy array `(channel, sample)`; `soundfile` reads `(sample, channel)`,
                so give `samples.T`.
            sample_rate: Sampling rate of the waveform, in hertz, which must be the extractor's;
                not for a file, which says its own.
            batch_size: Number of windows that run at once.
            check: `"warn"` or `"raise"` if the extractor reads ambisonics and the recording cannot
                be that, whose directions would mean nothing; None takes it as it is. See
                [`ambisonics.check`][seldkit.ambisonics.check].

        Returns:
            Events in frames of `1 / label_rate` seconds, whose `num_frames` covers every sample;
            the last frame may be partly silence.

        Raises:
            TypeError: If a waveform holds integers, or the model returns something else.
            ValueError: If the sampling rate, the channels or the samples are wrong, the network
                makes another number of frames per second than `label_rate`, or its output is none
                of the format; or by the check.
        """
        output = self._scan(audio, sample_rate, batch_size, check, decodes=self.postprocess is None)
        if self.postprocess is not None:
            with evaluating(self), torch.inference_mode():
                output = self.postprocess(output)
        return self._decode(output)

    def scan(
        self,
        audio: Audio,
        sample_rate: float | None = None,
        *,
        batch_size: int = 8,
        check: Check = "warn",
    ) -> SELDOutput | Tensor:
        """Return the network's output for a file or waveform of any length, without the batch axis.

        It is what [`predict`][seldkit.pipeline.Pipeline.predict] decodes, before `postprocess`:
        thresholds are chosen on it, for instance. It is float32 or better. Arguments and errors are
        the same.
        """
        output: SELDOutput | Tensor
        output = self._scan(audio, sample_rate, batch_size, check, decodes=False)
        return output

    def stream(self, *, check: Check = "warn") -> EventStream:
        """Return a stream that takes a signal chunk by chunk and tells events as soon as it can.

        It tells what [`predict`][seldkit.pipeline.Pipeline.predict] tells of the whole signal, and
        how long that takes: `latency_s`. Without windows that is little more than a label frame,
        with windows half a window and half a hop. Several streams share the network.

        Args:
            check: As for `predict`. Every four seconds the signal is looked at until it sounds, so
                the answer comes with the chunk that ends those four seconds, or with `flush`.

        Raises:
            ValueError: If the check is unknown, or there are no windows and the features need the
                whole clip, or the network looks ahead, or post-processing does so without end; the
                error names what.

        Examples:
            >>> from seldkit import features, formats, models
            >>> extractor = features.presets.dcase2023_foa(top_db=None)
            >>> format = formats.MultiACCDOA(5)
            >>> pipeline = Pipeline(extractor, models.causal_crnn(5), format, window_s=None)
            >>> stream = pipeline.stream()
            >>> [stream.push(torch.zeros(4, 2400)).num_frames for _ in range(4)]
            [0, 1, 2, 3]
            >>> stream.flush().num_frames
            4
        """
        return EventStream(self, Scanner(self, self._measured).stream, self._decode, check)

    def save(self, folder: str | PathLike[str]) -> None:
        """Write the pipeline to a folder: weights as safetensors, everything else as JSON.

        Each part is built again from what is written and compared with the part as it is: kinds and
        settings of its modules, shapes and ties of its tensors, and what it computes on noise. A
        part that was changed after its builder is refused. What `requires_grad`, `freeze` and the
        momentum of batch norm are set to, and the precision of the weights, is written with them.

        The folder holds the pipeline that was there until the new one is whole, also if the process
        is killed; several processes may write at once, and the last one stays.

        Raises:
            ValueError: If a part was not made by a builder, its arguments are not plain, or it is
                not what the builder makes of them; the error says what differs.
        """
        parts = {name: getattr(self, name) for name in PARTS}
        settings = {name: getattr(self, name) for name in VALUES}
        class_names(self.classes, self.format)
        description, again, weights = describe(parts, settings)
        frames = Scanner(self, self._measured).frames
        noise = torch.randn(
            1,
            self.extractor.in_channels,
            (frames.window or TELLING) * frames.samples,
            generator=torch.Generator().manual_seed(0),
        )
        with evaluating(self, *(part.built for part in again.values())), torch.inference_mode():
            features = compare_outputs(again["extractor"], as_waveform(0.1 * noise, self.model))
            if self.standardize is not None and getattr(self.standardize, "fitted", True):
                features = self.standardize(features)
            compare_outputs(again["model"], as_features(features, self.model))
        write(Path(folder), description, weights)

    @classmethod
    def load(
        cls,
        folder: str | PathLike[str],
        *,
        builders: Mapping[str, Callable[..., Any]] | None = None,
    ) -> "Pipeline":
        """Read a pipeline that `save` wrote; no code of the folder is executed.

        Args:
            folder: The folder.
            builders: Builders of your own, by name, beside those of seldkit.

        Raises:
            FileNotFoundError: If the folder holds no pipeline; the error names folders below it
                that do.
            KeyError: If a builder is unknown; the error lists the known ones.
            ValueError: If a file is damaged, belongs to something else or was written by a newer
                seldkit; the error names file and fault.
        """
        arguments, tensors = read_pipeline(Path(folder), dict(builders or {}))
        with faults_of(Path(folder) / DESCRIPTION):
            pipeline = cls(**arguments)
        with faults_of(Path(folder) / WEIGHTS):
            fill(pipeline, tensors)
        return pipeline.eval()

    def _scan(
        self, audio: Audio, rate: float | None, batch_size: int, check: Check, *, decodes: bool
    ) -> Any:
        """Return the joined output; `decodes` tries the format on the first window."""
        check_count(batch_size=batch_size)
        source = open_audio(
            audio,
            rate,
            expected=self.extractor.sample_rate,
            channels=self.extractor.in_channels,
        )
        blocks = watched(source.blocks, audio, self.extractor, check)
        decode = self._decode if decodes else None
        return Scanner(self, self._measured).scan(
            source._replace(blocks=blocks), batch_size, decode
        )

    def _decode(self, output: Any) -> Events:
        try:
            events = self.format.decode(output)
        except (TypeError, ValueError) as error:
            name = type(self.format).__name__
            raise type(error)(f"{name} cannot decode what the model returns: {error}") from error
        return replace(events, frame_s=1 / self.label_rate)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "Pipeline":
        with precise(self.extractor, self.standardize):
            super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self
