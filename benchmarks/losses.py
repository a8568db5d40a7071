"""How fast and how lean the permutation losses are, against the formulas as they are published.

Run with `PYTHONPATH=.:tests python benchmarks/losses.py`: half a minute, with `--quick` some
seconds. Forward and backward of
`seldkit.losses` and of the plain loss in `tests/references`, in turn, on one core. Times are those
of the processor, which other programs disturb least; the ratio, a median over rounds, carries over
between machines, milliseconds do not.

Each loss is shown on two targets: frames of up to four events, some of one class, as recordings
have them; and the worst case, in which every class of every frame has two sources or more.

The peak memory is that of all tensors that one forward and backward allocates beyond the inputs,
gradients and operators' own buffers included, as PyTorch's profiler records them one by one.
"""

from collections.abc import Callable
from itertools import accumulate
from statistics import median
from time import process_time
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.profiler import profile
from torch.nn import functional

from benchmarks.measuring import arguments
from references.adpit import flat, padded_adpit_loss, six_rows
from references.aggregated import plain_aggregated_pit_loss
from references.pit import plain_pit_loss
from seldkit import SELDOutput
from seldkit.losses import adpit_loss, aggregated_pit_loss, trackwise_pit_loss

FRAMES = 50

Loss = Callable[[], Tensor]


class Case(NamedTuple):
    """One loss with its inputs, in our form and, where it stays feasible, as published."""

    name: str
    ours: Loss
    inputs: list[Tensor]
    plain: Loss | None = None
    plain_inputs: list[Tensor] | None = None


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


def adpit_case(scene: str, batch: int, tracks: int, classes: int) -> Case:
    """Return ADPIT with its published form, in the published layout, for three tracks."""
    target = (events if scene == "events" else crowd)(batch, tracks, classes)
    preds = torch.randn(target.shape).tanh()
    name = f"ADPIT {batch} x {FRAMES} x {classes}, {tracks} tracks, {scene}"
    leaf = preds.clone().requires_grad_()
    if tracks != 3:
        return Case(name, lambda: adpit_loss(leaf, target), [leaf])
    label, output = six_rows(target), flat(preds).requires_grad_()
    plain = lambda: padded_adpit_loss(output, label)  # noqa: E731
    return Case(name, lambda: adpit_loss(leaf, target), [leaf], plain, [output])


def trackwise_case(
    name: str,
    ours: Callable[[SELDOutput, SELDOutput], Tensor],
    plain: Callable[[SELDOutput, SELDOutput], Tensor] | None,
    tracks: int,
    classes: int,
    batch: int,
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
    name = f"{name} {batch} x {FRAMES} x {classes}, {tracks} tracks"
    if plain is None:
        return Case(name, lambda: ours(preds, target), leaves)
    return Case(name, lambda: ours(preds, target), leaves, lambda: plain(preds, target), leaves)


def cases(quick: bool) -> list[Case]:
    """Return what is measured; for a quick look with one clip in a batch and few classes."""

    def pit(preds: SELDOutput, target: SELDOutput) -> Tensor:
        return sum(trackwise_pit_loss(preds, target), torch.zeros(()))

    def plain_pit(preds: SELDOutput, target: SELDOutput) -> Tensor:
        return sum(plain_pit_loss(preds, target), torch.zeros(()))

    sizes = [(1, 3, 5), (1, 4, 5)] if quick else [(64, 3, 13), (32, 3, 170), (64, 6, 13)]
    many, batch = (9, 1) if quick else (170, 32)
    return [
        *(adpit_case(scene, *size) for size in sizes for scene in ("events", "crowd")),
        trackwise_case("tPIT", pit, plain_pit, 2, 14, batch),
        trackwise_case("tPIT", pit, plain_pit, 3, many, batch),
        trackwise_case("tPIT", pit, None, 6, many, batch),
        trackwise_case("AGG1", aggregated_pit_loss, plain_aggregated_pit_loss, 3, many, batch),
    ]


def milliseconds(loss: Loss, inputs: list[Tensor]) -> float:
    """Return the processor time of one loss and its gradient."""
    for x in inputs:
        x.grad = None
    start = process_time()
    loss().backward()
    return 1000 * (process_time() - start)


def peak_megabytes(loss: Loss, inputs: list[Tensor]) -> float:
    """Return how much memory one loss and its gradient take at most."""
    for x in inputs:
        x.grad = None
    with profile(profile_memory=True) as recorded:
        loss().backward()
    changes = [event for event in recorded.kineto_results.events() if event.name() == "[memory]"]
    changes.sort(key=lambda event: event.start_ns())
    peak: int = max(accumulate(event.nbytes() for event in changes))
    return peak / 1e6


def main() -> None:
    """Print for each case the times and peaks, and that the losses agree."""
    quick = arguments().quick
    rounds = 1 if quick else 15
    torch.manual_seed(0)
    torch.set_num_threads(1)  # one core against one core
    for case in cases(quick):
        peak = peak_megabytes(case.ours, case.inputs)
        if case.plain is None or case.plain_inputs is None:
            fast = median(milliseconds(case.ours, case.inputs) for _ in range(rounds))
            print(f"{case.name}: {fast:.1f} ms, {peak:.0f} MB")
            continue
        plain_peak = peak_megabytes(case.plain, case.plain_inputs)
        torch.testing.assert_close(case.ours(), case.plain())
        pairs = [
            (milliseconds(case.plain, case.plain_inputs), milliseconds(case.ours, case.inputs))
            for _ in range(rounds)
        ]
        slow, fast = (median(times) for times in zip(*pairs, strict=True))
        ratio = median(slow / fast for slow, fast in pairs)
        print(
            f"{case.name}: published {slow:.1f} ms, {plain_peak:.1f} MB;"
            f" ours {fast:.1f} ms, {peak:.1f} MB:"
            f" {ratio:.1f} times as fast, {peak / plain_peak:.2f} of the memory"
        )


if __name__ == "__main__":
    main()
