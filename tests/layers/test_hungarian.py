"""The Hungarian network: its published numbers, its loss, and that it learns to match."""

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

from seldkit.assignment import exact_assignment
from seldkit.compat import hungarian_net
from seldkit.layers import HungarianNet
from seldkit.losses import AssociationLoss, association_loss
from seldkit.synth import assignment_examples
from transforms import assert_compiles_and_exports

bce = functional.binary_cross_entropy_with_logits


@pytest.mark.parametrize("tracks", [2, 3])
def test_the_published_numbers(tracks: int, golden: Callable[[str], Path]) -> None:
    with np.load(golden(f"others/hnet_len{tracks}.npz")) as stored:
        x = {name: torch.from_numpy(stored[name]) for name in stored.files}
    network = HungarianNet(tracks)
    weights = {name[2:]: value for name, value in x.items() if name.startswith("w:")}
    network.load_state_dict(hungarian_net.convert(weights))
    with torch.no_grad():
        found = network(x["dist"])
    near: dict[str, Any] = {"rtol": 0.0, "atol": 1e-5}
    torch.testing.assert_close(found.logits.flatten(1), x["assoc_logits"], **near)
    torch.testing.assert_close(found.rows, x["row_logits"], **near)
    torch.testing.assert_close(found.cols, x["col_logits"], **near)


def test_sizes_names_and_repr() -> None:
    network = HungarianNet()
    assert sum(p.numel() for p in network.parameters()) == 100_098
    kinds = [f"gru.{part}_{of}_l0" for part in ("weight", "bias") for of in ("ih", "hh")]
    projections = [f"{name}.weight" for name in ("query", "key", "value", "output")]
    assert set(network.state_dict()) == {*kinds, *projections, "output.bias"}
    assert repr(HungarianNet(3, channels=8)).startswith("HungarianNet(\n  3, channels=8\n")
    for parameter in network.parameters():
        nn.init.constant_(parameter, 7.0)
    network.reset_parameters()
    assert all(parameter.abs().max() < 7 for parameter in network.parameters())
    meta = HungarianNet(3, device=torch.device("meta"), dtype=torch.float64)
    assert all(p.is_meta and p.dtype == torch.float64 for p in meta.parameters())


@settings(max_examples=10)
@given(st.lists(st.integers(0, 3), max_size=3), st.integers(1, 4))
def test_any_axes_come_before_rows(axes: list[int], rows: int) -> None:
    network = HungarianNet(2, channels=4)
    distance = torch.rand(*axes, rows, 2)
    found = network(distance)
    assert found.logits.shape == distance.shape
    assert found.rows.shape == distance.shape[:-1]
    assert found.cols.shape == (*distance.shape[:-2], 2)
    flat = network(distance.reshape(-1, rows, 2)).logits
    torch.testing.assert_close(found.logits, flat.reshape(distance.shape))
    assert torch.equal(network.associate(distance), found.logits.sigmoid())


def test_each_matrix_is_read_by_itself() -> None:
    network, distance = HungarianNet(3, channels=4).double(), torch.rand(5, 3, 3).double()
    alone = torch.cat([network(x).logits for x in distance.split(1)])
    torch.testing.assert_close(network(distance).logits, alone)
    x = distance.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(network(x).logits[1].sum(), x)
    assert gradient[1].any()
    assert not gradient[[0, 2, 3, 4]].any()


def test_it_learns_to_match() -> None:
    network = HungarianNet(2, channels=16)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    examples = assignment_examples(2, seed=0, counts=(3, 5, 15))
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = association_loss(network(examples.distance).logits, examples.association)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.75 * losses[0]


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 4))
def test_the_loss_is_three_cross_entropies(seed: int, rows: int, cols: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(3, 5, rows, cols, generator=generator, dtype=torch.float64)
    target = exact_assignment(torch.rand(logits.shape, generator=generator).double(), limit=0.5)
    plain = (
        bce(logits, target, reduction="sum")
        + bce(logits.amax(-1), target.amax(-1), reduction="sum")
        + bce(logits.amax(-2), target.amax(-2), reduction="sum")
    )
    torch.testing.assert_close(association_loss(logits, target, reduction="sum"), plain)
    torch.testing.assert_close(association_loss(logits, target), plain / 15)
    torch.testing.assert_close(AssociationLoss()(logits, target), plain / 15)
    swapped = association_loss(logits.mT, target.mT)
    torch.testing.assert_close(swapped, plain / 15)


def test_half_precision() -> None:
    network = HungarianNet(2, channels=8)
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(torch.rand(4, 2, 2)).logits
        loss = association_loss(logits, torch.eye(2).expand(4, 2, 2))
    assert loss.dtype == torch.float32
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.transforms
def test_the_hungarian_network_compiles_and_exports() -> None:
    assert_compiles_and_exports(HungarianNet(3, channels=8), torch.rand(2, 4, 3, 3))


@pytest.mark.transforms
@pytest.mark.filterwarnings("ignore:.isinstance.treespec, LeafSpec.. is deprecated:FutureWarning")
def test_the_hungarian_network_runs_in_onnx_runtime() -> None:
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    network, distance = HungarianNet(2, channels=8).eval(), torch.rand(5, 2, 2)
    program = torch.onnx.export(network, (distance,), dynamo=True, optimize=False, verbose=False)
    assert program is not None
    session = runtime.InferenceSession(program.model_proto.SerializeToString())
    found = session.run(None, {session.get_inputs()[0].name: distance.numpy()})
    for made, wanted in zip(found, network(distance), strict=True):
        torch.testing.assert_close(torch.from_numpy(made), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="num_tracks must be at least 1, got 0"):
        HungarianNet(0)
    for shape in ((2,), (4, 2, 3), (4, 0, 2)):
        with pytest.raises(ValueError, match=r"distance must be \(\.\.\., row, col=2\) with r"):
            HungarianNet(2, channels=4)(torch.zeros(shape))
    with pytest.raises(TypeError, match=r"distance must hold floats, got torch\.int64"):
        HungarianNet()(torch.zeros(2, 2, dtype=torch.int64))
    x = torch.zeros(1, 2, 2)
    with pytest.raises(ValueError, match=r"sums of rows and columns of target must be in 0\.\.1, "):
        association_loss(x, torch.ones(1, 2, 2))
    with pytest.raises(ValueError, match=r"logits must be \(\.\.\., row, col\), at least one of"):
        association_loss(x[0, 0], x[0, 0])
    with pytest.raises(ValueError, match=r"mask needs logits \(batch, time, \.\.\., row, col\)"):
        association_loss(x, x, mask=torch.ones(1, 2, dtype=torch.bool))
    wrong: Any = "none"
    with pytest.raises(ValueError, match="reduction must be one of 'mean', 'sum', got 'none'"):
        association_loss(x, x, reduction=wrong)
    with pytest.raises(KeyError, match=r"unknown: \['fc2.bias'\]; missing"):
        hungarian_net.convert({"fc2.bias": torch.zeros(2)})


def test_published_names_come_in_wrappers_too() -> None:
    network = HungarianNet(3, channels=8)
    theirs: dict[str, Tensor] = {}
    for name, weight in network.state_dict().items():
        part = name.split(".")[0]
        attention = {"query": "Q", "key": "K", "value": "V"}
        if part in attention:
            theirs[f"attn.conv_{attention[part]}.weight"] = weight.unsqueeze(2)
        else:
            theirs[name.replace("output", "fc1")] = weight
    copy = HungarianNet(3, channels=8)
    copy.load_state_dict(hungarian_net.convert({f"module.{k}": v for k, v in theirs.items()}))
    distance = torch.rand(4, 3, 3)
    torch.testing.assert_close(copy(distance), network(distance))
