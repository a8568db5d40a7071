"""Classes, directions and events under one assignment, whatever the order of the tracks."""

from itertools import permutations
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from seldkit.losses import EventPITLoss, LossScaleBalancer, event_pit_loss, trackwise_pit_loss
from seldkit.outputs import SELDOutput

sizes = st.tuples(*(st.integers(1, 3) for _ in range(4)))  # batch time track cls


def case(shape: tuple[int, ...], seed: int = 0) -> tuple[SELDOutput, Tensor, SELDOutput]:
    """Return what is predicted, and a target with silent tracks."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*size: int) -> Tensor:
        return torch.randn(size, generator=generator, dtype=torch.float64)

    active = (draw(*shape[:3]) > 0).double()
    one = functional.one_hot(draw(*shape).argmax(dim=-1), shape[3]).double()
    direction = functional.normalize(draw(*shape[:3], 3), dim=-1) * active.unsqueeze(-1)
    preds = SELDOutput(draw(*shape), draw(*shape[:3], 3).tanh())
    return preds, draw(*shape[:3]), SELDOutput(one * active.unsqueeze(-1), direction)


def moved(target: SELDOutput, order: Any) -> SELDOutput:
    return target.map(lambda x: x[:, :, list(order)])


def total(losses: Any) -> Tensor:
    return torch.stack([*losses]).sum()


@settings(max_examples=20)
@given(sizes, st.integers(0, 99))
def test_the_order_of_the_tracks_is_no_matter(shape: tuple[int, ...], seed: int) -> None:
    preds, event, target = case(shape, seed)
    loss = event_pit_loss(preds, event, target)
    for order in permutations(range(shape[2])):
        torch.testing.assert_close(event_pit_loss(preds, event, moved(target, order)), loss)
        both = moved(preds, order), event[:, :, list(order)]
        torch.testing.assert_close(event_pit_loss(*both, target), loss)


@given(st.integers(1, 3), st.integers(0, 99), st.floats(0, 3), st.sampled_from([0.0, 0.5, 1.0]))
def test_of_all_assignments_of_a_frame_it_is_the_cheapest(
    tracks: int, seed: int, weight: float, inactive: float
) -> None:
    preds, event, target = case((1, 1, tracks, 3), seed)
    selection = (1.0, 0.5, weight)
    costs = {}
    for order in permutations(range(tracks)):
        aligned = moved(target, order)
        present = aligned.activity.amax(dim=-1)
        weights = torch.where(present > 0, 1.0, inactive)
        square = (preds.direction - aligned.direction).square().mean(dim=-1)
        cross = functional.binary_cross_entropy_with_logits
        sed, ead = cross(preds.activity, aligned.activity), cross(event, present)
        cost = selection[0] * sed + selection[1] * (weights * square).mean() + weight * ead
        whole = weights.sum()
        doa = (weights * square).sum() / torch.where(whole > 0, whole, 1)
        costs[float(cost)] = (sed, doa, ead)
    found = event_pit_loss(preds, event, target, selection=selection, inactive_weight=inactive)
    wanted = costs[min(costs)]
    torch.testing.assert_close(tuple(found), wanted)


@given(sizes, st.integers(0, 99), st.sampled_from(["frame", "chunk", "stretch", "clip"]))
def test_without_a_weight_of_events_it_is_the_loss_of_tracks(
    shape: tuple[int, ...], seed: int, per: Any
) -> None:
    preds, event, target = case(shape, seed)
    found = event_pit_loss(preds, event, target, per=per, selection=(1, 1, 0))
    wanted = trackwise_pit_loss(preds, target, per=per, inactive_weight=0.0)
    torch.testing.assert_close(tuple(found[:2]), tuple(wanted))


def test_events_decide_where_nothing_else_does() -> None:
    target = SELDOutput(torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 2, 3))
    target.activity[0, 0, 1, 0] = 1
    blank = SELDOutput(torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 2, 3))
    loss = event_pit_loss(blank, torch.tensor([[[20.0, -20.0]]]), target)
    assert loss.event < 1e-6
    swapped = torch.tensor([[[20.0, -20.0]]])
    assert event_pit_loss(blank, swapped, target, selection=(1, 1, 0)).event > 10


def test_gradients_flow_to_all_three() -> None:
    preds, event, target = case((2, 3, 2, 3))
    leaves = [x.requires_grad_() for x in (preds.activity, preds.direction, event)]

    def loss(activity: Tensor, direction: Tensor, event: Tensor) -> tuple[Tensor, ...]:
        return tuple(event_pit_loss(SELDOutput(activity, direction), event, target))

    assert torch.autograd.gradcheck(loss, leaves)
    total(event_pit_loss(preds, event, target)).backward()
    assert all(leaf.grad is not None and leaf.grad.any() for leaf in leaves)


def test_masked_frames_count_for_nothing() -> None:
    preds, event, target = case((1, 4, 2, 3))
    mask = torch.tensor([[True, True, True, False]])
    wanted = event_pit_loss(
        preds.map(lambda x: x[:, :3]), event[:, :3], target.map(lambda x: x[:, :3])
    )
    event[:, 3] = torch.nan
    found = event_pit_loss(preds, event, target, mask=mask)
    torch.testing.assert_close(found, wanted)


def test_the_module_is_the_function_and_balancers_take_it() -> None:
    preds, event, target = case((2, 3, 2, 3))
    module = EventPITLoss(per="clip", selection=(1.0, 2.0, 3.0))
    loss = event_pit_loss(preds, event, target, per="clip", selection=(1.0, 2.0, 3.0))
    assert module(preds, event, target) == loss
    assert "per='clip', selection=(1.0, 2.0, 3.0)" in repr(module)
    balancer = LossScaleBalancer({"sed": 1, "doa": 1, "event": 1})
    assert balancer(loss).isfinite()


@pytest.mark.messages
def test_messages() -> None:
    preds, event, target = case((2, 3, 2, 3))
    with pytest.raises(ValueError, match=r"event must be \(batch=2, time=3, track=2\), got shape"):
        event_pit_loss(preds, event[..., :1], target)
    with pytest.raises(TypeError, match=r"event must hold floats, got torch\.int64"):
        event_pit_loss(preds, event.long(), target)
    with pytest.raises(ValueError, match=r"must be weights of SED, DOA and events, got \(1, 1\)"):
        event_pit_loss(preds, event, target, selection=(1, 1))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"selection\[2\] must be finite and at least 0, got -1"):
        EventPITLoss(selection=(1, 1, -1))
    with pytest.raises(ValueError, match=r"selection\[2\] must be finite and at least 0, got inf"):
        event_pit_loss(preds, event, target, selection=(1, 1, torch.inf))
    with pytest.raises(ValueError, match="per must be one of"):
        event_pit_loss(preds, event, target, per="no")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"per must be one of .*'clip', got 'window'"):
        EventPITLoss(per="window")  # type: ignore[arg-type]
