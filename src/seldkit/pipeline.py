"""From an audio file to events: features, network and output format in one object."""

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from seldkit._builders import builder, call_to_save
from seldkit._checks import check_finite, check_positive, check_shape, whole_number
from seldkit._typing import Float
from seldkit.data import chunk_starts
from seldkit.events import Events
from seldkit.features import FeatureExtractor, Standardize, presets
from seldkit.formats import ACCDOA, ClassWise, MultiACCDOA, TrackWise
from seldkit.io import read_audio
from seldkit.models import (
    accdoa_crnn,
    accdoa_htsat,
    at2seld,
    einv2,
    resnet_conformer,
    roam,
    seddoa,
    seddoa_crnn,
    seldnet,
)
from seldkit.outputs import Output, SELDOutput, combine

__all__ = ["OutputFormat", "Pipeline", "builder"]

_BUILDERS: dict[str, tuple[Callable[..., Any], ...]] = {
    "extractor": tuple(getattr(presets, name) for name in presets.__all__),
    "model": (
        accdoa_crnn,
        accdoa_htsat,
        at2seld,
        einv2,
        resnet_conformer,
        roam,
        seddoa,
        seddoa_crnn,
        seldnet,
    ),
    "format": (ACCDOA, ClassWise, MultiACCDOA, TrackWise),
}

Decoded = TypeVar("Decoded", contravariant=True)


@runtime_checkable
class OutputFormat(Protocol[Decoded]):
    """What a pipeline needs of an output format.

    `OutputFormat[SELDOutput]` ends a class-wise or track-wise network, `OutputFormat[Tensor]` one
    of ACCDOA or multi-ACCDOA.
    """

    def decode(self, output: Decoded) -> Events:
        """Return the events of an output without the batch axis."""
        ...


class Pipeline(nn.Module):
    """A trained system: waveform in, events out, over audio of any length.

    Long audio is cut into overlapping windows, and each frame is taken from the window in whose
    middle it lies, so windows join without seams and memory does not grow with the network.

    Args:
        extractor: Makes features of a waveform.
        model: Makes the output of features, any number of frames: a `SELDOutput`, or the tensor of
            an ACCDOA format.
        format: Decodes the output.
        standardize: Acts on the features before the model, fitted on the training data.
        window_s: Length of a window, in seconds: best that of the training chunks.
        hop_s: Distance between windows, in seconds; half a window if None.
        label_rate: Output frames per second.
        classes: Names of the classes, kept with the pipeline.

    Raises:
        ValueError: If a window or hop is no whole number of label frames, a hop exceeds the window,
            or a label frame is no whole number of samples.

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
        window_s: float = 4.0,
        hop_s: float | None = None,
        label_rate: float = 10.0,
        classes: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        hop_s = window_s / 2 if hop_s is None else hop_s
        check_positive(window_s=window_s, hop_s=hop_s, label_rate=label_rate)
        if hop_s > window_s:
            raise ValueError(f"hop_s must be at most window_s={window_s:g}, got {hop_s:g}")
        self.extractor = extractor
        self.standardize = standardize
        self.model = model
        self.format = format
        self.window_s, self.hop_s, self.label_rate = window_s, hop_s, label_rate
        self.classes = None if classes is None else tuple(classes)
        self._window = whole_number("window_s * label_rate", window_s * label_rate)
        self._hop = whole_number("hop_s * label_rate", hop_s * label_rate)
        self._samples = whole_number("sample_rate / label_rate", extractor.sample_rate / label_rate)

    def forward(self, waveform: Float[Tensor, "batch channel sample"]) -> SELDOutput | Tensor:
        """Return the network's output for a batch of waveforms."""
        features = self.extractor(waveform)
        if self.standardize is not None:
            features = self.standardize(features)
        output: SELDOutput | Tensor = self.model(features)
        if not isinstance(output, SELDOutput | Tensor):
            raise TypeError(
                f"model must return a SELDOutput or a tensor, got {type(output).__name__}"
            )
        return output

    def predict(
        self,
        audio: str | Path | Float[Tensor, "channel sample"],
        sample_rate: int | None = None,
        *,
        batch_size: int = 8,
    ) -> Events:
        """Return the events of a file or waveform of any length.

        Args:
            audio: Path of an audio file, resampled if need be, or a waveform.
            sample_rate: Sampling rate of the waveform, in hertz, which must be the extractor's;
                not for a file, which says its own.
            batch_size: Number of windows that run at once.

        Returns:
            Events whose `num_frames` covers every sample; the last frame may be partly silence.

        Raises:
            TypeError: If a waveform holds integers, or the model returns something else.
            ValueError: If the sampling rate, the channels or the samples are wrong.
        """
        return self.format.decode(self.scan(audio, sample_rate, batch_size=batch_size))

    def scan(
        self,
        audio: str | Path | Float[Tensor, "channel sample"],
        sample_rate: int | None = None,
        *,
        batch_size: int = 8,
    ) -> SELDOutput | Tensor:
        """Return the network's output for a file or waveform of any length, without the batch axis.

        It is what [`predict`][seldkit.pipeline.Pipeline.predict] decodes: thresholds are chosen on
        it, for instance. Arguments and errors are the same.
        """
        check_positive(batch_size=batch_size)
        waveform = self._waveform(audio, sample_rate)
        frames = -(-waveform.shape[1] // self._samples)
        waveform = nn.functional.pad(waveform, (0, frames * self._samples - waveform.shape[1]))
        window = min(self._window, frames)
        starts = chunk_starts(frames, window, min(self._hop, window))
        like = next(self.model.parameters(), waveform)
        training, outputs = {module: module.training for module in self.modules()}, []
        self.eval()
        try:
            with torch.inference_mode():
                for first in range(0, len(starts), batch_size):
                    batch = torch.stack(
                        [
                            waveform[:, s * self._samples : (s + window) * self._samples]
                            for s in starts[first : first + batch_size]
                        ]
                    )
                    outputs.append(self(batch.to(like)))
        finally:
            for module, mode in training.items():
                module.training = mode
        joined: SELDOutput | Tensor = _join(outputs, starts, window)
        return joined

    def save(self, folder: str | Path) -> None:
        """Write the pipeline to a folder: weights as safetensors, everything else as JSON.

        Raises:
            ValueError: If a part was not made by a builder or its arguments are not plain.
        """
        parts = {"extractor": self.extractor, "model": self.model, "format": self.format}
        settings: dict[str, Any] = {name: call_to_save(name, part) for name, part in parts.items()}
        settings |= {
            "standardize": None
            if self.standardize is None
            else [self.standardize.num_channels, self.standardize.num_bins],
            "window_s": self.window_s,
            "hop_s": self.hop_s,
            "label_rate": self.label_rate,
            "classes": self.classes,
        }
        try:
            text = json.dumps(settings, indent=2)
        except TypeError as error:
            raise ValueError(f"builders' arguments must be plain to be saved: {error}") from error
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        # Copies, because parts may share tensors, which the file format refuses; and a compiled
        # model is saved under its own names.
        weights = {
            name.replace("_orig_mod.", ""): tensor.clone(memory_format=torch.contiguous_format)
            for name, tensor in self.state_dict().items()
        }
        save_file(weights, folder / "weights.safetensors")
        (folder / "pipeline.json").write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(
        cls, folder: str | Path, *, builders: Mapping[str, Callable[..., Any]] | None = None
    ) -> "Pipeline":
        """Read a pipeline that `save` wrote; no code of the folder is executed.

        Args:
            folder: The folder.
            builders: Builders of your own, by name, beside those of seldkit.

        Raises:
            FileNotFoundError: If the folder holds no pipeline.
            KeyError: If a builder is unknown; the error lists the known ones.
        """
        folder = Path(folder)
        settings = json.loads((folder / "pipeline.json").read_text(encoding="utf-8"))

        def build(part: str) -> Any:
            name, arguments = settings.pop(part)
            known = {own.__name__: own for own in _BUILDERS[part]} | dict(builders or {})
            if name not in known:
                raise KeyError(f"{part} builder {name!r} is unknown; known are {sorted(known)}")
            return known[name](**arguments)

        parts = [build(part) for part in _BUILDERS]
        sizes = settings.pop("standardize")
        pipeline = cls(
            *parts, standardize=None if sizes is None else Standardize(*sizes), **settings
        )
        pipeline.load_state_dict(load_file(folder / "weights.safetensors"))
        return pipeline.eval()

    def _waveform(self, audio: str | Path | Tensor, sample_rate: int | None) -> Tensor:
        expected = self.extractor.sample_rate
        if not isinstance(audio, Tensor):
            if sample_rate is not None:
                raise ValueError("sample_rate is for waveforms; a file says its own")
            audio, sample_rate = read_audio(audio, sample_rate=expected)
        if sample_rate != expected:
            raise ValueError(f"sample_rate must be {expected}, got {sample_rate}")
        check_shape("audio", audio, "channel sample", channel=self.extractor.in_channels)
        if audio.shape[1] == 0:
            raise ValueError("audio must have at least one sample, got none")
        if not audio.is_floating_point():
            raise TypeError(f"audio must hold floats with full scale 1, got {audio.dtype}")
        check_finite("audio", audio)
        return audio


def _join(outputs: Sequence[Output], starts: Sequence[int], window: int) -> Output:
    """Join windows in the middle of their overlaps."""
    middles: list[int] = [(a + b + window) // 2 for a, b in pairwise(starts)]
    spans = list(pairwise([0, *middles, starts[-1] + window]))

    def join(parts: list[Tensor]) -> Tensor:
        windows = torch.cat(parts)
        if windows.shape[1] < window:
            raise ValueError(
                f"model must return {window} frames for a window, got {windows.shape[1]}"
            )
        pieces = zip(windows, starts, spans, strict=True)
        return torch.cat([piece[begin - s : end - s] for piece, s, (begin, end) in pieces])

    return combine(join, outputs)
