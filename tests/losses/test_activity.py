"""The focal loss is the formula, for any logit, and cross-entropy where nothing is focused."""

import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from seldkit.losses import FocalLoss, focal_loss
from seldkit.losses.activity import Reduction

quick = settings(max_examples=30)

SEEDS = st.integers(0, 2**32 - 1)
GAMMAS = st.sampled_from([0.0, 0.1, 0.5, 1.0, 1.5, 2.0, 5.0])


def random_places(seed: int, *, soft: bool = True) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(2, 5, 4, generator=generator, dtype=torch.float64)
    target = torch.rand(2, 5, 4, generator=generator, dtype=torch.float64)
    return logits, target if soft else (target > 0.7).double()


@pytest.mark.parametrize(
    ("case", "gamma", "alpha"),
    [
        ("anone_g0", 0, None),
        ("anone_g2", 2, None),
        ("anone_g5", 5, None),
        ("a0.25_g2", 2, 0.25),
        ("a0.75_g2", 2, 0.75),
        ("a0.5_g1", 1, 0.5),
    ],
)
def test_is_the_closed_form(
    golden: Callable[[str], Path], case: str, gamma: float, alpha: float | None
) -> None:
    saved = {k: torch.from_numpy(v) for k, v in np.load(golden("at2seld/focal_s5.npz")).items()}
    reductions: dict[str, Reduction] = {"loss": "none", "mean": "mean", "sum": "sum"}
    for name, reduction in reductions.items():
        loss = focal_loss(
            saved["logits"], saved["target"], gamma=gamma, alpha=alpha, reduction=reduction
        )
        torch.testing.assert_close(loss, saved[f"{name}_{case}"], rtol=0, atol=1e-10)


def test_each_class_may_have_its_alpha(golden: Callable[[str], Path]) -> None:
    saved = {k: torch.from_numpy(v) for k, v in np.load(golden("at2seld/focal_s5.npz")).items()}
    alpha = saved["alpha_vec"]
    loss = focal_loss(saved["logits"], saved["target"], alpha=alpha, reduction="none")
    torch.testing.assert_close(loss, saved["loss_avec_g2"], rtol=0, atol=1e-10)
    module = FocalLoss(alpha=alpha, reduction="none")
    torch.testing.assert_close(module(saved["logits"], saved["target"]), loss)


@quick
@given(SEEDS, GAMMAS, st.sampled_from([None, 0.0, 0.25, 1.0]))
def test_soft_targets_follow_the_formula(seed: int, gamma: float, alpha: float | None) -> None:
    logits, target = random_places(seed)
    p = logits.sigmoid()
    right = p * target + (1 - p) * (1 - target)
    entropy = -(target * p.log() + (1 - target) * (1 - p).log())
    balance = 1.0 if alpha is None else alpha * target + (1 - alpha) * (1 - target)
    wanted = balance * (1 - right) ** gamma * entropy
    loss = focal_loss(logits, target, gamma=gamma, alpha=alpha, reduction="none")
    torch.testing.assert_close(loss, wanted, rtol=1e-9, atol=1e-12)


@quick
@given(SEEDS, st.booleans())
def test_without_focus_it_is_cross_entropy(seed: int, soft: bool) -> None:
    logits, target = random_places(seed, soft=soft)
    logits.requires_grad_()
    entropy = functional.binary_cross_entropy_with_logits(logits, target)
    loss = focal_loss(logits, target, gamma=0)
    assert loss == entropy
    gradients = [torch.autograd.grad(x, logits)[0] for x in (loss, entropy)]
    torch.testing.assert_close(*gradients, rtol=1e-14, atol=0)


@quick
@given(SEEDS, st.booleans())
def test_more_focus_costs_less_everywhere(seed: int, soft: bool) -> None:
    logits, target = random_places(seed, soft=soft)
    losses = [
        focal_loss(logits, target, gamma=gamma, reduction="none") for gamma in (0, 0.3, 1, 2, 5)
    ]
    for wide, narrow in pairwise(losses):
        assert (narrow >= 0).all()
        assert (narrow <= wide).all()


@quick
@given(SEEDS, GAMMAS)
def test_active_and_silent_are_mirror_images(seed: int, gamma: float) -> None:
    logits, target = random_places(seed)
    loss = focal_loss(logits, target, gamma=gamma, alpha=0.3)
    torch.testing.assert_close(loss, focal_loss(-logits, 1 - target, gamma=gamma, alpha=0.7))


def test_a_place_predicted_well_counts_little() -> None:
    # p = 0.9 where active: (1 - 0.9)² of the cross-entropy -ln 0.9.
    loss = focal_loss(torch.tensor([math.log(9.0)]), torch.ones(1))
    assert loss.item() == pytest.approx(0.01 * -math.log(0.9), rel=1e-5)


@quick
@given(
    st.sampled_from([0.0, 0.01, 0.5, 0.99, 1.0, 2.0, 5.0]),
    st.sampled_from([torch.float32, torch.float64]),
)
def test_any_logit_has_a_finite_loss_and_gradients(gamma: float, dtype: torch.dtype) -> None:
    sizes = torch.tensor([0.0, 1.0, 20.0, 45.0, 88.0, 100.0, 104.0, 400.0, 750.0, 1e4], dtype=dtype)
    for target in (0.0, 1.0, 0.5, 1e-6):
        logits = torch.cat((-sizes, sizes)).requires_grad_()
        loss = focal_loss(logits, torch.full_like(logits, target), gamma=gamma, reduction="none")
        (slope,) = torch.autograd.grad(loss.sum(), logits, create_graph=True)
        (bend,) = torch.autograd.grad(slope.sum(), logits)
        for tensor in (loss, slope, bend):
            assert tensor.isfinite().all()


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_float32_follows_float64_for_far_logits(gamma: float) -> None:
    logits = torch.linspace(-120, 120, 241).requires_grad_()
    exact = logits.detach().double().requires_grad_()
    for hard in (0.0, 1.0):
        results = []
        for x in (logits, exact):
            loss = focal_loss(x, torch.full_like(x, hard), gamma=gamma, reduction="none")
            results.append((loss, torch.autograd.grad(loss.sum(), x)[0]))
        for single, double in zip(*results, strict=True):
            torch.testing.assert_close(single.double(), double, rtol=2e-6, atol=1e-6)


def test_positives_count_the_active_places_at_least_one() -> None:
    logits, target = random_places(4, soft=False)
    total = focal_loss(logits, target, reduction="sum")
    positives = focal_loss(logits, target, reduction="positives")
    torch.testing.assert_close(positives, total / target.sum())
    silent = torch.zeros_like(target)
    assert focal_loss(logits, silent, reduction="positives") == focal_loss(
        logits, silent, reduction="sum"
    )


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_gradients_are_those_of_the_loss(gamma: float) -> None:
    logits, target = random_places(9)
    alpha = torch.tensor([0.1, 0.25, 0.5, 1.0], dtype=torch.float64)

    def loss(logits: Tensor, target: Tensor) -> Tensor:
        return focal_loss(logits, target, gamma=gamma, alpha=alpha)

    inputs = logits.requires_grad_(), target.clamp(0.05, 0.95).requires_grad_()
    assert torch.autograd.gradcheck(loss, inputs)
    assert torch.autograd.gradgradcheck(loss, inputs)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_added_up_in_float32(dtype: torch.dtype) -> None:
    logits, target = (x.to(dtype) for x in random_places(2, soft=False))
    far = 200 * logits
    with torch.autocast("cpu", dtype):
        loss = focal_loss(far, target, gamma=0.5)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, focal_loss(far.float(), target.float(), gamma=0.5))


@pytest.mark.transforms
def test_the_module_compiles_whole() -> None:
    logits, target = (x.float() for x in random_places(3))
    logits.requires_grad_()
    module = FocalLoss(alpha=torch.tensor([0.1, 0.2, 0.3, 0.4]))
    results = []
    for function in (torch.compile(module, fullgraph=True, backend="aot_eager"), module):
        loss = function(logits, target)
        results.append((loss, torch.autograd.grad(loss, logits)[0]))
    torch.testing.assert_close(*results)


def test_weights_of_classes_move_with_the_module_and_are_not_saved() -> None:
    weights = torch.tensor([0.25, 0.75])
    module = FocalLoss(gamma=1.0, alpha=weights)
    assert module.state_dict() == {}
    moved = module.double().alpha
    assert isinstance(moved, Tensor)
    assert moved.dtype == torch.float64
    weights.zero_()
    assert repr(module) == "FocalLoss(gamma=1.0, alpha=[0.25, 0.75], reduction='mean')"
    assert repr(FocalLoss()) == "FocalLoss(gamma=2.0, alpha=None, reduction='mean')"


@pytest.mark.messages
def test_wrong_arguments_are_named() -> None:
    logits, target = random_places(0)
    with pytest.raises(ValueError, match="logits and target must have the same shape, got logits"):
        focal_loss(logits, target[:1])
    with pytest.raises(ValueError, match="gamma must be at least 0, got -1"):
        focal_loss(logits, target, gamma=-1)
    with pytest.raises(ValueError, match="gamma must be at least 0, got nan"):
        FocalLoss(gamma=math.nan)
    with pytest.raises(ValueError, match=r"alpha must be in 0\.\.1, got 2"):
        focal_loss(logits, target, alpha=2)
    with pytest.raises(ValueError, match=r"alpha must be in 0\.\.1, got \[0\.5, -1\.0\]"):
        FocalLoss(alpha=torch.tensor([0.5, -1.0]))
    with pytest.raises(ValueError, match=r"alpha must be \(cls\), got shape \(1, 2\)"):
        FocalLoss(alpha=torch.ones(1, 2))
    with pytest.raises(ValueError, match=r"alpha must be \(cls=4\), got shape \(3,\)"):
        focal_loss(logits, target, alpha=torch.ones(3))
    with pytest.raises(ValueError, match="reduction must be one of 'mean', 'sum', 'none', 'posi"):
        focal_loss(logits, target, reduction="max")  # type: ignore[arg-type]
