"""Attention over channels: what it computes, sizes, and batches of one."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from seldkit.layers import MultiScaleChannelAttention, SqueezeExcite
from transforms import assert_compiles_and_exports

Make = Callable[..., nn.Module]
LAYERS: dict[str, Make] = {
    "squeeze_excite": SqueezeExcite,
    "multi_scale": MultiScaleChannelAttention,
    "msca_group": lambda channels, **settings: MultiScaleChannelAttention(
        channels, norm="group", **settings
    ),
}
quick = settings(max_examples=20)
every_layer = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)


@pytest.mark.parametrize(("channels", "count"), [(64, 4_576), (128, 17_344), (192, 38_304)])
def test_sizes_of_msca(channels: int, count: int) -> None:
    with torch.device("meta"):
        for norm in ("batch", "group"):
            layer = MultiScaleChannelAttention(channels, norm=norm)
            assert sum(p.numel() for p in layer.parameters()) == count


@every_layer
@quick
@given(st.integers(1, 3), st.integers(2, 40), st.integers(1, 7), st.integers(1, 7))
def test_shapes_and_scales(make: Make, batch: int, channels: int, time: int, freq: int) -> None:
    layer, x = make(channels).eval(), torch.randn(batch, channels, time, freq)
    y = layer(x)
    assert y.shape == x.shape
    assert (y * x >= 0).all()
    assert (y.abs() <= x.abs()).all()


@every_layer
def test_items_do_not_mix(make: Make) -> None:
    layer, x = make(8).eval(), torch.randn(3, 8, 5, 7)
    torch.testing.assert_close(layer(x)[1:2], layer(x[1:2]))


def test_squeeze_excite_is_the_formula() -> None:
    layer, x = SqueezeExcite(8, reduction=4), torch.randn(2, 8, 5, 7)
    assert layer.squeeze.weight.shape == (2, 8)
    nn.init.normal_(layer.excite.bias)
    inner = (layer.squeeze.weight @ x.mean(dim=(2, 3))[1] + layer.squeeze.bias).relu()
    scale = torch.sigmoid(layer.excite.weight @ inner + layer.excite.bias)
    torch.testing.assert_close(layer(x)[1], x[1] * scale[:, None, None])


def test_msca_is_the_formula() -> None:
    layer, x = MultiScaleChannelAttention(8), torch.randn(3, 8, 5, 7)

    def path(stack: nn.Module, x: Tensor) -> Tensor:
        for i in (0, 3):
            conv, norm = stack[i], stack[i + 1]  # type: ignore[index]
            x = torch.einsum("oi,bitf->botf", conv.weight[:, :, 0, 0], x) + conv.bias[:, None, None]
            variance = x.var(dim=(0, 2, 3), correction=0, keepdim=True)
            x = (x - x.mean(dim=(0, 2, 3), keepdim=True)) / (variance + norm.eps).sqrt()
            x = x.relu() if i == 0 else x
        return x

    both = path(layer.near, x) + path(layer.whole, x.mean(dim=(2, 3), keepdim=True))
    torch.testing.assert_close(layer(x), x * both.sigmoid(), rtol=1e-4, atol=1e-5)


@every_layer
def test_gradients_reach_every_parameter(make: Make) -> None:
    layer, x = make(32), torch.randn(4, 32, 5, 7)
    before = x.clone()
    layer(x).square().sum().backward()
    assert torch.equal(x, before)
    for name, parameter in layer.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_a_batch_of_one_trains_with_groups() -> None:
    for layer in (MultiScaleChannelAttention(8, norm="group"), SqueezeExcite(8)):
        y = layer(torch.randn(1, 8, 5, 7))
        y.square().sum().backward()
        assert all(p.grad is not None for p in layer.parameters())
    assert MultiScaleChannelAttention(8).eval()(torch.randn(1, 8, 5, 7)).isfinite().all()


def test_names_are_pinned() -> None:
    bare = {f"{i}.{kind}" for i in (0, 1, 3, 4) for kind in ("weight", "bias")}
    running = {
        f"{i}.{kind}"
        for i in (1, 4)
        for kind in ("running_mean", "running_var", "num_batches_tracked")
    }
    group = {f"{path}.{name}" for path in ("near", "whole") for name in bare}
    batch = group | {f"{path}.{name}" for path in ("near", "whole") for name in running}
    assert set(MultiScaleChannelAttention(8, norm="group").state_dict()) == group
    assert set(MultiScaleChannelAttention(8).state_dict()) == batch
    assert set(SqueezeExcite(8).state_dict()) == {
        f"{part}.{kind}" for part in ("squeeze", "excite") for kind in ("weight", "bias")
    }


@every_layer
def test_start_values_device_and_type(make: Make) -> None:
    layer = make(8, dtype=torch.float64, device=torch.device("meta"))
    assert all(p.is_meta and p.dtype == torch.float64 for p in layer.parameters())
    layer = make(8)
    for parameter in layer.parameters():
        nn.init.constant_(parameter, 3.0)
    layer.reset_parameters()  # type: ignore[operator]
    assert all((p != 3).all() for p in layer.parameters())
    assert "8, reduction=" in repr(layer)


@every_layer
def test_autocast(make: Make) -> None:
    layer = make(8)
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(torch.randn(2, 8, 5, 7))
        y.float().square().sum().backward()
    assert y.isfinite().all()


@pytest.mark.transforms
@pytest.mark.parametrize("training", [True, False])
@every_layer
def test_compiles_and_exports(make: Make, training: bool) -> None:
    assert_compiles_and_exports(make(8).train(training), torch.randn(2, 8, 5, 7))


@pytest.mark.messages
@every_layer
def test_messages_of_every_layer(make: Make) -> None:
    with pytest.raises(ValueError, match="channels must be at least 1, got 0"):
        make(0)
    with pytest.raises(ValueError, match="reduction must be at least 1, got -4"):
        make(8, reduction=-4)
    with pytest.raises(ValueError, match=r"x must be \(batch, channel=8, time, freq\), got shape"):
        make(8)(torch.zeros(2, 4, 5, 7))


@pytest.mark.messages
def test_messages_of_msca() -> None:
    with pytest.raises(ValueError, match="norm must be one of 'batch', 'group', got 'layer'"):
        MultiScaleChannelAttention(8, norm="layer")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="channels must be at least 2 for norm='group', got 1"):
        MultiScaleChannelAttention(1, norm="group")
    message = "x must have more than one item to train norm='batch', got batch=1"
    with pytest.raises(ValueError, match=message):
        MultiScaleChannelAttention(8)(torch.zeros(1, 8, 5, 7))
