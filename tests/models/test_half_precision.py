"""Networks that are wholly in half precision survive silence, and what is loud."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils import _pytree

from networks import Network, each_network

SOUNDS: dict[str, Callable[..., Tensor]] = {
    "zeros": lambda *shape: torch.zeros(shape),
    "silence": lambda *shape: torch.full(shape, -100.0),
    "loud": lambda *shape: torch.full(shape, 100.0),
    "noise": lambda *shape: 20 * torch.randn(shape),
}


def outputs(output: Any) -> list[Tensor]:
    """Return the tensors of an output."""
    return [x for x in _pytree.tree_leaves(output) if x is not None]


@each_network
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("training", [False, True])
def test_no_sound_gives_nan(network: Network, dtype: torch.dtype, training: bool) -> None:
    module = network.build().to(dtype).train(training)
    for name, sound in SOUNDS.items():
        features = sound(2, network.channels, network.frames, network.bins).to(dtype)
        with torch.no_grad():
            found = outputs(module(features))
        assert all(x.dtype == dtype for x in found)
        assert all(x.isfinite().all() for x in found), name


@each_network
@pytest.mark.parametrize("sound", SOUNDS)
def test_bfloat16_trains_on_any_sound(network: Network, sound: str) -> None:
    module = network.build().bfloat16()
    features = SOUNDS[sound](2, network.channels, network.frames, network.bins).bfloat16()
    torch.stack([x.float().square().mean() for x in outputs(module(features))]).sum().backward()
    gradients = [p.grad for p in module.parameters() if p.grad is not None]
    assert gradients
    assert all(gradient.isfinite().all() for gradient in gradients)
    assert all(x.isfinite().all() for x in module.state_dict().values())
