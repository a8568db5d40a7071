"""Predictions of chunks joined to those of whole clips."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from seldkit._checks import integer
from seldkit.data.chunks import ChunkPlaces
from seldkit.outputs import Output, apply, combine


def join_chunks(
    outputs: Iterable[tuple[int, Output]],
    places: ChunkPlaces,
    *,
    clips: Collection[int] | None = None,
) -> Iterator[tuple[int, Output]]:
    """Yield the output of each clip, joined from those of its chunks in whatever order they come.

    Where chunks overlap, the earlier one counts up to the middle of the overlap, so that each frame
    of a clip counts once: no clip is padded and none is counted twice. A clip is yielded as soon as
    all its chunks are there. Several processes share an evaluation by clips: each takes those of
    `range(rank, num_clips, num_ranks)`, whose chunks `places.of_clip` tells.

    Args:
        outputs: Number of a chunk, and the network's output for it without the batch axis:
            `(time, ...)`, a frame for each label frame.
        places: Where the chunks come from: `chunks.places`.
        clips: Numbers of the clips of which all chunks must come, and of no others; all if None.

    Yields:
        Number of the clip and its output, `(time, ...)`.

    Raises:
        TypeError: If the number of a chunk is no integer.
        ValueError: If an output is not as long as a chunk, a chunk comes twice or is of no such
            clip, or, at the end, some are missing.

    Examples:
        >>> places = ChunkPlaces([5, 3], chunk=3, hop=3)
        >>> outputs = [(0, torch.zeros(3, 1)), (2, torch.ones(3, 1)), (1, torch.full((3, 1), 2.0))]
        >>> [(clip, output.flatten().tolist()) for clip, output in join_chunks(outputs, places)]
        [(1, [1.0, 1.0, 1.0]), (0, [0.0, 0.0, 2.0, 2.0, 2.0])]
    """
    wanted = set(range(len(places.lengths)) if clips is None else clips)
    waiting: dict[int, dict[int, Output]] = {}
    for index, output in outputs:
        number = integer("number", index)
        if not 0 <= number < len(places):
            raise ValueError(f"number must be of one of {len(places)} chunks, got {number}")
        clip = places[number].clip
        if clip not in wanted:
            what = f"of clip {clip}, which is done or was not asked for"
            raise ValueError(f"chunks must come once, got number {number} {what}")
        parts = waiting.setdefault(clip, {})
        if number in parts:
            raise ValueError(f"chunks must come once, got number {number} of clip {clip} twice")
        apply(lambda x: _check_length(x, places.chunk), output)
        parts[number] = output
        numbers = places.of_clip(clip)
        if len(parts) == len(numbers):
            wanted.remove(clip)
            del waiting[clip]
            starts = [places[n].start for n in numbers]
            whole = [apply(lambda x: x.unsqueeze(0), parts[n]) for n in numbers]
            yield clip, join(whole, starts, places.chunk)
    missing = [
        (number, clip)
        for clip in sorted(wanted)
        for number in places.of_clip(clip)
        if number not in waiting.get(clip, ())
    ]
    if missing:
        number, clip = missing[0]
        raise ValueError(
            f"chunks must come once, but of {len(wanted)} clips {len(missing)} are missing, the"
            f" first number {number} of clip {clip}"
        )


def join(outputs: Sequence[Output], starts: Sequence[int], window: int) -> Output:
    """Join the outputs of windows in the middle of their overlaps.

    Args:
        outputs: One for each batch of windows, `(batch, time, ...)`.
        starts: First frame of each window, in order.
        window: Frames of a window.
    """
    middles: list[int] = [(a + b + window) // 2 for a, b in pairwise(starts)]
    spans = list(pairwise([0, *middles, starts[-1] + window]))

    def joined(parts: list[Tensor]) -> Tensor:
        windows = (one for part in parts for one in part)
        pieces = zip(windows, starts, spans, strict=True)
        return torch.cat([piece[begin - s : end - s] for piece, s, (begin, end) in pieces])

    return combine(joined, outputs)


def _check_length(x: Tensor, chunk: int) -> Tensor:
    if x.ndim < 1 or len(x) != chunk:
        raise ValueError(f"outputs must have the {chunk} frames of a chunk, got {tuple(x.shape)}")
    return x
