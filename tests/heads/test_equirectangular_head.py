"""The head of energy maps: shapes, ranges, turning, and what modules must bear."""

import pytest
import torch

from seldkit.formats import DenseMap
from seldkit.heads import EquirectangularHead
from seldkit.losses import energy_map_loss
from transforms import assert_compiles_and_exports


@pytest.mark.parametrize("distance", [False, True])
def test_its_output_is_that_of_the_format(distance: bool) -> None:
    head = EquirectangularHead(4, 3, hidden=5, distance=distance)
    output = head(torch.randn(2, 6, 4, 8, 12))
    format_ = DenseMap(3, 8, 12, distance=distance)
    assert output[0].shape == format_.encode(format_.decode(output[0].detach()), 6).shape
    energy = output[:, :, :, 0] if distance else output
    assert 0 <= energy.min() < energy.max() <= 1
    assert energy.mean() < 0.2  # most of a map is silent


def test_turned_features_have_turned_maps() -> None:
    head = EquirectangularHead(4, 2).eval()
    x = torch.randn(1, 2, 4, 7, 10)
    torch.testing.assert_close(head(x.roll(3, dims=-1)), head(x).roll(3, dims=-1))


def test_gradients_flow_and_bfloat16_works() -> None:
    head = EquirectangularHead(4, 2, hidden=3)
    x = torch.randn(2, 3, 4, 6, 8)
    with torch.autocast("cpu", torch.bfloat16):
        output = head(x)
        loss = energy_map_loss(output, torch.zeros_like(output))
    loss.backward()
    assert output.dtype == torch.bfloat16
    assert all(p.grad is not None and p.grad.isfinite().all() for p in head.parameters())


def test_names_of_weights() -> None:
    assert sorted(EquirectangularHead(4, 2).state_dict()) == [
        "conv.conv.weight",
        "conv.norm.bias",
        "conv.norm.num_batches_tracked",
        "conv.norm.running_mean",
        "conv.norm.running_var",
        "conv.norm.weight",
        "linear.bias",
        "linear.weight",
    ]
    assert "4, 2, hidden=16, distance=False" in repr(EquirectangularHead(4, 2))


@pytest.mark.transforms
def test_it_compiles_and_exports() -> None:
    head = EquirectangularHead(4, 2, distance=True).eval()
    assert_compiles_and_exports(head, torch.randn(1, 2, 4, 6, 8))


@pytest.mark.messages
def test_other_features_are_told() -> None:
    with pytest.raises(ValueError, match=r"x must be \(batch, time, channel=4, height, width\)"):
        EquirectangularHead(4, 2)(torch.zeros(1, 2, 3, 6, 8))
    with pytest.raises(ValueError, match="hidden must be at least 1, got 0"):
        EquirectangularHead(4, 2, hidden=0)
