"""Low-rank changes of weights: what the published forms hold, and whoever asks gets them."""

import pickle
from copy import deepcopy
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from seldkit.layers import low_rank_change
from seldkit.layers.low_rank import LowRankChange, add_low_rank, takes_low_rank

LAYERS: dict[str, tuple[nn.Module, tuple[int, ...], tuple[int, int], tuple[int, int]]] = {
    # a layer, its input, and the shapes of A and B for rank 2
    "linear": (nn.Linear(5, 4), (3, 5), (2, 5), (4, 2)),
    "conv of 1": (nn.Conv2d(5, 4, 1), (3, 5, 6, 6), (2, 5), (4, 2)),
    "conv of 3": (nn.Conv2d(5, 4, 3), (3, 5, 6, 6), (6, 15), (12, 6)),
    "conv of 2 and 3": (nn.Conv2d(5, 4, (2, 3)), (3, 5, 6, 6), (4, 15), (8, 4)),
    "conv over time": (nn.Conv1d(5, 4, 3), (3, 5, 6), (2, 15), (4, 2)),
    "strided": (nn.Conv2d(5, 4, 2, stride=2, bias=False), (3, 5, 6, 6), (4, 10), (8, 4)),
}


def changed(layer: nn.Module, rank: int = 2, alpha: float = 3.0) -> Any:
    """Return a copy of a layer with a change that is not none."""
    layer = deepcopy(layer).double()
    add_low_rank(layer, rank=rank, alpha=alpha)
    nn.init.normal_(layer.get_parameter("lora_up"))
    return layer


@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 5), st.floats(-2, 2))
def test_the_change_is_a_scaled_product_of_low_rank(
    rank: int, rows: int, columns: int, scale: float
) -> None:
    down, up = (
        torch.randn(shape, dtype=torch.float64) for shape in ((rank, columns), (rows, rank))
    )
    weight = torch.randn(rows, columns, dtype=torch.float64)
    change = low_rank_change(down, up, weight, scale=scale) - weight
    torch.testing.assert_close(change, scale * (up @ down))
    assert torch.linalg.matrix_rank(change, atol=1e-9) <= rank
    kernel = weight.reshape(rows, columns, 1, 1)
    assert low_rank_change(down, up, kernel, scale=scale).shape == kernel.shape


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_unchanged_at_first_and_then_by_the_product(name: str) -> None:
    plain, shape, down, up = LAYERS[name]
    layer, plain = deepcopy(plain).double(), deepcopy(plain).double()
    x = torch.randn(shape, dtype=torch.float64)
    add_low_rank(layer, rank=2, alpha=3.0)
    assert torch.equal(layer(x), plain(x))
    assert (layer.lora_down.shape, layer.lora_up.shape) == (down, up)
    layer = changed(plain)
    product = (layer.lora_up @ layer.lora_down).reshape(plain.get_parameter("weight").shape)
    with torch.no_grad():
        plain.get_parameter("weight").add_(1.5 * product)
    torch.testing.assert_close(layer(x), plain(x), rtol=1e-12, atol=1e-12)
    layer.fold()
    assert type(layer) is type(plain)
    torch.testing.assert_close(layer.state_dict(), plain.state_dict(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", LAYERS)
def test_names_copies_and_gradients(name: str) -> None:
    plain, shape, *_ = LAYERS[name]
    layer = changed(plain)
    assert set(layer.state_dict()) == {*plain.state_dict(), "lora_down", "lora_up"}
    x = torch.randn(shape, dtype=torch.float64)
    for copy in (deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert type(copy) is type(layer)
        assert torch.equal(copy(x), layer(x))
    layer.requires_grad_(False)
    parts = [layer.lora_down.requires_grad_(), layer.lora_up.requires_grad_()]

    def through(down: Tensor, up: Tensor) -> Tensor:
        state = {"lora_down": down, "lora_up": up}
        output: Tensor = torch.func.functional_call(layer, state, (x[:1],))
        return output

    assert torch.autograd.gradcheck(through, parts, fast_mode=True)


@pytest.mark.parametrize("mode", ["train", "eval", "inference"])
def test_attention_of_pytorch_sees_the_change_in_its_fused_kernels_too(mode: str) -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True).double()
    x = torch.randn(2, 5, 8, dtype=torch.float64)
    with torch.no_grad():
        before = layer.eval()(x)
    for part in list(layer.modules()):
        if takes_low_rank(part):
            add_low_rank(part, rank=2, alpha=2.0)
            nn.init.normal_(part.get_parameter("lora_up"))
    assert sum(isinstance(part, LowRankChange) for part in layer.modules()) == 4
    wanted = layer.train()(x).detach()
    assert not torch.allclose(wanted, before)
    layer.train(mode == "train")
    with torch.inference_mode(mode == "inference"):
        torch.testing.assert_close(layer(x).clone(), wanted, rtol=1e-10, atol=1e-10)


def test_depthwise_and_recurrent_layers_are_left_alone() -> None:
    others = [nn.Conv1d(4, 4, 3, groups=4), nn.GRU(4, 4), nn.LayerNorm(4), nn.Embedding(4, 4)]
    assert not any(map(takes_low_rank, others))
    assert not takes_low_rank(nn.MultiheadAttention(4, 2, kdim=3, vdim=3))


def test_it_is_shown() -> None:
    assert str(changed(nn.Linear(5, 4))).endswith("bias=True, rank=2)")
