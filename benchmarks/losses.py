"""How fast and how lean the permutation losses are, against the formulas as they are published.

Run with `PYTHONPATH=.:tests python benchmarks/losses.py`: some minutes, with `--quick` some
seconds. Forward and backward of `seldkit.losses` and of the plain loss in `tests/references`, in
turn, on one thread and then on two. Times of one thread are those of the processor, which other
programs disturb least, of two those of the clock, which want a quiet machine.

1280 frames are the 32 chunks of 40 that EIN-SELD trains on, the others are chunks of 50. Small
losses take their time by the number of calls, so there the ratio is near that of the calls. The
memory is the peak of all tensors that one forward and backward of the most frames allocates beyond
the inputs, gradients and operators' own buffers included, as PyTorch's profiler records them one by
one.

Of PIT of vectors in a sliding window and of dMOT, which know no classes, there is one line a number
of tracks; the plain dMOT matches each frame by the Hungarian method of SciPy.

tPIT is held against the loss of every permutation, for two tracks also against EIN-SELD's two
orders, and for more against torchmetrics' way: the loss of every pair, then sums of pairs.

ADPIT is shown on two targets: frames of up to four events, some of one class, as recordings have
them; and the worst case, in which every class of every frame has two sources or more.
"""

from collections.abc import Callable, Iterator
from functools import partial
from math import factorial
from statistics import median
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.measuring import arguments, milliseconds, peak_megabytes
from benchmarks.rows import Row, tell
from references.adpit import flat, padded_adpit_loss, six_rows
from references.aggregated import plain_aggregated_pit_loss, plain_aggregated_sum_loss
from references.pit import plain_flip_pit_loss, plain_pairwise_pit_loss, plain_pit_loss
from references.tracks import plain_dmot_loss, plain_sliding_pit_loss
from seldkit import SELDOutput
from seldkit.losses import (
    adpit_loss,
    aggregated_pit_loss,
    aggregated_sum_loss,
    dmot_loss,
    trackwise_pit_loss,
    vector_pit_loss,
)

SIZES = ((1, 50), (8, 50), (32, 40), (32, 50), (128, 50))
"""Chunks and their frames."""

MOST = 300_000_000  # entries that the plain loss computes, of all permutations

Loss = Callable[[], Tensor]


class Size(NamedTuple):
    """How many chunks there are, their frames, and classes."""

    batch: int
    frames: int
    classes: int


class Case(NamedTuple):
    """One loss with its inputs, in our form and as published."""

    ours: Loss
    inputs: list[Tensor]
    plain: Loss
    plain_inputs: list[Tensor]


def events(size: Size, tracks: int) -> Tensor:
    """Return vectors `(batch, time, track, cls, axis)` of up to four events in each frame."""
    batch, frames, classes = size
    target = torch.zeros(batch, frames, tracks, classes, 3)
    clip, frame = torch.ones(batch, frames).nonzero(as_tuple=True)
    cls = torch.randint(classes, clip.shape)
    for _ in range(4):
        same = torch.rand(clip.shape) < 0.2  # as the last event
        cls = torch.where(same, cls, torch.randint(classes, clip.shape))
        track = target[clip, frame, :, cls].any(dim=-1).sum(dim=-1)
        fits = (torch.rand(clip.shape) < 0.5) & (track < tracks)
        place = tuple(x[fits] for x in (clip, frame, track, cls))
        target[place] = functional.normalize(torch.randn(int(fits.sum()), 3), dim=-1)
    return target


def crowd(size: Size, tracks: int) -> Tensor:
    """Return vectors `(batch, time, track, cls, axis)`: two sources or more of every class."""
    batch, frames, classes = size
    directions = functional.normalize(torch.randn(batch, frames, tracks, classes, 3), dim=-1)
    count = torch.randint(2, tracks + 1, (batch, frames, 1, classes))
    active = torch.arange(tracks).unsqueeze(1) < count
    return directions * active.unsqueeze(-1)


def adpit_case(scene: Callable[[Size, int], Tensor], size: Size) -> Case:
    """Return ADPIT with its published form, in the published layout, for three tracks."""
    target = scene(size, 3)
    leaf = torch.randn(target.shape).tanh().requires_grad_()
    label, output = six_rows(target), flat(leaf.detach()).requires_grad_()
    plain = lambda: padded_adpit_loss(output, label)  # noqa: E731
    return Case(lambda: adpit_loss(leaf, target), [leaf], plain, [output])


def trackwise_case(
    ours: Callable[[SELDOutput, SELDOutput], Tensor],
    plain: Callable[[SELDOutput, SELDOutput], Tensor],
    tracks: int,
    size: Size,
) -> Case:
    """Return a loss of track-wise outputs on random activities and directions."""
    *shape, classes = size.batch, size.frames, tracks, size.classes
    leaves = [torch.randn(*shape, classes), torch.randn(*shape, 3).tanh()]
    preds = SELDOutput(*(x.requires_grad_() for x in leaves))
    activity = functional.one_hot(torch.randint(classes, shape), classes)
    active = (torch.rand(*shape, 1) < 0.5).float()
    target = SELDOutput(
        activity * active, functional.normalize(torch.randn(*shape, 3), dim=-1) * active
    )
    return Case(lambda: ours(preds, target), leaves, lambda: plain(preds, target), leaves)


def pit(preds: SELDOutput, target: SELDOutput) -> Tensor:
    """Return the sum of the losses of the tasks."""
    sed, doa = trackwise_pit_loss(preds, target)
    return sed + doa


def plain_pit(preds: SELDOutput, target: SELDOutput) -> Tensor:
    """Return the same, of every permutation in turn."""
    sed, doa = plain_pit_loss(preds, target)
    return sed + doa


def plain_flip(preds: SELDOutput, target: SELDOutput) -> Tensor:
    """Return the same of two tracks, as EIN-SELD has it."""
    sed, doa = plain_flip_pit_loss(preds, target)
    return sed + doa


def sliding(preds: SELDOutput, target: SELDOutput) -> Tensor:
    """Return the loss of the directions, matched in windows of nine frames."""
    return vector_pit_loss(preds.direction, target.direction, per="window", window=9)


def plain_sliding(preds: SELDOutput, target: SELDOutput) -> Tensor:
    """Return the same, of every permutation in turn."""
    return plain_sliding_pit_loss(preds.direction, target.direction, window=9)


def dmot(preds: SELDOutput, target: SELDOutput) -> Tensor:
    """Return the sum of the losses of tracking."""
    motp, mota, activity = dmot_loss(preds, target)
    return motp + mota + activity


def plain_dmot(preds: SELDOutput, target: SELDOutput) -> Tensor:
    """Return the same, each frame in turn."""
    motp, mota, activity = plain_dmot_loss(preds, target)
    return motp + mota + activity


def losses() -> Iterator[tuple[str, int, Callable[[Size], Case]]]:
    """Yield the name of each loss, how often the plain one computes it, and its cases.

    The number is 0 for what knows no classes.
    """
    for scene in (events, crowd):
        yield f"ADPIT, 3 tracks, {scene.__name__}", 13 * 9, partial(adpit_case, scene)
    for tracks in (2, 3, 4, 5):
        case = partial(trackwise_case, pit, plain_pit, tracks)
        yield f"tPIT, {tracks} tracks", factorial(tracks) * tracks, case
    yield "tPIT, EIN-SELD's 2 tracks", 4, partial(trackwise_case, pit, plain_flip, 2)
    for tracks in (3, 5):
        case = partial(trackwise_case, pit, plain_pairwise_pit_loss, tracks)
        yield f"tPIT, {tracks} tracks by pairs", tracks**2, case
    for tracks in (2, 3):
        case = partial(trackwise_case, aggregated_pit_loss, plain_aggregated_pit_loss, tracks)
        yield f"AGG1, {tracks} tracks", factorial(tracks) * tracks * 3, case
        case = partial(trackwise_case, aggregated_sum_loss, plain_aggregated_sum_loss, tracks)
        yield f"AGG2, {tracks} tracks", tracks * 3, case
    for tracks in (2, 3):
        case = partial(trackwise_case, sliding, plain_sliding, tracks)
        yield f"sPIT of vectors, {tracks} tracks", 0, case
        yield f"dMOT, {tracks} tracks", 0, partial(trackwise_case, dmot, plain_dmot, tracks)


def compare(title: str, case: Case, rounds: int, note: str) -> Row:
    """Return how the loss does with its gradient, beside the plain one; both must agree."""
    # Costs that are nearly equal may be taken for one another.
    torch.testing.assert_close(case.ours(), case.plain(), rtol=1e-4, atol=1e-4)
    pairs = [
        (milliseconds(case.plain, case.plain_inputs), milliseconds(case.ours, case.inputs))
        for _ in range(rounds)
    ]
    alone = median(plain[0] / ours[0] for plain, ours in pairs)
    theirs, own = ([pair[way][1] for pair in pairs] for way in (0, 1))
    return Row.of(title, "plain loss", theirs, own, f"{note}, {alone:.1f} without the gradient")


def rows(quick: bool) -> Iterator[Row]:
    """Yield each loss at each number of frames, and its memory at the largest, by threads."""
    torch.manual_seed(0)
    for threads, note in ((1, "one thread"), (2, "two threads")):
        torch.set_num_threads(threads)
        for name, work, case_of in losses():
            for classes in (1,) if not work else (5,) if quick else (13, 14, 170):
                title = f"{name}, {classes} classes" if work else name
                yield from compare_sizes(title, work or 100, case_of, classes, note, quick)


def compare_sizes(
    title: str, work: int, case_of: Callable[[Size], Case], classes: int, note: str, quick: bool
) -> Iterator[Row]:
    """Yield a loss at each number of frames that the plain one can compute."""
    for batch, frames in SIZES[:1] if quick else SIZES:
        size = work * batch * frames * classes
        if batch > 1 and size > MOST:
            break
        case = case_of(Size(batch, frames, classes))
        rounds = 1 if quick else max(5, min(100, MOST // 50 // size))
        yield compare(f"{title}, {frames * batch} frames", case, rounds, note)
    if torch.get_num_threads() == 1:
        plain = peak_megabytes(case.plain, case.plain_inputs)
        memory = plain / peak_megabytes(case.ours, case.inputs)
        yield Row(f"{title}, memory", "plain loss", memory)


if __name__ == "__main__":
    tell(rows(arguments().quick))
