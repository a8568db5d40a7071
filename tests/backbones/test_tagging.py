"""Tagging networks freeze in any depth, batch norm included, whatever mode is set around them."""

import copy
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seldkit.backbones import CNN14, TaggingOutput, cnn14

NAMES = ["norm", "block1", "block2", "block3", "embedding", "classifier"]


def small() -> CNN14:
    """Return a network of few weights."""
    sizes: dict[str, Any] = {"widths": (4, 6, 8), "pool_time": (2, 2, 1), "pool_freq": (2, 4, 1)}
    return cnn14(5, num_bins=16, embedding_dim=10, **sizes)


def trained(network: CNN14) -> list[str]:
    """Return the parts that a training step changes, in weights or statistics."""
    before = copy.deepcopy(network.state_dict())
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    output: TaggingOutput = network(torch.randn(3, 1, 16, 16))
    output.logits.square().sum().backward()
    optimizer.step()
    prefixes = {
        name: next(prefix for prefix, module in network.named_modules() if module is part)
        for name, part in network.parts().items()
    }
    after: Mapping[str, Tensor] = network.state_dict()
    return [
        name
        for name, prefix in prefixes.items()
        if any(not torch.equal(after[k], before[k]) for k in before if k.startswith(prefix))
    ]


def test_the_parts_hold_all_parameters() -> None:
    network = small()
    assert list(network.parts()) == NAMES
    parts = [id(p) for part in network.parts().values() for p in part.parameters()]
    assert sorted(parts) == sorted(map(id, network.parameters()))


@pytest.mark.parametrize(
    ("ends", "wanted"),
    [
        ({"until": "norm"}, NAMES[:1]),
        ({"until": "block2"}, NAMES[:3]),
        ({"since": "block2"}, NAMES[2:]),
        ({"since": "block1", "until": "block3"}, NAMES[1:4]),
        ({"until": "embedding"}, NAMES[:-1]),
    ],
)
def test_training_changes_all_but_the_frozen_parts(ends: dict[str, str], wanted: list[str]) -> None:
    network = small().train()
    assert trained(network) == NAMES
    assert network.freeze(**ends) is network
    assert list(network.frozen) == wanted
    around = nn.Sequential(network).train()
    assert around.training
    assert network.training
    assert trained(network) == [name for name in NAMES if name not in wanted]


def test_a_frozen_network_is_the_same_in_training() -> None:
    network, x = small().freeze().train(), torch.randn(2, 1, 16, 16)
    output = network(x)
    assert not any(tensor.requires_grad for tensor in output[:2])
    assert torch.equal(output.logits, network.eval()(x).logits)
    assert network.training is False


def test_gradients_pass_through_frozen_parts() -> None:
    x = torch.randn(2, 1, 16, 16, requires_grad=True)
    small().freeze().train()(x).logits.sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0


def test_thawing_step_by_step() -> None:
    network = small().train()
    assert list(network.freeze().frozen) == NAMES
    for until, count in (("block3", 4), ("block1", 2)):
        assert trained(network.freeze(until)) == NAMES[count:]
    assert trained(network.unfreeze()) == NAMES
    assert network.frozen == ()
    assert all(module.training for module in network.modules())


def test_what_the_user_froze_stays_frozen() -> None:
    network = small()
    network.classifier.requires_grad_(False)
    assert not network.freeze("block1").unfreeze().classifier.weight.requires_grad


def test_copies_stay_frozen_and_apart() -> None:
    network = small().freeze("block2")
    copied = copy.deepcopy(network).train()
    assert not copied.blocks[1].training
    copied.unfreeze()
    assert network.frozen == tuple(NAMES[:3])
    assert not any(weight.requires_grad for weight in network.blocks[1].parameters())


@pytest.mark.messages
def test_messages() -> None:
    network = small()
    with pytest.raises(KeyError, match=r"until must be one of norm, block1, .*, got 'block9'"):
        network.freeze("block9")
    with pytest.raises(KeyError, match=r"since must be one of norm, block1, .*, got 'conv'"):
        network.freeze(since="conv")
    with pytest.raises(ValueError, match="until must not come before since='block2', got 'norm'"):
        network.freeze("norm", since="block2")
    assert network.frozen == ()
    output = TaggingOutput(torch.zeros(1, 2), torch.zeros(1, 3))
    with pytest.raises(ValueError, match="activation must be one of 'sigmoid', 'softmax', got 'r"):
        output.probabilities("relu")  # type: ignore[arg-type]
