"""Train tracks of sets: what a recurrent state that is a set is worth, and which loss it wants.

Two sounds move over the sphere, come and go. In every frame a localizer sees up to four
directions, in any order: those of the sounds to about 6 degrees, one in ten missing, and others
where nothing is. A GRU that reads them side by side, and a permutation-invariant recurrent layer,
are trained to say where each sound is; each with permutations by frame, in windows of 15 frames,
and, for the second, with the dMOT loss. Prints for each how far tracks are off, and of all that is
there how much is missed, made up and exchanged, on scenes not trained on. About two minutes on one
processor core; `--quick` shows in seconds that all of it runs. Writes nothing.
"""

from collections.abc import Callable
from functools import partial
from math import pi
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit import SELDOutput
from seldkit.assignment import exact_assignment, sinkhorn_assignment
from seldkit.layers import GatedRecurrentUnit, PermutationInvariantRNN
from seldkit.losses import dmot_loss, vector_pit_loss
from stages import bar, read_options

FRAMES, TRACKS, INPUTS = 60, 2, 4
SIZES: dict[str, dict[str, Any]] = {"quick": {"steps": 2}, "small": {}}
Loss = Callable[[Tensor, Tensor], Tensor]


class SideBySide(nn.Module):
    """A GRU that reads all inputs of a frame as one."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gru = GatedRecurrentUnit(4 * INPUTS, channels, bidirectional=False)
        self.head = nn.Linear(channels, 3 * TRACKS)

    def forward(self, seen: Tensor) -> Tensor:
        """Return a vector of each track."""
        vectors: Tensor = self.head(self.gru(seen.flatten(2))).unflatten(2, (TRACKS, 3))
        return vectors


class AsASet(nn.Module):
    """Tracks that take what is theirs."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(4, channels), nn.ReLU(), nn.Linear(channels, channels))
        self.tracks = PermutationInvariantRNN(channels, TRACKS)
        self.head = nn.Linear(channels, 3)

    def forward(self, seen: Tensor) -> Tensor:
        """Return a vector of each track."""
        vectors: Tensor = self.head(self.tracks(self.embed(seen))[0])
        return vectors


def main() -> None:
    """Train each network with each of its losses, and print the table."""
    args = read_options(__doc__, SIZES, {"steps": 400, "batch_size": 32, "lr": 3e-3, "seed": 0})
    losses: dict[str, Loss] = {
        "by frame": vector_pit_loss,
        "in windows": lambda x, y: vector_pit_loss(x, y, per="window", window=15),
        "dMOT": tracking_loss,
    }
    trainings = [(SideBySide, name) for name in ("by frame", "in windows")]
    print("| network | loss | error | missed | false | exchanged |")
    print("| --- | --- | --- | --- | --- | --- |")
    for build, name in trainings + [(AsASet, name) for name in losses]:
        torch.manual_seed(args.seed)
        network = build(64)
        optimizer = torch.optim.Adam(network.parameters(), args.lr)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.steps)
        for _ in bar(range(args.steps), f"{build.__name__}, {name}"):
            seen, target = make_scenes(args.batch_size)
            optimizer.zero_grad()
            losses[name](network(seen), target).backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
        torch.manual_seed(args.seed + 1)
        print(f"| {build.__name__} | {name} | {' | '.join(scores(network))} |", flush=True)


def make_scenes(count: int) -> tuple[Tensor, Tensor]:
    """Return what is seen, `batch time input 4`, and vectors of two sounds, zeros in silence."""
    start, course = functional.normalize(torch.randn(2, count, 1, TRACKS, 3), dim=-1)
    course = functional.normalize(course - (course * start).sum(-1, keepdim=True) * start, dim=-1)
    angle = torch.linspace(0, 1, FRAMES)[:, None, None] * (pi * torch.rand(count, 1, TRACKS, 1))
    direction = start * angle.cos() + course * angle.sin()
    begin, end = (FRAMES * torch.rand(2, count, 1, TRACKS)).sort(dim=0).values
    frame = torch.arange(FRAMES)[:, None]
    active = ((frame >= begin) & (frame <= end + 10)).unsqueeze(3)
    direction = direction * active
    heard = active & (torch.rand(active.shape) > 0.1)
    shape = count, FRAMES, INPUTS - TRACKS, 1
    clutter = torch.rand(shape) > 0.8
    anywhere = torch.randn(*shape[:3], 3)
    places = torch.cat((direction + 0.06 * torch.randn(direction.shape), anywhere), dim=2)
    there = torch.cat((heard, clutter), dim=2)
    seen = torch.cat((functional.normalize(places, dim=-1) * there, there), dim=3)
    order = torch.rand(count, FRAMES, INPUTS, 1).argsort(dim=2)
    return seen.take_along_dim(order, dim=2), direction


def tracking_loss(vectors: Tensor, target: Tensor) -> Tensor:
    """Return the dMOT loss of vectors whose length is the activity: one half is on the edge."""
    length = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    preds = SELDOutput(8 * (length - 0.5), vectors)
    there = (target != 0).any(dim=-1, keepdim=True).float()
    assign = partial(sinkhorn_assignment, temperature=0.2, iterations=20, limit=4.0)
    motp, mota, activity = dmot_loss(preds, SELDOutput(there, target), assign=assign)
    return 5 * motp + mota + activity


@torch.no_grad()
def scores(network: nn.Module, count: int = 200) -> list[str]:
    """Return the angle of pairs, and what is missed, false and exchanged, of all that is there."""
    seen, target = make_scenes(count)
    vectors = network(seen)
    there, active = (target != 0).any(-1), vectors.norm(dim=-1) > 0.5
    cosine = functional.normalize(vectors, dim=-1) @ target.mT
    angle = cosine.clamp(-1, 1).acos().rad2deg()
    angle = angle.masked_fill(~(active.unsqueeze(3) & there.unsqueeze(2)), torch.inf)
    table = exact_assignment(angle, limit=30.0)
    before, now = table[:, :-1], table[:, 1:]
    exchanged = (before.sum(2) * now.sum(2)).sum() - (before * now).sum()
    counts = there.sum() - table.sum(), active.sum() - table.sum(), exchanged
    error = angle[table.bool()].mean()
    return [f"{error:.1f}°", *(f"{100 * float(x / there.sum()):.1f} %" for x in counts)]


if __name__ == "__main__":
    main()
