"""How much faster EINV2 trains than plain code, and how near its step is to what a machine can do.

Run with `OMP_NUM_THREADS=1 PYTHONPATH=.:examples:tests python benchmarks/einv2.py`: some minutes,
with `--quick` some seconds; needs Lightning Fabric.

Both sizes of the network of `examples/train_einv2.py` are trained in turn by the step of the recipe
and by a plain one, like for like: with the same weights, in float32 and, where the machine has it,
in bfloat16. On a processor the times are those that it works, which other programs hardly change:
take one thread.

Below each ratio stand its convolutions alone, forward and backward: the least that a step can take
on this machine, whatever is around them. Their rate is told beside that of square matrices.
"""

from collections.abc import Iterator
from functools import partial
from statistics import median
from typing import NamedTuple

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.measuring import Task, arguments, cpu_seconds, peak_mb, seconds
from benchmarks.rows import Row, tell
from loop import descend, keep_memory
from references.plain_einv2 import PlainEINV2, plain_step, published_weights
from seldkit import SELDOutput
from seldkit._builders import built_by
from stages import has_bfloat16
from train_einv2 import build_optimizer, build_pipeline, compute_losses

SIZES = {"small": (16, 64, 12), "full": (4, 256, 14)}  # clips, bins, classes
PRECISIONS = {torch.float32: "32-true", torch.bfloat16: "bf16-mixed"}


class Call(NamedTuple):
    """A convolution and what it was given: the shape, and whether that has a gradient."""

    layer: nn.Conv2d
    shape: torch.Size
    graded: bool


class Steps(NamedTuple):
    """A step of training, written plainly and as the recipe has it, and the recipe's network."""

    plain: Task
    recipe: Task
    network: nn.Module
    device: torch.device


def rows(quick: bool) -> Iterator[Row]:
    """Yield all figures; in the smallest form those of one size and few clips."""
    torch.manual_seed(0)
    keep_memory()
    for dtype in PRECISIONS if has_bfloat16() else [torch.float32]:
        rate = product_rate(dtype, side=64 if quick else 1024)
        for size, (clips, _, _) in list(SIZES.items())[: 1 if quick else None]:
            yield from compare(
                size, dtype, rate, clips=2 if quick else clips, rounds=1 if quick else 9
            )


def compare(
    size: str, dtype: torch.dtype, rate: float, *, clips: int, rounds: int
) -> Iterator[Row]:
    """Yield how the recipe's step does beside the plain one, and beside its convolutions."""
    steps = build_steps(size, dtype, clips)
    calls = convolutions(steps.network, steps.recipe)
    slow, fast = alternately([steps.plain, steps.recipe], rounds)
    what = f"EINV2, {size}, {name(dtype)}, step of {clips} clips on {steps.device}"
    yield Row.of(what, "plain step", slow, fast, f"{1000 * median(fast):.0f} ms")
    plain_mb, mb = (peak_mb(task, steps.device) for task in (steps.plain, steps.recipe))
    yield Row(f"{what}, memory", "plain step", plain_mb / max(mb, 1.0), note=f"{mb:.0f} MB")
    costs = [alone(call, dtype, rounds) for call in calls]
    least, operations = (sum(column) for column in zip(*costs, strict=True))
    note = (
        f"{1000 * least:.0f} ms, {operations:.0f} billion operations, {operations / least:.0f} a"
        f" second; square matrices {rate:.0f}"
    )
    yield Row(f"{what}, its convolutions alone", "the step", median(fast) / least, note=note)


def build_steps(size: str, dtype: torch.dtype, clips: int) -> Steps:
    """Return both steps, of networks that compute the same."""
    _, bins, classes = SIZES[size]
    fabric = Fabric(devices=1, precision=PRECISIONS[dtype])  # type: ignore[arg-type]
    network = build_pipeline(size, [str(i) for i in range(classes)]).model.to(fabric.device)
    call = built_by(network)
    assert call is not None
    plain = PlainEINV2(**call.arguments).to(fabric.device)
    network.load_state_dict(published_weights(plain))
    features = torch.randn(clips, 7, 160, bins, device=fabric.device)
    with torch.no_grad():
        outputs = [net.eval()(features)[:2] for net in (plain, network)]
    torch.testing.assert_close(*outputs, rtol=1e-3, atol=1e-3)
    target = random_target(clips, classes).map(lambda x: x.to(fabric.device))
    plain_optimizer = torch.optim.AdamW(plain.train().parameters(), 1e-4, weight_decay=0.01)
    model, optimizer = fabric.setup(network.train(), build_optimizer(network, 1e-4))

    def recipe() -> None:
        fabric.backward(compute_losses(model, features, target)[0])
        descend(fabric, model, optimizer)

    step = partial(plain_step, plain, plain_optimizer, features, target, dtype)
    return Steps(step, recipe, network, fabric.device)


def random_target(clips: int, classes: int) -> SELDOutput:
    """Return a target of two tracks, of which a tenth is active."""
    direction = functional.normalize(torch.randn(clips, 40, 2, 3), dim=-1)
    return SELDOutput((torch.rand(clips, 40, 2, classes) > 0.9).float(), direction)


def convolutions(network: nn.Module, run: Task) -> list[Call]:
    """Return the calls of all convolutions in a run."""
    calls: list[Call] = []

    def note(layer: nn.Module, inputs: tuple[Tensor]) -> None:
        if isinstance(layer, nn.Conv2d):
            calls.append(Call(layer, inputs[0].shape, inputs[0].requires_grad))

    hooks = [layer.register_forward_pre_hook(note) for layer in network.modules()]
    run()
    for hook in hooks:
        hook.remove()
    return calls


def alone(call: Call, dtype: torch.dtype, rounds: int) -> tuple[float, float]:
    """Return the seconds of a convolution with its gradients, and its billions of operations."""
    weight = call.layer.weight.detach().to(dtype).requires_grad_()
    x = torch.randn(call.shape, device=weight.device).to(dtype, memory_format=torch.channels_last)
    x.requires_grad_(call.graded)
    convolve = partial(functional.conv2d, x, weight, padding=call.layer.padding)
    y = convolve().detach()
    wanted = [weight, x] if call.graded else [weight]
    times = alternately([lambda: torch.autograd.grad(convolve(), wanted, y)], rounds)
    return median(times[0]), 2 * y.numel() * weight[0].numel() * (1 + len(wanted)) / 1e9


def product_rate(dtype: torch.dtype, side: int) -> float:
    """Return the billions of operations in a second of a product of square matrices."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    a, b = torch.randn(2, side, side, dtype=dtype, device=device)
    return 2 * side**3 / 1e9 / median(alternately([lambda: a @ b], rounds=9)[0])


def alternately(tasks: list[Task], rounds: int) -> list[list[float]]:
    """Return the seconds of each task, taken in turn, after a first call of each."""
    for task in tasks:
        task()
    cost = seconds if torch.cuda.is_available() else cpu_seconds
    times = [[cost(task) for task in tasks] for _ in range(rounds)]
    return [list(column) for column in zip(*times, strict=True)]


def name(dtype: torch.dtype) -> str:
    """Return the name of a type."""
    return str(dtype).removeprefix("torch.")


if __name__ == "__main__":
    tell(rows(arguments().quick))
