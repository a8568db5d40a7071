"""The permutation-invariant loss is the published one, and matches what that matches."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from references.pit import plain_pit_loss
from seldkit import SELDOutput
from seldkit.losses import trackwise_pit_loss


@pytest.mark.parametrize("beta", [0.5, 0.9])
@pytest.mark.parametrize(
    ("file", "family", "unweighted"),
    [
        ("loss_tpit_2track_einseld", "", True),
        ("loss_tpit_3track", "dcase2022_", True),
        ("loss_tpit_3track", "pseldnets_", False),
    ],
)
def test_is_the_published_loss(
    golden: Callable[[str], Path], file: str, family: str, unweighted: bool, beta: float
) -> None:
    saved = {k: torch.from_numpy(v) for k, v in np.load(golden(f"einv2/{file}.npz")).items()}
    preds = SELDOutput(saved["pred_sed_logits"], saved["pred_doa"])
    for tensor in preds[:2]:
        tensor.requires_grad_()
    target = SELDOutput(saved["target_sed"], saved["target_doa"])
    selection = (1.0, 1.0) if unweighted else (beta, 1 - beta)
    losses = trackwise_pit_loss(preds, target, selection=selection)
    total = beta * losses.sed + (1 - beta) * losses.doa
    gradients = torch.autograd.grad(total, preds[:2])
    found = {"all": total, "sed": losses.sed, "doa": losses.doa}
    found |= {"grad_sed": gradients[0], "grad_doa": gradients[1]}
    for name, tensor in found.items():
        wanted = saved[f"{family}beta{beta}_{name}"].to(tensor)
        torch.testing.assert_close(tensor, wanted, rtol=1e-5, atol=1e-8)


def test_ties_lose_nothing(golden: Callable[[str], Path]) -> None:
    # The published L3DAS22 code adds up tied permutations; the loss of its own data shows it.
    saved = np.load(golden("einv2/loss_tpit_3track.npz"))
    names = ("pred_sed_logits", "pred_doa", "target_sed", "target_doa")
    tensors = [torch.from_numpy(saved[name]) for name in names]
    preds, target = SELDOutput(*tensors[:2]), SELDOutput(*tensors[2:])
    losses = trackwise_pit_loss(preds, target)
    torch.testing.assert_close(tuple(losses), plain_pit_loss(preds, target))
    assert abs(losses.sed.item() - saved["l3das22_beta0.5_sed"]) > 1e-2


@pytest.mark.parametrize("case", [0, 1, 2])
def test_is_the_roam_papers_loss(golden: Callable[[str], Path], case: int) -> None:
    loaded = np.load(golden("roam/pit.npz"))
    saved = {k.split("/")[1]: torch.from_numpy(v) for k, v in loaded.items() if k[:2] == f"{case}/"}
    pointed = saved["pred_xyz"].requires_grad_()
    preds = SELDOutput(saved["pred_prob"].logit(), pointed)
    target = SELDOutput(saved["target_sed"], saved["target_xyz"])
    losses = trackwise_pit_loss(preds, target)
    wanted = (saved["l_sed"], saved["l_doa"])
    torch.testing.assert_close(tuple(losses), wanted, rtol=1e-12, atol=0)
    for clip, frame in np.ndindex(*saved["best"].shape):
        one = [
            SELDOutput(*(x[clip, frame][None, None] for x in (o.activity, o.direction)))
            for o in (preds, target)
        ]
        alone = trackwise_pit_loss(one[0], one[1])
        wanted = (saved["l_sed_bt"][clip, frame], saved["l_doa_bt"][clip, frame])
        torch.testing.assert_close(tuple(alone), wanted, rtol=1e-12, atol=0)
    settled = saved["best_margin"] > 0
    assert settled.any()
    best = saved["perms"][saved["best"]].unsqueeze(-1)
    matched = target.direction.take_along_dim(best, dim=2)[settled]
    torch.testing.assert_close(matched_directions(losses.doa, pointed)[settled], matched)


def matched_directions(doa: Tensor, pointed: Tensor) -> Tensor:
    """Return the target of each prediction, which the gradient of the squared error points at."""
    (gradient,) = torch.autograd.grad(doa, pointed)
    return (pointed - gradient * pointed.numel() / 2).detach()


def test_is_the_published_absolute_error(golden: Callable[[str], Path]) -> None:
    saved = np.load(golden("einv2/loss_tpit_3track.npz"))
    names = ("pred_sed_logits", "pred_doa", "target_sed", "target_doa")
    tensors = [torch.from_numpy(saved[name]) for name in names]
    preds, target = SELDOutput(*tensors[:2]), SELDOutput(*tensors[2:])
    losses = trackwise_pit_loss(preds, target, selection=(0.5, 0.5), direction="l1")
    found = [float(x) for x in (*losses, 0.5 * losses.sed + 0.5 * losses.doa)]
    wanted = [float(saved[f"pseldnets_l1_beta0.5_{name}"]) for name in ("sed", "doa", "all")]
    assert found == pytest.approx(wanted, rel=1e-5)


def test_matches_what_the_published_code_matches(golden: Callable[[str], Path]) -> None:
    saved = np.load(golden("einv2/loss_tpit_2track_einseld.npz"))
    names = ("pred_sed_logits", "pred_doa", "target_sed", "target_doa", "updated_target_doa")
    tensors = [torch.from_numpy(saved[name]).double() for name in names]
    pointed = tensors[1].requires_grad_()
    doa = trackwise_pit_loss(SELDOutput(*tensors[:2]), SELDOutput(*tensors[2:4])).doa
    torch.testing.assert_close(matched_directions(doa, pointed), tensors[4])
