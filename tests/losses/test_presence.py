"""The loss of which classes sound at all, and focal activity under the best assignment."""

from itertools import permutations

import pytest
import torch
from torch.nn import functional

from seldkit.losses import (
    PresenceLoss,
    TrackwisePITLoss,
    focal_loss,
    presence_loss,
    trackwise_pit_loss,
)
from seldkit.losses.presence import Span
from seldkit.outputs import SELDOutput


@pytest.mark.parametrize("per", ["frame", "clip"])
def test_presence_is_the_union_of_the_tracks(per: Span) -> None:
    logits, activity = torch.randn(2, 5, 4), (torch.rand(2, 5, 3, 4) > 0.7).float()
    loss = presence_loss(logits, activity, per=per)
    assert loss == presence_loss(logits, activity[:, :, [2, 0, 1]], per=per)
    assert loss == PresenceLoss(per=per)(logits, activity)
    present = activity.bool().any(dim=2)
    if per == "clip":
        logits, present = logits.amax(dim=1), present.any(dim=1)
    wanted = functional.binary_cross_entropy_with_logits(logits, present.float())
    torch.testing.assert_close(loss, wanted)


@pytest.mark.parametrize("per", ["frame", "clip"])
def test_presence_may_be_focused(per: Span) -> None:
    logits, activity = torch.randn(2, 5, 4), (torch.rand(2, 5, 3, 4) > 0.7).float()
    alpha = torch.tensor([0.1, 0.2, 0.3, 0.9])
    module = PresenceLoss(per=per, gamma=2.0, alpha=alpha)
    said, present = logits, activity.amax(dim=2)
    if per == "clip":
        said, present = said.amax(dim=1), present.amax(dim=1)
    wanted = focal_loss(said, present, gamma=2.0, alpha=alpha)
    torch.testing.assert_close(module(logits, activity), wanted)
    with pytest.raises(ValueError, match=r"alpha must be \(cls=4\), got shape \(3,\)"):
        presence_loss(logits, activity, alpha=alpha[1:])


def test_presence_in_half_precision() -> None:
    logits = torch.randn(1, 2, 3, dtype=torch.bfloat16, requires_grad=True)
    loss = presence_loss(logits, torch.ones(1, 2, 2, 3))
    assert loss.dtype == torch.float32
    loss.backward()
    assert logits.grad is not None
    assert repr(PresenceLoss(per="clip")) == "PresenceLoss(per='clip', gamma=0.0, alpha=None)"


@pytest.mark.messages
def test_messages_of_presence() -> None:
    activity = torch.zeros(1, 2, 3, 4)
    with pytest.raises(ValueError, match="per must be one of 'frame', 'clip', got 'chunk'"):
        presence_loss(torch.zeros(1, 2, 4), activity, per="chunk")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="per must be one of"):
        PresenceLoss(per="chunk")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"logits must be \(batch, time, cls\), got shape"):
        presence_loss(activity, activity)
    with pytest.raises(ValueError, match=r"activity must be \(batch=1, time=2, track, cls=5\)"):
        presence_loss(torch.zeros(1, 2, 5), activity)


def outputs() -> tuple[SELDOutput, SELDOutput]:
    active = (torch.rand(2, 4, 3, 5) > 0.8).float()
    unit = functional.normalize(torch.randn(2, 4, 3, 5, 3), dim=-1)
    preds = SELDOutput(torch.randn(2, 4, 3, 5), torch.randn(2, 4, 3, 5, 3).tanh())
    return preds, SELDOutput(active, unit * active.unsqueeze(-1))


@pytest.mark.parametrize("alpha", [None, 0.25])
def test_focal_activity_takes_part_in_the_assignment(alpha: float | None) -> None:
    preds, target = outputs()
    sed, doa = [], []
    for order in permutations(range(3)):
        moved = [x[:, :, list(order)] for x in (target.activity, target.direction)]
        focal = focal_loss(preds.activity, moved[0], gamma=2.0, alpha=alpha, reduction="none")
        sed.append(focal.mean(dim=(2, 3)))
        doa.append((preds.direction - moved[1]).square().mean(dim=(2, 3, 4)))
    best = (torch.stack(sed) + torch.stack(doa)).argmin(dim=0, keepdim=True)
    loss = trackwise_pit_loss(preds, target, gamma=2.0, alpha=alpha)
    torch.testing.assert_close(loss.sed, torch.stack(sed).gather(0, best).mean())
    torch.testing.assert_close(loss.doa, torch.stack(doa).gather(0, best).mean())
    assert TrackwisePITLoss(gamma=2.0, alpha=alpha)(preds, target) == loss


def test_without_focus_it_is_the_cross_entropy() -> None:
    preds, target = outputs()
    half = trackwise_pit_loss(preds, target, alpha=0.5)
    torch.testing.assert_close(
        2 * half.sed, trackwise_pit_loss(preds, target, selection=(0.5, 1)).sed
    )
    assert "gamma=2.0, alpha=None" in repr(TrackwisePITLoss(gamma=2.0))


@pytest.mark.messages
def test_messages_of_focal_activity() -> None:
    for make in (TrackwisePITLoss, lambda **focus: trackwise_pit_loss(*outputs(), **focus)):
        with pytest.raises(ValueError, match="gamma must be at least 0, got -1"):
            make(gamma=-1)
        with pytest.raises(ValueError, match=r"alpha must be in 0\.\.1, got 2"):
            make(alpha=2)
