"""Mamba-2 and BiMamba: the formula by hand, the published numbers, streams and lengths."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from seldkit.layers import BiMamba, Mamba2, MambaBlock, StreamingStep, step_size
from transforms import assert_compiles_and_exports

SIZES: dict[str, Any] = {"state": 3, "head_channels": 4, "chunk": 4}
PUBLISHED = {
    "mamba2_for": "mixer.ahead",
    "mamba2_back": "mixer.back",
    "layer_norm": "norm",
    "A_log": "log_rate",
    "dt_bias": "step_bias",
    "in_proj": "project",
    "out_proj": "reduce",
    "conv1d": "depthwise",
    ".D": ".skip",
}


def mamba(**settings: Any) -> Mamba2:
    """Return a layer of eight channels in double precision, with weights of all signs."""
    module = Mamba2(8, **(SIZES | {"bias": True} | settings)).double().eval()
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)
    return module


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64)


def stack(channels: int, num_layers: int, **settings: Any) -> nn.Sequential:
    """Return the published BiMamba."""
    blocks = (MambaBlock(channels, mixer=BiMamba(channels, **settings)) for _ in range(num_layers))
    return nn.Sequential(*blocks, nn.LayerNorm(channels))


def test_two_blocks_equal_the_published_ones(golden: Callable[[str], Path]) -> None:
    weights = {}
    for key, value in np.load(golden("recent/bimamba_blocks.npz")).items():
        name = key.removeprefix("w:layers.").replace("w:norm", "2")
        for theirs, ours in PUBLISHED.items():
            name = name.replace(theirs, ours)
        weights[name] = torch.from_numpy(value)
    x, y = weights.pop("x"), weights.pop("y")
    blocks = stack(16, 2, state=8, head_channels=8, bias=True, chunk=8).eval()
    blocks.load_state_dict(weights)
    with torch.no_grad():
        each: Any = list(blocks)[:2]
        for block in each:
            # There the sequence is padded to whole chunks, and what reads back begins with those.
            padded = functional.pad(x, (0, 0, 0, 3)).flip(1)
            back = block.mixer.back(padded).flip(1)[:, :21]
            x = block.norm(x + block.mixer.ahead(x) + back)
        # The published clamp lets later frames leak a little, which stays below this.
        torch.testing.assert_close(blocks[2](x), y, rtol=0, atol=1e-5)


def test_sizes_of_the_published_forms() -> None:
    with torch.device("meta"):
        counts = [
            sum(p.numel() for p in module.parameters())
            for module in (Mamba2(512, state=128), stack(512, 2, state=128))
        ]
        # The entry to DCASE 2025:
        wide = sum(p.numel() for p in stack(2048, 2, bias=True).parameters())
        assert stack(8, 1, **SIZES)(torch.zeros(2, 5, 8)).shape == (2, 5, 8)
    assert counts == [1_719_600, 6_881_472]
    assert wide == 102_391_808


@pytest.mark.parametrize("kernel_size", [1, 4])
@pytest.mark.parametrize("bias", [True, False])
def test_the_formula_by_hand(kernel_size: int, bias: bool) -> None:
    module = mamba(kernel_size=kernel_size, bias=bias)
    x = noise(2, 7, 8)
    zero = torch.zeros(())
    assert module.depthwise.bias is not None
    with torch.no_grad():
        rows = x @ module.project.weight.T + (module.project.bias if bias else zero)
        gate, mixed, step = rows.split([16, 22, 4], dim=2)
        padded = functional.pad(mixed, (0, 0, kernel_size - 1, 0))
        lags = torch.stack([padded[:, lag : lag + 7] for lag in range(kernel_size)], dim=3)
        mixed = (lags * module.depthwise.weight[:, 0]).sum(dim=3) + module.depthwise.bias
        mixed = mixed * mixed.sigmoid()
        x_heads, write, read = mixed.split([16, 3, 3], dim=2)
        heads = x_heads.unflatten(2, (4, 4))
        step = (1 + (step + module.step_bias).exp()).log()
        state, made = noise(2, 4, 4, 3) * 0, []
        for t in range(7):
            decay = torch.exp(-step[:, t] * module.log_rate.exp())[..., None, None]
            written = heads[:, t, :, :, None] * write[:, t, None, None]
            state = decay * state + step[:, t, :, None, None] * written
            made.append((state * read[:, t, None, None]).sum(dim=3))
        y = torch.stack(made, dim=1) + module.skip[:, None] * heads
        y = y.flatten(2) * gate * gate.sigmoid()
        y = y / (y.square().mean(dim=2, keepdim=True) + 1e-5).sqrt() * module.norm.weight
        y = y @ module.reduce.weight.T + (module.reduce.bias if bias else zero)
        torch.testing.assert_close(module(x), y)


@settings(max_examples=15)
@given(st.integers(1, 20), st.integers(1, 24), st.data())
def test_chunks_change_nothing_and_later_frames_neither(
    time: int, chunk: int, data: st.DataObject
) -> None:
    module, x = mamba(), noise(1, time, 8)
    other = mamba(chunk=chunk)
    other.load_state_dict(module.state_dict())
    with torch.no_grad():
        y = module(x)
        torch.testing.assert_close(other(x), y, rtol=0, atol=1e-10)
        frame = data.draw(st.integers(0, time))
        later = torch.cat((x[:, :frame], noise(1, time - frame, 8)), dim=1)
        assert torch.equal(module(later)[:, :frame], y[:, :frame])


def test_bimamba_is_the_sum_of_both_directions() -> None:
    module, x = BiMamba(8, **SIZES).double(), noise(2, 9, 8)
    torch.testing.assert_close(module(x), module.ahead(x) + module.back(x.flip(1)).flip(1))
    turned = BiMamba(8, **SIZES).double()
    turned.ahead.load_state_dict(module.back.state_dict())
    turned.back.load_state_dict(module.ahead.state_dict())
    torch.testing.assert_close(turned(x.flip(1)).flip(1), module(x))
    assert module(x)[:, 0].ne(module(torch.cat((x[:, :8], -x[:, 8:]), dim=1))[:, 0]).any()


@pytest.mark.parametrize("mixer", [Mamba2, BiMamba])
@pytest.mark.parametrize("start", ["mamba", "small"])
@pytest.mark.parametrize("shape", [(1, 1), (3, 6)])
def test_training_reaches_every_parameter(mixer: Any, start: str, shape: tuple[int, int]) -> None:
    module = MambaBlock(8, mixer=mixer(8, start=start, bias=True, **SIZES)).train()
    x = torch.randn(*shape, 8)
    kept = x.clone()
    module(x).square().mul(torch.randn(8)).sum().backward()
    assert torch.equal(x, kept)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())


def test_long_sequences_and_strong_inputs_stay_finite() -> None:
    module = Mamba2(8, state=4, head_channels=8)
    x = (100 * torch.randn(1, 3000, 8)).requires_grad_()
    y = module(x)
    y.square().mean().backward()
    assert x.grad is not None
    assert y.isfinite().all()
    assert x.grad.isfinite().all()


def test_gradients() -> None:
    assert torch.autograd.gradcheck(mamba(chunk=2), noise(1, 3, 8).requires_grad_())


def test_half_precision() -> None:
    module = MambaBlock(16, mixer=BiMamba(16, head_channels=8), dropout=0.0)
    x = torch.randn(2, 9, 16)
    with torch.autocast("cpu", torch.bfloat16):
        y = module(x)
        y.square().sum().backward()
    assert y.isfinite().all()
    torch.testing.assert_close(y.float(), module(x), rtol=0, atol=0.1)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())


def test_the_start_is_that_of_the_authors() -> None:
    module = Mamba2(64, head_channels=2)
    step = functional.softplus(module.step_bias)
    assert ((step > 0.00099) & (step < 0.101)).all()
    assert ((module.log_rate.exp() >= 0.999) & (module.log_rate.exp() <= 16.001)).all()
    assert (module.skip == 1).all()
    small = Mamba2(64, head_channels=2, start="small", bias=True)
    assert max(small.step_bias.abs().max(), small.skip.abs().max()) <= 0.1
    assert ((small.log_rate >= -2) & (small.log_rate <= -1)).all()
    assert (small.reduce.bias == 0).all()
    starts: list[Any] = ["mamba", "small"]
    for start in starts:
        again = Mamba2(8, start=start, **SIZES)
        for parameter in again.parameters():
            nn.init.constant_(parameter, 7.0)
        again.reset_parameters()
        assert all((p != 7.0).all() for p in again.parameters())


def test_names_and_repr() -> None:
    module = Mamba2(8, bias=True, **SIZES)
    linear = {f"{n}.{k}" for n in ("project", "depthwise", "reduce") for k in ("weight", "bias")}
    assert set(module.state_dict()) == linear | {"step_bias", "log_rate", "skip", "norm.weight"}
    assert "8, state=3, head_channels=4, expand=2, kernel_size=4, chunk=4" in repr(module)
    block = MambaBlock(32, device=torch.device("meta"), dtype=torch.float64)
    assert isinstance(block.mixer, BiMamba)
    assert all(p.is_meta and p.dtype == torch.float64 for p in block.parameters())


@pytest.mark.transforms
def test_compiles_and_exports() -> None:
    module = MambaBlock(8, mixer=Mamba2(8, **SIZES), dropout=0.0)
    assert_compiles_and_exports(module, torch.randn(2, 9, 8))


@pytest.mark.transforms
def test_a_step_is_exported() -> None:
    module, x = MambaBlock(8, mixer=Mamba2(8, **SIZES)).eval(), torch.randn(2, 6, 8)
    step = StreamingStep(module, x[:, :3])
    program = torch.export.export(step, (x[:, :3], *step.start(2))).module()
    first, *state = program(x[:, :3], *step.start(2))
    second, *_ = program(x[:, 3:], *state)
    torch.testing.assert_close(torch.cat((first, second), dim=1), module(x))


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="head_channels must divide the 16 inner channels, got 5"):
        Mamba2(8, head_channels=5)
    with pytest.raises(ValueError, match="start must be one of 'mamba', 'small', got 'zero'"):
        Mamba2(8, start="zero", **SIZES)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"x must be \(batch, time, channel=8\), got shape"):
        mamba()(torch.zeros(1, 8, 5))
    with pytest.raises(ValueError, match="x must not be empty along time, got"):
        mamba()(torch.zeros(1, 0, 8))
    with pytest.raises(ValueError, match="x must have at least one frame in a step, got 0"):
        mamba().step(torch.zeros(1, 0, 8))
    with pytest.raises(ValueError, match="BiMamba cannot stream"):
        step_size(MambaBlock(32))
