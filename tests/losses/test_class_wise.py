"""The class-wise loss: directions of silent classes count or not, distances never."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from seldkit import SELDOutput
from seldkit.losses import (
    ClassWiseLoss,
    DistanceTaskLosses,
    TaskLosses,
    class_wise_loss,
    focal_loss,
)
from seldkit.losses.direction import DIRECTION_ERRORS, DirectionError, direction_error
from seldkit.losses.distance import DISTANCE_ERRORS, DistanceError, distance_error

quick = settings(max_examples=30)

SEEDS = st.integers(0, 2**32 - 1)

OPTIONS: list[dict[str, Any]] = [
    {},
    {"inactive_weight": 1.0},
    {"direction": "angular", "distance": "mspe"},
    {"direction": "cosine", "inactive_weight": 1.0, "distance": "mae"},
]


def random_pair(seed: int) -> tuple[SELDOutput, SELDOutput]:
    """Return a prediction and a target in float64, with distances and silent classes."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    places = (2, 6, 5)
    active = (normal(*places) > 0.5).double()
    direction = functional.normalize(normal(*places, 3), dim=-1) * active.unsqueeze(-1)
    target = SELDOutput(active, direction, (1 + normal(*places).abs()) * active)
    return SELDOutput(normal(*places), normal(*places, 3).tanh(), normal(*places).exp()), target


@quick
@given(
    SEEDS,
    st.sampled_from(DIRECTION_ERRORS),
    st.sampled_from(DISTANCE_ERRORS),
    st.sampled_from([0.0, 0.3, 1.0]),
)
def test_is_what_it_says(seed: int, direction: Any, distance: Any, weight: float) -> None:
    preds, target = random_pair(seed)
    options: dict[str, Any] = {"direction": direction, "inactive_weight": weight}
    losses = class_wise_loss(preds, target, **options, distance=distance)
    probability, active = preds.activity.sigmoid(), target.activity > 0
    errors = direction_error(preds.direction, target.direction, direction)
    assert preds.distance is not None
    assert target.distance is not None
    far = distance_error(preds.distance[active], target.distance[active], distance)
    wanted = DistanceTaskLosses(
        functional.binary_cross_entropy(probability, target.activity),
        (errors[active].sum() + weight * errors[~active].sum())
        / (active.sum() + weight * (~active).sum()),
        far.mean(),
    )
    torch.testing.assert_close(losses, wanted)
    without = class_wise_loss(preds, target, **options)
    assert without == TaskLosses(*losses[:2])


def test_what_a_silent_class_costs() -> None:
    # Three classes, one of them active and found; the directions of the others are 1 where
    # the target is 0.
    target = SELDOutput(torch.tensor([[[1.0, 0.0, 0.0]]]), torch.zeros(1, 1, 3, 3))
    target.direction[0, 0, 0, 0] = 1
    preds = SELDOutput(60 * target.activity - 30, torch.ones(1, 1, 3, 3))
    free = class_wise_loss(preds, target)
    pulled = class_wise_loss(preds, target, inactive_weight=1.0)
    assert float(free.doa) == pytest.approx(2 / 3)  # (0 + 1 + 1) / 3 axes
    assert float(pulled.doa) == pytest.approx((2 + 3 + 3) / 9)
    assert free.sed < 1e-6


def test_activity_may_be_focused() -> None:
    preds, target = random_pair(4)
    focus: dict[str, Any] = {"gamma": 2.0, "alpha": torch.tensor([0.1, 0.2, 0.3, 0.4, 0.9])}
    losses = class_wise_loss(preds, target, **focus)
    assert losses.sed == focal_loss(preds.activity, target.activity, **focus)
    assert losses.doa == class_wise_loss(preds, target).doa
    assert ClassWiseLoss(**focus)(preds, target) == losses


@pytest.mark.parametrize("direction", DIRECTION_ERRORS)
def test_nothing_active_is_a_differentiable_zero(direction: DirectionError) -> None:
    preds, target = random_pair(0)
    inputs = [x.requires_grad_() for x in preds if x is not None]
    silent = SELDOutput(*(torch.zeros_like(x) for x in target if x is not None))
    losses = class_wise_loss(preds, silent, direction=direction, distance="mape")
    assert losses.doa == losses.distance == 0
    gradients = torch.autograd.grad(losses.doa + losses.distance, inputs[1:])
    assert not any(gradient.any() for gradient in gradients)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_gradients_are_those_of_the_loss(options: dict[str, Any]) -> None:
    preds, target = random_pair(8)
    inputs = tuple(x.requires_grad_() for x in preds if x is not None)
    assert torch.autograd.gradcheck(
        lambda *x: tuple(class_wise_loss(SELDOutput(*x), target, **options)), inputs
    )


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_half_precision_is_added_up_in_float32(options: dict[str, Any]) -> None:
    preds, target = (
        SELDOutput(*(x.bfloat16() for x in o if x is not None)) for o in random_pair(1)
    )
    with torch.autocast("cpu", torch.bfloat16):
        losses = torch.stack(class_wise_loss(preds, target, **options))
    whole = [SELDOutput(*(x.float() for x in o if x is not None)) for o in (preds, target)]
    assert losses.dtype == torch.float32
    assert losses.isfinite().all()
    torch.testing.assert_close(losses, torch.stack(class_wise_loss(*whole, **options)))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_module_is_the_function(options: dict[str, Any]) -> None:
    preds, target = random_pair(3)
    module = ClassWiseLoss(**options)
    assert module(preds, target) == class_wise_loss(preds, target, **options)
    assert all(f"{name}={value!r}" in repr(module) for name, value in options.items())
    assert repr(eval(repr(module), {"ClassWiseLoss": ClassWiseLoss})) == repr(module)


@pytest.mark.messages
def test_wrong_arguments_are_named() -> None:
    preds, target = random_pair(0)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"direction": "mae"}, "direction must be one of 'mse', 'l1', 'cosine', 'angular', got"),
        ({"distance": "l1"}, "distance must be one of None, 'mse', 'mae', 'mspe', 'mape', got"),
    ]
    for options, message in wrong:
        with pytest.raises(ValueError, match=message):
            class_wise_loss(preds, target, **options)
        with pytest.raises(ValueError, match=message):
            ClassWiseLoss(**options)
    with pytest.raises(ValueError, match=r"preds.activity must be \(batch, time, cls\), got shape"):
        class_wise_loss(preds._replace(activity=preds.activity[0]), target)
    with pytest.raises(ValueError, match=r"preds.direction must be \(batch=2, time=6, cls=5, axis"):
        class_wise_loss(preds._replace(direction=preds.direction[..., :2]), target)
    with pytest.raises(ValueError, match=r"preds.activity and target.activity must have the same"):
        class_wise_loss(preds, target._replace(activity=target.activity[:1]))
    with pytest.raises(ValueError, match=r"target.distance must be given for distance='mse', got"):
        class_wise_loss(preds, target._replace(distance=None), distance="mse")


def test_everything_is_in_the_precision_of_the_prediction() -> None:
    preds, target = random_pair(6)
    single = SELDOutput(*(x.float() for x in preds if x is not None))
    losses = class_wise_loss(single, target, distance="mse")
    assert {loss.dtype for loss in losses} == {torch.float32}


@quick
@given(SEEDS, st.sampled_from(DIRECTION_ERRORS), st.sampled_from([0.0, 0.3, 1.0]))
def test_over_all_divides_by_the_number_of_places(seed: int, direction: Any, weight: float) -> None:
    preds, target = random_pair(seed)
    options: dict[str, Any] = {"direction": direction, "inactive_weight": weight}
    losses = class_wise_loss(preds, target, **options, over="all", distance="mspe")
    active = target.activity
    errors = direction_error(preds.direction, target.direction, direction)
    weights = active + weight * (1 - active)
    torch.testing.assert_close(losses.doa, (errors * weights).mean())
    assert preds.distance is not None
    assert target.distance is not None
    far = distance_error(preds.distance, target.distance, "mspe")
    torch.testing.assert_close(losses.distance, (far * active).mean())
    without = class_wise_loss(preds, target, **options, over="all")
    torch.testing.assert_close(without.doa, losses.doa)


def test_over_all_under_a_mask() -> None:
    preds, target = random_pair(1)
    mask = torch.zeros(2, 6, dtype=torch.bool)
    mask[:, :4] = True
    few = class_wise_loss(preds, target, over="all", distance="mae", mask=mask)
    cut = [x.map(lambda y: y[:, :4]) for x in (preds, target)]
    wanted = class_wise_loss(*cut, over="all", distance="mae")
    for one, other in zip(few, wanted, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("error", ["mse", "mspe", "mape"])
def test_published_losses(golden: Callable[[str], Path], error: DistanceError) -> None:
    with np.load(golden("recent/nercslip_losses.npz")) as file:
        pred, target = (torch.from_numpy(file[name]).double() for name in ("pred", "target"))
        wanted = {name: torch.from_numpy(file[name]) for name in file.files}

    def output(x: Tensor, activity: Tensor) -> SELDOutput:
        direction = x[..., 13:52].unflatten(-1, (3, 13)).mT
        return SELDOutput(activity, direction, x[..., 52:])

    preds = output(pred, pred[..., :13].logit())
    losses = class_wise_loss(preds, output(target, target[..., :13]), over="all", distance=error)
    joint = 0.1 * losses.sed + losses.distance
    found = torch.stack((losses.sed, losses.distance, joint))
    torch.testing.assert_close(found, wanted[f"SedDist_{error.upper()}_p1_1"], rtol=0, atol=1e-6)
    if error == "mse":
        both = losses.sed + 10 * losses.doa
        torch.testing.assert_close(both, wanted["SedDoaLoss_1_10"][0], rtol=0, atol=1e-6)
        three = 0.1 * losses.sed + losses.doa + 0.5 * losses.distance
        torch.testing.assert_close(three, wanted["SedDoaLoss2024_p1_1_p5"][0], rtol=0, atol=1e-6)
