"""Fixed-length chunks of long clips, for training."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.utils.data import Dataset

from seldkit._checks import check_positive, check_shape
from seldkit.outputs import SELDOutput, combine


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
    check_positive(chunk=chunk, hop=hop)
    if length < chunk:
        raise ValueError(f"length must be at least chunk={chunk}, got {length}")
    starts = list(range(0, length - chunk + 1, hop))
    return starts if starts[-1] == length - chunk else [*starts, length - chunk]


class Chunks(Dataset[tuple[Tensor, SELDOutput]]):
    """Chunks of clips that are held in memory as features, or as waveforms, and targets.

    Item `i` is a pair of features `(channel, time, freq)`, or a waveform `(channel, sample)`, and a
    target without the batch axis; `Chunks.collate` makes a batch of items.

    Args:
        features: Features of each clip, `(channel, time, freq)`, or waveforms, `(channel, sample)`,
            where noise and the like come before the features.
        targets: Target of each clip, as a format encodes it.
        chunk_frames: Length of a chunk, in label frames.
        hop_frames: Distance between the beginnings of chunks, in label frames; without overlap if
            None.
        ratio: Feature frames, or samples, per label frame.

    Raises:
        ValueError: If features and targets differ in number, a clip is shorter than a chunk, or its
            features are too short for its target.

    Examples:
        >>> target = SELDOutput(torch.zeros(100, 2, 5), torch.zeros(100, 2, 3))
        >>> chunks = Chunks([torch.zeros(7, 401, 64)], [target], chunk_frames=40, ratio=4)
        >>> features, target = Chunks.collate([chunks[0], chunks[2]])
        >>> len(chunks), features.shape, target.direction.shape
        (3, torch.Size([2, 7, 160, 64]), torch.Size([2, 40, 2, 3]))
    """

    def __init__(
        self,
        features: Sequence[Tensor],
        targets: Sequence[SELDOutput],
        *,
        chunk_frames: int,
        hop_frames: int | None = None,
        ratio: int,
    ) -> None:
        check_positive(ratio=ratio)
        if len(features) != len(targets):
            raise ValueError(
                f"features and targets must be as many, got {len(features)} and {len(targets)}"
            )
        for clip, target in zip(features, targets, strict=True):
            axes = "channel sample" if clip.ndim == 2 else "channel time freq"
            check_shape("features", clip, axes)
            if clip.shape[1] < len(target.activity) * ratio:
                raise ValueError(
                    f"features must have {ratio} frames per label frame, got {clip.shape[1]} for"
                    f" {len(target.activity)}"
                )
        self.features, self.targets = features, targets
        self.chunk_frames, self.ratio = chunk_frames, ratio
        hop = chunk_frames if hop_frames is None else hop_frames
        self._places = [
            (clip, start)
            for clip, target in enumerate(targets)
            for start in chunk_starts(len(target.activity), chunk_frames, hop)
        ]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> tuple[Tensor, SELDOutput]:
        clip, start = self._places[index]
        stop = start + self.chunk_frames
        return (
            self.features[clip][:, start * self.ratio : stop * self.ratio],
            combine(lambda parts: parts[0][start:stop], [self.targets[clip]]),
        )

    @staticmethod
    def collate(items: Sequence[tuple[Tensor, SELDOutput]]) -> tuple[Tensor, SELDOutput]:
        """Return a batch of items: features and target with the batch axis."""
        features, targets = zip(*items, strict=True)
        return torch.stack(features), combine(torch.stack, targets)
