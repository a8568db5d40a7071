"""Two branches mix by a learned matrix for each channel."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from seldkit.layers import CrossStitch

Golden = Callable[[str], Path]


@pytest.mark.parametrize("rank", ["3", "4"])
def test_the_sequential_form_equals_the_published_code(golden: Golden, rank: str) -> None:
    arrays = {k: torch.from_numpy(v) for k, v in np.load(golden("einv2/cross_stitch.npz")).items()}
    stitch = CrossStitch(16, sequential=True)
    stitch.load_state_dict({"weight": arrays["weight"]})
    a, b = stitch(arrays[f"x{rank}"], arrays[f"y{rank}"])
    torch.testing.assert_close(a, arrays[f"ox{rank}"], rtol=0, atol=1e-6)
    torch.testing.assert_close(b, arrays[f"oy{rank}"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("sequential", [False, True])
def test_both_forms_equal_the_paper_s_and_the_code_s(golden: Golden, sequential: bool) -> None:
    path = golden("roam/cross_stitch.npz")
    arrays = {k: torch.from_numpy(v) for k, v in np.load(path).items()}
    stitch = CrossStitch(5, sequential=sequential, dtype=torch.float64)
    stitch.load_state_dict({"weight": arrays["weight"]})
    sed, doa = stitch(arrays["sed"], arrays["doa"])
    wanted = arrays["doa_out_ein_sequential" if sequential else "doa_out"]
    torch.testing.assert_close(sed, arrays["sed_out"], rtol=0, atol=1e-12)
    torch.testing.assert_close(doa, wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("sequential", [False, True])
def test_the_formula_by_hand(sequential: bool) -> None:
    stitch = CrossStitch(2, sequential=sequential)
    weight = [[[1.0, 2.0], [3.0, 4.0]], [[0.0, 1.0], [1.0, 0.0]]]  # the second channel swaps
    stitch.load_state_dict({"weight": torch.tensor(weight)})
    a, b = torch.tensor([[[10.0, 20.0]]]), torch.tensor([[[1.0, 2.0]]])
    mixed_a, mixed_b = stitch(a, b)
    assert mixed_a.tolist() == [[[12.0, 2.0]]]
    assert mixed_b.tolist() == [[[3 * 12 + 4.0, 2.0]]] if sequential else [[[34.0, 20.0]]]


@pytest.mark.parametrize("sequential", [False, True])
def test_maps_and_sequences_are_mixed_alike(sequential: bool) -> None:
    stitch = CrossStitch(3, sequential=sequential)
    a, b = torch.randn(2, 2, 3, 5, 4)
    maps = stitch(a, b)
    for bin_ in range(4):
        sequences = stitch(a[..., bin_].mT, b[..., bin_].mT)
        for map_, sequence in zip(maps, sequences, strict=True):
            torch.testing.assert_close(map_[..., bin_], sequence.mT)


def test_the_identity_keeps_the_branches_apart() -> None:
    stitch = CrossStitch(3)
    nn.init.zeros_(stitch.weight)
    stitch.weight.data += torch.eye(2)
    a, b = torch.randn(2, 1, 5, 3)
    assert all(torch.equal(x, y) for x, y in zip(stitch(a, b), (a, b), strict=True))


@pytest.mark.parametrize("sequential", [False, True])
def test_gradients(sequential: bool) -> None:
    stitch = CrossStitch(2, sequential=sequential, dtype=torch.float64)
    for shape in ((1, 2, 3, 2), (1, 3, 2)):
        a, b = torch.randn(2, *shape, dtype=torch.float64).unbind()
        inputs = (stitch.weight, a.requires_grad_(), b.requires_grad_())

        def mix(
            weight: torch.Tensor, a: torch.Tensor, b: torch.Tensor
        ) -> tuple[torch.Tensor, torch.Tensor]:
            out = torch.func.functional_call(stitch, {"weight": weight}, (a, b))
            return out[0], out[1]

        assert torch.autograd.gradcheck(mix, inputs)


def test_initialisation_and_repr() -> None:
    weight = CrossStitch(500, low=0.2, high=0.4).weight
    assert 0.2 <= weight.min() < 0.21
    assert 0.39 < weight.max() <= 0.4
    own = CrossStitch(3, own=0.9).weight
    torch.testing.assert_close(own, torch.tensor([[0.9, 0.1], [0.1, 0.9]]).expand(3, 2, 2))
    assert CrossStitch(8, device=torch.device("meta")).weight.is_meta
    shared = CrossStitch(3, own=0.9, shared=True)
    assert shared.weight.shape == (1, 2, 2)
    for shape in ((2, 3, 5, 4), (2, 5, 3)):
        a, b = torch.randn(2, *shape).unbind()
        for ours, wanted in zip(shared(a, b), CrossStitch(3, own=0.9)(a, b), strict=True):
            torch.testing.assert_close(ours, wanted)
    assert "8, sequential=True" in repr(CrossStitch(8, sequential=True))
    assert "own=0.9" in repr(CrossStitch(8, own=0.9))


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="channels must be at least 1, got 0"):
        CrossStitch(0)
    with pytest.raises(ValueError, match="a and b must have the same shape"):
        CrossStitch(2)(torch.zeros(1, 5, 2), torch.zeros(1, 4, 2))
    for shape in ((1, 2, 5), (1, 5, 2, 2), (5, 2)):
        a = torch.zeros(shape)
        with pytest.raises(ValueError, match=r"a must be \(batch, channel=2, time, freq\) or"):
            CrossStitch(2)(a, a)
