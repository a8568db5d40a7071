"""What every block must bear; each raises `AssertionError` where it does not."""

from collections.abc import Callable
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from hard.blocks import Block, is_refusal, tensors

Fill = Callable[[tuple[int, ...]], Tensor]

SOUNDS: dict[str, Fill] = {
    "silence": torch.zeros,
    "dc": torch.ones,
    "clipping": lambda shape: torch.randn(shape).sign(),
    "impulse": lambda shape: (torch.arange(prod(shape)) == prod(shape) // 2).reshape(shape),
    "tiny": lambda shape: 1e-20 * torch.randn(shape),
    "quiet": lambda shape: torch.full(shape, -100.0),
    "loud": lambda shape: torch.full(shape, 100.0),
}
"""As waveforms, as vectors and costs, and, the last two, as levels in decibels and as logits."""


def call(function: Callable[..., Any], inputs: list[Tensor]) -> list[Tensor] | None:
    """Return the floats that a block makes, or None if it refuses.

    Raises:
        AssertionError: If it fails in another way.
    """
    try:
        return tensors(function(*inputs))
    except Exception as error:
        if not is_refusal(error):
            raise AssertionError(f"an accident: {error!r}") from error
        return None


def stay_finite(block: Block) -> None:
    """Try silence, a constant, full clipping and extreme levels, in training and after it."""
    made = block.make()
    for training in (True, False) if isinstance(made, nn.Module) else (False,):
        for name, sound in SOUNDS.items():
            if isinstance(made, nn.Module):
                made.train(training)
            _stays_finite(block, made, name, sound)


def _stays_finite(block: Block, made: Callable[..., Any], name: str, sound: Fill) -> None:
    inputs = [x.requires_grad_() for x in block.filled(sound, 2)]
    output = call(made, inputs)
    assert output is not None, f"{name} is refused"
    if block.undefined and not all(x.isfinite().all() for x in output):
        return
    assert all(x.isfinite().all() for x in output), f"{name} is not finite"
    moving = [x.abs().square().mean() for x in output if x.requires_grad]
    if moving:
        weights = [*made.parameters()] if isinstance(made, nn.Module) else []
        inputs += [weight for weight in weights if weight.requires_grad]
        slopes = torch.autograd.grad(torch.stack(moving).sum(), inputs, allow_unused=True)
        finite = all(slope is None or slope.isfinite().all() for slope in slopes)
        assert finite or block.undefined, f"{name} has a gradient that is not finite"


@torch.no_grad()
def show_nan(block: Block) -> None:
    """Try nan and infinities in one item: the others stay as they are, and no number is made up."""
    made = block.make()
    if isinstance(made, nn.Module):
        made.eval()
    inputs = block.filled(torch.randn, 3)
    expected = call(made, inputs)
    assert expected is not None
    for bad in (torch.nan, torch.inf, -torch.inf):
        broken = [x.clone() for x in inputs]
        for x in broken:
            x[slice(None) if block.together else 0] = bad
        if (found := call(made, broken)) is None:
            continue
        assert found, f"{bad} is taken for an answer"
        for x, y in zip(found, expected, strict=True):
            if not block.together:
                torch.testing.assert_close(x[1:], y[1:], rtol=0, atol=0, equal_nan=True)
            if bad != bad and not block.answers:  # infinity may be told: it is loud
                shown = x.isnan() if block.together else x[:1].isnan()
                assert shown.any() if block.partly else shown.all(), "nan becomes a number"


@torch.no_grad()
def take_short(block: Block) -> None:
    """Try one and two frames or samples, none, and a batch of none: all well, or refused."""
    made = block.make()
    if isinstance(made, nn.Module):
        made.eval()
    for batch, time in ((2, 1), (2, 2), (2, 0), (0, None)):
        output = call(made, block.filled(torch.randn, batch, time))
        if output is not None and not block.undefined:
            assert all(x.isfinite().all() for x in output)
