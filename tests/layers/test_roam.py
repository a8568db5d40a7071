"""The ROAM block: two max feature maps, then triplet attention."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from layers.gate_names import ours
from seldkit.layers import ROAM
from seldkit.layers.maxout import Norm
from transforms import assert_compiles_and_exports

Golden = Callable[[str], Path]
CASES: dict[str, Norm] = {"nobn": "none", "bn_premax": "pre"}


def published(golden: Golden, case: str) -> tuple[ROAM, dict[str, Tensor]]:
    """Return the block with the reference's weights, and all arrays of a case."""
    path = golden(f"roam/roam_block_{case}.npz")
    files = {k: torch.from_numpy(v) for k, v in np.load(path).items()}
    weights = {}
    for name in (k.removeprefix("sd/") for k in files if k.startswith("sd/")):
        first, rest = name.split(".", 1)
        if first == "attention":
            weights[f"attention.{ours(rest)}"] = files[f"sd/{name}"]
        elif CASES[case] == "pre" or not first.startswith("bn"):
            part = "norm" if first.startswith("bn") else "conv"
            weights[f"map{first[-1]}.{part}.{rest}"] = files[f"sd/{name}"]
    block = ROAM(3, 8, norm=CASES[case])
    block.load_state_dict(weights)
    return block.eval(), files


@pytest.mark.parametrize("case", CASES)
def test_every_stage_equals_the_reference(golden: Golden, case: str) -> None:
    block, files = published(golden, case)
    first = block.map1(files["x"])
    torch.testing.assert_close(first, files["k1"], rtol=0, atol=1e-5)
    torch.testing.assert_close(block.map2(first), files["k2"], rtol=0, atol=1e-5)
    y = block(files["x"])
    torch.testing.assert_close(y, files["y"], rtol=0, atol=1e-5)
    pooled = functional.avg_pool2d(y, (2, 4))
    torch.testing.assert_close(pooled, files["y_avgpool_t2_f4"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("norm", ["pre", "post", "none"])
def test_every_weight_learns(norm: Norm) -> None:
    block, x = ROAM(3, 4, norm=norm, attention_kernel=3), torch.randn(1, 3, 7, 5)
    kept = x.clone()
    with torch.autocast("cpu", torch.bfloat16):
        assert block(x).isfinite().all()
    y = block(x)
    y.mul(torch.randn_like(y)).sum().backward()
    assert y.shape == (1, 4, 7, 5)
    assert torch.equal(x, kept)
    for name, parameter in block.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


def test_the_number_of_weights() -> None:
    with torch.device("meta"):
        block = ROAM(7, 64, norm="none")
    filters = 2 * (7 * 9 + 1) * 64 + 2 * (64 * 9 + 1) * 64
    assert sum(p.numel() for p in block.parameters()) == filters + 300


def test_all_weights_are_drawn_anew() -> None:
    block = ROAM(3, 4, norm="none")
    before = {k: v.clone() for k, v in block.named_parameters() if "conv.weight" in k}
    block.reset_parameters()
    assert len(before) == 5
    assert not any(torch.equal(before[k], block.get_parameter(k)) for k in before)
    assert ROAM(3, 4, mean_first=True).attention.mean_first


@pytest.mark.transforms
@pytest.mark.parametrize("training", [True, False])
def test_compiles_and_exports(training: bool) -> None:
    block = ROAM(3, 4, attention_kernel=3).train(training)
    assert_compiles_and_exports(block, torch.randn(2, 3, 5, 7))


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match=r"x must be \(batch, channel=3, time, freq\), got shape"):
        ROAM(3, 4)(torch.zeros(1, 4, 5, 5))
