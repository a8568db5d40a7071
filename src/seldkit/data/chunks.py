"""Fixed-length chunks of long clips, for training."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Generic, NamedTuple, SupportsIndex, overload

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from seldkit._checks import check_count, integer
from seldkit.data._clips import check_clip, naming, num_frames
from seldkit.outputs import Output, apply, combine


def chunk_starts(length: int, chunk: int, hop: int) -> list[int]:
    """Return where chunks begin that cover a clip: every `hop`, and one that ends with the clip.

    Args:
        length: Length of the clip, at least one chunk.
        chunk: Length of a chunk.
        hop: Distance between beginnings.

    Examples:
        >>> chunk_starts(10, chunk=4, hop=4)
        [0, 4, 6]
    """
    check_count(chunk=chunk, hop=hop)
    if integer("length", length) < chunk:
        raise ValueError(f"length must be at least chunk={chunk}, got {length}")
    starts = list(range(0, length - chunk + 1, hop))
    return starts if starts[-1] == length - chunk else [*starts, length - chunk]


class ChunkPlace(NamedTuple):
    """Where a chunk comes from.

    Attributes:
        clip: Number of its clip.
        start: Label frame of the clip with which it begins.
    """

    clip: int
    start: int


class ChunkPlaces(Sequence[ChunkPlace]):
    """Where all chunks of clips come from, clip after clip, computed when it is asked for.

    Args:
        lengths: Length of each clip in label frames, at least one chunk.
        chunk: Length of a chunk.
        hop: Distance between the beginnings of chunks of a clip; the last one ends with it.

    Raises:
        TypeError: If a number is no integer.
        ValueError: If there are no clips, one is shorter than a chunk, or a number is below 1.

    Examples:
        >>> places = ChunkPlaces([10, 4], chunk=4, hop=4)
        >>> [place.start for place in places], places.of_clip(1)
        ([0, 4, 6, 0], range(3, 4))
    """

    def __init__(self, lengths: Sequence[int], chunk: int, hop: int) -> None:
        check_count(chunk=chunk, hop=hop)
        lengths = [integer("lengths", length) for length in lengths]
        if not lengths or min(lengths) < chunk:
            raise ValueError(
                f"lengths must be of at least one clip, each at least chunk={chunk}, got"
                f" {min(lengths, default='none')}"
            )
        self.chunk, self.hop = chunk, hop
        self.lengths = np.array(lengths, dtype=np.int64)
        self._ends = (1 - (chunk - self.lengths) // hop).cumsum()

    def of_clip(self, clip: int) -> range:
        """Return the numbers of the chunks of a clip."""
        return range(int(self._ends[clip - 1]) if clip else 0, int(self._ends[clip]))

    def __len__(self) -> int:
        return int(self._ends[-1])

    @overload
    def __getitem__(self, index: SupportsIndex) -> ChunkPlace: ...
    @overload
    def __getitem__(self, index: slice) -> list[ChunkPlace]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> ChunkPlace | list[ChunkPlace]:
        if isinstance(index, slice):
            return [self[number] for number in range(len(self))[index]]
        number = integer("index", index)
        if not -len(self) <= number < len(self):
            raise IndexError(f"index must be one of {len(self)} chunks, got {number}")
        number %= len(self)
        clip = int(self._ends.searchsorted(number, side="right"))
        start = (number - self.of_clip(clip).start) * self.hop
        return ChunkPlace(clip, min(start, int(self.lengths[clip]) - self.chunk))


class ChunkedClips(Dataset[tuple[Tensor, Output]], Generic[Output], ABC):
    """Chunks of clips, wherever they come from: what all their kinds have in common.

    Attributes:
        places: Clip and first label frame of each chunk, in the order of the items.
        chunk_frames: Length of a chunk, in label frames.
        ratio: Feature frames, or samples, per label frame.
    """

    def __init__(self, lengths: Sequence[int], chunk: int, hop: int, ratio: int) -> None:
        self.places = ChunkPlaces(lengths, chunk, hop)
        self.chunk_frames, self.ratio = chunk, ratio

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[tuple[Tensor, Output]]:
        return (self[number] for number in range(len(self)))

    def __getitem__(self, index: SupportsIndex) -> tuple[Tensor, Output]:
        clip, start = self.places[index]
        return self._cut(clip, start, start + self.chunk_frames)

    @abstractmethod
    def _cut(self, clip: int, start: int, stop: int) -> tuple[Tensor, Output]:
        """Return what a clip holds from a label frame up to another, and its target."""

    @staticmethod
    def collate(items: Sequence[tuple[Tensor, Output]]) -> tuple[Tensor, Output]:
        """Return a batch of items: features and target with the batch axis."""
        if not items:
            raise ValueError("items must hold at least one, got none")
        features = torch.stack([features for features, _ in items])
        return features, combine(torch.stack, [target for _, target in items])


class Chunks(ChunkedClips[Output]):
    """Chunks of clips that are held in memory as features, or as waveforms, and targets.

    Item `i` is a pair of features `(channel, time, freq)`, or a waveform `(channel, sample)`, and a
    target without the batch axis, of any output format; `Chunks.collate` makes a batch of items.

    Args:
        features: Features of each clip, `(channel, time, freq)`, or waveforms, `(channel, sample)`,
            where noise and the like come before the features. All clips have the same channels and
            bands. What reaches beyond the last label frame is left out: at most what one label
            frame holds, such as the extra frame of a centred STFT.
        targets: Target of each clip, as a format encodes it: one format for all.
        chunk_frames: Length of a chunk, in label frames.
        hop_frames: Distance between the beginnings of chunks, in label frames; without overlap if
            None.
        ratio: Feature frames, or samples, per label frame.
        names: Name of each clip, such as its path, for error messages; their numbers if None.

    Raises:
        TypeError: If a target is neither a tensor nor a `SELDOutput`, or clips have both kinds.
        ValueError: If there are no clips, features and targets differ in number, a clip is shorter
            than a chunk, its features are too short or too long for its target, or its channels,
            bands or target differ from those of the first.

    Examples:
        >>> from seldkit.outputs import SELDOutput
        >>> target = SELDOutput(torch.zeros(100, 2, 5), torch.zeros(100, 2, 3))
        >>> chunks = Chunks([torch.zeros(7, 401, 64)], [target], chunk_frames=40, ratio=4)
        >>> features, target = Chunks.collate([chunks[0], chunks[2]])
        >>> len(chunks), features.shape, target.direction.shape
        (3, torch.Size([2, 7, 160, 64]), torch.Size([2, 40, 2, 3]))
        >>> chunks.places[2]
        ChunkPlace(clip=0, start=60)
    """

    def __init__(
        self,
        features: Sequence[Tensor],
        targets: Sequence[Output],
        *,
        chunk_frames: int,
        hop_frames: int | None = None,
        ratio: int,
        names: Sequence[str] | None = None,
    ) -> None:
        hop = chunk_frames if hop_frames is None else hop_frames
        check_count(ratio=ratio, chunk_frames=chunk_frames, hop_frames=hop)
        if len(features) != len(targets):
            raise ValueError(
                f"features and targets must be as many, got {len(features)} and {len(targets)}"
            )
        if not len(features):
            raise ValueError("features must be of at least one clip, got none")
        if names is None:
            names = [f"clip {number}" for number in range(len(features))]
        elif len(names) != len(features):
            raise ValueError(
                f"names must be as many as the {len(features)} clips, got {len(names)}"
            )
        first = features[0], targets[0]
        for name, clip, target in zip(names, features, targets, strict=True):
            with naming(name):
                check_clip(clip, target, first, ratio=ratio, chunk=chunk_frames)
        super().__init__([num_frames(target) for target in targets], chunk_frames, hop, ratio)
        self.features = features
        self.targets: Sequence[Output] = targets

    def _cut(self, clip: int, start: int, stop: int) -> tuple[Tensor, Output]:
        return (
            self.features[clip][:, start * self.ratio : stop * self.ratio],
            apply(lambda x: x[start:stop], self.targets[clip]),
        )
