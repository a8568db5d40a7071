"""What is no prediction, target or setting of a loss is refused, and the message says what is."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from losses.every_loss import CASES, NAMES, Case
from seldkit import SELDOutput, losses
from seldkit.losses import (
    ActiveDirectionLoss,
    ADPITLoss,
    AggregatedMixtureLoss,
    FocalLoss,
    TrackwisePITLoss,
    accdoa_loss,
    active_direction_loss,
    adpit_loss,
    class_wise_loss,
    focal_loss,
    presence_loss,
    trackwise_pit_loss,
)

OUTPUTS = [
    (losses.class_wise_loss, losses.ClassWiseLoss()),
    (losses.trackwise_pit_loss, losses.TrackwisePITLoss()),
    (losses.aggregated_pit_loss, losses.AggregatedPITLoss()),
    (losses.aggregated_sum_loss, losses.AggregatedSumLoss()),
    (losses.aggregated_mixture_loss, losses.AggregatedMixtureLoss()),
]
TENSORS = [(accdoa_loss, losses.ACCDOALoss()), (adpit_loss, losses.ADPITLoss())]


def track_wise() -> SELDOutput:
    return SELDOutput(torch.zeros(2, 5, 3, 4), torch.zeros(2, 5, 3, 3))


@pytest.mark.messages
@pytest.mark.parametrize("forms", OUTPUTS, ids=lambda forms: forms[0].__name__)
def test_a_tensor_is_no_output(forms: tuple[Any, Any]) -> None:
    output, tensor = track_wise(), torch.zeros(2, 5, 4, 3)
    for loss in forms:
        for inputs, side in (((tensor, output), "preds"), ((output, tensor), "target")):
            with pytest.raises(TypeError) as caught:
                loss(*inputs)
            assert str(caught.value) == (
                f"{side} must be a SELDOutput(activity, direction) for {forms[0].__name__}, got a"
                " Tensor of shape (2, 5, 4, 3): accdoa_loss takes tensors (batch, time, cls, axis),"
                " adpit_loss (batch, time, track, cls, axis)"
            )
    with pytest.raises(TypeError, match=r"preds must be a SELDOutput.* got a tuple: accdoa_loss"):
        forms[0](tuple(output), output)
    array: Any = np.zeros((2, 5, 3, 4))
    with pytest.raises(TypeError, match=r"preds.activity must be a tensor for .* got a ndarray"):
        forms[0](output._replace(activity=array), output)


@pytest.mark.messages
@pytest.mark.parametrize("forms", TENSORS, ids=lambda forms: forms[0].__name__)
def test_an_output_is_no_tensor(forms: tuple[Any, Any]) -> None:
    output, tensor = track_wise(), torch.zeros(2, 5, 3, 4, 3)
    for loss in forms:
        for inputs, side in (((output, tensor), "preds"), ((tensor, output), "target")):
            with pytest.raises(TypeError) as caught:
                loss(*inputs)
            assert str(caught.value) == (
                f"{side} must be a tensor for {forms[0].__name__}, got a SELDOutput:"
                " class_wise_loss takes class-wise outputs, trackwise_pit_loss track-wise ones;"
                " a part of it is .activity or .direction"
            )


@pytest.mark.messages
def test_parts_take_tensors() -> None:
    output: Any = track_wise()
    x = output.activity
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: focal_loss(output, x), "logits must be a tensor for focal_loss"),
        (lambda: focal_loss(x, output), "target must be a tensor for focal_loss"),
        (lambda: presence_loss(x[:, :, 0], output), "activity must be a tensor for presence_loss"),
        (lambda: presence_loss(output, x), "logits must be a tensor for presence_loss"),
        (
            lambda: active_direction_loss(output.direction, output.direction, output),
            "activity must be a tensor for active_direction_loss",
        ),
    ]
    for call, name in calls:
        with pytest.raises(TypeError, match=f"{name}, got a SELDOutput"):
            call()


@pytest.mark.messages
@pytest.mark.parametrize("forms", OUTPUTS, ids=lambda forms: forms[0].__name__)
def test_distances_are_on_both_sides_or_neither(forms: tuple[Any, Any]) -> None:
    plain = track_wise()
    if forms[0] is class_wise_loss:
        plain = SELDOutput(plain.activity[:, :, 0], torch.zeros(2, 5, 4, 3))
    metres = plain._replace(distance=torch.zeros(plain.direction.shape[:-1]))
    for loss in forms:
        loss(metres, metres)
        for inputs, side in (((metres, plain), "preds"), ((plain, metres), "target")):
            with pytest.raises(
                ValueError, match=f"must both have distances or neither, got {side}.distance alone"
            ):
                loss(*inputs)


@pytest.mark.messages
@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_predictions_hold_floats_activities_anything(case: Case) -> None:
    preds, target = case.random(0, 2, 4)
    for i, x in enumerate(preds):
        whole = [y.long() if i == k else y for k, y in enumerate(preds)]
        with pytest.raises(TypeError, match=r"must hold floats, got torch.int64"):
            case.loss(whole, target)
        assert x.is_floating_point()
    wanted = case.loss(preds, target)
    place = None if case.vectors else (1 if "active_direction" in case.name else 0)
    for i in range(len(target)):
        for dtype in (torch.bool, torch.int64, torch.uint8):
            other = [y.to(dtype) if i == k else y for k, y in enumerate(target)]
            if i == place:
                torch.testing.assert_close(case.loss(preds, other), wanted)
            else:
                with pytest.raises(TypeError, match=r"target.* must hold floats, got torch"):
                    case.loss(preds, other)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_the_prediction_sets_the_precision(case: Case) -> None:
    preds, target = case.random(1, 2, 4)
    wanted = case.loss([x.float() for x in preds], [x.float() for x in target])
    for dtype in (torch.float64, torch.float16, torch.bfloat16):
        exact = [x.to(dtype).to(torch.float32) for x in target]
        found = case.loss([x.float() for x in preds], [x.to(dtype) for x in target])
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, case.loss([x.float() for x in preds], exact))
    assert wanted.dtype == torch.float32


@pytest.mark.messages
@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_an_activity_lies_between_0_and_1(case: Case) -> None:
    preds, target = case.random(0, 2, 4)
    if case.vectors and "onscreen" not in case.name:
        return
    place = 1 if "active_direction" in case.name else 0
    for value, shown in ((1.5, r"0 to 1\.5"), (-0.5, r"-0\.5 to 1")):
        wrong = [x.clone() for x in target]
        wrong[place][1, 3, ..., -1] = value
        with pytest.raises(ValueError, match=r"must be in 0\.\.1, got " + shown):
            case.loss(preds, wrong)
        mask = torch.ones(2, 4, dtype=torch.bool)
        mask[1, 3] = False
        assert case.loss(preds, wrong, mask).isfinite().all()  # what is masked may be anything


@pytest.mark.transforms
def test_a_gradient_for_each_clip() -> None:
    generator = torch.Generator().manual_seed(0)
    logits, activity = torch.randn(2, 5, 4, 3, 2, generator=generator)
    activity = (activity > 0).float()
    direction = torch.randn(5, 4, 3, 3, generator=generator)

    def loss(logits: Tensor, activity: Tensor, direction: Tensor) -> Tensor:
        preds, target = (SELDOutput(x[None], direction[None]) for x in (logits, activity))
        return trackwise_pit_loss(preds, target).sed

    found = torch.func.vmap(torch.func.grad(loss))(logits, activity, direction)
    for i in range(5):
        wanted = torch.func.grad(loss)(logits[i], activity[i], direction[i])
        torch.testing.assert_close(found[i], wanted)


@pytest.mark.messages
def test_devices_are_named() -> None:
    output = track_wise()
    away = SELDOutput(*(x.to("meta") for x in output[:2]))
    with pytest.raises(ValueError, match=r"target\.activity must be on the device of preds\.act"):
        trackwise_pit_loss(output, away)
    x = torch.zeros(2, 5, 4, 3)
    with pytest.raises(ValueError, match=r"target must be on the device of preds, cpu, got meta"):
        accdoa_loss(x, x.to("meta"))
    with pytest.raises(ValueError, match=r"target must be on the device of logits, cpu, got meta"):
        focal_loss(x, x.to("meta"))


@pytest.mark.messages
@pytest.mark.parametrize("shape", [(2, 5, 0, 4, 3), (2, 5, 3, 0, 3)])
def test_frames_without_places_are_refused(shape: tuple[int, ...]) -> None:
    x = torch.zeros(shape)
    with pytest.raises(ValueError, match="preds must have a size of at least 1 in each axis after"):
        adpit_loss(x, x)
    output = SELDOutput(x[..., 0], torch.zeros(*shape[:3], 3))
    with pytest.raises(ValueError, match=r"preds.activity must have a size of at least 1 in each"):
        trackwise_pit_loss(output, output)


@pytest.mark.messages
def test_settings_are_numbers() -> None:
    yes: Any = True
    text: Any = "0.5"
    wrong: list[tuple[Callable[[], object], str]] = [
        (lambda: FocalLoss(gamma=yes), "gamma must be a number, got True"),
        (lambda: FocalLoss(alpha=yes), "alpha must be a number, got True"),
        (lambda: FocalLoss(alpha=text), "alpha must be a number, got '0.5'"),
        (lambda: TrackwisePITLoss(gamma=yes), "gamma must be a number, got True"),
        (
            lambda: TrackwisePITLoss(selection=(yes, 1)),
            r"selection\[0\] must be a number, got True",
        ),
        (lambda: AggregatedMixtureLoss(alpha=yes), "alpha must be a number, got True"),
        (lambda: ActiveDirectionLoss(inactive_weight=yes), "inactive_weight must be a number, got"),
        (lambda: ADPITLoss(axis_weights=(1, 1, yes)), "axis_weights must be a number, got True"),
    ]
    for make, message in wrong:
        with pytest.raises(TypeError, match=message):
            make()
    with pytest.raises(ValueError, match="gamma must be finite, got inf"):
        FocalLoss(gamma=float("inf"))
    with pytest.raises(ValueError, match=r"selection must be weights of SED and DOA, at least 0"):
        TrackwisePITLoss(selection=(float("nan"), 1.0))
    two: Any = np.float32(2)
    quarter: Any = np.float32(0.25)
    assert FocalLoss(gamma=two, alpha=quarter).alpha == 0.25
    TrackwisePITLoss(selection=(two, quarter))


@pytest.mark.messages
def test_weights_of_classes_are_taken_and_checked() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 5, 3, 4, generator=generator)
    target = (logits > 0).float()
    for loss in (focal_loss, lambda *x, alpha: FocalLoss(alpha=alpha)(*x)):
        number = loss(logits, target, alpha=0.25)
        for tensor in (torch.tensor(0.25), torch.full((4,), 0.25), torch.tensor(0.25).double()):
            torch.testing.assert_close(loss(logits, target, alpha=tensor), number)
        with pytest.raises(ValueError, match=r"alpha must be in 0\.\.1, got \[0\.5, 2\.0, 0\.5, 1"):
            loss(logits, target, alpha=torch.tensor([0.5, 2.0, 0.5, 1.0]))
        with pytest.raises(ValueError, match=r"alpha must be in 0\.\.1, got nan"):
            loss(logits, target, alpha=torch.tensor(torch.nan))
        with pytest.raises(ValueError, match=r"alpha must be \(cls=4\), got shape \(3,\)"):
            loss(logits, target, alpha=torch.full((3,), 0.5))
    weights = torch.tensor([0.1, 0.2, 0.3, 0.9])
    outputs = [SELDOutput(x, torch.zeros(2, 5, 3, 3)) for x in (logits, target)]
    module = TrackwisePITLoss(alpha=weights)
    assert module.state_dict() == {}
    wanted = trackwise_pit_loss(outputs[0], outputs[1], alpha=weights)
    torch.testing.assert_close(module(*outputs), wanted)
    assert isinstance(module.double().alpha, Tensor)
    assert "alpha=[0.1" in repr(module)
