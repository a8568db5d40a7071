"""Chunks of the clips of a store, for trainings whose audio no memory holds."""

from collections.abc import Iterator, Sequence

from torch import Tensor

from seldkit._checks import check_positive, whole_number
from seldkit.data._clips import naming
from seldkit.data.chunks import ChunkedClips
from seldkit.data.reading import Encoder
from seldkit.data.store import StoredClip
from seldkit.events import Events
from seldkit.events.frames import check_frame_s
from seldkit.outputs import Output


class StoredChunks(ChunkedClips[Output]):
    """Chunks of stored clips, read and encoded when they are asked for: nothing is held.

    Item `i` is a pair of a waveform `(channel, sample)` and a target without the batch axis, as
    those of [`Chunks`][seldkit.data.Chunks] on waveforms; `collate` makes a batch of items. Let the
    network's device make the features, of a whole batch: `extractor(waveforms.to(device))`.

    Args:
        clips: A [`Store`][seldkit.data.Store], or a list of some of its clips.
        format: Makes targets of events.
        chunk_s: Length of a chunk, in seconds.
        hop_s: Distance between the beginnings of chunks, in seconds; without overlap if None.
        label_rate: Label frames per second, those of the events. What is left of a clip after its
            last whole label frame is dropped, and with it the events of that last, partly filled
            frame.

    Raises:
        ValueError: If there are no clips, a length is no whole number of label frames, a label
            frame no whole number of samples, a clip's events have frames of another length, it
            is shorter than a chunk, the clips are of several kinds, or the format has another
            number of classes. An item raises one if the format cannot hold its events, or
            the store is damaged.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import torch
        >>> from seldkit import formats, io
        >>> from seldkit.data import pack, read_folder
        >>> folder = Path(tempfile.mkdtemp())
        >>> io.write_audio(folder / "knock.wav", torch.zeros(4, 48000), 24000)
        >>> _ = (folder / "knock.csv").write_text("3,0,0,90,0")
        >>> store = pack(read_folder(folder), folder / "store")
        >>> chunks = StoredChunks(store, formats.TrackWise(1), chunk_s=1.0)
        >>> waveforms, target = chunks.collate(list(chunks))
        >>> waveforms.shape, target.activity.sum(dim=(1, 2, 3))
        (torch.Size([2, 4, 24000]), tensor([1., 0.]))
    """

    def __init__(
        self,
        clips: Sequence[StoredClip],
        format: Encoder[Output],
        *,
        chunk_s: float,
        hop_s: float | None = None,
        label_rate: float = 10.0,
    ) -> None:
        hop_s = chunk_s if hop_s is None else hop_s
        check_positive(chunk_s=chunk_s, hop_s=hop_s, label_rate=label_rate)
        if not len(clips):
            raise ValueError("clips must hold at least one, got none")
        chunk = whole_number("chunk_s * label_rate", chunk_s * label_rate)
        hop = whole_number("hop_s * label_rate", hop_s * label_rate)
        first = clips[0]
        ratio = whole_number("sample_rate / label_rate", first.sample_rate / label_rate)
        num_classes = getattr(format, "num_classes", None)
        if first.classes and num_classes not in (None, len(first.classes)):
            raise ValueError(
                f"format must have the {len(first.classes)} classes of the clips, got {num_classes}"
            )
        lengths = []
        for clip in clips:
            with naming(f"clip {clip.name}"):
                lengths.append(_num_frames(clip, first, chunk, ratio, label_rate))
        super().__init__(lengths, chunk, hop, ratio)
        self.clips = clips
        self.format: Encoder[Output] = format

    def events(self) -> Iterator[Events]:
        """Yield the events of each chunk, read without the sound.

        By them chunks are weighed: `EpochSampler(..., weights=clip_weights(chunks.events(), 13))`.
        """
        for clip, start in self.places:
            yield self.clips[clip].events_between(start, start + self.chunk_frames)

    def _cut(self, clip: int, start: int, stop: int) -> tuple[Tensor, Output]:
        stored = self.clips[clip]
        with naming(f"clip {stored.name}"):
            waveform = stored.read(start * self.ratio, (stop - start) * self.ratio)
            target = self.format.encode(stored.events_between(start, stop), stop - start)
        return waveform, target


def _num_frames(
    clip: StoredClip, first: StoredClip, chunk: int, ratio: int, label_rate: float
) -> int:
    """Return how many whole label frames a clip has, or raise unless it may stand among others."""
    for what in ("sample_rate", "num_channels", "classes"):
        if getattr(clip, what) != getattr(first, what):
            raise ValueError(
                f"{what} must be that of the first clip, {getattr(first, what)}, got"
                f" {getattr(clip, what)}"
            )
    check_frame_s("events", clip.frame_s, 1 / label_rate)
    length = clip.num_samples // ratio
    if length < chunk:
        raise ValueError(
            f"clips must be at least {chunk / label_rate:g} s long, got"
            f" {clip.num_samples / clip.sample_rate:g} s"
        )
    return length
