"""How fast and how lean the permutation losses are, against the formulas as they are published.

Run with `PYTHONPATH=.:tests python benchmarks/losses.py`: some minutes, with `--quick` some
seconds. Forward and backward of `seldkit.losses` and of the plain loss in `tests/references`, in
turn, by default on one core. Times are those of the processor, which other programs disturb least;
the ratio, a median over rounds, carries over between machines, milliseconds do not.

A line is a loss, a column a number of frames: how many times as fast as the plain loss it is with
its gradient, in brackets without. Small losses take their time by the number of calls, so there the
ratio is near that of the calls. Last the peak memory of the most frames, of all tensors that one
forward and backward allocates beyond the inputs, gradients and operators' own buffers included, as
PyTorch's profiler records them one by one, as a part of what the plain loss takes.

Of PIT of vectors in a sliding window and of dMOT, which know no classes, there is one line a number
of tracks; the plain dMOT matches each frame by the Hungarian method of SciPy.

ADPIT is shown on two targets: frames of up to four events, some of one class, as recordings have
them; and the worst case, in which every class of every frame has two sources or more.
"""

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from math import factorial
from statistics import median
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.measuring import arguments, milliseconds, peak_megabytes
from references.adpit import flat, padded_adpit_loss, six_rows
from references.aggregated import plain_aggregated_pit_loss
from references.pit import plain_pit_loss
from references.tracks import plain_dmot_loss, plain_sliding_pit_loss
from seldkit import SELDOutput
from seldkit.losses import (
    adpit_loss,
    aggregated_pit_loss,
    dmot_loss,
    trackwise_pit_loss,
    vector_pit_loss,
)

FRAMES = 50
BATCHES = (1, 8, 32, 128)
MOST = 300_000_000  # entries that the plain loss computes, of all permutations

Loss = Callable[[], Tensor]


class Case(NamedTuple):
    """One loss with its inputs, in our form and as published."""

    ours: Loss
    inputs: list[Tensor]
    plain: Loss
    plain_inputs: list[Tensor]


def events(batch: int, tracks: int, classes: int) -> Tensor:
    """Return vectors `(batch, time, track, cls, axis)` of up to four events in each frame."""
    target = torch.zeros(batch, FRAMES, tracks, classes, 3)
    clip, frame = torch.ones(batch, FRAMES).nonzero(as_tuple=True)
    cls = torch.randint(classes, clip.shape)
    for _ in range(4):
        same = torch.rand(clip.shape) < 0.2  # as the last event
        cls = torch.where(same, cls, torch.randint(classes, clip.shape))
        track = target[clip, frame, :, cls].any(dim=-1).sum(dim=-1)
        fits = (torch.rand(clip.shape) < 0.5) & (track < tracks)
        place = tuple(x[fits] for x in (clip, frame, track, cls))
        target[place] = functional.normalize(torch.randn(int(fits.sum()), 3), dim=-1)
    return target


def crowd(batch: int, tracks: int, classes: int) -> Tensor:
    """Return vectors `(batch, time, track, cls, axis)`: two sources or more of every class."""
    directions = functional.normalize(torch.randn(batch, FRAMES, tracks, classes, 3), dim=-1)
    count = torch.randint(2, tracks + 1, (batch, FRAMES, 1, classes))
    active = torch.arange(tracks).unsqueeze(1) < count
    return directions * active.unsqueeze(-1)


def adpit_case(scene: Callable[[int, int, int], Tensor], batch: int, classes: int) -> Case:
    """Return ADPIT with its published form, in the published layout, for three tracks."""
    target = scene(batch, 3, classes)
    leaf = torch.randn(target.shape).tanh().requires_grad_()
    label, output = six_rows(target), flat(leaf.detach()).requires_grad_()
    plain = lambda: padded_adpit_loss(output, label)  # noqa: E731
    return Case(lambda: adpit_loss(leaf, target), [leaf], plain, [output])


def trackwise_case(
    ours: Callable[[SELDOutput, SELDOutput], Tensor],
    plain: Callable[[SELDOutput, SELDOutput], Tensor],
    tracks: int,
    batch: int,
    classes: int,
) -> Case:
    """Return a loss of track-wise outputs on random activities and directions."""
    shape = batch, FRAMES, tracks
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


def losses() -> Iterator[tuple[str, int, Callable[[int, int], Case]]]:
    """Yield the name of each loss, how often the plain one computes it, and its cases.

    The number is 0 for what knows no classes.
    """
    for scene in (events, crowd):
        yield f"ADPIT, 3 tracks, {scene.__name__}", 13 * 9, partial(adpit_case, scene)
    for tracks in (2, 3, 4, 5):
        case = partial(trackwise_case, pit, plain_pit, tracks)
        yield f"tPIT, {tracks} tracks", factorial(tracks) * tracks, case
    for tracks in (2, 3):
        case = partial(trackwise_case, aggregated_pit_loss, plain_aggregated_pit_loss, tracks)
        yield f"AGG1, {tracks} tracks", factorial(tracks) * tracks * 3, case
    for tracks in (2, 3):
        case = partial(trackwise_case, sliding, plain_sliding, tracks)
        yield f"sPIT of vectors, {tracks} tracks", 0, case
        yield f"dMOT, {tracks} tracks", 0, partial(trackwise_case, dmot, plain_dmot, tracks)


def ratio(case: Case, rounds: int) -> str:
    """Return how many times as fast the loss is with its gradient, and without."""
    torch.testing.assert_close(case.ours(), case.plain())
    pairs = [
        (milliseconds(case.plain, case.plain_inputs), milliseconds(case.ours, case.inputs))
        for _ in range(rounds)
    ]
    forward, both = (median(plain[i] / ours[i] for plain, ours in pairs) for i in (0, 1))
    return f"{both:.1f} ({forward:.1f})"


def main() -> None:
    """Print the table; the losses agree, or it ends in an error."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1, help="cores to use (default: 1)")
    options = arguments(parser)
    torch.manual_seed(0)
    torch.set_num_threads(options.threads)
    batches = BATCHES[:1] if options.quick else BATCHES
    sizes = "".join(f"{FRAMES * batch:>14}" for batch in batches)
    print(f"{'times as fast at this many frames':>37}{sizes}{'memory':>9}")
    for name, work, case_of in losses():
        for classes in (1,) if not work else (5,) if options.quick else (13, 14, 170):
            row = ""
            for batch in batches:
                size = (work or 100) * batch * FRAMES * classes
                if batch > 1 and size > MOST:
                    row += f"{'-':>14}"
                    continue
                case = case_of(batch, classes)
                rounds = 1 if options.quick else max(5, min(100, MOST // 50 // size))
                row += f"{ratio(case, rounds):>14}"
            plain = peak_megabytes(case.plain, case.plain_inputs)
            memory = peak_megabytes(case.ours, case.inputs) / plain
            title = f"{name}, {classes} classes" if work else name
            print(title.ljust(37) + f"{row}{memory:>9.2f}", flush=True)


if __name__ == "__main__":
    main()
