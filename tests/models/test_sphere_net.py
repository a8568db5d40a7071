"""The small network on the sphere: shapes, what it sees, turning, learning."""

from typing import Any

import pytest
import torch

from seldkit.formats import DenseMap
from seldkit.losses import energy_map_loss
from seldkit.models import sphere_net


def small(**settings: Any) -> torch.nn.Module:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"in_channels": 2, "height": 8, "width": 16, "widths": (4, 6)}
    return sphere_net(3, **sizes | {"pool_time": 2, "context": 3} | settings)


@pytest.mark.parametrize("distance", [False, True])
def test_its_output_is_that_of_the_format(distance: bool) -> None:
    output = small(distance=distance)(torch.randn(2, 2, 11, 128))
    assert output.shape == ((2, 5, 3, 2, 8, 16) if distance else (2, 5, 3, 8, 16))


def test_a_label_frame_sees_its_neighbours_alone() -> None:
    model = small().eval()
    x = torch.randn(1, 2, 20, 128)
    changed = x.clone()
    changed[:, :, 8:10] += 1.0  # label frame 4
    moved = (model(changed) - model(x)).abs().amax(dim=(0, 2, 3, 4)) > 0
    assert moved.tolist() == [False] * 3 + [True] * 3 + [False] * 4


def test_turned_planes_have_turned_maps() -> None:
    model = small().eval()
    planes = torch.randn(1, 2, 4, 8, 16)
    turned = model(planes.roll(6, dims=-1).flatten(-2))
    # Halving and doubling treat the ends of a picture apart: all but the columns there agree.
    wanted = model(planes.flatten(-2)).roll(6, dims=-1)
    assert (turned - wanted).abs().median() < 1e-4


def test_it_learns_one_scene() -> None:
    model = small()
    format_ = DenseMap(3, 8, 16, sigma_deg=20.0)
    planes = torch.randn(2, 2, 20, 128)
    target = torch.rand(2, 10, 3, 8, 16).gt(0.95).float()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-2)
    losses = []
    for _ in range(20):
        loss = energy_map_loss(model(planes), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
    assert format_.decode(model(planes)[0].detach()).num_frames == 10


@pytest.mark.messages
def test_wrong_settings_are_told() -> None:
    with pytest.raises(ValueError, match="height must be even and width a multiple of 4"):
        sphere_net(1, width=18)
    with pytest.raises(ValueError, match="context must be odd, got 2"):
        sphere_net(1, context=2)
    with pytest.raises(ValueError, match="widths must be fine and coarse"):
        sphere_net(1, widths=(4,))
    with pytest.raises(ValueError, match="x must have at least 5 frames, got 4"):
        sphere_net(1)(torch.zeros(1, 4, 4, 24 * 48))
