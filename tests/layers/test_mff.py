"""TFCM equals the published one and looks back alone; fusion has its published sizes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from seldkit.layers import MFF, TFCM
from transforms import assert_compiles_and_exports

PUBLISHED = {
    "tfcm": "layers",
    "pconv1.0": "conv1",
    "pconv1.1": "norm1",
    "dila_conv.1": "depthwise",
    "dila_conv.2": "norm2",
    "pconv2": "conv2",
}


def seen(module: Any) -> Any:
    """Return a module in evaluation whose batch norms have seen something."""
    for name, value in module.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            value.uniform_(0.5, 1.5)
    return module.eval()


def test_tfcm_equals_the_published_one(golden: Callable[[str], Path]) -> None:
    tensors = {}
    for key, value in np.load(golden("recent/tfcm.npz")).items():
        name = key.removeprefix("w:")
        for theirs, ours in PUBLISHED.items():
            name = name.replace(theirs, ours)
        tensors[name] = torch.from_numpy(value)
    x, y = tensors.pop("x"), tensors.pop("y")
    module = TFCM(6, num_layers=3).eval()
    missing, unexpected = module.load_state_dict(tensors, strict=False)
    assert not unexpected
    assert all(name.endswith("num_batches_tracked") for name in missing)
    with torch.no_grad():
        torch.testing.assert_close(module(x), y, rtol=0, atol=1e-5)


@settings(max_examples=15)
@given(st.integers(1, 4), st.integers(0, 29))
def test_tfcm_sees_the_past_alone_as_far_as_it_says(layers: int, frame: int) -> None:
    module, x = seen(TFCM(2, num_layers=layers)), torch.randn(1, 2, 40, 3)
    other = x.clone()
    other[:, :, frame] += 1.0
    changed = (module(x) != module(other)).any(dim=3).any(dim=1)[0].nonzero().flatten().tolist()
    assert min(changed) == frame
    assert max(changed) <= frame + module.past
    assert module.past == 2 ** (layers + 1) - 2


def test_numbers_of_weights_are_the_published_ones() -> None:
    with torch.device("meta"):
        counts = [
            sum(p.numel() for p in MFF(64, num_scales=scales).parameters()) for scales in (2, 3, 4)
        ]
    assert counts == [668_800, 3_176_512, 13_635_648]


@pytest.mark.parametrize(("scales", "bins"), [(1, 5), (2, 4), (3, 48)])
def test_any_number_of_scales_keeps_the_shape_and_learns(scales: int, bins: int) -> None:
    module, x = MFF(4, num_scales=scales, num_layers=1), torch.randn(2, 4, 3, bins)
    y = module(x)
    assert y.shape == x.shape
    y.mul(torch.randn_like(y)).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())
    with torch.autocast("cpu", torch.bfloat16):
        assert module(x).isfinite().all()


def test_half_of_the_input_is_added_to_a_map_that_is_not_negative() -> None:
    module, x = seen(MFF(4, num_scales=2, num_layers=1)), torch.randn(1, 4, 6, 8)
    assert (module(x) - 0.5 * x).min() > -1e-6


def test_scales_are_brought_to_one_size_by_hand() -> None:
    module: Any = seen(MFF(2, num_scales=2, num_layers=1))
    x = torch.randn(1, 2, 3, 8)
    with torch.no_grad():
        first = module.extractions[0][0](x)
        strided = functional.pad(x, (2, 2)).unfold(3, 7, 4)  # batch channel time bin tap
        conv, norm, _, tfcm = module.extractions[0][1]
        kernel = conv.weight[:, 0, 0]  # two groups: each output reads one channel
        rows = torch.einsum("bctfk,ck->bctf", strided.repeat_interleave(2, dim=1), kernel)
        second = tfcm(functional.relu(norm(rows + conv.bias[:, None, None])))
        (stay, up), (down, stay_low) = module.exchanges[0]
        assert isinstance(stay, nn.Identity)
        assert isinstance(stay_low, nn.Identity)
        held = up[1](up[0](second)).repeat_interleave(4, dim=3)
        high, low = functional.relu(first + held), functional.relu(second + down(first))
        high, low = module.extractions[1][0](high), module.extractions[1][1](low)
        _, up = module.exchanges[1][0]
        wanted = functional.relu(high + up[1](up[0](low)).repeat_interleave(4, dim=3)) + 0.5 * x
        torch.testing.assert_close(module(x), wanted)


def test_parameters_are_drawn_again_and_shown() -> None:
    module = MFF(4, num_scales=2, num_layers=1)
    for parameter in module.parameters():
        nn.init.constant_(parameter, 7.0)
    module.reset_parameters()
    assert all((p != 7.0).all() for p in module.parameters())
    assert repr(module).startswith("MFF(\n  4, num_scales=2, num_layers=1\n")
    meta = MFF(4, num_scales=2, device=torch.device("meta"), dtype=torch.float64)
    assert all(p.is_meta and p.dtype == torch.float64 for p in meta.parameters())


@pytest.mark.transforms
def test_compiles_and_exports() -> None:
    module = MFF(2, num_scales=2, num_layers=1).eval().requires_grad_(False)
    assert_compiles_and_exports(module, torch.randn(2, 2, 5, 8))


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="channels must be even for 2 scales, got 3"):
        MFF(3, num_scales=2)
    with pytest.raises(ValueError, match="x must have a multiple of 16 bins for 3 scales, got sha"):
        MFF(2)(torch.zeros(1, 2, 5, 100))
    with pytest.raises(ValueError, match=r"x must be \(batch, channel=2, time, freq\), got shape"):
        MFF(2)(torch.zeros(1, 3, 5, 16))
    with pytest.raises(ValueError, match=r"x must be \(batch, channel=2, time, freq\), got shape"):
        TFCM(2)(torch.zeros(2, 5, 16))
    with pytest.raises(ValueError, match="num_layers must be at least 1, got 0"):
        TFCM(2, num_layers=0)
