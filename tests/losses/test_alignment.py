"""Align, then any loss: the assignment of tracks and sources, for losses of one's own."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from losses.every_loss import CASES
from seldkit import SELDOutput
from seldkit.assignment import best_permutation
from seldkit.losses import (
    adpit_loss,
    arrange_sources,
    class_wise_loss,
    match_tracks,
    reorder,
    trackwise_pit_loss,
)

SEEDS = st.integers(0, 2**32 - 1)
quick = settings(max_examples=25)


def random_pair(seed: int) -> tuple[SELDOutput, SELDOutput]:
    case = next(c for c in CASES if c.name == "trackwise_pit_loss, per='chunk'")
    preds, target = case.random(seed, 2, 5)
    return SELDOutput(*preds), SELDOutput(*target)


def random_vectors(seed: int) -> tuple[Tensor, Tensor]:
    (preds,), (target,) = next(c for c in CASES if c.name == "adpit_loss").random(seed, 2, 5)
    return preds, target


@quick
@given(
    SEEDS,
    st.sampled_from(["frame", "chunk", "stretch", "clip"]),
    st.sampled_from([{}, {"direction": "cosine", "inactive_weight": 0.2}, {"gamma": 2.0}]),
)
def test_the_loss_is_the_assignment_and_a_term(seed: int, per: Any, options: Any) -> None:
    preds, target = random_pair(seed)
    mask = torch.arange(5) < torch.tensor([[5], [3]])
    index = match_tracks(preds, target, per=per, mask=mask, **options)
    assert index.sort(dim=-1).values.equal(torch.arange(3).expand(2, 5, 3))
    aligned = reorder(target, index)
    whole = trackwise_pit_loss(preds, target, per=per, mask=mask, **options)
    # What is aligned is a class-wise output whose places are the tracks of each frame.
    logits, activity = (x.activity.reshape(2, 5, -1)[mask] for x in (preds, aligned))
    if not options:
        error = (preds.direction - aligned.direction).square().mean(dim=(2, 3))[mask].mean()
        torch.testing.assert_close(whole.doa, error)
        entropy = functional.binary_cross_entropy_with_logits(logits, activity)
        torch.testing.assert_close(whole.sed, entropy)
    again = trackwise_pit_loss(preds, aligned, per=per, mask=mask, **options)
    torch.testing.assert_close(again, whole)


@quick
@given(SEEDS, st.integers(2, 9))
def test_what_is_out_of_order_is_put_in_order(seed: int, tracks: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    activity = torch.eye(tracks).expand(2, 3, tracks, tracks)
    direction = torch.randn(2, 3, tracks, 3, generator=generator)
    target = SELDOutput(activity, functional.normalize(direction, dim=-1), activity[..., 0])
    index = torch.rand(2, 3, tracks, generator=generator).argsort(dim=-1)
    moved = reorder(target, index)
    found = match_tracks(moved._replace(activity=40 * moved.activity - 20), target)
    assert found.equal(index)
    assert reorder(target.direction, index).equal(moved.direction)
    assert moved.distance is not None
    assert moved.distance.equal(activity[..., 0].gather(2, index))
    torch.testing.assert_close(reorder(moved, index.argsort(dim=-1)), target)


def test_a_loss_of_ones_own_with_costs_of_ones_own() -> None:
    preds, target = random_pair(3)
    cost = torch.cdist(preds.direction, target.direction)
    least, index = best_permutation(cost)
    aligned = reorder(target.direction, index)
    torch.testing.assert_close((preds.direction - aligned).norm(dim=-1).mean(dim=-1), least)


@pytest.mark.parametrize("options", [{}, {"onscreen": True}, {"axis_weights": (1, 1, 0, 0.1)}])
def test_adpit_is_the_arrangement_and_a_term(options: dict[str, Any]) -> None:
    preds, target = random_vectors(1)
    if "onscreen" in options:
        target[..., 3] = (target[..., 3] > 0).double()
    arranged = arrange_sources(preds, target, **options)
    losses = (adpit_loss(preds, x, **options) for x in (arranged, target))
    torch.testing.assert_close(*losses, rtol=1e-14, atol=0)
    if not options:
        torch.testing.assert_close(functional.mse_loss(preds, arranged), adpit_loss(preds, target))
    active = (target != 0).any(dim=-1)
    for places in torch.cartesian_prod(*map(torch.arange, (2, 5, 4))):
        clip, frame, cls = (int(x) for x in places)
        sources = target[clip, frame, :, cls][active[clip, frame, :, cls]]
        found = arranged[clip, frame, :, cls]
        wanted = sources if len(sources) else torch.zeros(1, 4, dtype=torch.float64)
        assert torch.equal(found.unique(dim=0), wanted.unique(dim=0))


def test_directions_of_silent_places_weigh_between_none_and_all() -> None:
    preds, target = random_pair(0)
    for loss in (trackwise_pit_loss, class_wise_loss):
        pair = [preds, target]
        if loss is class_wise_loss:
            pair = [SELDOutput(x.activity[:, :, 0, :3], x.direction) for x in pair]
        shares = [loss(*pair, inactive_weight=w).doa for w in (0.0, 1e-12, 1 - 1e-12, 1.0)]
        torch.testing.assert_close(shares[0], shares[1])
        torch.testing.assert_close(shares[2], shares[3])
        with pytest.raises(ValueError, match=r"inactive_weight must be in 0\.\.1, got 2"):
            loss(*pair, inactive_weight=2)


@pytest.mark.messages
def test_wrong_arguments_are_named() -> None:
    preds, target = random_pair(0)
    x = target.direction
    with pytest.raises(ValueError, match=r"index must be \(batch=2, time=5, track=3\), got shape"):
        reorder(target, torch.zeros(2, 5, 2, dtype=torch.int64))
    with pytest.raises(TypeError, match=r"index must hold integers, got torch.float32"):
        reorder(x, torch.zeros(2, 5, 3))
    for wrong in (-1, 3):
        with pytest.raises(ValueError, match=r"index must be in 0\.\.2, got "):
            reorder(x, torch.full((2, 5, 3), wrong))
    with pytest.raises(TypeError, match=r"preds must be a SELDOutput.* for match_tracks, got a"):
        match_tracks(x, target)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="chunk needs per='chunk', got per='frame'"):
        match_tracks(preds, target, chunk=torch.zeros(2, 5, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"preds must be \(batch, time, track, cls, axis\), got"):
        arrange_sources(x, x)
    with pytest.raises(TypeError, match="preds must be a tensor for arrange_sources, got a SELDO"):
        arrange_sources(preds, target)  # type: ignore[arg-type]
