"""Where vectors have no length or agree, logits are far and nothing sounds, all stays in bounds."""

from itertools import product
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from losses.every_loss import CASES, NAMES, Case
from seldkit import SELDOutput
from seldkit.losses import (
    adpit_loss,
    aggregated_mixture_loss,
    aggregated_pit_loss,
    aggregated_sum_loss,
    focal_loss,
    presence_loss,
    trackwise_pit_loss,
)
from seldkit.losses.direction import direction_error, fade

SCENES = ("zero", "tiny", "short", "equal", "opposite", "silent", "silent zero", "low", "high")
KINKS = ("l1", "mae", "mape", "angular")


def scene(case: Case, name: str, dtype: torch.dtype) -> tuple[list[Tensor], list[Tensor]]:
    """Return predictions and targets of an extreme kind."""
    preds, target = ([x.to(dtype) for x in side] for side in case.random(6, 1, 3))
    logits = not case.vectors and "active_dir" not in case.name
    vectors = range(1, len(preds)) if logits else range(len(preds))
    if "silent" in name:
        target = [torch.zeros_like(x) for x in target]
    lengths = {"zero": 0.0, "silent zero": 0.0, "tiny": 1e-9, "short": 1e-3}
    for i in vectors:
        if name in lengths:
            preds[i] = lengths[name] * preds[i]
        if name in ("equal", "opposite"):
            preds[i] = (1 if name == "equal" else -1) * target[i]
    far = {"low": -1e4, "high": 1e4}
    if logits and name in far:
        preds[0] = torch.full_like(preds[0], far[name])
    return [x.requires_grad_() for x in preds], target


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_no_gradient_is_more_than_the_loss_explains(case: Case) -> None:
    for name, dtype in product(SCENES, (torch.float32, torch.bfloat16, torch.float16)):
        preds, target = scene(case, name, dtype)
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            loss = case.loss(preds, target)
        assert loss.dtype == torch.float32
        assert loss.isfinite().all()
        assert (loss >= 0).all()
        for gradient in torch.autograd.grad(loss.sum(), preds):
            assert gradient.isfinite().all()
            # One place has a slope of 1 at most (of a short vector 400, of an even mean less).
            assert gradient.abs().max() <= (200 if name == "short" else 12)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_gradients_are_those_of_the_loss_there(case: Case) -> None:
    # At the kinks the slope is chosen, see below.
    kinked = any(f"'{kink}'" in case.name for kink in KINKS)
    ties = case.name.startswith(("adpit", "direct_path", "dmot", "vector_pit"))
    for name in SCENES:
        far = name in ("low", "high")
        if far and any(part in case.name for part in ("gamma=0.5", "per='clip'", "association")):
            continue
        if (kinked and not far) or (ties and name not in ("short", "silent", "silent zero")):
            continue
        preds, target = scene(case, name, torch.float64)
        step = 1e-6 if name != "tiny" else 1e-7
        assert torch.autograd.gradcheck(
            lambda *inputs, target=target: case.loss(list(inputs), target),
            preds,
            eps=step,
            atol=2e-5,
            fast_mode=True,
        )


LOSSES = (aggregated_pit_loss, aggregated_sum_loss, aggregated_mixture_loss)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_zero_vector_is_turned_nowhere(loss: Any) -> None:
    activity = torch.tensor([[[[1.0, 0.0], [0.0, 1.0]]]])
    target = SELDOutput(activity, torch.eye(3)[:2].expand(1, 1, 2, 3))
    direction = torch.zeros(1, 1, 2, 3, requires_grad=True)
    for error in ("mse", "l1"):
        value = loss(SELDOutput(activity, direction), target, error=error)
        (gradient,) = torch.autograd.grad(value, direction)
        assert not gradient.any()


@pytest.mark.parametrize("loss", LOSSES)
def test_short_vectors_have_no_steep_slope(loss: Any) -> None:
    activity = torch.ones(1, 1, 2, 1)
    target = SELDOutput(activity, torch.eye(3)[:2].expand(1, 1, 2, 3))
    for length in (1e-30, 1e-12, 1e-8, 1e-5, 1e-3, 9e-3):
        direction = (length * torch.eye(3)[1:].expand(1, 1, 2, 3)).requires_grad_()
        value = loss(SELDOutput(40 * activity, direction), target)
        (gradient,) = torch.autograd.grad(value, direction)
        assert gradient.abs().max() <= 400 * value


def test_a_vector_fades_as_the_fourth_power_of_its_length() -> None:
    lengths = torch.tensor([0.0, 0.001, 0.005, 0.01, 0.5, 1e30])
    vectors = lengths.unsqueeze(1) * torch.tensor([0.6, 0.0, -0.8])
    wanted = torch.tensor([0.0, 1e-4, 0.0625, 1.0, 1.0, 1.0])
    torch.testing.assert_close(fade(vectors), wanted)
    front = torch.tensor([0.6, 0.0, -0.8])
    cosine = direction_error(vectors[:5], front, "cosine")
    torch.testing.assert_close(cosine, 1 - wanted[:5], rtol=0, atol=2e-5)
    angle = direction_error(vectors[:5], front, "angular")
    torch.testing.assert_close(angle, (1 - wanted[:5]) * torch.pi / 2, rtol=0, atol=1e-6)


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_at_a_kink_the_slope_is_zero(side: float) -> None:
    # Absolute values where prediction and target are equal, angles of 0 and 180 degrees.
    target = torch.tensor([0.6, 0.0, -0.8], dtype=torch.float64)
    preds = (side * target).requires_grad_()
    (gradient,) = torch.autograd.grad(direction_error(preds, target, "angular"), preds)
    assert not gradient.any()
    if side == 1:
        (gradient,) = torch.autograd.grad(direction_error(preds, target, "l1"), preds)
        assert not gradient.any()


def test_of_arrangements_that_tie_the_first_is_aimed_at() -> None:
    target = torch.zeros(1, 1, 3, 1, 3, dtype=torch.float64)
    target[0, 0, 1, 0, 0] = target[0, 0, 2, 0, 1] = 1  # two sounds, as good on any track
    preds = torch.zeros_like(target).requires_grad_()
    (gradient,) = torch.autograd.grad(adpit_loss(preds, target), preds)
    wanted = target[0, 0, [1, 1, 2]]
    torch.testing.assert_close(gradient[0, 0], -2 / 9 * wanted)


def test_frames_of_one_maximum_share_its_gradient() -> None:
    logits = torch.zeros(1, 4, 1, requires_grad=True)
    loss = presence_loss(logits, torch.ones(1, 4, 2, 1), per="clip")
    (gradient,) = torch.autograd.grad(loss, logits)
    torch.testing.assert_close(gradient, torch.full((1, 4, 1), -0.5 / 4))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_focus_stops_falling_where_powers_lose_their_slope(dtype: torch.dtype) -> None:
    # 1 - p_t is held at sqrt(tiny), so the slope is that of the cross-entropy alone, weighted.
    least = torch.finfo(dtype).tiny ** 0.5
    logit = -60.0 if dtype == torch.float32 else -400.0
    logits = torch.tensor([logit], dtype=dtype, requires_grad=True)
    loss = focal_loss(logits, torch.zeros_like(logits), gamma=0.5)
    (gradient,) = torch.autograd.grad(loss, logits)
    wanted = torch.tensor([logit], dtype=dtype).exp() * least**0.5
    torch.testing.assert_close(gradient, wanted, rtol=1e-5, atol=0)
    near = torch.tensor([-20.0], dtype=dtype)  # and nowhere else
    p = near.sigmoid()
    wanted = torch.nn.functional.softplus(near) * p**0.5
    torch.testing.assert_close(focal_loss(near, 0 * near, gamma=0.5), wanted.squeeze())


@settings(max_examples=20)
@given(
    st.sampled_from([2, 8, 9, 11]),  # beyond eight another method matches tracks
    st.sampled_from([torch.nan, torch.inf, -torch.inf]),
    st.sampled_from(["frame", "chunk", "stretch", "clip", "window"]),
)
def test_what_is_not_finite_shows_in_the_loss(tracks: int, value: float, per: Any) -> None:
    window = 3 if per == "window" else None
    generator = torch.Generator().manual_seed(0)
    activity = torch.zeros(2, 4, tracks, 2)
    activity[..., 0] = 1
    direction = torch.randn(2, 4, tracks, 3, generator=generator)
    target = SELDOutput(activity, torch.nn.functional.normalize(direction, dim=-1))
    for part in ("activity", "direction"):
        preds = SELDOutput(0.1 * activity, direction)
        broken = getattr(preds, part).clone()
        broken[1, 2, 0, 1] = value
        inputs = preds._replace(**{part: broken.requires_grad_()})
        loss = sum(trackwise_pit_loss(inputs, target, per=per, window=window), torch.zeros(()))
        if part == "direction" or value != -torch.inf:  # a class surely silent costs nothing
            assert not loss.isfinite()
            (gradient,) = torch.autograd.grad(loss, broken)
            # A silent class that is infinitely loud has an infinite loss, whose slope is 1.
            assert not gradient.isfinite().all() or (part == "activity" and value == torch.inf)
    broken = direction.clone()
    broken[0, 0, 0, 0] = value
    for function in LOSSES:
        assert not function(preds._replace(direction=broken), target).isfinite()


@pytest.mark.parametrize("tracks", [3, 9])
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_adpit_lets_through_what_is_not_finite(tracks: int, value: float) -> None:
    target = torch.zeros(2, 2, tracks, 2, 3)
    target[:, :, :, 0, 1] = 1
    preds = torch.zeros_like(target)
    preds[0, 0, 1, 0, 0] = value
    preds.requires_grad_()
    loss = adpit_loss(preds, target)
    assert not loss.isfinite()
    (gradient,) = torch.autograd.grad(loss, preds)
    assert not gradient.isfinite().all()


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_targets_may_have_a_gradient(case: Case) -> None:
    preds, target = case.random(2, 1, 3)
    wanted = [x.requires_grad_() for x in target]
    loss = case.loss([x.requires_grad_() for x in preds], wanted)
    gradients = torch.autograd.grad(loss.sum(), [*preds, *wanted], allow_unused=True)
    assert all(x is None or x.isfinite().all() for x in gradients)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_an_empty_batch_has_no_loss(case: Case) -> None:
    # The mean of nothing is nan; where only active places count, or a sum is asked for, it is 0.
    for shape in ((0, 3), (2, 0)):
        preds, target = (
            [x.new_zeros(*shape, *x.shape[2:]).requires_grad_() for x in side]
            for side in case.random(0, 1, 1)
        )
        loss = case.loss(preds, target)
        torch.autograd.grad(loss.sum(), preds)
        parts = ("active_dir", "'sum'", "'none'", "'positives'", "dmot")
        none = any(part in case.name for part in parts)
        assert bool(loss[0].isnan()) is not none
        assert not case.loss(preds, target, torch.ones(shape, dtype=torch.bool)).any()
