"""Labelled recordings as chunks of waveforms or features, for training."""

from collections.abc import Iterable, Sequence
from os import fspath
from typing import Generic, Protocol, TypeVar, runtime_checkable

from torch import Tensor

from seldkit._checks import check_positive, integer, whole_number
from seldkit.data._clips import check_clip, naming
from seldkit.data.chunks import Chunks
from seldkit.data.clip import Labelled, check_kind
from seldkit.data.soundness import check_labelled, check_labels
from seldkit.events import Events
from seldkit.events.frames import check_frame_s
from seldkit.features import FeatureExtractor
from seldkit.io import read_audio
from seldkit.outputs import Output, SELDOutput

Encoded = TypeVar("Encoded", SELDOutput, Tensor, covariant=True)


@runtime_checkable
class Encoder(Protocol, Generic[Encoded]):
    """An output format that makes targets of events, such as `formats.TrackWise`."""

    def encode(self, events: Events, num_frames: int) -> Encoded:
        """Return the target of a clip, without the batch axis."""
        ...


def read_chunks(
    clips: Iterable[Labelled],
    format: Encoder[Output],
    *,
    chunk_s: float,
    sample_rate: int | None = None,
    extractor: FeatureExtractor | None = None,
    hop_s: float | None = None,
    label_rate: float = 10.0,
) -> Chunks[Output]:
    """Read labelled recordings into memory as chunks of waveforms, or of features, and targets.

    Keep waveforms (`sample_rate`) where something changes the sound before the features: noise,
    other rooms. A minute of four channels at 24 kHz takes 23 MB. Otherwise let the features be
    computed once (`extractor`), of whole clips; they can be turned still.

    Args:
        clips: A [`Corpus`][seldkit.data.Corpus] or other clips; nothing is read ahead, so a
            generator may show the progress.
        format: Makes targets of events.
        chunk_s: Length of a chunk, in seconds.
        sample_rate: Rate of the waveforms, in hertz; other audio is resampled.
        extractor: Makes features of audio at its own rate; in place of `sample_rate`.
        hop_s: Distance between the beginnings of chunks, in seconds; without overlap if None.
        label_rate: Label frames per second, those of the events. What is left of a clip after its
            last whole label frame is dropped, and with it the events of that last, partly filled
            frame.

    Returns:
        The chunks; a clip's name in their messages is its path.

    Raises:
        FileNotFoundError: If a clip has no audio or no labels.
        TypeError: If neither or both of `sample_rate` and `extractor` are given, or what should be
            a clip is none.
        ValueError: If there are no clips, a length is no whole number of label frames, a label
            frame no whole number of samples, or of feature frames, a clip's events have frames of
            another length, it is shorter than a chunk or cannot be read, it has other channels than
            the first clip, or the format cannot hold its events. The error names the clip.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import torch
        >>> from seldkit import formats, io
        >>> from seldkit.data import read_folder
        >>> folder = Path(tempfile.mkdtemp())
        >>> io.write_audio(folder / "knock.wav", torch.zeros(4, 48000), 24000)
        >>> _ = (folder / "knock.csv").write_text("3,0,0,90,0")
        >>> format = formats.TrackWise(1)
        >>> chunks = read_chunks(read_folder(folder), format, sample_rate=24000, chunk_s=1.0)
        >>> waveform, target = chunks[0]
        >>> len(chunks), waveform.shape, target.activity.shape
        (2, torch.Size([4, 24000]), torch.Size([10, 2, 1]))
    """
    if (sample_rate is None) == (extractor is None):
        raise TypeError("one of sample_rate and extractor must be given")
    rate = extractor.sample_rate if extractor is not None else sample_rate
    sample_rate = integer("sample_rate", rate)
    hop_s = chunk_s if hop_s is None else hop_s
    check_positive(sample_rate=sample_rate, chunk_s=chunk_s, hop_s=hop_s, label_rate=label_rate)
    samples = ratio = whole_number("sample_rate / label_rate", sample_rate / label_rate)
    if extractor is not None:
        ratio = whole_number("frame_rate / label_rate", extractor.frame_rate / label_rate)
    chunk_frames = whole_number("chunk_s * label_rate", chunk_s * label_rate)
    hop_frames = whole_number("hop_s * label_rate", hop_s * label_rate)
    if isinstance(clips, Sequence):
        check_labelled(clips)
    names: list[str] = []
    features: list[Tensor] = []
    targets: list[Output] = []
    for clip in clips:
        check_kind(clip)
        path = fspath(clip.audio)
        names.append(path)
        with naming(path):
            events = clip.events()
            check_frame_s("events", events.frame_s, 1 / label_rate)
            waveform, _ = read_audio(path, sample_rate=sample_rate)
            num_frames, rest = divmod(waveform.shape[1], samples)
            if num_frames < chunk_frames:
                raise ValueError(
                    f"clips must be at least {chunk_s:g} s long, got {path} of"
                    f" {waveform.shape[1] / sample_rate:g} s"
                )
            check_labels(
                events,
                num_samples=waveform.shape[1],
                sample_rate=sample_rate,
                num_classes=len(getattr(clip, "classes", ())) or None,
            )
            if rest:
                events = events.select(events.frame != num_frames)
            features.append(waveform if extractor is None else extractor(waveform[None])[0])
            targets.append(format.encode(events, num_frames))
            first = features[0], targets[0]
            check_clip(features[-1], targets[-1], first, ratio=ratio, chunk=chunk_frames)
    return Chunks(
        features,
        targets,
        chunk_frames=chunk_frames,
        hop_frames=hop_frames,
        ratio=ratio,
        names=names,
    )
