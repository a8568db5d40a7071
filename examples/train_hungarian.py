"""Train a Hungarian network for `dmot_loss`: it tells from distances which tracks belong together.

Made matrices of distances go in, the matching that the Hungarian method finds is learned. Prints
the loss, the weighted F1 on other matrices, and the share of these that are right as a whole; of
two tracks it takes three to four minutes on one processor core. `--quick` shows in seconds that all
of it runs. The best network is kept in `runs/hungarian` (or `--out DIR`):

    weights.safetensors     to be read by HungarianNet(2).load_state_dict(load_file(path))

The published network was trained for 1000 epochs in batches of 256, in 40 times as many steps. The
learning rate rises first and steps are held short: what is absent is far off, and makes steep
gradients. Which of two predictions is nearer to a lone reference is learned last: three epochs do
not suffice.
"""

import argparse
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional
from torch.optim.lr_scheduler import OneCycleLR

from seldkit.assignment import exact_assignment
from seldkit.layers import HungarianNet
from seldkit.losses import association_loss
from seldkit.synth import AssignmentExamples, assignment_examples
from stages import bar, read_options

SIZES: dict[str, dict[str, Any]] = {
    "quick": {"epochs": 2},
    "small": {},
}
COUNTS = {"quick": (10, 20, 60), "small": (3000, 5000, 15000)}


def main() -> None:
    """Train, keep what scores best, and say how well it does."""
    defaults = {"out": Path("runs/hungarian"), "tracks": 2, "epochs": 12, "batch_size": 128}
    args = read_options(__doc__, SIZES, defaults | {"lr": 3e-3, "seed": 0})
    torch.manual_seed(args.seed)
    counts = COUNTS[args.size]
    train = assignment_examples(args.tracks, seed=args.seed, counts=counts)
    test = assignment_examples(args.tracks, seed=args.seed + 1, counts=[n // 10 for n in counts])
    network = HungarianNet(args.tracks)
    args.out.mkdir(parents=True, exist_ok=True)
    path, best = args.out / "weights.safetensors", -1.0
    for epoch, loss in enumerate(train_epochs(network, train, args), start=1):
        f1 = weighted_f1(say(network, test.distance), test.association.bool())
        print(f"epoch {epoch}: loss {loss:.4f}, weighted F1 {100 * f1:.2f} %", flush=True)
        if f1 > best:
            best = f1
            save_file(network.state_dict(), path)
    print(f"the best is in {path}: weighted F1 {100 * best:.2f} %")
    network.load_state_dict(load_file(path))
    print_right(network)


def train_epochs(network: HungarianNet, train: AssignmentExamples, args: argparse.Namespace) -> Any:
    """Train, and give the mean loss after each epoch."""
    steps = len(train.distance) // args.batch_size
    optimizer = torch.optim.Adam(network.parameters(), args.lr)
    schedule = OneCycleLR(optimizer, args.lr, args.epochs * steps, pct_start=0.1)
    for epoch in range(args.epochs):
        total = 0.0
        order = torch.randperm(len(train.distance))[: steps * args.batch_size]
        for chosen in bar(order.view(steps, -1), f"epoch {epoch + 1}"):
            logits = network(train.distance[chosen]).logits
            loss = association_loss(logits, train.association[chosen])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 0.3)
            optimizer.step()
            schedule.step()
            total += float(loss.detach())
        yield total / steps


@torch.no_grad()
def say(network: HungarianNet, distance: Tensor) -> Tensor:
    """Return which rows and columns the network matches."""
    return torch.cat([network(x).logits > 0 for x in distance.split(4096)])


def weighted_f1(found: Tensor, wanted: Tensor) -> float:
    """Return the mean of the F1 of each place of the matrices, weighted by its matches."""
    hits, both = (found & wanted).sum(dim=0), found.sum(dim=0) + wanted.sum(dim=0)
    f1 = 2 * hits / both.clamp(min=1)
    return float((f1 * wanted.sum(dim=0)).sum() / wanted.sum())


@torch.no_grad()
def print_right(network: HungarianNet, num_matrices: int = 2000) -> None:
    """Print the share of matrices that are right as a whole, as the loss makes them.

    Every prediction is there; of the references some are absent, on any track.
    """
    tracks = network.num_tracks
    for number in range(tracks + 1):
        preds, target = functional.normalize(torch.randn(2, num_matrices, tracks, 3), dim=-1)
        target[:, number:] = 10.0
        order = torch.rand(num_matrices, tracks).argsort(dim=1).unsqueeze(2)
        distance = torch.cdist(preds, target.take_along_dim(order, dim=1))
        wanted = exact_assignment(distance, limit=4.0).bool()
        right = (say(network, distance) == wanted).all(dim=(1, 2)).float().mean()
        print(f"{number} references among {tracks} predictions: {100 * right:.1f} % right")


if __name__ == "__main__":
    main()
