"""How fast and how lean the parts of a ROAM block train, against their published formulation.

Run with `OMP_NUM_THREADS=1 PYTHONPATH=.:tests python benchmarks/layers.py`: a minute or two, with
`--quick` some seconds. Forward and backward of `seldkit.layers` and of the plain parts in
`tests/references`, with the same weights and in turn, on one core. Times are those of the
processor, which other programs disturb least; the ratio, a median over rounds, carries over between
machines, milliseconds do not.

A line is a layer and a size of its output (channels, frames, bins), a column a precision and an
order of the axes in memory: how many times as fast as the plain layer it is with its gradient, in
brackets without, and then the peak memory of both as a part of what the plain one takes. Last, how
many times as long as with plain pairs of convolutions a step of the small ROAM network takes.
"""

from collections.abc import Callable
from contextlib import nullcontext
from statistics import median

import torch
from torch import Tensor, nn

from benchmarks.measuring import arguments, milliseconds, peak_megabytes
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


def compare(name: str, number: str, order: str, size: tuple[int, ...], rounds: int) -> str:
    """Return how many times as fast a layer is as the plain one, and its part of the memory."""
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
    forward_ratio, ratio = (median(slow[i] / fast[i] for slow, fast in pairs) for i in (0, 1))
    memory = peak_megabytes(ours, leaves) / peak_megabytes(published, leaves)
    return f"{ratio:.1f} ({forward_ratio:.1f}) {memory:.2f}"


def network_ratio(number: str, frames: int, rounds: int) -> float:
    """Return how many times as long the network's step takes with ROAM blocks."""
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
    return median(step(networks[0]) / step(networks[1]) for _ in range(rounds))


def main() -> None:
    """Print the table and the ratios; the layers agree, or it ends in an error."""
    quick = arguments().quick
    torch.manual_seed(0)
    torch.set_num_threads(1)
    rounds = 1 if quick else 9
    columns = [(number, order) for order in ORDERS for number in ("float32", "bfloat16")]
    print(" " * 32 + "".join(f"{f'{order}, {number}':>26}" for number, order in columns))
    for name in LAYERS:
        for size in SIZES[2:] if quick else SIZES:
            row = [compare(name, *column, size, rounds) for column in columns]
            title = f"{name}, {' x '.join(map(str, size))}"
            print(title.ljust(32) + "".join(cell.rjust(26) for cell in row), flush=True)
    for number in ("float32", "bfloat16"):
        ratio = network_ratio(number, 16 if quick else 200, rounds)
        print(f"network in {number}: {ratio:.1f} times as long with ROAM blocks as without")


if __name__ == "__main__":
    main()
