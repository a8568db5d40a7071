"""The loss of AD-YOLO equals the published one, and its terms are what they say."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from seldkit import SELDOutput
from seldkit.geometry import unit_vector
from seldkit.losses import ADYOLOLoss, adyolo_loss
from transforms import assert_compiles_and_exports


def scene(batch: int = 2, time: int = 3, tracks: int = 2, **kind: Any) -> tuple[Tensor, SELDOutput]:
    """Return predictions and a target of three classes."""
    preds = torch.randn(batch, time, 8, 4, 2, 6, **kind)
    direction = functional.normalize(torch.randn(batch, time, tracks, 3, **kind), dim=-1)
    label = torch.randint(3, (batch, time, tracks))
    on = torch.rand(batch, time, tracks, 1) > 0.3
    activity = functional.one_hot(label, 3) * on
    return preds, SELDOutput(activity.to(preds.dtype), direction * on)


def test_it_equals_the_published_loss(golden: Callable[[str], Path]) -> None:
    arrays = np.load(golden("recent/adyolo.npz"))
    preds = torch.from_numpy(arrays["logit"]).unflatten(2, (8, 4, 5, 6)).requires_grad_()
    activity, direction = torch.zeros(2, 6, 9, 3), torch.zeros(2, 6, 9, 3)
    events = {tuple(row) for row in arrays["target"][:, [0, 1, 4, 5, 6]].tolist()}
    for track, (clip, frame, label, azimuth, elevation) in enumerate(sorted(events)):
        place = int(clip), int(frame), track % 9
        activity[(*place, int(label))] = 1.0
        direction[place] = unit_vector(torch.tensor(azimuth), elevation)
    assert activity.sum() == len(events)
    loss = adyolo_loss(preds, SELDOutput(activity, direction))
    loss.backward()
    assert loss.item() == pytest.approx(arrays["loss"].item(), abs=2e-6)
    assert preds.grad is not None
    wanted = torch.from_numpy(arrays["grad"])
    torch.testing.assert_close(preds.grad.flatten(2), wanted, rtol=1e-3, atol=1e-6)


@settings(max_examples=20)
@given(st.integers(1, 3), st.integers(1, 3))
def test_tracks_may_change_places(batch: int, tracks: int) -> None:
    preds, target = scene(batch, 2, tracks, dtype=torch.float64)
    flipped = SELDOutput(target.activity.flip(2), target.direction.flip(2))
    more = target.map(lambda x: functional.pad(x, (0, 0, 0, 1)))
    for other in (flipped, more):
        torch.testing.assert_close(adyolo_loss(preds, other), adyolo_loss(preds, target))


def test_terms_by_hand() -> None:
    # One event in the middle between four cells; one anchor each, of which one is nearer.
    target = SELDOutput(torch.tensor([[[[1.0, 0.0]]]]), unit_vector(0.0, torch.zeros(1, 1, 1)))
    preds = torch.zeros(1, 1, 8, 4, 1, 5)
    preds[0, 0, 3, 1, 0] = torch.tensor([2.0, 1.0, -1.0, 0.5, 0.0])
    confidence = (3 * np.log(2) + np.log1p(np.exp(-2))) / 4
    classes = (3 * np.log(2) + np.log1p(np.exp(-1))) / 4
    far = np.degrees(np.arccos(np.cos(np.radians(22.5)) ** 2))
    azimuth = -22.5 + 45 * np.tanh(0.5)
    near = np.degrees(np.arccos(np.cos(np.radians(22.5)) * np.cos(np.radians(azimuth))))
    wanted = {
        "confidence_weight": confidence,
        "silence_weight": np.log(2),
        "class_weight": classes,
        "angle_weight": (3 * far + near) / 4 / 180,
    }
    for name, value in wanted.items():
        settings: Any = dict.fromkeys(wanted, 0.0) | {name: 1.0}
        found = adyolo_loss(preds, target, **settings).item()
        assert found == pytest.approx(value, rel=1e-5), name


def test_the_closest_anchor_answers_whatever_its_angle() -> None:
    target = SELDOutput(torch.ones(1, 1, 1, 1), unit_vector(22.5, torch.full((1, 1, 1), 22.5)))
    preds = torch.zeros(1, 1, 8, 4, 2, 4)
    preds[..., 0, -2:], preds[..., 1, -2:] = 9.0, 8.0
    preds.requires_grad_()
    adyolo_loss(preds, target, angles_deg=(0.001,), silence_weight=0.0).backward()
    assert preds.grad is not None
    touched = preds.grad[0, 0, ..., 0].nonzero().tolist()
    assert [place[:2] for place in touched] == [[4, 2], [4, 3], [5, 2], [5, 3]]


def test_masked_frames_do_not_count() -> None:
    preds, target = scene()
    mask = torch.tensor([[True, True, False], [True, False, False]])
    kept = adyolo_loss(preds, target, mask=mask)
    other = preds.clone()
    other[~mask] = torch.nan
    torch.testing.assert_close(adyolo_loss(other, target, mask=mask), kept)
    one = adyolo_loss(preds[1:, :1], target.map(lambda x: x[1:, :1]))
    torch.testing.assert_close(
        adyolo_loss(preds[1:], target.map(lambda x: x[1:]), mask=mask[1:]), one
    )
    none = adyolo_loss(preds.requires_grad_(), target, mask=torch.zeros_like(mask))
    assert none == 0
    none.backward()


def test_silence_is_learned_and_gradients_are_finite() -> None:
    preds, target = scene()
    quiet = target.map(torch.zeros_like)
    places = nn.Parameter(preds)
    loss = adyolo_loss(places, quiet)
    loss.backward()
    assert loss.isfinite()
    assert places.grad is not None
    assert places.grad.isfinite().all()
    assert (places.grad[..., 0] > 0).all()
    assert not places.grad[..., 1:].any()


def test_gradients_and_precision() -> None:
    preds, target = scene(1, 1, 1, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: adyolo_loss(x, target), preds.requires_grad_())
    half = preds.detach().bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        loss = adyolo_loss(half, target)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, adyolo_loss(half.float(), target))


def test_the_module_has_the_settings() -> None:
    preds, target = scene()
    module = ADYOLOLoss(angles_deg=(30.0,), class_weight=1.0)
    wanted = adyolo_loss(preds, target, angles_deg=(30.0,), class_weight=1.0)
    assert torch.equal(module(preds, target), wanted)
    assert "angles_deg=(30.0,), confidence_weight=1.0" in repr(module)


@pytest.mark.transforms
def test_compiles_and_exports() -> None:
    preds, target = scene()
    assert_compiles_and_exports(ADYOLOLoss(), preds, target)


@pytest.mark.messages
def test_messages() -> None:
    preds, target = scene()
    with pytest.raises(TypeError, match="target must be a SELDOutput of AngularGrid for adyolo_l"):
        adyolo_loss(preds, preds)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="preds must be a tensor for adyolo_loss, got a SELDOutput"):
        adyolo_loss(target, target)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="column=8, row=4, anchor, entry=6"):
        adyolo_loss(preds[:, :, :7], target)
    with pytest.raises(
        ValueError, match=r"target.direction must be \(batch=2, time=3, track=2, ax"
    ):
        adyolo_loss(preds, target._replace(direction=target.direction[:, :, :1]))
    with pytest.raises(ValueError, match="angles_deg must hold an angle, got none"):
        adyolo_loss(preds, target, angles_deg=())
    with pytest.raises(ValueError, match="angles_deg must be positive, got -3"):
        ADYOLOLoss(angles_deg=(-3.0,))
    with pytest.raises(TypeError, match="angles_deg must be a number, got '4'"):
        adyolo_loss(preds, target, angles_deg="45")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="silence_weight must be finite and at least 0, got -5"):
        adyolo_loss(preds, target, silence_weight=-5.0)
    with pytest.raises(ValueError, match="angle_weight must be finite and at least 0, got nan"):
        ADYOLOLoss(angle_weight=torch.nan)
    with pytest.raises(TypeError, match="preds must hold floats"):
        adyolo_loss(preds.long(), target)
    with pytest.raises(ValueError, match=r"target.activity must be in 0..1, got 0 to 7"):
        adyolo_loss(preds, target._replace(activity=7 * target.activity))
    with pytest.raises(ValueError, match="cell_deg must divide 180, got 50"):
        ADYOLOLoss(cell_deg=50.0)
