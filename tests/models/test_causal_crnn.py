"""The causal network: no label frame sees a later one; every format learns and runs."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils import _pytree

from seldkit.heads import ClassWiseHead
from seldkit.layers import step_size
from seldkit.models import SequenceSELD, causal_crnn
from transforms import assert_compiles_and_exports

SIZES: dict[str, Any] = {
    "num_bins": 16,
    "widths": (4, 8),
    "pool_time": (1, 5),
    "pool_freq": (4, 2),
    "rnn_channels": 8,
    "hidden": (6,),
}


def small(num_classes: int = 3, **arguments: Any) -> SequenceSELD:
    """Return a network of few weights for 16 bins, whose batch norms have seen something."""
    model = causal_crnn(num_classes, **SIZES | arguments)
    for name, value in model.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            value.uniform_(0.5, 1.5)
    return model


@pytest.mark.parametrize("format", ["class_wise", "accdoa", "multi_accdoa"])
@pytest.mark.parametrize("hop_ms", [20, 25])
def test_it_is_small(format: Any, hop_ms: int) -> None:
    frames = 100 // hop_ms
    with torch.device("meta"):
        pool_time = (1, frames, 1, 1)
        model = causal_crnn(14, pool_time=pool_time, format=format, distance=True).eval()
        features = torch.zeros(1, 7, 10 * frames, 64)
    assert sum(p.numel() for p in model.parameters()) <= 2_000_000
    macs = 0
    for name, module in model.named_modules():
        for parameter in module.parameters(recurse=False):
            if parameter.ndim < 2:
                continue
            block = int(name.split(".")[1]) if name.startswith("trunk") else 4
            steps = [10 * frames, 10 * frames, 10, 10, 10][block]
            bins = [64, 16, 8, 4, 1][block]
            macs += parameter.numel() * steps * bins
    assert macs < 150_000_000
    assert _pytree.tree_leaves(model(features))[0].shape[1] == 10


@settings(max_examples=20)
@given(st.integers(1, 5), st.integers(0, 4))
def test_no_label_frame_sees_a_later_one(labels: int, more: int) -> None:
    model, features = small().eval(), torch.randn(2, 7, 30 + more, 16)
    output = model(features)
    assert output.shape == (2, 6, 3, 3, 3)
    features[:, :, 5 * labels :] = torch.nan
    torch.testing.assert_close(model(features)[:, :labels], output[:, :labels])


@pytest.mark.parametrize("format", ["class_wise", "accdoa", "multi_accdoa"])
@pytest.mark.parametrize("extra", [{}, {"distance": True}, {"hidden": ()}, {"rnn_layers": 1}])
def test_every_variant_learns_with_all_its_weights(format: str, extra: dict[str, Any]) -> None:
    model = small(format=format, **extra)
    output = [x for x in _pytree.tree_leaves(model(torch.randn(2, 7, 20, 16))) if x is not None]
    torch.stack([x.square().mean() for x in output]).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_a_scene_is_learned() -> None:
    torch.manual_seed(0)
    model, features = small(2, dropout=0.0), torch.randn(2, 7, 20, 16)
    target = torch.nn.functional.normalize(torch.randn(model(features).shape), dim=-1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for _ in range(60):
        loss = (model(features) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.transforms
@pytest.mark.parametrize("training", [True, False])
def test_compiles_and_exports(training: bool) -> None:
    model = small(dropout=0.0, rnn_layers=1).train(training)
    assert_compiles_and_exports(model, torch.randn(2, 7, 10, 16))


@pytest.mark.messages
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_bins": 7}, r"num_bins must be at least 8 for pool_freq=\(4, 2\), got 7"),
        ({"widths": (4, 8, 8)}, "must have one length, got 3, 2 and 2"),
        ({"format": "class_wise", "planar": True}, "format must be 'accdoa' or 'multi_accdoa'"),
        ({"format": "track_wise"}, "format must be one of 'class_wise', 'accdoa', 'multi_accdoa'"),
    ],
)
def test_messages(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**arguments)
    with pytest.raises(ValueError, match="features must have at least 5 frames"):
        small()(torch.zeros(1, 7, 4, 16))


def test_branches_step_side_by_side_and_not_with_a_video() -> None:
    parts: dict[str, Any] = {"in_channels": 2, "num_bins": 3, "trunk": nn.Identity()}
    parts |= {"sequence": nn.Identity(), "head": ClassWiseHead(6, 2)}
    model = SequenceSELD(**parts, branches=[nn.MaxPool2d((2, 1)), nn.MaxPool2d((2, 1))])
    assert step_size(model) == (2, 1)
    uneven = SequenceSELD(**parts, branches=[nn.Identity(), nn.MaxPool2d((2, 1))])
    with pytest.raises(ValueError, match="branches must make as many frames each"):
        step_size(uneven)
    model = SequenceSELD(**parts, branches=[nn.Identity()] * 2, fusion=nn.Identity())
    for call in (lambda: step_size(model), lambda: model.step(torch.zeros(1, 2, 4, 3))):
        with pytest.raises(ValueError, match="SequenceSELD cannot stream: it reads a video, too"):
            call()
