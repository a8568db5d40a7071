"""Each pair of axes weighs a map by what stands along the third."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from layers.gate_names import GATES, ours
from references.plain_roam import plain_triplet_attention
from seldkit.layers import TripletAttention
from transforms import assert_compiles_and_exports

Golden = Callable[[str], Path]
CASES = range(4)


def renamed(files: dict[str, Tensor], folder: str) -> dict[str, Tensor]:
    """Return the published weights of a folder under our names."""
    prefix = f"{folder}/"
    return {ours(k.removeprefix(prefix)): v for k, v in files.items() if k.startswith(prefix)}


def published(golden: Golden, case: int) -> tuple[TripletAttention, dict[str, Tensor]]:
    """Return the module with the published weights, and all arrays of a case."""
    path = golden(f"roam/triplet_attention_{case}.npz")
    files = {k: torch.from_numpy(v) for k, v in np.load(path).items()}
    module = TripletAttention(spatial=not files["no_spatial"])
    module.load_state_dict(renamed(files, "sd"))
    return module, files


@pytest.mark.parametrize("case", CASES)
def test_the_output_equals_the_published_one(golden: Golden, case: int) -> None:
    module, files = published(golden, case)
    y = module.eval()(files["x"])
    torch.testing.assert_close(y, files["y_eval"], rtol=0, atol=1e-6)
    assert sum(p.numel() for p in module.parameters()) == files["n_params"]


@pytest.mark.parametrize("case", CASES)
def test_each_gate_equals_the_published_branch(golden: Golden, case: int) -> None:
    module, files = published(golden, case)
    for branch, gate in GATES.items():
        if f"branch_{branch}" not in files:
            continue
        alone, _ = published(golden, case)
        for name in GATES.values():
            if name != gate and (other := getattr(alone, name)) is not None:
                torch.nn.init.constant_(other.norm.bias, -200.0)  # its weights are zeros
        weighed = alone.eval()(files["x"]) * len(list(module.children()))
        torch.testing.assert_close(weighed, files[f"branch_{branch}"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_a_training_step_equals_the_published_one(golden: Golden, case: int) -> None:
    module, files = published(golden, case)
    x = files["x"].requires_grad_()
    y = module.train()(x)
    torch.testing.assert_close(y, files["y_train"], rtol=0, atol=2e-6)
    y.square().sum().backward()
    torch.testing.assert_close(x.grad, files["grad_x_train"], rtol=0, atol=2e-5)
    state = module.state_dict()
    for name, wanted in renamed(files, "sd_after_train").items():
        torch.testing.assert_close(state[name], wanted, rtol=1e-5, atol=1e-7)


def test_the_order_of_the_planes_is_that_of_the_filters(golden: Golden) -> None:
    module, files = published(golden, 0)
    swapped = TripletAttention(mean_first=True)
    swapped.load_state_dict(
        {k: v.flip(1) if k.endswith("conv.weight") else v for k, v in module.state_dict().items()}
    )
    y = swapped.eval()(files["x"])
    torch.testing.assert_close(y, files["y_eval"], rtol=0, atol=1e-6)


def test_shapes_of_the_weights_and_the_kernel_by_three() -> None:
    module = TripletAttention(3)
    assert sum(p.numel() for p in module.parameters()) == 60
    expected: dict[str, tuple[int, ...]] = {"conv.weight": (1, 2, 3, 3)} | dict.fromkeys(
        ("norm.weight", "norm.bias", "norm.running_mean", "norm.running_var"), (1,)
    )
    expected["norm.num_batches_tracked"] = ()
    names = {f"{gate}.{k}": shape for gate in GATES.values() for k, shape in expected.items()}
    assert {k: tuple(v.shape) for k, v in module.state_dict().items()} == names


def test_time_and_frequency_play_one_part() -> None:
    module = TripletAttention(3).eval()
    twin = TripletAttention(3).eval()
    state = module.state_dict()
    turned = {"time_freq": "time_freq", "channel_freq": "time_channel"}
    turned |= {"time_channel": "channel_freq"}
    twin.load_state_dict(
        {
            f"{turned[name.split('.')[0]]}.{name.split('.', 1)[1]}": v.mT if v.ndim == 4 else v
            for name, v in state.items()
        }
    )
    x = torch.randn(2, 5, 7, 4)
    torch.testing.assert_close(twin(x.mT), module(x).mT)


ORDERS = [torch.contiguous_format, torch.channels_last]
SIZES = st.tuples(*(st.integers(1, 9) for _ in range(4)))


@given(SIZES, st.booleans(), st.sampled_from(ORDERS), st.integers(0, 100))
def test_values_and_gradients_are_those_of_rotated_maps(
    shape: tuple[int, ...], spatial: bool, order: torch.memory_format, seed: int
) -> None:
    torch.manual_seed(seed)
    module = TripletAttention(3, spatial=spatial, dtype=torch.float64).eval()
    x = torch.randn(shape, dtype=torch.float64).contiguous(memory_format=order).requires_grad_()
    results = module(x), plain_triplet_attention(module, x)
    torch.testing.assert_close(*results)
    assert results[0].stride() == x.stride()
    weights = [x, *module.parameters()]
    grad = torch.randn_like(x)
    torch.testing.assert_close(*(torch.autograd.grad(y, weights, grad) for y in results))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("mean_first", [False, True])
def test_equal_maxima_share_the_gradient(order: torch.memory_format, mean_first: bool) -> None:
    module = TripletAttention(3, mean_first=mean_first, dtype=torch.float64).eval()
    x = torch.randint(-1, 2, (2, 8, 12, 5)).double().contiguous(memory_format=order)

    def pooled(dim: int) -> Tensor:
        planes = x.amax(dim), x.mean(dim)
        return torch.stack(planes[::-1] if mean_first else planes, dim=1)

    x.requires_grad_()
    assert module.time_freq is not None
    weights = (
        module.channel_freq(pooled(2)).transpose(1, 2)
        + module.time_channel(pooled(3).mT).mT.movedim(1, 3)
        + module.time_freq(pooled(1))
    )
    grad = torch.randn_like(x)
    found, wanted = (torch.autograd.grad(y, x, grad)[0] for y in (module(x), x * weights / 3))
    torch.testing.assert_close(found, wanted)
    assert found.stride() == x.stride()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_of_maps_is_kept(dtype: torch.dtype) -> None:
    module = TripletAttention(3).eval()
    x = torch.randn(2, 8, 12, 5).to(dtype).requires_grad_()
    with torch.autocast("cpu", dtype):
        y = module(x)
    exact = module(x.detach().float())
    torch.testing.assert_close(y.float(), exact, rtol=0.02, atol=0.02)
    (grad,) = torch.autograd.grad(y.float().sum(), x)
    assert y.dtype == grad.dtype == dtype


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (1, 3, 1, 9), (2, 64, 5, 1), (1, 2, 301, 3)])
def test_any_size_and_weights_between_0_and_1(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape)
    y = TripletAttention().eval()(x)
    assert y.shape == x.shape
    assert ((y / x > 0) & (y / x < 1)).all()


@pytest.mark.parametrize("spatial", [True, False])
def test_every_weight_learns(spatial: bool) -> None:
    module, x = TripletAttention(spatial=spatial), torch.randn(1, 4, 6, 5)
    kept = x.clone()
    with torch.autocast("cpu", torch.bfloat16):
        assert module(x).isfinite().all()
    module(x).square().sum().backward()
    assert torch.equal(x, kept)
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


@pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning")
def test_gradients() -> None:
    module = TripletAttention(3, dtype=torch.float64).eval()
    x = torch.randn(1, 2, 3, 4, dtype=torch.float64)
    for order in ORDERS:
        lying = x.clone().contiguous(memory_format=order).requires_grad_()
        assert torch.autograd.gradcheck(module, lying, check_batched_grad=True)
        assert torch.autograd.gradgradcheck(module, lying)


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning")
def test_gradients_in_forward_mode() -> None:
    module = TripletAttention(3, dtype=torch.float64).eval()
    x = torch.randint(-1, 2, (1, 2, 3, 4)).double()
    jacobians = (jacobian(module)(x) for jacobian in (torch.func.jacfwd, torch.func.jacrev))
    torch.testing.assert_close(*jacobians)


@pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning")
def test_gradients_of_each_clip() -> None:
    module, x = TripletAttention(3).eval(), torch.randn(4, 3, 5, 6)

    def loss(clip: Tensor) -> Tensor:
        y: Tensor = module(clip[None])
        return y.square().sum()

    each = torch.func.vmap(torch.func.grad(loss))(x)
    whole = torch.func.grad(lambda x: module(x).square().sum())(x)
    torch.testing.assert_close(each, whole)


def test_start_and_repr() -> None:
    module: Any = TripletAttention()
    assert module.channel_freq.norm.momentum == 0.01
    before = module.channel_freq.conv.weight.clone()
    torch.nn.init.zeros_(module.channel_freq.norm.weight)
    module.reset_parameters()
    assert not torch.equal(module.channel_freq.conv.weight, before)
    assert module.channel_freq.norm.weight.item() == 1
    assert "spatial=False, mean_first=True" in repr(
        TripletAttention(spatial=False, mean_first=True)
    )
    assert all(p.is_meta for p in TripletAttention(device=torch.device("meta")).parameters())


@pytest.mark.transforms
@pytest.mark.parametrize("training", [True, False])
def test_compiles_and_exports(training: bool) -> None:
    assert_compiles_and_exports(TripletAttention(3).train(training), torch.randn(2, 3, 5, 7))


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="kernel_size must be odd, got 4"):
        TripletAttention(4)
    with pytest.raises(ValueError, match="kernel_size must be at least 1, got -1"):
        TripletAttention(-1)
    with pytest.raises(ValueError, match=r"momentum must lie in 0\.\.1, got 2"):
        TripletAttention(momentum=2.0)
    with pytest.raises(ValueError, match=r"x must be \(batch, channel, time, freq\), got shape"):
        TripletAttention()(torch.zeros(2, 3, 4))
