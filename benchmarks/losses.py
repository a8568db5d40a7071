"""How much faster the track-wise loss is than the loss of every permutation in turn.

Run with `PYTHONPATH=tests python benchmarks/losses.py`: a few seconds. Forward and backward on one
core, both ways in turn; the ratio of the times carries over between machines, seconds do not.
"""

from collections.abc import Callable
from statistics import median
from time import perf_counter

import torch
from torch import Tensor

from references.pit import plain_pit_loss
from seldkit import SELDOutput
from seldkit.losses import trackwise_pit_loss

BATCH, FRAMES, ROUNDS = 16, 100, 15

Loss = Callable[[SELDOutput, SELDOutput], tuple[Tensor, Tensor]]


def random_output(tracks: int, classes: int) -> SELDOutput:
    """Return logits and directions at random."""
    shape = BATCH, FRAMES, tracks
    return SELDOutput(torch.randn(*shape, classes), torch.randn(*shape, 3).tanh())


def seconds(loss: Loss, preds: SELDOutput, target: SELDOutput) -> float:
    """Return how long one loss and its gradient take."""
    inputs = [x.detach().requires_grad_() for x in preds[:2]]
    start = perf_counter()
    sed, doa = loss(SELDOutput(*inputs), target)
    (sed + doa).backward()
    return perf_counter() - start


def main() -> None:
    """Print the losses, to show that they agree, and the median ratio of the rounds."""
    torch.manual_seed(0)
    torch.set_num_threads(1)  # one core against one core
    for tracks, classes in ((2, 14), (3, 170)):
        preds, target = random_output(tracks, classes), random_output(tracks, classes)
        target = SELDOutput((target.activity > 2).float(), target.direction)
        agree = [sum(loss(preds, target)) for loss in (plain_pit_loss, trackwise_pit_loss)]
        torch.testing.assert_close(*agree)
        pairs = [
            [seconds(loss, preds, target) for loss in (plain_pit_loss, trackwise_pit_loss)]
            for _ in range(ROUNDS)
        ]
        slow, fast = (1000 * median(times) for times in zip(*pairs, strict=True))
        ratio = median(slow / fast for slow, fast in pairs)
        print(
            f"{tracks} tracks, {classes} classes: every permutation {slow:.1f} ms,"
            f" pairs {fast:.1f} ms: {ratio:.1f} times as fast"
        )


if __name__ == "__main__":
    main()
