"""Losses of energy maps by hand, under masks, and against mistakes."""

from typing import Any

import pytest
import torch

from seldkit.losses import (
    ActiveEnergyLoss,
    EnergyMapLoss,
    active_energy_loss,
    energy_map_loss,
)
from transforms import assert_compiles_and_exports


def pair(seed: int = 0, *, maps: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shape = (2, 3, 2, 2, 4, 6) if maps else (2, 3, 2, 4, 6)
    preds, target = torch.rand(2, *shape, generator=generator, dtype=torch.float64)
    return preds, target * (target > 0.7)


def test_cells_with_energy_weigh_ten_times() -> None:
    preds, target = pair()
    weight = torch.where(target > 0, 10.0, 1.0)
    wanted = (weight * (preds - target) ** 2).mean()
    torch.testing.assert_close(energy_map_loss(preds, target), wanted)
    plain = energy_map_loss(preds, target, active_weight=1.0)
    torch.testing.assert_close(plain, torch.nn.functional.mse_loss(preds, target))
    active = active_energy_loss(preds, target)
    torch.testing.assert_close(active, ((preds - target) ** 2)[target > 0].mean())


def test_distances_count_where_there_are_any() -> None:
    preds, target = pair(maps=True)
    known = target[:, :, :, 1] > 0
    off = torch.nn.functional.smooth_l1_loss(preds[:, :, :, 1][known], target[:, :, :, 1][known])
    wanted = energy_map_loss(preds[:, :, :, 0], target[:, :, :, 0]) + off
    torch.testing.assert_close(energy_map_loss(preds, target), wanted)


@pytest.mark.parametrize("loss", [energy_map_loss, active_energy_loss])
def test_frames_that_do_not_count_do_not(loss: Any) -> None:
    preds, target = pair()
    mask = torch.tensor([[True, True, False], [True, False, False]])
    alone = loss(
        torch.cat((preds[0, :2], preds[1, :1])).unsqueeze(0),
        torch.cat((target[0, :2], target[1, :1])).unsqueeze(0),
    )
    preds = preds.masked_fill(~mask[:, :, None, None, None], torch.nan).requires_grad_()
    masked = loss(preds, target, mask=mask)
    torch.testing.assert_close(masked, alone)
    masked.backward()
    assert preds.grad is not None
    assert preds.grad.isfinite().all()
    assert loss(preds, target, mask=torch.zeros_like(mask)).item() == 0


def test_gradients_are_those_of_the_formula() -> None:
    preds, target = pair(maps=True)
    preds, target = preds[:, :1, :1, :, :2, :2], target[:, :1, :1, :, :2, :2]
    assert torch.autograd.gradcheck(lambda x: energy_map_loss(x, target), preds.requires_grad_())


def test_nothing_annotated_is_no_error() -> None:
    preds = torch.rand(1, 2, 1, 3, 4, requires_grad=True)
    loss = active_energy_loss(preds, torch.zeros(1, 2, 1, 3, 4))
    loss.backward()
    assert loss.item() == 0


@pytest.mark.transforms
@pytest.mark.parametrize("loss", [EnergyMapLoss(active_weight=3.0), ActiveEnergyLoss()])
def test_modules_compile_and_export(loss: torch.nn.Module) -> None:
    assert_compiles_and_exports(loss, *pair())


def test_modules_are_the_functions() -> None:
    preds, target = pair()
    assert torch.equal(
        EnergyMapLoss(active_weight=3.0)(preds, target),
        energy_map_loss(preds, target, active_weight=3.0),
    )
    assert torch.equal(ActiveEnergyLoss()(preds, target), active_energy_loss(preds, target))
    assert repr(EnergyMapLoss()) == "EnergyMapLoss(active_weight=10.0)"


@pytest.mark.messages
def test_mistakes_are_told() -> None:
    preds, target = pair()
    with pytest.raises(ValueError, match="active_weight must be finite and at least 0, got -1"):
        energy_map_loss(preds, target, active_weight=-1)
    with pytest.raises(ValueError, match="active_weight must be finite and at least 0, got nan"):
        EnergyMapLoss(active_weight=float("nan"))
    with pytest.raises(ValueError, match=r"preds must be \(batch time cls height width\), or with"):
        energy_map_loss(preds[0], target[0])
    with pytest.raises(ValueError, match=r"preds must be \(batch time cls height width\), got"):
        active_energy_loss(*pair(maps=True))
    with pytest.raises(ValueError, match="preds and target must have the same shape"):
        energy_map_loss(preds, target[:1])
    with pytest.raises(TypeError, match="target must hold floats"):
        energy_map_loss(preds, target.long())
