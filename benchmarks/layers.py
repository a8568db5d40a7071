"""How fast and how lean the parts of a ROAM block train, against their published formulation.

Run with `OMP_NUM_THREADS=1 PYTHONPATH=.:tests python benchmarks/layers.py`: a minute or two, with
`--quick` some seconds. Forward and backward of `seldkit.layers` and of the plain parts in
`tests/references`, with the same weights and in turn, on one core. Times are those of the
processor, which other programs disturb least; the ratio, a median over rounds, carries over between
machines, milliseconds do not.

A size is that of the output: channels, frames, bins. Last, a step of the small ROAM network beside
one with plain pairs of convolutions.
"""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from itertools import product
from statistics import median

import torch
from torch import Tensor, nn

from benchmarks.measuring import arguments, milliseconds, peak_megabytes
from benchmarks.rows import Row, tell
from references.plain_roam import plain_max_feature_map, plain_roam, plain_triplet_attention
from seldkit.layers import ROAM, MaxFeatureMap, TripletAttention
from seldkit.models import roam

LAYERS: dict[str, tuple[Callable[[int], nn.Module], Callable[..., Tensor]]] = {
    "max feature map": (lambda channels: MaxFeatureMap(channels, channels), plain_max_feature_map),
    "triplet attention": (lambda _: TripletAttention(), plain_triplet_attention),
    "ROAM block": (lambda channels: ROAM(channels, channels), plain_roam),
}
SIZES = (16, 400, 64), (32, 200, 32), (64, 50, 8)
ORDERS = {"channels last": torch.channels_last, "contiguous": torch.contiguous_format}
BATCH = 8


def precision(name: str) -> torch.autocast | nullcontext[None]:
    """Return the context in which a precision is computed."""
    return torch.autocast("cpu", torch.bfloat16) if name == "bfloat16" else nullcontext()


def compare(
    name: str, number: str, order: str, size: tuple[int, ...], rounds: int
) -> Iterator[Row]:
    """Yield how a layer does with its gradient beside the plain one, and its memory."""
    build, plain = LAYERS[name]
    layer = build(size[0]).to(memory_format=ORDERS[order])  # type: ignore[call-overload]
    x = torch.randn(BATCH, *size).contiguous(memory_format=ORDERS[order])
    leaves = [(x.bfloat16() if number == "bfloat16" else x).requires_grad_(), *layer.parameters()]

    def ours() -> Tensor:
        with precision(number):
            y: Tensor = layer(leaves[0])
        return y

    def published() -> Tensor:
        with precision(number):
            return plain(layer, leaves[0])

    close = 0.1 if number == "bfloat16" else 1e-4
    torch.testing.assert_close(ours(), published(), rtol=close, atol=close)
    for forward in (ours, published):
        milliseconds(forward, leaves)
    pairs = [(milliseconds(published, leaves), milliseconds(ours, leaves)) for _ in range(rounds)]
    alone = median(plain[0] / own[0] for plain, own in pairs)
    theirs, taken = ([pair[way][1] for pair in pairs] for way in (0, 1))
    what = f"{name}, {' x '.join(map(str, size))}, {number}, {order}"
    yield Row.of(what, "plain layer", theirs, taken, f"{alone:.1f} without the gradient")
    memory = peak_megabytes(published, leaves) / peak_megabytes(ours, leaves)
    yield Row(f"{what}, memory", "plain layer", memory)


def compare_networks(number: str, frames: int, rounds: int) -> Row:
    """Return how a step of the network does with ROAM blocks."""
    clips = torch.randn(BATCH, 7, frames, 128)
    networks = [
        roam(8, 2, widths=(16, 32, 48, 64), feedforward=128, attention=attention)
        for attention in ("roam", "none")
    ]

    def step(network: nn.Module) -> float:
        def forward() -> Tensor:
            with precision(number):
                output = network(clips)
            return torch.stack([x.square().mean() for x in (output.activity, output.direction)])

        return milliseconds(forward, list(network.parameters()))[1]

    for network in networks:
        step(network.to(memory_format=torch.channels_last))  # type: ignore[call-overload]
    roams, plains = ([step(network) for _ in range(rounds)] for network in networks)
    return Row.of(f"ROAM network, {number}", "pairs of convolutions", plains, roams)


def rows(quick: bool) -> Iterator[Row]:
    """Yield all figures; the layers agree, or it ends in an error."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    rounds = 1 if quick else 9
    for name, size in product(LAYERS, SIZES[2:] if quick else SIZES):
        for order, number in product(ORDERS, ("float32", "bfloat16")):
            yield from compare(name, number, order, size, rounds)
    for number in ("float32", "bfloat16"):
        yield compare_networks(number, 16 if quick else 200, rounds)


if __name__ == "__main__":
    tell(rows(arguments().quick))
