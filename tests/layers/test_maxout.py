"""Of two maps each place keeps the stronger one."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from seldkit.layers import MaxFeatureMap, TripletAttention, max_feature_map
from seldkit.layers.maxout import Norm
from transforms import assert_compiles_and_exports

Golden = Callable[[str], Path]


def arrays(golden: Golden) -> dict[str, Tensor]:
    """Return the arrays of LightCNN's layer."""
    return {k: torch.from_numpy(v) for k, v in np.load(golden("roam/mfm.npz")).items()}


def published(files: dict[str, Tensor], case: str, name: str, kernel_size: int) -> MaxFeatureMap:
    """Return the layer with the published weights of a case."""
    weight, bias = (files[f"{case}/sd/{name}.{kind}"] for kind in ("weight", "bias"))
    layer = MaxFeatureMap(weight.shape[1], weight.shape[0] // 2, kernel_size, norm="none")
    layer.load_state_dict({"conv.weight": weight, "conv.bias": bias})
    return layer


@pytest.mark.parametrize(("case", "kernel_size"), [("conv", 3), ("conv5", 5)])
def test_the_layer_equals_the_published_one(golden: Golden, case: str, kernel_size: int) -> None:
    files = arrays(golden)
    layer = published(files, case, "filter", kernel_size)
    torch.testing.assert_close(layer(files[f"{case}/x"]), files[f"{case}/y"], rtol=0, atol=1e-6)


def test_a_group_is_two_layers(golden: Golden) -> None:
    files = arrays(golden)
    group = nn.Sequential(
        published(files, "group", "conv_a.filter", 1), published(files, "group", "conv.filter", 3)
    )
    torch.testing.assert_close(group(files["group/x"]), files["group/y"], rtol=0, atol=1e-6)


def test_the_function_alone_and_after_a_linear_layer(golden: Golden) -> None:
    files = arrays(golden)
    assert torch.equal(max_feature_map(files["bare/x"]), files["bare/y"])
    filters = (files[f"linear/sd/filter.{kind}"] for kind in ("weight", "bias"))
    y = max_feature_map(nn.functional.linear(files["linear/x"], *filters), dim=-1)
    torch.testing.assert_close(y, files["linear/y"], rtol=0, atol=1e-6)


def test_a_tie_halves_the_gradient(golden: Golden) -> None:
    files = arrays(golden)
    x = files["tie/x"].requires_grad_()
    max_feature_map(x).sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, files["tie/grad_x"])
    assert 0.5 in x.grad


@given(st.integers(0, 100), st.sampled_from([1, -1]), st.booleans())
def test_the_gradient_is_that_of_torch(seed: int, dim: int, last: bool) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(-2, 3, (2, 6, 5, 4), generator=generator).double()  # with many ties
    order = torch.channels_last if last else torch.contiguous_format
    x = x.contiguous(memory_format=order).requires_grad_()
    y = max_feature_map(x, dim)
    wanted = torch.maximum(*x.chunk(2, dim))
    grad = torch.randn(y.shape, generator=generator, dtype=torch.float64)
    assert torch.equal(y, wanted)
    assert y.stride() == wanted.stride()
    assert torch.equal(*(torch.autograd.grad(out, x, grad)[0] for out in (y, wanted)))


def test_infinite_halves() -> None:
    inf = torch.inf
    x = torch.tensor([[inf, inf, -inf, -inf, inf, -inf, 0.0, -inf]]).requires_grad_()
    assert max_feature_map(x).tolist() == [[inf, inf, 0.0, -inf]]
    assert torch.autograd.grad(max_feature_map(x).sum(), x)[0].tolist() == [
        [0.5, 1.0, 0.0, 0.5, 0.5, 0.0, 1.0, 0.5]
    ]


@given(st.integers(1, 4), st.integers(0, 10))
def test_halves_may_change_places(channels: int, seed: int) -> None:
    x = torch.randn(2, 2 * channels, 3, generator=torch.Generator().manual_seed(seed))
    first, second = x.chunk(2, dim=1)
    y = max_feature_map(x)
    assert torch.equal(y, max_feature_map(torch.cat((second, first), dim=1)))
    assert torch.equal(y, torch.where(first > second, first, second))


@pytest.mark.parametrize(
    ("norm", "normed"), [("pre", 16), ("post", 8), ("none", 0)], ids=["pre", "post", "none"]
)
def test_where_batch_norm_stands(norm: Norm, normed: int) -> None:
    layer, x = MaxFeatureMap(3, 8, norm=norm), torch.randn(2, 3, 7, 5)
    names: dict[str, tuple[int, ...]] = {"conv.weight": (16, 3, 3, 3)}
    if norm == "none":
        names["conv.bias"] = (16,)
    else:
        names |= dict.fromkeys(
            ("norm.weight", "norm.bias", "norm.running_mean", "norm.running_var"), (normed,)
        )
        names["norm.num_batches_tracked"] = ()
    assert {k: tuple(v.shape) for k, v in layer.state_dict().items()} == names
    y = layer(x)
    maps = layer.conv(x)
    expected = max_feature_map(layer.norm(maps) if norm == "pre" else maps)
    expected = layer.norm(expected) if norm == "post" else expected
    torch.testing.assert_close(y, expected)
    if norm == "post":
        torch.testing.assert_close(y.mean(dim=(0, 2, 3)), torch.zeros(8), rtol=0, atol=1e-5)


def test_an_attention_acts_on_the_first_map_alone() -> None:
    class Deaf(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.full_like(x, -torch.inf)

    layer, x = MaxFeatureMap(3, 4, norm="none", attention=Deaf()), torch.randn(1, 3, 6, 5)
    assert torch.equal(layer(x), layer.conv(x)[:, 4:])
    attention = TripletAttention(3)
    attentive = MaxFeatureMap(3, 4, norm="none", attention=attention)
    first, second = attentive.conv(x).chunk(2, dim=1)
    torch.testing.assert_close(attentive(x), torch.maximum(attention(first), second))


@pytest.mark.parametrize("norm", ["pre", "post", "none"])
@pytest.mark.parametrize("attentive", [False, True])
def test_every_weight_learns(norm: Norm, attentive: bool) -> None:
    layer = MaxFeatureMap(3, 4, norm=norm, attention=TripletAttention(3) if attentive else None)
    x = torch.randn(1, 3, 5, 7)
    kept = x.clone()
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(x)
    assert y.isfinite().all()
    layer(x).square().mul(torch.randn(1, 4, 5, 7)).mean().backward()
    assert torch.equal(x, kept)
    for name, parameter in layer.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


def test_gradients() -> None:
    layer = MaxFeatureMap(2, 2, norm="none", dtype=torch.float64)
    x = torch.randn(1, 2, 3, 4, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(layer, x)
    assert torch.autograd.gradcheck(max_feature_map, x, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(max_feature_map, x)


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
def test_gradients_in_forward_mode() -> None:
    x = torch.randn(1, 2, 3, 4, dtype=torch.float64)
    jacobians = (
        jacobian(max_feature_map)(x) for jacobian in (torch.func.jacfwd, torch.func.jacrev)
    )
    torch.testing.assert_close(*jacobians)


def test_gradients_of_each_clip() -> None:
    layer, x = MaxFeatureMap(3, 2, norm="none"), torch.randn(4, 3, 5, 6)

    def loss(weights: dict[str, Tensor], clip: Tensor) -> Tensor:
        y: Tensor = torch.func.functional_call(layer, weights, (clip[None],))
        return y.square().sum()

    weights: dict[str, Tensor] = dict(layer.named_parameters())
    each = torch.func.vmap(torch.func.grad(loss), (None, 0))(weights, x)
    layer(x).square().sum().backward()
    for name, weight in weights.items():
        torch.testing.assert_close(each[name].sum(dim=0), weight.grad)


def test_the_start_keeps_the_mean_square() -> None:
    y = MaxFeatureMap(64, 64, norm="none")(torch.randn(2, 64, 30, 30))
    assert 0.7 < y.square().mean() < 1.3
    assert MaxFeatureMap(3, 4, device=torch.device("meta")).conv.weight.is_meta
    assert "norm='post'" in repr(MaxFeatureMap(3, 4, norm="post"))


@pytest.mark.transforms
def test_compiles_and_exports() -> None:
    assert_compiles_and_exports(MaxFeatureMap(3, 4), torch.randn(2, 3, 5, 7))


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="out_channels must be at least 1, got 0"):
        MaxFeatureMap(3, 0)
    with pytest.raises(ValueError, match="kernel_size must be odd, got 4"):
        MaxFeatureMap(3, 4, 4)
    with pytest.raises(ValueError, match="norm must be one of 'pre', 'post', 'none', got 'batch'"):
        MaxFeatureMap(3, 4, norm="batch")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"x must be \(batch, channel=3, time, freq\), got shape"):
        MaxFeatureMap(3, 4)(torch.zeros(1, 4, 5, 5))
    with pytest.raises(ValueError, match=r"x must have an even number of channels, got shape"):
        max_feature_map(torch.zeros(1, 3, 5, 5))
