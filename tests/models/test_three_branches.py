"""NERC-SLIP: a branch for distance, three trainings joined, and the block as published."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from seldkit.layers import ConformerBlock, RelativePositionAttention
from seldkit.models import SequenceSELD, joined_trainings, resnet_conformer
from seldkit.outputs import SELDOutput

SIZES: dict[str, Any] = {
    "num_bins": 16,
    "widths": (4, 6),
    "pool_time": (1, 1),
    "pool_freq": (4, 2),
    "pool_time_end": 5,
    "num_blocks": 1,
    "channels": 8,
    "num_layers": 1,
    "kernel_size": 3,
    "num_heads": 2,
}
FAR: dict[str, Any] = {"distance": True, "distance_branch": "own", "distance_activation": "relu"}
PARTS = {
    "ff1.fn.norm": "feedforward1.norm",
    "ff1.fn.fn.net.0": "feedforward1.expand",
    "ff1.fn.fn.net.3": "feedforward1.reduce",
    "attn.norm": "attention_norm",
    "attn.fn.to_q": "attention.query",
    "attn.fn.to_out": "attention.output",
    "attn.fn.rel_pos_emb": "attention.distance",
    "conv.net.0": "convolution.norm",
    "conv.net.2": "convolution.expand",
    "conv.net.4.conv": "convolution.depthwise",
    "conv.net.5": "convolution.batch_norm",
    "conv.net.7": "convolution.reduce",
    "ff2.fn.norm": "feedforward2.norm",
    "ff2.fn.fn.net.0": "feedforward2.expand",
    "ff2.fn.fn.net.3": "feedforward2.reduce",
    "post_norm": "norm",
}


def small(**arguments: Any) -> SequenceSELD:
    """Return a network of few weights."""
    return resnet_conformer(3, **SIZES | arguments)


def test_published_sizes() -> None:
    late: dict[str, Any] = {"pool_time": (1, 1, 1, 1), "pool_time_end": 5}
    with torch.device("meta"):
        own, shared = resnet_conformer(13, **FAR, **late), resnet_conformer(13, distance=True)
    assert sum(p.numel() for p in own.parameters()) == 11_754_297
    assert sum(p.numel() for p in shared.parameters()) == 11_688_505


def test_the_published_block(golden: Callable[[str], Path]) -> None:
    with np.load(golden("recent/nercslip_conformer_block.npz")) as file:
        arrays = {name: torch.from_numpy(file[name]) for name in file.files}
    attention = RelativePositionAttention(16, num_heads=4, positions="shaw", qkv_bias=False)
    block = ConformerBlock(
        16,
        attention=attention,
        kernel_size=7,
        feedforward=2,
        conv_expansion=2,
        depthwise_bias=True,
    ).eval()
    weights: dict[str, Tensor] = {"convolution.batch_norm.num_batches_tracked": torch.tensor(0)}
    for name, x in arrays.items():
        part, _, kind = name.removeprefix("w:").rpartition(".")
        if part == "attn.fn.to_kv":
            weights["attention.key.weight"], weights["attention.value.weight"] = x.chunk(2)
        elif part:
            weights[f"{PARTS[part]}.{kind}"] = x
    block.load_state_dict(weights)
    with torch.no_grad():
        torch.testing.assert_close(block(arrays["x"]), arrays["y"], rtol=0, atol=1e-5)


def test_distance_has_its_own_branch() -> None:
    model, features = small(**FAR), torch.randn(1, 7, 10, 16)
    model(features).distance.sum().backward()
    assert all(p.grad is not None for p in model.branches[2].parameters())
    assert all(p.grad is None for p in model.branches[:2].parameters())
    shared = small(distance=True)
    assert len(shared.branches) == 2
    shared(features).distance.sum().backward()
    assert all(p.grad is not None for p in shared.branches[1].parameters())


@pytest.mark.parametrize("activation", ["relu", "softplus"])
def test_distances_are_not_negative(activation: str) -> None:
    model = small(**FAR | {"distance_activation": activation}).eval()
    distance = model(torch.randn(4, 7, 50, 16)).distance
    assert distance.shape == (4, 10, 3)
    assert (distance >= 0).all()
    assert bool((distance == 0).any()) == (activation == "relu")


def joined() -> tuple[list[SequenceSELD], torch.nn.Module]:
    """Return three networks, and what joins them."""
    networks = [small().eval(), small(**FAR).eval(), small(**FAR).eval()]
    return networks, joined_trainings(*networks).eval()


def test_each_task_is_averaged_where_it_was_trained() -> None:
    networks, model = joined()
    features = torch.randn(2, 7, 10, 16)
    doa, sde, both = (network(features) for network in networks)
    output = model(features)
    probability = torch.stack([x.activity.sigmoid() for x in (doa, sde, both)]).mean(dim=0)
    torch.testing.assert_close(output.activity.sigmoid(), probability)
    torch.testing.assert_close(output.direction, (doa.direction + both.direction) / 2)
    torch.testing.assert_close(output.distance, (sde.distance + both.distance) / 2)


def test_sure_networks_join_without_overflow() -> None:
    class Sure(torch.nn.Module):
        def __init__(self, logit: float) -> None:
            super().__init__()
            self.logit = logit

        def forward(self, features: Tensor) -> SELDOutput:
            places = features[:, 0, :, :1]
            direction = places.unsqueeze(-1).expand(-1, -1, -1, 3)
            return SELDOutput(places + self.logit, direction, places)

    x = torch.zeros(1, 7, 2, 4)
    model = joined_trainings(Sure(200.0), Sure(200.0), Sure(200.0))
    torch.testing.assert_close(model(x).activity, torch.full((1, 2, 1), 200.0))
    model = joined_trainings(Sure(200.0), Sure(-200.0), Sure(-200.0))
    torch.testing.assert_close(model(x).activity.sigmoid(), torch.full((1, 2, 1), 1 / 3))


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="distance must be True for distance_branch='own'"):
        small(distance_branch="own")
    with pytest.raises(ValueError, match="distance_branch must be 'shared' for format='accdoa'"):
        small(distance_branch="own", distance=True, format="accdoa")
    with pytest.raises(ValueError, match="distance_activation must be 'softplus' for format="):
        small(distance_activation="relu", distance=True, format="multi_accdoa")
    with pytest.raises(ValueError, match="sed_sde must estimate distances, got none"):
        joined_trainings(small(), small(), small(**FAR))(torch.zeros(1, 7, 10, 16))
    with pytest.raises(TypeError, match="sed_doa must be a module, got str"):
        joined_trainings("a", "b", "c")  # type: ignore[arg-type]
    tracks = small(format="accdoa")
    with pytest.raises(TypeError, match="sed_sde must return activity and direction, got a Tensor"):
        joined_trainings(small(), tracks, small(**FAR))(torch.zeros(1, 7, 10, 16))
    more = resnet_conformer(4, **SIZES | FAR)
    with pytest.raises(ValueError, match="sed_doa and sed_sde and sed_doa_sde must have the same"):
        joined_trainings(small(), more, small(**FAR))(torch.zeros(1, 7, 10, 16))
